/* spillover -- the demand on the own zone as a part of its capacity.  pick_node() sends
 * to other zones what exceeds the capacity that is left.
 *
 * With measured rates and a known capacity per node, demand is calls / capacity.  Without
 * a capacity, the zones' shares of the calls and of the weight are compared, as if all
 * zones together had 1.4 times the capacity that is needed (Envoy's overprovisioning
 * factor).  Without rates, each zone is taken to have the share of the calls that it has
 * of the weight: PICK_DEMAND_PRESET.
 * Source: Envoy's zone aware routing, with measured demand in place of counts of nodes.
 * Thread: any; pure. */
#ifndef LARS_LB_SPILLOVER_H
#define LARS_LB_SPILLOVER_H

#include <stdbool.h>
#include <stdint.h>

#define SPILLOVER_MIN 100             /* calls a second in all zones; with fewer, rates
                                       * are chance and count as not measured */

struct spillover_load {               /* of one module */
    uint64_t own_per_s, all_per_s;    /* calls a second from our zone, from all */
    uint64_t own_weight, all_weight;  /* summed over the nodes of our zone, of all */
    uint32_t node_rps;                /* calls a second that a node of weight 100 takes;
                                       * 0 = unknown */
};

/* Returns the demand, 1 to 100 x PICK_FULL; PICK_FULL is the capacity of the own zone.
 * <spills> is the hysteresis, kept by the caller and false at first: it becomes true
 * when the demand exceeds the capacity, and false again below 0.9 of it; while it is
 * true, the result is more than PICK_FULL. */
uint32_t spillover_demand(const struct spillover_load *c, bool *spills);

#endif
