/* controller -- one tick of the agent for one module: what the callers have counted, and
 * what checks have seen, becomes costs, states and limits, which pick_node() then reads
 * in every process of the host.  Pure, but for the arrays that it is given: in the agent
 * they are shared memory, in the simulator the heap.
 * Source: docs/decisions/015 and 020; the headers of the parts name theirs.
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
    uint32_t n_out, n_down;           /* nodes that are not up; of these, down */
    uint32_t n_vetoed;                /* ejections that pick_may_eject() prevented,
                                       * ever */
    uint64_t trouble_ms;              /* last sign of trouble in the own zone; 0 = none */
    bool spills;                      /* calls go to other zones now */
    uint64_t called_ms;               /* last step that saw a call end; 0 = never */
    uint64_t try_after_ms;            /* no trial before of a node of which checks only
                                       * see its kernel */
    bool changing;                    /* costs change with time alone: step again soon,
                                       * even when there are no calls */
};

struct controller_hooks {             /* called from within a step */
    /* The totals of a node over all callers; less than before after a call log was
     * dropped. */
    void (*totals)(uint32_t nid, struct health_totals *out, void *arg);
    /* The state of a node has changed: node[nid].state is the new one. */
    void (*changed)(uint32_t nid, enum node_event event, void *arg);
    void *arg;
};

/* One tick.  <scratch>: room for view.n pointers.  Writes the costs, eject_after,
 * penalty_us, view.own_max, spills and changing. */
void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **scratch,
                     uint64_t now_ms);

/* A check of node <nid> has ended. */
void controller_checked(struct controller *s, const struct health_config *c,
                        const struct controller_hooks *hooks, uint32_t nid,
                        enum node_check kind, bool ok, uint64_t now_ms);

/* Is member <i> to be checked now?  A node of the own zone: while it is not up, and after
 * a call to it has failed.  Every node while calls go to other zones; and the first
 * CONTROLLER_RESERVE of the own zone and of the others while there is trouble, so that
 * those that work are known when the first call needs them.  And while the module is
 * called, nodes of the own zone that no call has shown to work lately, CONTROLLER_RESERVE
 * in a second. */
bool controller_wants_check(const struct controller *s, uint32_t i, uint64_t now_ms);

#define CONTROLLER_RESERVE 8

#endif
