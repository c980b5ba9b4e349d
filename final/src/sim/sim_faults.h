/* sim_faults -- which nodes of a simulation are at fault at a moment, and how.
 * Thread: the owner's. */
#ifndef LARS_SIM_SIM_FAULTS_H
#define LARS_SIM_SIM_FAULTS_H

#include "sim/sim.h"

struct sim_faults {
    uint64_t dead, silent;            /* bit i: node i */
    double err[SIM_NODES];            /* the part of a node's calls that fail */
    double load;                      /* a multiple of sim_config.load */
};

static inline bool sim_faults_has(uint64_t nodes, uint32_t i)
{
    return (nodes >> i & 1) != 0;
}

void sim_faults_init(struct sim_faults *f, const struct sim_config *cfg);
/* The half of the run: the nodes of cfg->dead and cfg->silent are at fault too. */
void sim_faults_half(struct sim_faults *f, const struct sim_config *cfg);
void sim_faults_change(struct sim_faults *f, const struct sim_change *c);

#endif
