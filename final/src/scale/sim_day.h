/* sim_day -- a module, its visitors and a rule of scaling in virtual time of days.  The
 * load is a wave over the day with noise that is correlated in time; a node that was
 * ordered serves some time later.  The same seed gives the same load to each rule. */
#ifndef LARS_SCALE_SIM_DAY_H
#define LARS_SCALE_SIM_DAY_H

#include <stdbool.h>

#include "scale/sim_rules.h"

#define SIM_DAY_S 86400

struct sim_day {
    uint64_t seed;
    double mean; /* load of the day, in nodes */
    double wave; /* 0.5 = +-50 %, lowest at the beginning */
    double noise; /* standard deviation, 0.1 = 10 % */
    double together_s; /* how long noise is correlated, 30 */
    unsigned start_s; /* from the order to service, at most 600 */
    unsigned zones; /* 1 or more */
    unsigned before_s; /* run before the figures begin */
    unsigned seconds;
    double step; /* load times this in the last half; 1 = none */
    bool floor; /* the loss of a zone is to be survived */
    const struct sim_rule *rule;
};

/* 30 s of start, two zones, floor, an hour before, noise 10 %, wave +-50 %. */
extern const struct sim_day sim_day_usual;

struct sim_day_figures {
    unsigned actions, up, down; /* changes of what is wanted; each is one of both */
    unsigned short_s; /* load above the capacity of the nodes that serve */
    unsigned unsafe_s; /* load above the capacity without the largest zone */
    double capacity; /* nodes that serve to the ideal, mean of the day */
    double capacity_exact; /* the same to the ideal before it is rounded up */
    double nodes, most, least; /* that served: mean, highest, lowest */
    /* of a step: seconds from it, 0 = never */
    unsigned decided_s; /* the first order */
    unsigned ordered_s; /* all that the load needs is ordered */
    unsigned enough_s; /* the nodes that serve can carry the load */
};

/* The ideal: at each moment the fewest whole nodes that need_per_zone() of the load
 * without noise allows.
 * Returns 0, -EINVAL (a figure out of bounds) or -ENOMEM. */
int sim_day_run(const struct sim_day *d, struct sim_day_figures *out);

#endif
