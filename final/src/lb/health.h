/* health -- what the agent makes of a node's calls: its cost, and whether it is taken out
 * and for how long.  Pure functions of a node's state and of now.
 *
 * cost      mean of the calls of about the last second, in steps; a failed call counts as
 *           a slow one; without calls its cost fades.  Rejected: peak-EWMA, jumping up at
 *           once and coming down in 10 s (Finagle): 2.3 times the oracle's p99 where this
 *           has 1.3 (lars-sim speeds)
 * out       k failures in a row, or far more failures than its fellows (median and MAD)
 * back      when the probes say that it was down and is up again; when they never failed,
 *           or it was taken out often lately, after 1, 2, 4 .. 60 s
 * slowly    a node that is new or back gets a growing part of its weight
 * Thread: the owner's. */
#ifndef LARS_LB_HEALTH_H
#define LARS_LB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/node.h"

struct health_config {
    uint32_t tau_ms; /* in which an old call counts 1/e */
    uint32_t eject_ms, eject_max_ms; /* the first time, the longest */
    uint32_t slow_ms; /* of the slow start; 0 = none */
    uint32_t slow_min; /* per cent of the weight at its begin */
};

extern const struct health_config health_preset;

struct health_totals { /* since ever */
    uint64_t done, err, lat_us;
};

struct health_node { /* zeroed = nothing known */
    struct health_totals seen;
    double mean_us; /* 0 = no call yet */
    double n, n_err; /* of the last seconds, fading: HEALTH_FADE_MS */
    uint32_t streak; /* of these failures, those in a row until now */
    uint64_t stamp_ms, sample_ms; /* of the last look, of the last call seen */
    uint64_t changed_ms, ejected_until_ms; /* 0 = in */
    uint64_t warmup_since_ms; /* slow start since; 0 = none */
    double warmup_credit; /* of looks at which it does not rest */
    uint32_t n_ejections; /* taken out, less what it has made good */
    uint32_t n_probe_ok; /* in a row, while out */
    bool probe_failed; /* once, while out */
    enum eject_reason why; /* it is out */
};

#define HEALTH_FADE_MS 10000

/* What was counted up to now, <streak> failures at its end.  <totals> may not shrink. */
void health_observe(struct health_node *h, const struct health_config *c,
                    const struct health_totals *totals, uint32_t streak, uint64_t now_ms);

/* Slow start: does it rest until the next look?  A growing part of the looks it does not,
 * and then it gets what every other gets: a part of its weight, for every rule, and also
 * where calls are so few that a node of a higher cost would get none.  hash has its
 * keys, and no slow start. */
bool health_warmup_pauses(struct health_node *h, const struct health_config *c,
                          uint64_t now_ms);

/* For pick_node(): microseconds x 256 x 100 / weight; <mean_us> of its fellows stands for
 * a node that nothing is known of.  NODE_EJECTED + why while it is out. */
uint32_t health_cost(const struct health_node *h, uint32_t weight, double mean_us,
                     uint64_t now_ms);

/* Failures in a row that are no chance: k = ceil(ln 1e-5 / ln p), 3 to 20, where <p> is
 * the error rate of the module's other nodes. */
uint32_t health_eject_after(double p);

/* The k of a module of <n> nodes: the worst one is not counted, and no failures in a row
 * that go on still: they are what k is about.  (A zone that dies fails all that is seen
 * of the module; counted as chance, that would make k 20 and each node take 20 calls.) */
uint32_t health_module_eject_after(struct health_node *const *h, uint32_t n);

/* Does <i> of <n> fail far more often than its fellows?  Source: Envoy's outlier
 * detection, with median and MAD for mean and deviation: half of the nodes may be bad. */
bool health_is_outlier(struct health_node *const *h, uint32_t n, uint32_t i);

void health_eject(struct health_node *h, const struct health_config *c,
                  enum eject_reason why, uint64_t now_ms);
const char *health_reason_str(enum eject_reason why); /* in words, for good */
void health_record_probe(struct health_node *h, bool ok); /* while it is out */
bool health_may_readmit(const struct health_node *h, uint64_t now_ms);
/* Returns how many failures in a row it begins with: where failures are rare, its first
 * call decides, because a probe only knows that somebody listens. */
uint32_t health_readmit(struct health_node *h, uint32_t k, uint64_t now_ms);
void health_start_warmup(struct health_node *h,
                         uint64_t now_ms); /* slow start from now on */

#endif
