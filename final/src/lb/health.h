/* health -- what the agent concludes from a node's calls: its cost, and whether they fail
 * too often.
 *
 * cost      the mean duration of the calls of about the last second, in steps; a failed
 *           call counts as a slow one.  The cost of a node without calls fades.
 * streak    several failures in a row, more than chance explains
 * outlier   far more failures than its fellows (median and MAD)
 *
 * What follows from it is lb/node_state.h.
 *
 * Source: the cost is Finagle's peak-EWMA with a mean in place of the peak
 * (docs/decisions/015); outliers are Envoy's.
 * Pure functions of a node's health and of now (any monotonic clock).  Thread: the
 * owner's. */
#ifndef LARS_LB_HEALTH_H
#define LARS_LB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/node_state.h"

struct health_config {
    uint32_t tau_ms;                  /* after so long a call weighs 1/e of a new one */
    struct node_state_config state;
};

extern const struct health_config health_preset;

struct health_totals { /* of a node, counted by all callers, ever growing */
    uint64_t done, err;               /* calls ended; of these, failed */
    uint64_t lat_us;                  /* sum of their durations */
};

struct health_node {                  /* zeroed = nothing is known */
    struct health_totals seen;        /* at the last health_observe() */
    double mean_us;                   /* duration of a call; 0 = no call yet */
    double n, n_err;                  /* calls and failures of the last seconds, fading
                                       * with HEALTH_FADE_MS */
    uint32_t streak;                  /* failures in a row until now */
    uint64_t stamp_ms, sample_ms;     /* last health_observe(); last one with a call */
    struct node_state state;          /* what followed from it */
};

#define HEALTH_FADE_MS 10000

/* The callers' totals up to now, which end with <streak> failures.  When they are less
 * than the last ones (a call log was dropped), counting begins anew from them.  Returns
 * what was added. */
struct health_totals health_observe(struct health_node *h, const struct health_config *c,
                                    const struct health_totals *totals, uint32_t streak,
                                    uint64_t now_ms);

/* The node's cost for pick_node(): as in lb/node.h, 1 to NODE_COST_MAX.  <mean_us>: the
 * mean of the module's nodes, which stands for a node without calls; 0 = unknown. */
uint32_t health_cost(const struct health_node *h, uint32_t weight, double mean_us,
                     uint64_t now_ms);

/* --- failures ----------------------------------------------------------------------- */

/* So many failures in a row are no chance when each call fails with probability <p>:
 * ceil(ln 1e-5 / ln p), 3 to 20. */
uint32_t health_eject_after(double p);

/* The same for a module of <n> nodes; <p> is their error rate.  Neither the worst node
 * nor failures in a row that have not ended count for it, because they are the ones to be
 * judged.  (In a zone that fails as a whole every call seen fails; if that counted as
 * chance, the result would be 20, and each node would cost 20 calls.) */
uint32_t health_module_eject_after(struct health_node *const *h, uint32_t n);

/* Does node <i> of <n> fail far more often than its fellows?  False for fewer than 5
 * nodes with 20 calls each, and without memory.
 * Source: Envoy's outlier detection, with median and MAD in place of mean and deviation,
 * so that it works with up to half of the nodes failing. */
bool health_is_outlier(struct health_node *const *h, uint32_t n, uint32_t i);

/* The same for many nodes, in two parts: the share of good calls below which a node of
 * the module is an outlier, to be computed once (-1: none is), and whether a node is
 * below it. */
double health_outlier_limit(struct health_node *const *h, uint32_t n);
bool health_is_below(const struct health_node *h, double limit);

/* The node is up again: calls before no longer count. */
void health_begin_anew(struct health_node *h);

#endif
