/* need -- how many nodes of a module each zone needs.  Pure arithmetic: no clock, no
 * memory.
 *
 * Load is measured in nodes of measured capacity: 3.5 means that three and a half nodes
 * would be fully used.  With Z zones that can be used, each of which has n nodes,
 *     load / (Z n) <= util       in normal use, and
 *     load / ((Z - 1) n) <= floor   when one zone is lost (Z >= 2).
 * The second is the floor that survives the loss of a zone: the nodes that take over run
 * before it happens.
 * Figures that are negative or no numbers count as 0.  Thread: any. */
#ifndef LARS_SCALE_NEED_H
#define LARS_SCALE_NEED_H

#include <stdint.h>

struct need_capacity { /* of one node */
    double rps; /* requests a second; 0 = not measured */
    double inflight; /* requests in progress; 0 = not measured */
};

struct need_demand { /* of one module */
    double served; /* requests a second that nodes answer, all zones */
    double refused; /* requests a second that were refused */
    double inflight; /* mean requests in progress at nodes */
};

/* At most this many times the served requests count as refused: robots, which ask again
 * at once, cannot ask for more. */
#define NEED_REFUSED_MAX 7

#define NEED_NODES_MAX 1e6 /* no load and no need is above it */

/* Requests a second that are wanted: served and, bounded, refused. */
double need_wanted_rps(const struct need_demand *d);

/* The load in nodes: the larger one of requests and requests in progress.  Returns -1
 * when nothing is measured. */
double need_load(const struct need_demand *d, const struct need_capacity *c);

struct need_rule {
    double util, floor; /* 0.70, 0.90 of a node's capacity; these when not above 0 */
    unsigned zones; /* that can be used; 0 counts as 1 */
};

/* Nodes in each zone, not rounded; 0 when <load> is not measured. */
double need_per_zone(double load, const struct need_rule *r);

/* The whole number of nodes: rounded up, but not because of an error of arithmetic. */
unsigned need_nodes(double need);

#endif
