/* pick -- which node takes the next call.  Pure functions of the numbers that all
 * processes of a host share (pick_view), of the caller's own state (pick_state) and of
 * now.  Ejection by callers, its cap and the way to other zones are decided here for each
 * call, so they hold with the agent dead.
 *
 * A choice has two steps: which part of the nodes (own zone or other zones), then which
 * node of that part; the second step is the policy's (lb/policy.h).  Nodes of another
 * zone count only when this host has seen them work lately.  When no node is available,
 * these are tried, in this order:
 *     nodes of other zones that were never checked: the agent was dead before they were
 *         needed
 *     ejected nodes, which are up
 *     nodes that are down, each with one call in PICK_PANIC_GAP_MS; beyond it there is no
 *         node for the call
 *
 * Tickets.  A node that is down or on trial takes one call at a time from all processes
 * of the host: the caller whose compare-and-swap moves node_counter.ejected_until_ms into
 * the future has the ticket.  A trial call that is cancelled gives it back.
 *
 * Alone.  While the agent is dead no check tells when a node works again.  A node that
 * callers have ejected is then on trial when its time is over: it stays out until a call
 * with a ticket has succeeded.
 *
 * Thread: any; each thread has a pick_state of its own. */
#ifndef LARS_LB_PICK_H
#define LARS_LB_PICK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/rnd.h"
#include "lb/node.h"

struct lb_policy;

#define PICK_FULL 10000               /* shares are parts of this: 10,000 = all */
/* Demand on a zone whose load is not measured, as a part of its capacity: the zone may
 * lose 29 % of its nodes before calls leave it (Envoy's overprovisioning factor 1.4). */
#define PICK_DEMAND_PRESET 7143
#define PICK_ZONE_BREAK_PCT 60        /* with this part of its nodes not available a zone
                                       * of two and more counts as failing as a whole, if
                                       * other zones are better */
#define PICK_PANIC_GAP_MS 100         /* between two calls to a node that is down, with no
                                       * other node left */
#define PICK_TRIAL_MS 1000            /* so long a trial ticket is valid; the agent sees
                                       * it sooner and lets no further call go */
#define PICK_ALONE_MS 100             /* an agent whose next step is overdue for so long
                                       * is taken for dead by its callers */
#define PICK_NONE UINT32_MAX

/* One module, as the host sees it.  Borrows everything for the call. */
struct pick_view {
    const _Atomic uint32_t *cost;     /* by nid */
    struct node_counter *counter;     /* by nid; pick_call_ended() writes it */
    const struct node_member *member; /* those of zone 0 first */
    uint32_t n, n_own;                /* members; those of zone 0.  n >= 1, n_own <= n */
    uint32_t demand;                  /* on the own zone, of PICK_FULL = its capacity; may
                                       * be more than that: lb/spillover.h */
    uint32_t own_max;                 /* at most this share of the calls stays in the own
                                       * zone, of PICK_FULL: lb/zone_breaker.h */
    const struct lb_policy *policy;   /* from policies_at(), never NULL in pick_node() */
    bool alone;                       /* the agent's step is overdue for PICK_ALONE_MS */
    bool in_row;                      /* member i has nid member[0].nid + i, and the
                                       * processor has what lb/scan_row.h needs */
};

/* The caller's own, for one module.  Zeroed but for <rnd> and <slot>. */
struct pick_state {
    struct rnd rnd;                   /* from rnd_init() */
    const struct lb_policy *policy;   /* which one <word> and <slot> belong to.  Set it to
                                       * NULL when the members have changed: the next
                                       * choice starts afresh */
    uint32_t word[4];                 /* the policy's own */
    int64_t *slot;                    /* the policy's own: view.n words of the caller's
                                       * memory */
};

/* What led to a choice: bits, for `larsctl why` and for tests.  0 = the usual way. */
enum pick_why {
    PICK_OTHER_ZONE = 1,              /* the own zone lacks capacity */
    PICK_ZONE_BROKEN = 2,             /* most nodes of the own zone are not available */
    PICK_PANIC = 4,                   /* no node is available: one that is not is tried */
    PICK_PROBE = 8,                   /* a user's call to a node that is out: it is on
                                       * trial, or the policy is classic */
};

