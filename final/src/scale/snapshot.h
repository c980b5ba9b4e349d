/* snapshot -- what the tables said at one moment about the modules that are scaled.
 * Plain data, read by scale_db and used by the rest of the autoscaler.  Rows are in the
 * order of their keys.  Ages are those at the moment of reading.  Thread: any, one at a
 * time. */
#ifndef LARS_SCALE_SNAPSHOT_H
#define LARS_SCALE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/module_id.h"

#define SNAPSHOT_NAME 65 /* bytes of a host's or class's name with its 0 */
#define SNAPSHOT_ZONE 33

struct snapshot_policy { /* ScalePolicy, with what is known of the module */
    struct module_id id;
    char actuator[17]; /* slots or exec */
    uint32_t min_zone, max_zone, warm, util_pct, floor_pct;
    bool dry_run;
    bool was_decided; /* last_wanted is that of the last decision */
    uint32_t last_wanted;
    bool alarm; /* an alarm whose subject is the module is open */
    bool in_force; /* each agent that uses the module and has reported
                                       * in the last minute has the present route */
    uint64_t route_sum; /* another number after each change of the route */
    double node_rps, node_inflight; /* of a node, as ModulePolicy has them; 0 = no */
};

struct snapshot_plan { /* a plan in force now; zone "" = each */
    struct module_id id;
    char zone[SNAPSHOT_ZONE];
    uint32_t n_zone;
};

struct snapshot_host { /* ScaleHost */
    char name[SNAPSHOT_NAME], zone[SNAPSHOT_ZONE], class[SNAPSHOT_NAME];
    uint32_t ip; /* IPv4 of its nodes; 0 = its address is no IPv4 */
    uint32_t slots;
    bool in_use;
    uint64_t age_ms; /* since its lars-slotd was heard */
};

struct snapshot_order { /* ScaleWanted */
    uint32_t host; /* index into <host> */
    uint32_t slot;
    struct module_id id;
};

enum snapshot_slot_state {
    SNAPSHOT_STARTING,
    SNAPSHOT_READY,
    SNAPSHOT_SICK,
    SNAPSHOT_FAILED,
    SNAPSHOT_STOPPING,
};

struct snapshot_slot { /* ScaleSlot; a state that is not known: stopping */
    uint32_t host; /* index into <host> */
    uint32_t slot, port;
    struct module_id id;
    enum snapshot_slot_state state;
    uint64_t since_ms; /* it has been in this state for so long */
};

#define SNAPSHOT_MEASURES_MAX 16 /* more are left for a later round */

struct snapshot_measure { /* ScaleMeasure: a node that is loaded to see what it can do */
    struct module_id id;
    char token[33];
    char class[SNAPSHOT_NAME]; /* of the host */
    bool any_class;
    enum { SNAPSHOT_ASKED, SNAPSHOT_GIVEN, SNAPSHOT_REFUSED } state;
    uint32_t host; /* of the slot that was given; n_host = not known */
    uint32_t slot;
    bool over; /* larsctl has ended it, or has gone */
};

struct snapshot_route { /* RouteData of the modules that are scaled */
    struct module_id id;
    uint32_t ip, port;
    bool up; /* it is given out: state up and weight above 0 */
};

struct snapshot_capacity { /* Capacity, times its factor */
    struct module_id id;
    char class[SNAPSHOT_NAME]; /* "" = any */
    double rps, inflight;
    double measured_rps, factor; /* their product is <rps> */
    uint64_t target_us; /* p99 that was allowed; 0 = not known */
};

struct snapshot_load { /* ZoneLoad: calls a second in the last seconds */
    struct module_id id;
    uint32_t zone; /* CRC-32 of its name */
    double rps;
};

struct snapshot_zone { /* ZoneState: an operator keeps the zone out, or is about to */
    char name[SNAPSHOT_ZONE];
    bool leaves; /* about to: its nodes and gateways still serve */
};

#define SNAPSHOT_FRONT_MAX 32 /* more hosts are left out */
#define SNAPSHOT_AT 65 /* bytes of "ADDRESS:PORT" with its 0 */
#define SNAPSHOT_NOTE 256

enum snapshot_front_state {
    SNAPSHOT_FRONT_STANDBY,
    SNAPSHOT_FRONT_STARTING,
    SNAPSHOT_FRONT_ANNOUNCED,
    SNAPSHOT_FRONT_WITHDRAWING,
    SNAPSHOT_FRONT_WITHDRAWN, /* and a state that is not known */
};

struct snapshot_front { /* FrontHost: a host with a gateway */
    char name[SNAPSHOT_NAME], zone[SNAPSHOT_ZONE];
    char admin[SNAPSHOT_AT], outside[SNAPSHOT_AT];
    enum snapshot_front_state state;
    bool held; /* by an operator */
    bool zone_out; /* an operator keeps its zone out: it is not started */
    bool done; /* the program has accepted the command of the state */
    bool seen; /* from outside, so it counts */
    bool ever_seen; /* since it was announced */
    unsigned failed; /* times in a row that it was given up */
    uint64_t age_ms; /* of the state */
    char note[SNAPSHOT_NOTE];
    bool entered; /* of what is written: the age begins again */
};

#define SNAPSHOT_LIST(type, name)                                                        \
    struct type *name;                                                                   \
    size_t n_##name, max_##name

struct snapshot {
    SNAPSHOT_LIST(snapshot_policy, policy);
    SNAPSHOT_LIST(snapshot_plan, plan);
    SNAPSHOT_LIST(snapshot_host, host);
    SNAPSHOT_LIST(snapshot_order, order);
    SNAPSHOT_LIST(snapshot_slot, slot);
    SNAPSHOT_LIST(snapshot_measure, measure);
    SNAPSHOT_LIST(snapshot_route, route);
    SNAPSHOT_LIST(snapshot_capacity, capacity);
    SNAPSHOT_LIST(snapshot_load, load);
    SNAPSHOT_LIST(snapshot_front, front);
    SNAPSHOT_LIST(snapshot_zone, zone_out);
    bool frozen; /* Freeze has a row 'scale' in force, or a drill runs */
};

/* Append a copy of <row> to a list of <s>: snapshot_add(s, host, &row).  0 or -ENOMEM. */
#define snapshot_add(s, list, row)                                                       \
    snapshot_add_row((void **)&(s)->list, &(s)->n_##list, &(s)->max_##list,              \
                     sizeof(*(s)->list), 1 ? (row) : (s)->list)
int snapshot_add_row(void **at, size_t *n, size_t *max, size_t size, const void *row);

void snapshot_empty(struct snapshot *s); /* a snapshot without rows, which owns nothing */

static inline bool snapshot_is(struct module_id a, struct module_id b)
{
    return a.modid == b.modid && a.cmdid == b.cmdid;
}

/* Was any host heard in the last <within_ms>?  Else the Report Services are away, and not
 * all hosts. */
bool snapshot_hears(const struct snapshot *s, uint64_t within_ms);

/* The index of the host of this name, or n_host. */
size_t snapshot_find_host(const struct snapshot *s, const char *name);

#endif
