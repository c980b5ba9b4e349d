/* classic -- choosing a node the way ELB and the public Lars do: two queues, idle and
 * overload.  Idle nodes are picked in turn; a node whose calls fail moves to the overload
 * queue, which is only probed now and then, until its calls succeed again or its time is
 * up.
 * Source: ELB (Easy-Load-Balancer) and the public Lars (aceld/Lars), with the
 * latency-scaled errors and the two-window rule of ELB.
 * Pure: no clock, no I/O; <now_ms> is any monotonic time.  Thread: the owner's. */
#ifndef LARS_LB_CLASSIC_H
#define LARS_LB_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

#define CLASSIC_MAX_GONE 256          /* nodes out of the route whose totals are kept */

struct classic_config {
    uint32_t init_succ;               /* virtual successes of a node that becomes idle */
    uint32_t init_err;                /* virtual errors of one that becomes overloaded */
    uint32_t err_rate;                /* per mille; an idle node above it is overloaded */
    uint32_t succ_rate;               /* per mille; an overloaded one above it is idle */
    uint32_t contin_err;              /* so many errors in a row: overloaded */
    uint32_t contin_succ;             /* so many successes in a row: idle */
    uint32_t probe_num;            /* every probe_num + 1st pick goes to the overloaded */
    uint32_t window_ms;               /* counters of an idle node start anew after it */
    uint32_t window_err_rate;     /* per mille of a window's real calls; bad from it on */
    uint32_t window_limit;            /* so many bad windows in a row: overloaded */
    uint32_t overload_ms;             /* longest time in the overload queue */
};

extern const struct classic_config classic_defaults;

struct classic;

/* Copies <cfg>.  No nodes yet.  Returns 0 or -ENOMEM. */
int classic_create(struct classic **out, const struct classic_config *cfg);
void classic_destroy(struct classic *c); /* NULL is fine */

/* These are the nodes from now on.  Who stays keeps state and place; who is new, or comes
 * back, starts idle.  A node given twice counts once.  Returns 0; -ENOMEM (nothing has
 * changed). */
int classic_set_nodes(struct classic *c, const struct route_node *node, size_t n,
                      uint64_t now_ms);

/* Returns 0 and the node; -ENOENT without nodes; -EAGAIN when all are overloaded and this
 * pick is no probe. */
int classic_pick(struct classic *c, struct route_node *out);

/* How a call went.  <cost_ms>: its duration, 0 = unknown; a slow failure weighs up to 50
 * times a quick one.  Returns 0; -ENOENT: never heard of this node. */
int classic_report(struct classic *c, const struct route_node *node, bool ok,
                   uint32_t cost_ms, uint64_t now_ms);

/* Ends windows and overload times that are over.  Call it now and then, by a timer:
 * recovery must not wait for a report that may never come. */
void classic_tick(struct classic *c, uint64_t now_ms);

struct classic_node {
    struct route_node node;
    uint32_t succ, err; /* calls reported since its first, wrapping; no
                                       * window resets them */
    bool overload;
    bool gone;                        /* not in the route any more */
};

/* For each node, those that are gone as well. */
void classic_each(const struct classic *c,
                  void (*fn)(const struct classic_node *n, void *arg), void *arg);

size_t classic_n_nodes(const struct classic *c); /* in the route */
size_t classic_n_overload(const struct classic *c);

#endif
