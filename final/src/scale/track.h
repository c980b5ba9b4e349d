/* track -- whether nodes still do what was measured.  Pure: once a minute it gets what
 * each node has answered, and says by which factor a measured capacity is to count now.
 *
 *     A node is slow when more than 1 % of its answers began later than the target, at
 *     less than 0.8 of the measured requests a second.  When more of the nodes of a class
 *     are slow than are not, in two minutes in a row, the factor falls to the median of
 *     observed / measured of the slow ones, not below 0.5.  In a minute in which as many
 *     or more are well as are slow it recovers by 0.05, up to 1.
 * Nodes with few answers, with more than 0.8 of what was measured, or of which a gateway
 * does not tell (node_minute.partial) say nothing.
 * Without data, or when others than gateways call the module, nothing changes.
 * Thread: one at a time. */
#ifndef LARS_SCALE_TRACK_H
#define LARS_SCALE_TRACK_H

#include "scale/node_minutes.h"
#include "scale/snapshot.h"

#define TRACK_FACTOR_LEAST 0.5
#define TRACK_FACTOR_DRIFT 0.8 /* below it for 5 min: the alarm capacity_drift */
#define TRACK_MAX 256 /* capacities; more are left out */

struct track_change {
    struct module_id id;
    char class[SNAPSHOT_NAME];
    double was, factor;
};

struct track { /* zeroed before its first use, and to forget */
    struct track_memory {
        struct module_id id;
        char class[SNAPSHOT_NAME];
        unsigned slow_minutes; /* in a row */
    } memory[TRACK_MAX];
    size_t n;
};

/* What has changed in the last minute, into <out>.  Returns how many.  A node has the
 * class of the host of <s> with its address, or none.  A capacity without
 * a target is not tracked. */
size_t track_minute(struct track *t, const struct snapshot *s,
                    const struct node_minutes *m, struct track_change out[TRACK_MAX]);

#endif
