/* sim_rules -- rules of scaling that are compared in virtual time: ours, one like the
 * Horizontal Pod Autoscaler of Kubernetes, and one like the autoscaler of Knative.  Each
 * is asked once a second how many nodes are wanted in all zones.
 * Thread: one at a time for each state. */
#ifndef LARS_SCALE_SIM_RULES_H
#define LARS_SCALE_SIM_RULES_H

#include "scale/need.h"

struct sim_seen { /* what each rule gets */
    unsigned now_s;
    double load; /* of the last second, in nodes */
    unsigned up, starting; /* nodes in all zones */
    unsigned largest_zone_up;
    struct need_rule need;
};

struct sim_rule {
    const char *name;
    /* <wanted>: in all zones; <phase_s>: when its first period ends. */
    int (*create)(void **out, const struct sim_seen *first, unsigned wanted,
                  unsigned phase_s);
    unsigned (*round)(void *state, const struct sim_seen *seen);
};

extern const struct sim_rule sim_rule_ours;

/* Every 15 s: the mean utilisation of 15 s to its target, 10 % tolerance; up by at most
 * 100 % or 4 nodes a period; down to the highest recommendation of 300 s. */
extern const struct sim_rule sim_rule_hpa;

/* The same with a window of 900 s, as long as ours. */
extern const struct sim_rule sim_rule_hpa_slow;

/* Every 2 s: the mean of 60 s; while the mean of 6 s needs twice the ready nodes, and for
 * 60 s after it, the larger mean, and nothing down. */
extern const struct sim_rule sim_rule_knative;

/* The utilisation that has the same result as <r> in normal use: 0.45 for two zones whose
 * loss is survived with 0.90, 0.70 when one zone has everything. */
double sim_rules_target(const struct need_rule *r);

#endif
