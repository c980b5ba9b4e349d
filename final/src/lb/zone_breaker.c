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

static bool is_broken(const struct zone_breaker_nodes *n)
{
    return (n->n_own - n->own) * 100 >= PICK_ZONE_BREAK_PCT * n->n_own;
}

static uint32_t ramp(uint64_t t, uint64_t length)
{
    return t >= length ? PICK_FULL
                       : (uint32_t)(RAMP_BEGINS + (PICK_FULL - RAMP_BEGINS) * t / length);
}

/* The share of a zone that returns to the route; PICK_FULL when it does not.  A module
 * that the agent has just begun to use has no other zone before its own. */
static uint32_t step_return(struct zone_breaker *z, const struct zone_breaker_nodes *n,
                            uint64_t now_ms)
{
    uint32_t share;

    if (n->n_own == 0) {
        *z = (struct zone_breaker){.absent = n->other > 0};
        return PICK_FULL;
    }
    if (z->absent)
        *z = (struct zone_breaker){.returning = true, .returned_ms = now_ms};
    if (!z->returning)
        return PICK_FULL;
    share = ramp(now_ms - z->returned_ms, ZONE_BREAKER_RETURN_MS);
    z->returning = share < PICK_FULL && n->other > 0 && !is_broken(n);
    return z->returning ? share : PICK_FULL;
}

uint32_t zone_breaker_step(struct zone_breaker *z, const struct zone_breaker_nodes *n,
                           uint64_t now_ms)
{
    uint32_t share = step_return(z, n, now_ms);
    uint64_t t;

    if (share < PICK_FULL || n->n_own == 0)
        return share;
    if (n->n_own < 2 || n->other == 0 || is_own_better(n)) {
        *z = (struct zone_breaker){0}; /* calls have nowhere better to go; and a single
                                        * node is no zone */
        return PICK_FULL;
    }
    if (is_broken(n)) {
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
    return ramp(t - ZONE_BREAKER_CLEAN_MS, ZONE_BREAKER_BACK_MS);
}
