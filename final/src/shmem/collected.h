/* collected -- what the agent has already collected from each call log: the totals that
 * its reports include.  They are kept in private files beside the call logs, so that a
 * successor collects only what is new.  Thread: the agent's. */
#ifndef LARS_SHMEM_COLLECTED_H
#define LARS_SHMEM_COLLECTED_H

#include "shmem/segment.h"

struct collected;

struct collected_totals {
    uint64_t done, err;               /* as in struct call_log_sum */
};

/* Borrows <s>.  Opens no file.  Returns 0 or -ENOMEM. */
int collected_create(struct collected **out, const struct segment *s);
void collected_destroy(struct collected *c); /* the files stay.  NULL is fine */

/* The totals of node <nid> in call log <log>.  Return 0; -EINVAL when an index is out of
 * range; -ENOSPC, -ENOMEM and other -errno of the file system. */
int collected_get(struct collected *c, uint32_t log, uint32_t nid,
                  struct collected_totals *out);
int collected_set(struct collected *c, uint32_t log, uint32_t nid,
                  const struct collected_totals *in);

/* The count of one bucket of durations of module <mid>.  Return as above. */
int collected_get_bucket(struct collected *c, uint32_t log, uint32_t mid, uint32_t bucket,
                         uint64_t *out);
int collected_set_bucket(struct collected *c, uint32_t log, uint32_t mid, uint32_t bucket,
                         uint64_t n);

#endif
