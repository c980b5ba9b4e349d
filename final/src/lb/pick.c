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
#define ALONE_STEP 2                  /* alone: four times as long after each failure; a
                                       * trial costs a call of a user */
#define ALONE_STEPS 3
#define ALONE_MAX_MS 30000
#define BREAKER_TRICKLE 20            /* share, of PICK_FULL, that still tries a zone that
                                       * fails as a whole: 0.2 % */

/* Does a node with this cost get no calls only because it is of another zone, and was
 * never checked?  The agent is about to check it while it has NODE_DOWN, too. */
static bool is_unchecked(const struct pick_view *v, uint32_t cost)
{
    return node_cost_has(cost, NODE_UNSEEN) &&
           (v->alone || !node_cost_has(cost, NODE_DOWN));
}

static bool is_in_reserve(const struct pick_view *v, uint32_t i, uint64_t now_ms)
{
    return is_unchecked(v, pick_cost(v, i)) &&
           atomic_load(&v->counter[v->member[i].nid].ejected_until_ms) <=
               pick_over_ms(v, now_ms);
}

bool pick_is_in(const struct pick_view *v, uint32_t i, uint64_t now_ms)
{
    return !pick_is_out(v, i, now_ms) || is_in_reserve(v, i, now_ms);
}

/* Alone: have callers ejected member <i>, and is its time over? */
static bool is_on_trial(const struct pick_view *v, uint32_t i, uint64_t now_ms)
{
    uint64_t until = atomic_load(&v->counter[v->member[i].nid].ejected_until_ms);
    uint32_t cost = pick_cost(v, i);

    return v->alone && until != 0 && until <= now_ms &&
           (cost < NODE_OUT || is_unchecked(v, cost));
}

void pick_count(const struct pick_view *v, uint64_t now_ms, struct pick_census *out)
{
    uint32_t i, cost;

    *out = (struct pick_census){0};
    for (i = 0; i < v->n; i++) {
        bool own = i < v->n_own;

        cost = pick_cost(v, i);
        out->trial += node_cost_has(cost, NODE_TRIAL) || is_on_trial(v, i, now_ms);
        if (is_in_reserve(v, i, now_ms))
            out->unseen++;
        else if (node_cost_has(cost, NODE_DOWN) && !is_unchecked(v, cost))
            out->down++;
        else if (pick_is_out(v, i, now_ms))
            out->ejected++;
        else if (own)
            out->own++;
        else
            out->other++;
        out->n_other += !own && !node_cost_has(cost, NODE_UNSEEN);
    }
}

bool pick_census_may_eject(const struct pick_census *c, bool alone)
{
    uint32_t available = c->own + c->other + c->unseen;

    if (available <= 1)
        return false;
    return alone || (c->ejected + 1) * 2 <= available + c->ejected;
}

bool pick_may_eject(const struct pick_view *v, uint64_t now_ms)
{
    struct pick_census c;

    pick_count(v, now_ms, &c);
    return pick_census_may_eject(&c, v->alone);
}

/* --- which part --------------------------------------------------------------------- */

/* What is left of the own zone's capacity, by weight, of PICK_FULL. */
static uint32_t capacity_own(const struct pick_view *v, uint64_t now_ms)
{
    uint64_t all = 0, left = 0;
    uint32_t i;

    for (i = 0; i < v->n_own; i++) {
        all += v->member[i].weight;
        left += pick_is_out(v, i, now_ms) ? 0 : v->member[i].weight;
    }
    return all > 0 ? (uint32_t)(PICK_FULL * left / all) : 0;
}

/* Does most of the own zone fail, while the others are better? */
static bool is_zone_broken(const struct pick_view *v, const struct pick_census *c)
{
    return v->n_own >= 2 &&
           (v->n_own - c->own) * 100 >= PICK_ZONE_BREAK_PCT * v->n_own &&
           (uint64_t)c->other * v->n_own > (uint64_t)c->own * c->n_other;
}

/* Source: Envoy's priority levels; spillover by measured demand and the breaker of a
 * whole zone are ours (docs/decisions/015, 016). */
