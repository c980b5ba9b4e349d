/* counts -- what one thread has counted of its calls.  Only that thread writes, so adding
 * costs no atomic operation; any thread reads. */
#ifndef LARS_API_COUNTS_H
#define LARS_API_COUNTS_H

#include "api/lars_status.h"

struct counts {                       /* zeroed = nothing was counted */
    uint64_t begun[LARS_PATHS];       /* as in struct lars_status */
    uint64_t ended[LARS_OUTCOMES];
    uint64_t took[LARS_BUCKETS];
};

/* Thread: the owner of <n>. */
static inline void counts_add(uint64_t *n)
{
    __atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

/* A call has ended after <took_us>.  Thread: the owner of <n>. */
void counts_ended(struct counts *n, enum lars_outcome outcome, uint64_t took_us);

/* Adds <n> to <sum>.  Thread: any. */
void counts_sum(const struct counts *n, struct lars_status *sum);

#endif
