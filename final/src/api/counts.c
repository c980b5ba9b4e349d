/* Plain numbers that their owner stores and others load, each of them whole.
 *
 * Invariant: a number never shrinks.  A reader may see one that belongs to a call and not
 * yet another that belongs to the same call.
 * Rejected: numbers of the whole client, whose cache line all threads would write. */
#include "api/counts.h"

void counts_ended(struct counts *n, enum lars_outcome outcome, uint64_t took_us)
{
    unsigned i = took_us == 0 ? 0 : 64 - (unsigned)__builtin_clzll(took_us);

    counts_add(&n->ended[outcome]);
    if (outcome == LARS_WELL || outcome == LARS_FAILED)
        counts_add(&n->took[i < LARS_BUCKETS ? i : LARS_BUCKETS - 1]);
}

static void sum(uint64_t *to, const uint64_t *from, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++)
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void counts_sum(const struct counts *n, struct lars_status *out)
{
    sum(out->begun, n->begun, LARS_PATHS);
    sum(out->ended, n->ended, LARS_OUTCOMES);
    sum(out->took, n->took, LARS_BUCKETS);
}
