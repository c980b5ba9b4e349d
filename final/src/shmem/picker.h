/* picker -- a thread's access to the data plane: it picks nodes from shared memory and
 * counts calls there, without a system call.  It works in the same way while the agent is
 * alive, stopped or dead.  Thread: its owner's. */
#ifndef LARS_SHMEM_PICKER_H
#define LARS_SHMEM_PICKER_H

#include "base/net_addr.h"
#include "shmem/call_log.h"

struct picker;

#define PICKER_CLAIM UINT32_MAX       /* any free call log, taken by log_owner_take() */

/* <dir>: the agent's folder of shared files.  <index>: one of the agent's own call logs,
 * or PICKER_CLAIM.  Returns 0; -EUSERS when all call logs are taken; -ENOSPC; else as
 * segment_open(). */
int picker_create(struct picker **out, const char *dir, uint32_t index);

/* The agent finishes calls that are still open.  NULL is fine. */
void picker_destroy(struct picker *c);

/* Free <c> in a child after fork(), without touching what belongs to the parent. */
void picker_forget(struct picker *c);

struct picker_pick {
    struct net_addr addr;             /* call this */
    uint32_t nid, mid;
    uint64_t segment;                 /* picker_segment_id() */
    uint64_t token;                   /* 0 = not tracked: too many calls are open */
    uint64_t start_us;                /* monotonic */
    unsigned why;                     /* enum pick_why; in: picker_end() gives the ticket
                                       * of a cancelled PICK_PROBE back */
    const struct net_addr *avoid;     /* in: not these nodes, while there are others */
    unsigned n_avoid;                 /* in */
};

/* Pick a node for a call that begins now; <avoid> and <n_avoid> must be set.  <key>: for
 * modules that choose by key.  Returns 0; -ENOENT when the module has no nodes; -ESRCH
 * when the module is not in shared memory; -EBUSY: every node of the module is down, and
 * each was tried a moment ago; -ESTALE when another segment is in force, so a
 * new picker must be created; -EAGAIN, -ENOSPC, -ENOMEM, -EBADMSG when shared memory
 * cannot serve this call. */
int picker_get(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct picker_pick *out);

enum picker_outcome {
    PICKER_FAILED,
    PICKER_WELL,
    PICKER_REJECTED,                  /* to limit load: well, but as slow as a failure */
    PICKER_CANCELLED,                 /* says nothing: counted as abandoned */
};

/* The call has ended.  <opener>: the call log in which it was begun, NULL for this
 * picker's own.  <lat_us> becomes how long the call took; it may be NULL.  Returns
 * 0; -EALREADY when it was reported or timed out before; -ESTALE when it was begun in
 * another segment; -ENOSPC. */
int picker_end(struct picker *c, struct call_log *opener, const struct picker_pick *p,
               enum picker_outcome how, uint64_t *lat_us);

/* Pick without beginning a call, and count a call that was not begun here: for clients of
 * the agent that use UDP.  Both return as picker_get(). */
int picker_look(struct picker *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct net_addr *out);
int picker_count(struct picker *c, uint32_t modid, uint32_t cmdid,
                 const struct net_addr *addr, bool ok, uint64_t lat_us);

/* The module's nodes, at most <max>.  Returns how many; -E2BIG; else as picker_get(). */
int picker_route(struct picker *c, uint32_t modid, uint32_t cmdid, struct net_addr *out,
                 unsigned max);

/* False when the agent has taken the call log away, because the program closed its
 * descriptor: create a new picker.  One load, for each call. */
bool picker_owns_log(const struct picker *c);

/* Does an agent collect what is counted in the segment, although another one may be in
 * force?  While no agent runs: will the next one do so?  Costs system calls. */
bool picker_is_collected(const struct picker *c);

struct call_log *picker_log(const struct picker *c); /* borrowed */
const struct segment *picker_segment(const struct picker *c); /* borrowed */

/* The number of the segment, and above it the number of its folder: a folder that was
 * emptied begins with number 1 again.  Not 0.  Thread: any. */
uint64_t picker_segment_id(const struct picker *c);

#endif
