/* onemodule.h -- one module with its controller, in virtual time: callers, checks and
 * ticks around eight nodes that a test fails and mends.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_ONEMODULE_H
#define LARS_TEST_LIB_ONEMODULE_H

#include "../t.h"
#include "lb/controller.h"
#include "lb/policies.h"

#define FX_N 8
#define FX_TICK_MS 10

struct onemodule {
    _Atomic uint32_t cost[FX_N];
    struct node_counter counter[FX_N];
    struct node_member member[FX_N];
    struct health_node node[FX_N], *part[FX_N];
    struct health_totals total[FX_N];
    bool bad[FX_N];                   /* calls and checks of the node fail */
    enum node_check kind;             /* what a good check sees */
    bool open_ports;                  /* checks succeed although calls fail */
    bool closed_ports;                /* no check succeeds: TCP does not reach the service
                                       * */
    struct pick_state st;
    int64_t slot[FX_N];
    struct controller s;
    struct controller_hooks hooks;
    uint64_t now_ms, calls[FX_N];
    uint64_t n_none;                  /* calls for which there was no node */
    int n_changes[FX_N], least_available;
};

extern struct onemodule fx;

/* For cmocka: all nodes are up, in the own zone, and the policy is wrr. */
int fx_setup(void **state);

/* One call. */
void fx_call(void);

/* One tick of the agent. */
void fx_step(void);

/* <ms> of virtual time with 400 calls a second, ticks and checks.  <each>, if any, is
 * called at each step. */
void fx_run(uint32_t ms, void (*each)(void));

/* Failed calls until now, those without a node included. */
uint64_t fx_n_failed(void);

const struct lb_policy *fx_policy(const char *name);

#endif
