/* The first step of a choice, which part of the nodes, costs nothing while no node is
 * ejected: the policy chooses in the own zone and counts on the way how many nodes it had
 * to skip.  Only when there are some, the shares of the zones are computed and the policy
 * chooses again.
 *
 * Invariant: no state of the first step outlives the call, so the verdict is never older
 * than the numbers that it rests on.  Rejected: a shared "everything is well" flag,
 * because each writer of a cost, a proposal or a limit would have to maintain it, and one
 * that died in between would leave it wrong. */
#include "lb/pick.h"

#include <stddef.h>
#include <string.h>

#include "lb/policy.h"

#define PROPOSAL_MS 1000
#define ALONE_SHIFT 5                 /* without an agent: doubled so often at most */
#define ALONE_MAX_MS 30000
#define BREAKER_TRICKLE 20            /* share, of PICK_FULL, that still tries a zone that
                                       * fails as a whole: 0.2 % */

uint32_t pick_count_available(const struct pick_view *v, uint64_t now_ms, uint32_t *own)
{
    uint32_t i, n = 0, n_own = 0;

    for (i = 0; i < v->n; i++) {
        if (pick_is_ejected(v, i, now_ms))
            continue;
        n++;
        n_own += i < v->n_own;
    }
    if (own)
        *own = n_own;
    return n;
}

bool pick_may_eject(const struct pick_view *v, uint64_t now_ms)
{
    uint32_t available = pick_count_available(v, now_ms, NULL);

    return available > 1 && (available - 1) * 2 >= v->n;
}

/* --- which part --------------------------------------------------------------------- */

/* What is left of the own zone's capacity, by weight, of PICK_FULL. */
static uint32_t capacity_own(const struct pick_view *v, uint64_t now_ms)
{
    uint64_t all = 0, left = 0;
    uint32_t i;

    for (i = 0; i < v->n_own; i++) {
        all += v->member[i].weight;
        left += pick_is_ejected(v, i, now_ms) ? 0 : v->member[i].weight;
    }
    return (uint32_t)(PICK_FULL * left / all);
}

/* The share of the calls that stays in the own zone, of PICK_FULL.  <available>: nodes of
 * it that are not ejected.
 * Source: Envoy's priority levels; spillover by measured demand and the breaker of a
 * whole zone are ours (docs/decisions/015, 016). */
static uint32_t share_own(const struct pick_view *v, uint32_t available, uint64_t now_ms,
                          unsigned *why)
{
    uint32_t share = PICK_FULL, capacity = capacity_own(v, now_ms);

    if (capacity < v->demand)
        share = (uint32_t)((uint64_t)PICK_FULL * capacity / v->demand);
    if (share > v->own_max)
        share = v->own_max;
    if (v->n_own >= 2 && (v->n_own - available) * 100 >= PICK_ZONE_BREAK_PCT * v->n_own &&
        share > BREAKER_TRICKLE) {
        share = BREAKER_TRICKLE;
        *why |= PICK_ZONE_BROKEN;
    }
    return available == 0 ? 0 : share;
}

/* The part for one call, with some nodes ejected or the own zone's share limited. */
static struct pick_part part_for(const struct pick_view *v, struct pick_state *st,
                                 uint64_t now_ms, unsigned *why)
{
    struct pick_part all = {0, v->n, false, true};
    uint32_t own, available = pick_count_available(v, now_ms, &own);

    if (available * 2 < v->n) {       /* so many cannot all be bad: something else is */
        *why |= PICK_PANIC;
        all.any = true;
        return all;
    }
    if (v->n_own == 0 || v->n_own == v->n)
        return all;
    if (available == own || pick_below(st, PICK_FULL) < share_own(v, own, now_ms, why))
        return (struct pick_part){0, v->n_own, false, true};
    *why |= PICK_OTHER_ZONE;
    return (struct pick_part){v->n_own, v->n - v->n_own, false, true};
}

/* --- which node --------------------------------------------------------------------- */

static void init_state(const struct pick_view *v, struct pick_state *st)
{
    st->policy = v->policy;
    memset(st->word, 0, sizeof(st->word));
    memset(st->slot, 0, v->n * sizeof(*st->slot));
    if (v->policy->init)
        v->policy->init(v, st);
}

uint32_t pick_node(const struct pick_view *v, struct pick_state *st, uint64_t now_ms,
                   uint64_t key, unsigned *why)
{
    const struct lb_policy *policy = v->policy;
    struct pick_part p = {0, v->n_own > 0 ? v->n_own : v->n, false, false};
    struct pick_call c = {now_ms, key, 0, 0};
    uint32_t i = v->n;

    if (st->policy != policy)
        init_state(v, st);
    if ((policy->flags & POLICY_ANY_PART) ||
        (!(policy->flags & POLICY_MOVES_STATE) && v->own_max >= PICK_FULL &&
         v->demand <= PICK_FULL))
        i = policy->pick(v, st, &p, &c);
    if (i == v->n || (c.n_skipped > 0 && !(policy->flags & POLICY_ANY_PART))) {
        p = part_for(v, st, now_ms, &c.why);
        i = policy->pick(v, st, &p, &c);
    }
    if (why)
        *why = c.why;
    return i < v->n ? i : 0;          /* all of the part were ejected a moment ago */
}

/* --- how it ended ------------------------------------------------------------------- */

static void propose_ejection(const struct pick_view *v, struct node_counter *n,
                             uint32_t n_more, bool alone, uint64_t now_ms)
{
    uint64_t until = PROPOSAL_MS, was;

    if (!pick_may_eject(v, now_ms))
        return;
    if (alone) {
        until <<= n_more < ALONE_SHIFT ? n_more : ALONE_SHIFT;
        until = until < ALONE_MAX_MS ? until : ALONE_MAX_MS;
    }
    until += now_ms;
    was = atomic_load_explicit(&n->ejected_until_ms, memory_order_relaxed);
    if (was < until)
        atomic_compare_exchange_strong(&n->ejected_until_ms, &was, until);
}

void pick_call_ended(const struct pick_view *v, uint32_t nid, uint32_t eject_after,
                     bool ok, bool alone, uint64_t now_ms)
{
    struct node_counter *n = &v->counter[nid];
    uint32_t streak;

    if (ok) {
        /* the common case reads only: a store would take the line from other callers */
        if (atomic_load_explicit(&n->streak, memory_order_relaxed) != 0)
            atomic_store_explicit(&n->streak, 0, memory_order_relaxed);
        return;
    }
    streak = 1 + atomic_fetch_add(&n->streak, 1);
    if (streak >= eject_after)
        propose_ejection(v, n, streak - eject_after, alone, now_ms);
}
