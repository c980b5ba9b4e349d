/* arrivals -- when requests or visits begin, in an open loop: the times do not depend on
 * how fast anything answers, so a slow server gets the same load as a fast one.  Pure.
 * Thread: one at a time for each struct arrivals. */
#ifndef LARS_LOAD_ARRIVALS_H
#define LARS_LOAD_ARRIVALS_H

#include <stdint.h>

#include "base/rnd.h"

#define ARRIVALS_STEPS 32

enum arrivals_kind {
    ARRIVALS_POISSON,                     /* independent of each other, as people are */
    ARRIVALS_FIXED                        /* at equal distances */
};

struct arrivals_step {                    /* from at_us on, the rate is per_s x factor */
    uint64_t at_us;
    double factor;                        /* 0 = none arrive */
};

struct arrivals_plan {
    enum arrivals_kind kind;
    double per_s;                         /* above 0 */
    struct arrivals_step step[ARRIVALS_STEPS]; /* by ascending time; before the first one
                                           * the factor is 1 */
    unsigned n_steps;
    uint64_t seed;                        /* the same one gives the same times */
};

struct arrivals {
    struct arrivals_plan plan;
    struct rnd rnd;
    double at_us;                         /* of the last arrival */
    unsigned next_step;
};

void arrivals_init(struct arrivals *a, const struct arrivals_plan *plan);

/* The time of the next arrival, in us from the beginning; never before the last one.
 * UINT64_MAX when none follows. */
uint64_t arrivals_next_us(struct arrivals *a);

/* Add the step of <text>, "SECONDS=FACTOR" such as "10=8".  Returns 0; -EINVAL when it
 * cannot be read, is before the last one, or the factor is above 1000; -E2BIG. */
int arrivals_add_step(struct arrivals_plan *plan, const char *text);

#endif
