/* classic -- chooses nodes with the algorithm of ELB and the public Lars: two queues,
 * idle and overload.  Idle nodes are picked in turn.  A node whose calls fail moves to
 * the overload queue, which gets only a few probes, until its calls succeed again or its
 * time in that queue is over.
 * Source: ELB (Easy-Load-Balancer) and the public Lars (aceld/Lars), with the latency-
 * scaled errors and the two-window rule of ELB. Reads no clock and makes no system call;
 * <now_ms> is any monotonic time.
 * Thread: one at a time for each struct classic. */
#ifndef LARS_LB_CLASSIC_H
#define LARS_LB_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

#define CLASSIC_MAX_GONE 256          /* nodes that left the route and keep totals */

struct classic_config {
    uint32_t init_succ;               /* virtual successes of a node that becomes idle */
    uint32_t init_err;                /* virtual errors of one that becomes overloaded */
    uint32_t err_rate;                /* per mille; above it an idle node is overloaded */
    uint32_t succ_rate;               /* per mille; above it an overloaded node is idle */
    uint32_t contin_err;              /* errors in a row that overload a node */
    uint32_t contin_succ;             /* successes in a row that make it idle */
    uint32_t probe_num;               /* picks between two probes */
    uint32_t window_ms;               /* length of a window of an idle node */
    uint32_t window_err_rate;         /* per mille of its real calls; from it on bad */
    uint32_t window_limit;            /* bad windows in a row that overload a node */
    uint32_t overload_ms;             /* longest time in the overload queue */
};

extern const struct classic_config classic_defaults;

struct classic;

/* Without nodes.  Copies <cfg>.  Returns 0 or -ENOMEM. */
int classic_create(struct classic **out, const struct classic_config *cfg);
void classic_destroy(struct classic *c); /* NULL is fine */

/* Replace the nodes.  A node that stays keeps its state and its place; a node that is
 * new or comes back starts idle.  Duplicates count once.  Returns 0; -ENOMEM, and then
 * nothing has changed. */
int classic_set_nodes(struct classic *c, const struct route_node *node, size_t n,
                      uint64_t now_ms);

/* Pick a node for one call.  Returns 0; -ENOENT when there are no nodes; -EAGAIN when all
 * are overloaded and this pick is not a probe. */
int classic_pick(struct classic *c, struct route_node *out);

/* Report the result of a call.  <cost_ms> is its duration, 0 = unknown: a slow failure
 * counts up to 50 times as much as a quick one.  Returns 0; -ENOENT for an unknown
 * node. */
int classic_report(struct classic *c, const struct route_node *node, bool ok,
                   uint32_t cost_ms, uint64_t now_ms);

/* End windows and overload times that are over.  Call it from a timer, about once a
 * second: a node that gets no calls gets no reports, and must recover nevertheless. */
void classic_tick(struct classic *c, uint64_t now_ms);

struct classic_node {
    struct route_node node;
    uint32_t succ, err;               /* totals of reported calls; modulo 2^32 */
    bool overload;
    bool gone;                        /* no longer in the route */
};

/* Call <fn> for each node, also for nodes that have left the route. */
void classic_each(const struct classic *c,
                  void (*fn)(const struct classic_node *n, void *arg), void *arg);

size_t classic_n_nodes(const struct classic *c); /* of the route */
size_t classic_n_overload(const struct classic *c);

#endif
