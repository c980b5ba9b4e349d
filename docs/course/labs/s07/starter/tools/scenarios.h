/* scenarios -- what the policies are measured in.  A seed decides the number of nodes,
 * the load, which nodes are at fault, when and how much; the same seed gives the same run
 * to the last byte. */
#ifndef LARS_TOOLS_SCENARIOS_H
#define LARS_TOOLS_SCENARIOS_H

#include "sim/sim.h"

#define SCENARIOS 7
#define SCENARIO_CHANGES 128
#define SCENARIO_SECONDS 20

struct scenario {                     /* of one seed */
    struct sim_config cfg;            /* its policy is for the caller to set */
    struct sim_change change[SCENARIO_CHANGES];
};

const char *scenarios_name(uint32_t i);
const char *scenarios_about(uint32_t i); /* about 60 letters */
int scenarios_find(const char *name); /* -EINVAL: there is none */

/* Scenario <i> with seed <seed>; <out> must stay where it is while it is in use. */
void scenarios_make(uint32_t i, uint64_t seed, struct scenario *out);

#endif
