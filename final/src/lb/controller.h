/* controller -- one module's step, the agent's half of every policy: what was counted becomes
 * costs, verdicts and limits for pick_node().  Pure but for the arrays that it is given:
 * in the agent they are shared memory, in the simulator the heap.
 * Thread: the owner's. */
#ifndef LARS_LB_CONTROLLER_H
#define LARS_LB_CONTROLLER_H

#include "lb/health.h"
#include "lb/pick.h"
#include "lb/zone_breaker.h"

#define CONTROLLER_PENALTY_MIN_US 20000 /* the least that a failed call counts as */
#define CONTROLLER_PENALTY_MAX_US 30000000

struct controller { /* of one module */
    struct pick_view view;
    _Atomic uint32_t *cost; /* by nid: view.cost, to be written */
    struct health_node *node; /* by nid */
    struct zone_breaker breaker;
    uint32_t eject_after; /* failures in a row that eject a node */
    uint32_t penalty_us;
    uint32_t n_ejected,
        n_vetoed; /* nodes ejected now; ejections that the cap prevented */
    bool changing; /* costs change by themselves: step again soon */
};

struct controller_hooks {
    /* What all callers counted of a node since ever. */
    void (*totals)(uint32_t nid, struct health_totals *out, void *arg);
    void (*ejected)(uint32_t nid, enum eject_reason why, void *arg);
    void *arg;
};

/* Take a node out, unless too few would be left. */
void controller_eject(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, uint32_t nid,
                      enum eject_reason why, uint64_t now_ms);

/* <part>: room for view.n pointers.  Afterwards k, penalty_us and view.own_max are
 * new. */
void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **part,
                     uint64_t now_ms);

#endif
