/* The hysteresis is in the demand and not in the choice, so all clients of a host begin
 * and end a spill at the same moment.  Rejected: smoothing the rates instead, because it
 * delays the begin of a spill as well, when the zone is already overloaded. */
#include "lb/spillover.h"

#include "lb/pick.h"

#define DEMAND_MAX (100 * PICK_FULL)
#define ENDS_AT (PICK_FULL * 9 / 10)

static uint32_t clamp(double demand)
{
    return demand < 1 ? 1 : demand > DEMAND_MAX ? DEMAND_MAX : (uint32_t)demand;
}

static uint32_t demand_now(const struct spillover_load *c)
{
    double calls, weight;

    if (c->own_weight == 0 || c->own_weight >= c->all_weight ||
        c->all_per_s < SPILLOVER_MIN)
        return PICK_DEMAND_PRESET;
    if (c->node_rps > 0)
        return clamp((double)c->own_per_s * PICK_FULL * NODE_WEIGHT /
                     ((double)c->own_weight * c->node_rps));
    calls = (double)c->own_per_s / (double)c->all_per_s;
    weight = (double)c->own_weight / (double)c->all_weight;
    return clamp(PICK_DEMAND_PRESET * calls / weight);
}

uint32_t spillover_demand(const struct spillover_load *c, bool *spills)
{
    uint32_t demand = demand_now(c);

    *spills = demand > (*spills ? ENDS_AT : PICK_FULL);
    if (*spills && demand <= PICK_FULL)
        demand = PICK_FULL + 1;
    return demand;
}
