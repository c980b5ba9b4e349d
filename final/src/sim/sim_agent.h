/* sim_agent -- the agent of one host in a simulation: the controller of production, the
 * memory that it shares with its callers, and the schedule of its checks.  It has no
 * events of its own: the simulation calls it and plays the nodes.  Thread: the owner's.
 * */
#ifndef LARS_SIM_SIM_AGENT_H
#define LARS_SIM_SIM_AGENT_H

#include "lb/controller.h"
#include "sim/sim.h"

struct sim_check {                    /* of one node */
    bool running, ok;
    uint32_t n_same;                  /* equal results in a row */
    uint64_t due_ms;                  /* the next check; 0 = none has ended yet */
};

struct sim_agent {
    uint32_t n_node;
    _Atomic uint32_t cost[SIM_NODES];
    struct node_counter counter[SIM_NODES];
    struct health_node health[SIM_NODES];
    struct health_totals totals[SIM_NODES];
    struct node_member member[SIM_NODES]; /* the own zone's first */
    struct sim_check check[SIM_NODES];
    int64_t slot[SIM_NODES];
    struct pick_state st;
    struct controller controller;
};

/* Host <id> of the run <cfg>; zeroed before.  <seed>: of its choices. */
void sim_agent_init(struct sim_agent *a, const struct sim_config *cfg, uint32_t id,
                    uint64_t seed);

/* One tick.  Returns the nodes whose check begins now: bit i is node i. */
uint64_t sim_agent_tick(struct sim_agent *a, uint64_t now_ms);

/* The check of <node> that began has ended. */
void sim_agent_checked(struct sim_agent *a, uint32_t node, enum node_check kind, bool ok,
                       uint64_t now_ms);

#endif
