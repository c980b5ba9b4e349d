/* together -- faults that come together, in virtual time: every number of nodes down in
 * each zone, with at least one node up anywhere.  Nodes are alike, so the number of those
 * that are down says all.  The question is whether calls still fail when the fault has
 * been seen.  Thread: any. */
#ifndef LARS_SIM_TOGETHER_H
#define LARS_SIM_TOGETHER_H

#include <stdbool.h>
#include <stdint.h>

#define TOGETHER_ZONES 3 /* at most */
#define TOGETHER_TEXT 40

struct together_config {
    uint32_t zones, per_zone; /* zones x per_zone nodes, at most SIM_NODES */
    bool silent; /* the nodes do not answer; else they refuse */
    bool agent_dies;                  /* also the agent of the first zone's host */
    int32_t agent_gap_ms;             /* ... so long after the nodes; < 0: before */
    uint32_t seed, seeds; /* the first one, and how many for each
                                       * combination */
};

struct together_result {
    uint32_t n, n_unsteady; /* runs; of these, with a call that failed in the
                                       * last 2 s of the 4 s after the fault */
    uint64_t n_err, most; /* failed calls since the fault: in all runs, in the
                                       * worst one */
    char worst[TOGETHER_TEXT]; /* nodes down in the worst run, by zone: "3+2" */
    char unsteady[TOGETHER_TEXT]; /* the first run that is not steady: "3+2 seed 7" */
};

/* Returns 0; -ENOMEM; -EINVAL for more zones or nodes than fit. */
int together_run(const struct together_config *c, struct together_result *out);

#endif
