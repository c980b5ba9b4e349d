/* sim -- callers, hosts and nodes in virtual time.  Nodes are chosen by the code of
 * production (lb/pick, lb/controller, lb/classic); only the network, the nodes and the
 * clock are modelled.  The same configuration gives the same result to the last byte.
 * Thread: any. */
#ifndef LARS_SIM_SIM_H
#define LARS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/node_state.h"
#include "lb/policies.h"

#define SIM_NODES 64                  /* at most */

enum sim_balancer {
    SIM_POLICY,                       /* a policy, with lb/controller.h behind it */
    SIM_CLASSIC,                      /* lb/classic.h: the whole algorithm of Lars */
    SIM_ORACLE,                       /* one queue before all nodes, with known speeds */
};

/* Something that is different from a moment on. */
enum sim_what {
    SIM_SPEED,                        /* of the nodes; more than 0 */
    SIM_ERR,                          /* the part of the calls of the nodes that fail */
    SIM_DEAD,                         /* 1: the nodes refuse connections; 0: no more */
    SIM_SILENT,                       /* 1: the nodes do not answer; 0: they do again */
    SIM_LOAD,                         /* calls, as a multiple of sim_config.load */
};

struct sim_change {
    double at_s;                      /* of the run */
    enum sim_what what;
    uint64_t nodes;                   /* bit i: node i; SIM_LOAD ignores it */
    double value;
};

struct sim_call {                     /* that has ended for its caller */
    uint32_t host, node;              /* node: UINT32_MAX = there was none for it */
    uint64_t begun_us, ended_us;      /* of the run */
    bool ok;
};

typedef void sim_ended_fn(const struct sim_call *c, void *arg);

struct sim_config {
    uint64_t seed;                    /* 1 and more */
    enum sim_balancer balancer;
    const struct lb_policy *policy;   /* of SIM_POLICY; NULL = scan */
    uint32_t n_host;                  /* hosts, each with a view of its own; 1 and more */
    uint32_t n_node, n_own;           /* nodes, 1 to SIM_NODES; the first n_own of them
                                       * are in the callers' zone */
    uint32_t n_zone;                  /* 0 = as n_own says; else callers and nodes are in
                                       * so many zones, n_node / n_zone nodes in each */
    double speed[SIM_NODES];          /* 1 = a call takes service_ms */
    uint32_t n_worker;                /* calls that a node works on at once */
    double service_ms;                /* mean of an exponential distribution */
    double load;                      /* rate of calls, as a part of all capacity */
    double err;                       /* the part of the calls that fail, at every node */
    uint64_t dead;                    /* bit i: node i refuses connections in the second
                                       * half of the run */
    uint64_t silent;                  /* bit i: node i does not answer then */
    uint64_t agent_dead;              /* bit i: the agent of host i dies */
    int32_t agent_gap_ms;             /* ... so long after the half of the run; less than
                                       * 0: before it */
    enum node_check check;            /* what checks see: a silent node passes those of
                                       * its port */
    bool hiccups;                     /* each node is at a fifth of its speed for a short
                                       * while about every 12 s */
    double seconds; /* length of the run, more than the 1 s to warm up */
    double timeout_ms;                /* a call without an answer has failed */
    uint32_t tick_ms;                 /* between two ticks of an agent; 1 and more */
    const struct sim_change *change;  /* borrowed; in any order.  With SIM_SPEED, no
                                       * hiccups of the same node, and the shares of the
                                       * result are by the last speed */
    uint32_t n_change;
    sim_ended_fn *ended;              /* sees every call, those of the first second too;
                                       * NULL = nothing does */
    void *arg;                        /* of ended */
};

struct sim_result {                   /* calls of the first second do not count */
    uint64_t n, n_err;                /* calls that ended; of these, failed */
    double p50_ms, p99_ms, p999_ms;   /* durations of all of them, failed ones included */
    uint64_t n_late, n_err_late;      /* the same counts for the last quarter of the
                                       * run */
    uint64_t n_err_fault;             /* failed since the half of the run */
    double max_share, min_share; /* calls of the most and the least loaded node, where
                                       * 1 is the node's share by its speed */
};

/* 32 nodes of three speeds, 20 hosts, load 0.7, hiccups, 60 s. */
extern const struct sim_config sim_preset;

/* Returns 0 or -ENOMEM. */
int sim_run(const struct sim_config *cfg, struct sim_result *out);

#endif