uint32_t pick_own_share(const struct pick_view *v, const struct pick_census *c,
                        uint64_t now_ms, unsigned *why)
{
    uint32_t share = PICK_FULL, capacity = capacity_own(v, now_ms);

    if (capacity < v->demand)
        share = (uint32_t)((uint64_t)PICK_FULL * capacity / v->demand);
    if (share > v->own_max)
        share = v->own_max;
    if (share > BREAKER_TRICKLE && is_zone_broken(v, c)) {
        share = BREAKER_TRICKLE;
        *why |= PICK_ZONE_BROKEN;
    }
    return c->own == 0 ? 0 : share;
}

/* The part for one call, with some nodes out or the own zone's share limited.  False: no
 * node is available. */
static bool part_for(const struct pick_view *v, struct pick_state *st,
                     const struct pick_census *c, uint64_t now_ms, struct pick_part *out,
                     unsigned *why)
{
    *out = (struct pick_part){0, v->n, true};
    if (c->own + c->other == 0)
        return false;
    if (v->n_own == 0 || v->n_own == v->n)
        return true;
    *out = (struct pick_part){0, v->n_own, true};
    if (c->other == 0 || pick_below(st, PICK_FULL) < pick_own_share(v, c, now_ms, why))
        return true;
    *why |= PICK_OTHER_ZONE;
    *out = (struct pick_part){v->n_own, v->n - v->n_own, true};
    return true;
}

/* --- nodes that are out ------------------------------------------------------------- */

/* Takes the ticket of member <i> for <ms>. */
static bool take_ticket(const struct pick_view *v, uint32_t i, uint64_t now_ms,
                        uint32_t ms)
{
    struct node_counter *n = &v->counter[v->member[i].nid];
    uint64_t was = atomic_load_explicit(&n->ejected_until_ms, memory_order_relaxed);

    return was <= now_ms &&
           atomic_compare_exchange_strong(&n->ejected_until_ms, &was, now_ms + ms);
}

void pick_give_back(struct node_counter *n, bool alone, uint64_t begun_ms)
{
    uint64_t mine = begun_ms + PICK_TRIAL_MS;

    atomic_compare_exchange_strong(&n->ejected_until_ms, &mine, alone ? begun_ms : 0);
}

/* The first member behind a random one that has <flag>, or with NODE_TRIAL is on trial by
 * its callers, and a free ticket. */
static uint32_t with_ticket(const struct pick_view *v, struct pick_state *st, uint32_t n,
                            uint32_t flag, uint64_t now_ms, uint32_t ms)
{
    uint32_t k, i = pick_below(st, n);

    for (k = 0; k < n; k++, i = i + 1 < n ? i + 1 : 0)
        if ((node_cost_has(pick_cost(v, i), flag) ||
             (flag == NODE_TRIAL && is_on_trial(v, i, now_ms))) &&
            take_ticket(v, i, now_ms, ms))
            return i;
    return PICK_NONE;
}

/* A random one of the members that are not down; only unseen ones, if there are any. */
static uint32_t any_not_down(const struct pick_view *v, struct pick_state *st,
                             const struct pick_census *c, uint64_t now_ms)
{
    uint32_t k = pick_below(st, c->unseen > 0 ? c->unseen : c->ejected), i;

    for (i = 0; i < v->n; i++)
        if ((c->unseen > 0 ? is_in_reserve(v, i, now_ms)
                           : !node_cost_has(pick_cost(v, i), NODE_DOWN)) &&
            k-- == 0)
            return i;
    return PICK_NONE;                 /* a cost has changed meanwhile */
}

static uint32_t last_resort(const struct pick_view *v, struct pick_state *st,
                            const struct pick_census *c, uint64_t now_ms, unsigned *why)
{
    uint32_t i = PICK_NONE;

    *why |= PICK_PANIC;
    if (c->unseen + c->ejected > 0)
        i = any_not_down(v, st, c, now_ms);
    if (i != PICK_NONE)
        return i;
    return with_ticket(v, st, v->n, NODE_DOWN, now_ms, PICK_PANIC_GAP_MS);
}

