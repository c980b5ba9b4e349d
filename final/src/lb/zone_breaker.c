/* Invariant: the limit is below PICK_FULL only while the breaker is open and most nodes
 * are available again.  While the zone still fails no limit is needed: pick_node() sees
 * the ejected nodes itself, in every process and without the agent.
 *
 * Rejected: readmitting a zone as fast as its nodes, because the callers of
 * all hosts would return to it within the same second. */
#include "lb/zone_breaker.h"

#include "lb/pick.h"

#define RAMP_BEGINS (PICK_FULL / 500)

/* Is a greater part of the own zone available than of the others? */
static bool is_own_better(const struct zone_breaker_nodes *n)
{
    return (uint64_t)n->own * n->n_other > (uint64_t)n->other * n->n_own;
}

uint32_t zone_breaker_step(struct zone_breaker *z, const struct zone_breaker_nodes *n,
                           uint64_t now_ms)
{
    uint64_t t;

    if (n->n_own < 2 || n->other == 0 || is_own_better(n)) {
        *z = (struct zone_breaker){0}; /* calls have nowhere better to go; and a single
                                        * node is no zone */
        return PICK_FULL;
    }
    if ((n->n_own - n->own) * 100 >= PICK_ZONE_BREAK_PCT * n->n_own) {
        *z = (struct zone_breaker){.open = true};
        return PICK_FULL;
    }
    if (!z->open)
        return PICK_FULL;
    if (z->healthy_since_ms == 0)
        z->healthy_since_ms = now_ms;
    t = now_ms - z->healthy_since_ms;
    if (t >= ZONE_BREAKER_CLEAN_MS + ZONE_BREAKER_BACK_MS) {
        z->open = false;
        return PICK_FULL;
    }
    if (t < ZONE_BREAKER_CLEAN_MS)
        return RAMP_BEGINS;
    return (uint32_t)(RAMP_BEGINS + (PICK_FULL - RAMP_BEGINS) *
                                        (t - ZONE_BREAKER_CLEAN_MS) /
                                        ZONE_BREAKER_BACK_MS);
}
