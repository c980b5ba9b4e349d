/* sim -- callers, hosts and nodes in virtual time: the same seed gives the same result
 * to the last byte.  It chooses with the production code (lb/pick, lb/controller,
 * lb/classic); only the network, the nodes and the clock are played.  Thread: any, no
 * two at once. */
#ifndef LARS_SIM_SIM_H
#define LARS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/pick.h"

#define SIM_NODES 64

enum sim_policy {
    /* a rule of lb/pick.h, with lb/controller.h behind it */
    SIM_PICK,
    SIM_CLASSIC, /* the two queues of stage 06, faithfully */
    SIM_ORACLE, /* one queue for all, and it knows every speed */
};

struct sim_config {
    uint64_t seed;
    enum sim_policy policy;
    enum pick_rule rule;
    uint32_t n_host; /* each has one view of its own */
    uint32_t n_node, n_own; /* of each caller's zone the first n_own */
    double speed[SIM_NODES]; /* 1 = as configured */
    uint32_t n_worker; /* of a node */
    double service_ms; /* mean, exponential, at speed 1 */
    double load; /* calls, of all capacity that is there at first */
    double err; /* this share of the calls fails, at every node */
    uint32_t n_dead; /* the first of them refuse from the half on */
    uint32_t n_silent; /* the first of them answer no more from the half on */
    bool hiccups; /* each goes down to a fifth now and then */
    double seconds;
    double timeout_ms;
    uint32_t tick_ms; /* of the agent; 0 = 10 */
};

struct sim_result {
    uint64_t n, n_err; /* calls that ended after the first second */
    double p50_ms, p99_ms, p999_ms; /* of all of them; a failed one took its time */
    uint64_t n_err_late; /* of those in the last quarter */
    uint64_t n_late;
    double max_share, min_share; /* of the calls, by speed: the most and least loaded
                                       * node against the mean */
};

extern const struct sim_config sim_preset; /* 32 nodes, three speeds, 20 hosts, 0.7 */

int sim_run(const struct sim_config *cfg, struct sim_result *out); /* 0 or -ENOMEM */

#endif
