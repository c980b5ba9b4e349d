/* tally -- the counts of a simulation and a histogram of durations up to 2 s.
 * Thread: the owner's. */
#ifndef LARS_SIM_TALLY_H
#define LARS_SIM_TALLY_H

#include "sim/sim.h"

#define TALLY_WARM_US 1000000         /* calls that end before this time do not count */

struct tally {                        /* zeroed: fini is allowed */
    uint64_t *bin;                    /* owned */
    uint64_t end_us;                  /* of the run */
    struct sim_result res;            /* the counts of it */
};

int tally_init(struct tally *t, uint64_t end_us); /* 0 or -ENOMEM */
void tally_fini(struct tally *t);

/* A call has ended.  One that found no node has no duration. */
void tally_add(struct tally *t, const struct sim_call *c);

/* The counts and quantiles, to 0.02 ms (2 s also stands for longer ones); the shares are
 * 0. */
void tally_result(const struct tally *t, struct sim_result *out);

#endif
