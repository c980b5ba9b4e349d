/* need -- which part of our zone's capacity is wanted: pick_node() sends away what is
 * more than there is.  Pure.  Thread: any.
 *
 * With measured rates and a known capacity it is calls / capacity.  Without a capacity
 * the zones' shares of calls and of weight are compared, as if all zones together had
 * 1.4 times what is wanted of them (Envoy's overprovisioning factor); without rates, as
 * if every zone had the share of calls that its weight has. */
#ifndef LARS_LB_SPILLOVER_H
#define LARS_LB_SPILLOVER_H

#include <stdbool.h>
#include <stdint.h>

#define SPILLOVER_MIN 100 /* calls a second in all: less is no load */

struct spillover_load {
    uint64_t own_per_s, all_per_s; /* all below SPILLOVER_MIN = not measured */
    uint64_t own_weight, all_weight; /* of nodes in our zone, in all */
    uint32_t node_rps; /* of a node of weight 100; 0 = not known */
};

/* Of PICK_FULL, at most 100 times that.  <spills>: it was more than there is, the last
 * time; then it counts until it is less than 0.9 of it.  Written. */
uint32_t spillover_demand(const struct spillover_load *c, bool *spills);

#endif
