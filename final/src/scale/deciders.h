/* deciders -- decides for each module, from what the tables and the gateways say, how
 * many nodes each zone is to have: puts the inputs of decide.h together, keeps the
 * state of each module, and says what to record.  Thread: one at a time. */
#ifndef LARS_SCALE_DECIDERS_H
#define LARS_SCALE_DECIDERS_H

#include "scale/decide.h"
#include "scale/demand.h"
#include "scale/exec_modules.h"
#include "scale/scale_db.h"
#include "scale/zones.h"

#define DECIDERS_MODULES_MAX 256 /* more are left out */
#define DECIDERS_WANTS_MAX (DECIDERS_MODULES_MAX * 4)

struct decided_zone { /* what a module has in one zone */
    char zone[SNAPSHOT_ZONE];
    double served, refused; /* requests a second of its gateways */
    unsigned wanted, missing; /* nodes in the route; of these, without a slot */
    unsigned up, warm, starting, drained, bad;
};

struct decided { /* what was decided for one module */
    struct scale_decision decision;
    enum decide_rule rule;
    enum decide_hold hold; /* why nothing goes down now */
    double load; /* in nodes; -1 = unmeasured */
    struct need_capacity capacity; /* of a node */
    double factor; /* of what was measured, this part */
    unsigned warm, starting, drained, bad;
    unsigned missing; /* nodes without a slot, all zones */
    bool floor_short; /* so no zone may be lost: capacity.floor */
    bool ceiling; /* so the load does not fit: capacity.ceiling */
    bool at_max; /* its upper bound keeps it lower than it should be: capacity.max */
    unsigned max_zone; /* the upper bound in each zone; 0 = none */
    unsigned unbounded; /* nodes that each zone would have without it, if more */
    bool dry_run;
    bool due; /* the decision is to be recorded */
    bool is_first; /* the first of this leader */
    size_t first_want, n_want; /* of the module in <want> */
    size_t first_zone, n_zone; /* of the module in <zone> */
};

struct deciders {
    struct decide_pace pace; /* set by the owner before the first round */
    struct exec_modules *exec; /* as well; NULL: modules of the actuator exec are left
                                * out */
    struct zones zones;
    struct decided at[DECIDERS_MODULES_MAX]; /* of the last round */
    size_t n;
    struct node_want want[DECIDERS_WANTS_MAX]; /* zones: borrowed from <zones> */
    unsigned missing[DECIDERS_WANTS_MAX]; /* for node_life_round() */
    size_t n_want;
    struct decided_zone zone[DECIDERS_WANTS_MAX]; /* more are left out */
    size_t n_zone;
    size_t n_slots; /* the first of <want>: in slots; the others: exec */
    struct decider_memory *memory; /* of each module, kept from round to round */
    size_t n_memory, max_memory;
};

/* Of the gateways: the demand of a module.  demand_look() has this form. */
typedef void deciders_demand_fn(struct demand *d, uint32_t modid, uint32_t cmdid,
                                uint64_t now_ms, struct demand_view *out);

/* Decide for each module of <s>.  Returns 0 or -ENOMEM. */
int deciders_round(struct deciders *d, const struct snapshot *s, deciders_demand_fn *look,
                   struct demand *demand, uint64_t now_ms);

/* After node_life_round() has filled <missing>: what is short, the notes, and which
 * decisions are due. */
void deciders_conclude(struct deciders *d, const struct snapshot *s, uint64_t now_ms);

/* The due ones of the last round have been written. */
void deciders_recorded(struct deciders *d, uint64_t now_ms);

void deciders_forget(struct deciders *d); /* all states: another process may lead */

#endif
