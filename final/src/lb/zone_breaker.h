/* zone_breaker -- brings calls back to a zone that failed as a whole.  pick_node() sends
 * them away at once when most of a zone's nodes are out and other zones are better; the
 * breaker then opens, and after the nodes have been available for a while it raises the
 * own zone's share slowly to all calls.  A zone whose nodes were taken out of the route
 * and put back, as by a drain and a return, comes back by a shorter ramp.  Source: the
 * circuit breaker (Nygard, Release It!, 2007) with a linear ramp in place of the
 * half-open state.  Pure.  Thread: the owner's. */
#ifndef LARS_LB_ZONE_BREAKER_H
#define LARS_LB_ZONE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_BREAKER_CLEAN_MS 5000 /* most nodes available for so long before the ramp */
#define ZONE_BREAKER_BACK_MS 30000    /* length of the ramp, from 0.2 % to all calls */
#define ZONE_BREAKER_RETURN_MS 10000  /* the same, of a zone that had no node in a route:
                                       * it was drained, and nothing had failed */

struct zone_breaker {                 /* the own zone of one module; zeroed = closed */
    bool open;                        /* the zone has failed and is not back yet */
    bool absent;                      /* it has no node in the route, other zones have */
    bool returning;                   /* it has nodes again, since: */
    uint64_t returned_ms;
    uint64_t healthy_since_ms;        /* while open: most nodes are available since; 0 =
                                       * they are not */
};

struct zone_breaker_nodes {
    uint32_t own, n_own;              /* of the own zone: available nodes, all nodes */
    uint32_t other, n_other;          /* of the other zones: the same, of those that are
                                       * checked */
};

/* Returns the share of our calls that may stay in the own zone, of PICK_FULL, for
 * pick_view.own_max. */
uint32_t zone_breaker_step(struct zone_breaker *z, const struct zone_breaker_nodes *n,
                           uint64_t now_ms);

#endif