/* Chooses a node; the caller counts it in node_counter.inflight.  Returns the index of a
 * member; PICK_NONE: all are down, and each was tried a moment ago.  <key>: for sticky
 * policies, others ignore it.  <why>: receives the reasons; may be NULL. */
uint32_t pick_node(const struct pick_view *v, struct pick_state *st, uint64_t now_ms,
                   uint64_t key, unsigned *why);

/* A call of node <nid>, begun at <begun_ms>, has ended.  <eject_after> failures in a row
 * propose its ejection to all processes of this host for one second, in which the agent
 * confirms it or not.  Alone, callers eject it for 1, 4, 16, 30 s, and a call that was
 * begun before says nothing about the time since. */
void pick_call_ended(const struct pick_view *v, uint32_t nid, uint32_t eject_after,
                     bool ok, uint64_t begun_ms, uint64_t now_ms);

/* May one more node be ejected?  Never the last one that is available or in reserve, and
 * never more than half of those that are not down.  Alone, only the first part holds:
 * the agent may have died with one zone, and its last verdicts would use up the half. */
bool pick_may_eject(const struct pick_view *v, uint64_t now_ms);

struct pick_census {                  /* members by state */
    uint32_t own, other;              /* available: in zone 0, in the others */
    uint32_t n_other;                 /* of the others: available or down or ejected; not
                                       * those that were not checked */
    uint32_t ejected;                 /* up, but ejected, on trial, or proposed */
    uint32_t down, unseen;            /* ... unseen: of other zones, and never checked */
    uint32_t trial;                   /* on trial: there may be a ticket */
};

void pick_count(const struct pick_view *v, uint64_t now_ms, struct pick_census *out);

/* pick_may_eject() for members that are counted already. */
bool pick_census_may_eject(const struct pick_census *c, bool alone);

/* The share of the calls that stays in the own zone, of PICK_FULL.  Adds to <why>. */
uint32_t pick_own_share(const struct pick_view *v, const struct pick_census *c,
                        uint64_t now_ms, unsigned *why);

/* The call that had the trial ticket of a node says nothing about it: another call may
 * take the ticket.  <begun_ms>: the time of its pick_node().  A ticket that was taken
 * since stays.  <alone>: the agent is dead, so the node stays on trial by its time. */
void pick_give_back(struct node_counter *n, bool alone, uint64_t begun_ms);

/* Does member <i> take its part of the calls?  So does one in reserve: of another zone,
 * and not checked yet, because its zone is not needed. */
bool pick_is_in(const struct pick_view *v, uint32_t i, uint64_t now_ms);

/* --- for policies ------------------------------------------------------------------- */

static inline uint32_t pick_cost(const struct pick_view *v, uint32_t i)
{
    return atomic_load_explicit(&v->cost[v->member[i].nid], memory_order_relaxed);
}

/* Callers have ejected a node, or hold its ticket, while its ejected_until_ms is
 * greater than this. */
static inline uint64_t pick_over_ms(const struct pick_view *v, uint64_t now_ms)
{
    return v->alone ? 0 : now_ms;
}

/* Has member <i> no calls now, by the agent's decision or by a client's proposal? */
static inline bool pick_is_out(const struct pick_view *v, uint32_t i, uint64_t now_ms)
{
    const struct node_counter *c = &v->counter[v->member[i].nid];

    return pick_cost(v, i) >= NODE_OUT ||
           atomic_load_explicit(&c->ejected_until_ms, memory_order_relaxed) >
               pick_over_ms(v, now_ms);
}

/* Calls in flight of member <i>; a counter that has drifted below 0 counts as 0. */
static inline uint32_t pick_inflight(const struct pick_view *v, uint32_t i)
{
    const struct node_counter *c = &v->counter[v->member[i].nid];
    int32_t inflight = atomic_load_explicit(&c->inflight, memory_order_relaxed);

    return inflight > 0 ? (uint32_t)inflight : 0;
}

/* A random number from 0 to n - 1. */
static inline uint32_t pick_below(struct pick_state *st, uint32_t n)
{
    return (uint32_t)((uint64_t)rnd_u32(&st->rnd) * n >> 32);
}

#endif
