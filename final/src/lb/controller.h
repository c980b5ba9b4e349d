/* controller -- one tick of the agent for one module: what the callers have counted
 * becomes costs, ejections and limits, which pick_node() then reads in every process of
 * the host.  Pure, but for the arrays that it is given: in the agent they are shared
 * memory, in the simulator the heap.
 * Source: docs/decisions/015; health.h and zone_breaker.h name theirs.
 * Thread: the owner's. */
#ifndef LARS_LB_CONTROLLER_H
#define LARS_LB_CONTROLLER_H

#include "lb/health.h"
#include "lb/pick.h"
#include "lb/zone_breaker.h"

/* What a failed call counts as at least, so that a node that fails fast attracts no
 * calls: twice the module's mean duration, within these bounds. */
#define CONTROLLER_PENALTY_MIN_US 20000
#define CONTROLLER_PENALTY_MAX_US 30000000

struct controller {                   /* of one module */
    struct pick_view view;            /* view.policy may be NULL: costs by duration */
    _Atomic uint32_t *cost;           /* by nid: the array of view.cost, to be written */
    struct health_node *node;         /* by nid */
    struct zone_breaker breaker;
    uint32_t eject_after;             /* failures in a row that eject a node */
    uint32_t penalty_us;              /* least duration of a failed call */
    uint32_t n_ejected;               /* nodes that are ejected; readmission is the
                                       * caller's, who counts it down */
    uint32_t n_vetoed; /* ejections that pick_may_eject() prevented, ever */
    bool changing;                    /* a node or the zone warms up: step again soon,
                                       * even when there are no calls */
};

struct controller_hooks {             /* called from within a step */
    /* The totals of a node over all callers; never less than before, else they are
     * ignored. */
    void (*totals)(uint32_t nid, struct health_totals *out, void *arg);
    void (*ejected)(uint32_t nid, enum eject_reason why, void *arg);
    void *arg;
};

/* Ejects a node, unless the cap would be exceeded. */
void controller_eject(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, uint32_t nid,
                      enum eject_reason why, uint64_t now_ms);

/* One tick.  <scratch>: room for view.n pointers.  Writes the costs, eject_after,
 * penalty_us, view.own_max and changing. */
void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **scratch,
                     uint64_t now_ms);

#endif
