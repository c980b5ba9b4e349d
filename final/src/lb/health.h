/* health -- what the agent concludes from a node's calls: its cost, whether it is
 * ejected, for how long, and when it is readmitted.
 *
 * cost      the mean duration of the calls of about the last second, in steps; a failed
 *           call counts as a slow one.  The cost of a node without calls fades.
 * eject     after several failures in a row, or far more failures than its fellows
 *           (median and MAD)
 * readmit   when probes show that the node was down and is up again; if the probes never
 *           failed, or the node was ejected often lately, only after 1, 2, 4 .. 60 s
 * warm up   a new or readmitted node gets a growing part of its weight (slow start)
 *
 * Source: the cost is Finagle's peak-EWMA with a mean in place of the peak
 * (docs/decisions/015); ejection and its back-off are Envoy's outlier detection; slow
 * start is Envoy's, in time instead of weight.
 * Pure functions of a node's state and of now (any monotonic clock).  Thread: the
 * owner's. */
#ifndef LARS_LB_HEALTH_H
#define LARS_LB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/node.h"

struct health_config {
    uint32_t tau_ms;                  /* after so long a call weighs 1/e of a new one */
    uint32_t eject_ms, eject_max_ms;  /* the first ejection, the longest */
    uint32_t slow_ms;                 /* length of the slow start; 0 = none */
    uint32_t slow_min;                /* per cent of the weight at its begin */
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
    uint64_t changed_ms;              /* last ejection or readmission, or forgiveness */
    uint64_t ejected_until_ms;        /* 0 = not ejected */
    uint64_t warmup_since_ms;         /* begin of the slow start; 0 = none */
    double warmup_credit;             /* of health_warmup_pauses(): 1 pays for a tick */
    uint32_t n_ejections;             /* less one for each FORGIVEN_MS without any */
    uint32_t n_probe_ok;              /* probes passed in a row, while ejected */
    bool probe_failed;                /* a probe has failed, while ejected */
    enum eject_reason why;            /* of the last ejection */
};

#define HEALTH_FADE_MS 10000

/* The callers' totals up to now, which end with <streak> failures.  <totals> may not be
 * less than the last ones. */
void health_observe(struct health_node *h, const struct health_config *c,
                    const struct health_totals *totals, uint32_t streak, uint64_t now_ms);

/* The node's cost for pick_node(): as in lb/node.h, 1 to NODE_COST_MAX;
 * NODE_EJECTED + reason while it is ejected.  <mean_us>: the mean of the module's nodes,
 * which stands for a node without calls; 0 = unknown. */
uint32_t health_cost(const struct health_node *h, uint32_t weight, double mean_us,
                     uint64_t now_ms);

/* --- ejection ----------------------------------------------------------------------- */

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

/* Eject it now, for eject_ms x 2 ^ n_ejections, at most eject_max_ms. */
void health_eject(struct health_node *h, const struct health_config *c,
                  enum eject_reason why, uint64_t now_ms);

/* The reason as text: a static string, never freed. */
const char *health_reason_str(enum eject_reason why);

/* --- readmission -------------------------------------------------------------------- */

/* The result of a probe of an ejected node. */
void health_record_probe(struct health_node *h, bool ok);

/* May the ejected node be readmitted? */
bool health_may_readmit(const struct health_node *h, uint64_t now_ms);

/* Readmit it; slow start begins.  Returns the streak to begin with: where failures are
 * rare (<eject_after> is 3), one below <eject_after>, so that its first call decides: a
 * probe only shows that the port is open. */
uint32_t health_readmit(struct health_node *h, uint32_t eject_after, uint64_t now_ms);

/* Slow start begins now, for a node that is new. */
void health_start_warmup(struct health_node *h, uint64_t now_ms);

/* Slow start, once per tick of the agent: does the node pause until the next one?  It
 * works in a growing part of the ticks, then like any other.  So it gets a part of its
 * weight under every policy, and also where calls are so few that a node with a higher
 * cost would get none.  (hash ignores it: a key's node is its node.) */
bool health_warmup_pauses(struct health_node *h, const struct health_config *c,
                          uint64_t now_ms);

#endif
