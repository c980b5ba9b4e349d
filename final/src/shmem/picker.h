/* chooser -- a thread's side of the data plane: chooses nodes from shared memory and
 * counts calls there, without a system call; with the agent alive, frozen or dead.
 * Thread: its owner's. */
#ifndef LARS_SHMEM_PICKER_H
#define LARS_SHMEM_PICKER_H

#include "base/net_addr.h"
#include "shmem/call_log.h"

struct picker;

#define PICKER_CLAIM UINT32_MAX      /* any free ledger, by claims.h */

/* <dir>: the agent's folder of shared files.  <index>: one of the agent's own ledgers, or
 * PICKER_CLAIM.  Returns 0; as segment_open(); -EUSERS when all ledgers are taken;
 * -ENOSPC. */
int picker_create(struct picker **out, const char *dir, uint32_t index);

/* Its open calls are the agent's to clean up.  NULL is fine. */
void picker_destroy(struct picker *c);

/* After fork(), in the child: frees it without touching what the parent holds. */
void picker_forget(struct picker *c);

struct picker_pick {
    struct net_addr addr;
    uint32_t nid, mid, segment;
    uint64_t token;                   /* 0 = too many calls are open: it is not tracked */
    uint64_t start_us;
    unsigned why;                     /* enum pick_why */
    const struct net_addr *avoid;     /* in: not these, while there are others */
    unsigned n_avoid;
};

/* A node for a call that begins now; n_avoid is set before.  <key>: for modules that
 * choose by it.  Returns 0; -ENOENT: the module is known and has no nodes; -ESRCH: the
 * module is not known here; -ESTALE: other files are in force, make a new chooser;
 * -ENOSPC, -ENOMEM, -EAGAIN, -EBADMSG: not by this way. */
int picker_get(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct picker_pick *out);

/* The call has ended.  <opener>: the ledger of its token, NULL = this chooser's.  Returns
 * 0; -EALREADY: it had ended, by a report before, or by its time-out; -ENOSPC. */
int picker_report(struct picker *c, struct call_log *opener, const struct picker_pick *p,
                   bool ok);

/* A choice without a call, and a call without a choice: for those who speak UDP. */
int picker_look(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                 struct net_addr *out);
int picker_count(struct picker *c, uint32_t modid, uint32_t cmdid,
                  const struct net_addr *addr, bool ok, uint64_t lat_us);

/* The module's nodes, at most <max>.  Returns how many; -E2BIG; as picker_get(). */
int picker_route(struct picker *c, uint32_t modid, uint32_t cmdid, struct net_addr *out,
                  unsigned max);

struct call_log *picker_calls(const struct picker *c); /* borrowed */
const struct segment *picker_segment(const struct picker *c); /* borrowed */

#endif