/* A choice with some nodes out or the own zone's share limited. */
static uint32_t pick_carefully(const struct pick_view *v, struct pick_state *st,
                               struct pick_call *c)
{
    struct pick_census n;
    struct pick_part p;
    uint32_t i;

    pick_count(v, c->now_ms, &n);
    if (n.trial > 0) {
        i = with_ticket(v, st, n.own < v->n_own || v->n_own == 0 ? v->n : v->n_own,
                        NODE_TRIAL, c->now_ms, PICK_TRIAL_MS);
        if (i != PICK_NONE) {
            c->why |= PICK_PROBE;
            return i;
        }
    }
    if (!part_for(v, st, &n, c->now_ms, &p, &c->why))
        return last_resort(v, st, &n, c->now_ms, &c->why);
    i = v->policy->pick(v, st, &p, c);
    return i < v->n ? i : last_resort(v, st, &n, c->now_ms, &c->why);
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
    struct pick_part p = {0, v->n_own > 0 ? v->n_own : v->n, false};
    struct pick_call c = {now_ms, key, 0, 0};
    uint32_t i = v->n;

    if (st->policy != policy)
        init_state(v, st);
    if ((policy->flags & POLICY_ANY_PART) ||
        (!(policy->flags & POLICY_MOVES_STATE) && v->own_max >= PICK_FULL &&
         v->demand <= PICK_FULL))
        i = policy->pick(v, st, &p, &c);
    if (i == v->n || (c.n_skipped > 0 && !(policy->flags & POLICY_ANY_PART)))
        i = pick_carefully(v, st, &c);
    if (why)
        *why = c.why;
    return i;
}

/* --- how it ended ------------------------------------------------------------------- */

static void propose_ejection(const struct pick_view *v, struct node_counter *n,
                             uint32_t n_more, uint64_t now_ms)
{
    uint64_t until = PROPOSAL_MS;
    uint64_t was = atomic_load_explicit(&n->ejected_until_ms, memory_order_relaxed);

    /* alone, a node that is out stays out: only its next trial is later */
    if (!(v->alone && was != 0) && !pick_may_eject(v, now_ms))
        return;
    if (v->alone) {
        until <<= ALONE_STEP * (n_more < ALONE_STEPS ? n_more : ALONE_STEPS);
        until = until < ALONE_MAX_MS ? until : ALONE_MAX_MS;
    }
    until += now_ms;
    if (was < until)
        atomic_compare_exchange_strong(&n->ejected_until_ms, &was, until);
}

/* A success of a node that callers may eject.  <was>: its ejection or its ticket. */
static void call_succeeded(const struct pick_view *v, struct node_counter *n,
                           uint64_t was, bool ejectable)
{
    if (v->alone && was != 0 && ejectable)
        atomic_compare_exchange_strong(&n->ejected_until_ms, &was, 0);
    /* the common case reads only: a store would take the line from other callers */
    if (atomic_load_explicit(&n->streak, memory_order_relaxed) != 0)
        atomic_store_explicit(&n->streak, 0, memory_order_relaxed);
}

void pick_call_ended(const struct pick_view *v, uint32_t nid, uint32_t eject_after,
                     bool ok, uint64_t begun_ms, uint64_t now_ms)
{
    struct node_counter *n = &v->counter[nid];
    uint64_t was = atomic_load_explicit(&n->ejected_until_ms, memory_order_relaxed);
    uint32_t cost = atomic_load_explicit(&v->cost[nid], memory_order_relaxed), streak;
    bool ejectable = cost < NODE_OUT || is_unchecked(v, cost);

    /* an ejection and a ticket last PICK_TRIAL_MS and more, so it began before them */
    if (v->alone && ejectable && was > begun_ms + PICK_TRIAL_MS)
        return;
    if (ok) {
        call_succeeded(v, n, was, ejectable);
        return;
    }
    streak = 1 + atomic_fetch_add(&n->streak, 1);
    if (streak >= eject_after && ejectable)
        propose_ejection(v, n, streak - eject_after, now_ms);
}
