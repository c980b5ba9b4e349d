/* policy -- what a load balancing policy is: one struct lb_policy, defined in a file of
 * its own and listed in lb/policies.c.  docs/ref/new-policy.md adds one step by step.
 *
 * A policy has two halves, because a choice is made in the process of the caller while
 * its evidence is gathered by the agent:
 *   client   init() and pick(): which node takes this call
 *   agent    tick(): the cost of each node, which all processes of the host then read
 * Checks, ejection, slow start and zones are the same for every policy and
 * are decided outside of it (lb/controller.h, lb/pick.h).
 *
 * Every function is pure: it depends on its arguments and on nothing else. */
#ifndef LARS_LB_POLICY_H
#define LARS_LB_POLICY_H

#include "lb/pick.h"

struct controller;

/* The members that one choice is made among: from .. from + n - 1. */
struct pick_part {
    uint32_t from, n;                 /* n is 1 and more */
    bool draw;                        /* draw lots among equal nodes: lb/scan.c */
};

/* One choice. */
struct pick_call {
    uint64_t now_ms;                  /* monotonic */
    uint64_t key;                     /* the caller's; of sticky policies */
    uint32_t n_skipped;               /* result: members of the part that were no
                                       * candidates (ejected, warming up) */
    unsigned why;                     /* result: bits of enum pick_why, to be added */
};

enum policy_flags {
    /* pick() changes the state of the caller, so pick_node() may not try the own zone
     * first and then choose again. */
    POLICY_MOVES_STATE = 1,
    /* pick() gets the own zone and decides itself about other zones. */
    POLICY_ANY_PART = 2,
};

struct lb_policy {
    const char *name;                 /* in configuration and database: 1 to 15 letters */
    const char *summary;              /* for help texts and tables, about 30 letters */
    unsigned flags;                   /* enum policy_flags */

    /* Client: the nodes or the policy have changed.  st->word and st->slot are zeroed.
     * NULL = there is nothing to prepare. */
    void (*init)(const struct pick_view *v, struct pick_state *st);

    /* Client: the index of a member of <p>; v->n when all of them are ejected.  Sets
     * c->n_skipped.  Never NULL.  Runs once per call of every caller. */
    uint32_t (*pick)(const struct pick_view *v, struct pick_state *st,
                     const struct pick_part *p, struct pick_call *c);

    /* Agent, at each tick, for each member <i> that is not ejected: its cost, 1 to
     * NODE_COST_MAX.  <mean_us>: mean duration of the module's calls, 0 = unknown.
     * NULL = health_cost(): the duration of the node's calls by its weight.
     * A client older than the policy does not find its number and uses scan; costs
     * that lead scan to a good choice serve such clients too. */
    uint32_t (*tick)(const struct controller *s, uint32_t i, double mean_us,
                     uint64_t now_ms);
};

#endif
