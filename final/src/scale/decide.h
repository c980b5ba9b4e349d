/* decide -- how many nodes of a module are wanted in each zone, once a second.  Pure: all
 * that is known goes in, the decision with its reason comes out; averages are kept in
 * <struct decide_state>, which a new leader begins anew.
 *
 *     urgent  the last seconds use more than 0.85 of all nodes; or, with two or more
 *             zones and in two successive rounds, more than 1.5 times the nodes left
 *             without the largest zone: as many as are needed, at once
 *     floor   the mean of a minute needs more than 1.05 n: 1.05 times what it needs
 *     plan    a plan, or the minimum, is above n
 *     down    the highest mean of 15 min and the last seconds need less than
 *             0.83 (n - 1): one step, of a tenth or one node, every 60 s
 * Load leads to at most 8 times as many nodes in one round.
 * Steps start from what is wanted, never from what is ready: while nodes start, the same
 * load is not answered a second time.  Missing data never lead to fewer nodes.
 * There is always one node, and there are two (unless max_zone is 1) under demand. */
#ifndef LARS_SCALE_DECIDE_H
#define LARS_SCALE_DECIDE_H

#include <stdbool.h>

#include "scale/need.h"

enum decide_rule {
    DECIDE_KEEP,
    DECIDE_URGENT,
    DECIDE_FLOOR,
    DECIDE_PLAN,
    DECIDE_DOWN,
};

const char *decide_rule_name(enum decide_rule r); /* "keep", "urgent" ...: static */

/* Why nothing goes down now; the first that holds, in this order. */
enum decide_hold {
    DECIDE_FREE,
    DECIDE_FROZEN, /* by an operator, or in a drill */
    DECIDE_NO_DATA, /* a gateway has not answered for 60 s */
    DECIDE_UNMEASURED, /* the capacity of a node is not known */
    DECIDE_NEW_LEADER, /* less than 300 s */
    DECIDE_AFTER_URGENT, /* less than 300 s after an urgent step */
    DECIDE_ZONE_SUSPECT, /* a zone is being lost or came back */
    DECIDE_ALARM, /* an alarm of the module is open */
    DECIDE_BEHIND, /* fewer or more nodes run than are wanted */
};

const char *decide_hold_name(enum decide_hold h); /* "", "frozen" ...: static */

/* How slowly nodes are taken away. */
struct decide_pace {
    uint32_t window_s; /* 900: its highest mean decides */
    uint32_t hold_s; /* 300: after an urgent step, of a new leader */
    uint32_t every_s; /* 60: between two steps down */
};

extern const struct decide_pace decide_pace_usual;

struct decide_input {
    uint64_t now_ms; /* monotonic */
    bool fresh; /* there is a demand of the last second */
    double load; /* need_load(); -1 = not measured */
    struct need_rule rule;
    unsigned nodes_up; /* in the route and serving, all zones */
    unsigned largest_zone_up; /* of these, in the largest zone */
    unsigned zones_up; /* zones that have one of them */
    unsigned min_zone, max_zone; /* in each zone; max 0 = no bound */
    unsigned plan; /* in each zone, 0 = none */
    bool frozen, all_gateways_60s, zone_suspect, alarm, behind;
};

struct decide_state; /* of one module */
/* <wanted>: what the tables say.  <pace> is copied; NULL = the usual one.  0 in it counts
 * as 1.  Returns 0 or -ENOMEM. */
int decide_state_create(struct decide_state **out, const struct decide_pace *pace,
                        unsigned wanted, uint64_t now_ms);
void decide_state_destroy(struct decide_state *s); /* NULL is fine */

struct decide_output {
    unsigned was, wanted; /* in each zone */
    unsigned need; /* of load and floor, in each zone; 0 = unmeasured */
    double fast, slow, peak; /* load: last seconds, minute, highest minute */
    enum decide_rule rule;
    enum decide_hold hold;
    bool at_max; /* max_zone keeps it lower than it should be */
    unsigned unbounded; /* wanted without max_zone, if this is more than <was> */
};

/* One round, called about once a second.  Thread: one at a time for each state. */
void decide_round(struct decide_state *s, const struct decide_input *in,
                  struct decide_output *out);

#endif
