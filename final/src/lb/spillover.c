#include "lb/spillover.h"

#include "lb/pick.h"

#define MOST (100 * PICK_FULL)
#define ENDS_AT (PICK_FULL * 9 / 10)

static uint32_t capped(double v)
{
    return v < 1 ? 1 : v > MOST ? MOST : (uint32_t)v;
}

static uint32_t raw(const struct spillover_load *c)
{
    double calls, weight;

    if (c->own_weight == 0 || c->own_weight >= c->all_weight ||
        c->all_per_s < SPILLOVER_MIN)
        return PICK_DEMAND_PRESET;
    if (c->node_rps > 0)
        return capped((double)c->own_per_s * PICK_FULL * NODE_WEIGHT /
                      ((double)c->own_weight * c->node_rps));
    calls = (double)c->own_per_s / (double)c->all_per_s;
    weight = (double)c->own_weight / (double)c->all_weight;
    return capped(PICK_DEMAND_PRESET * calls / weight);
}

uint32_t spillover_demand(const struct spillover_load *c, bool *spills)
{
    uint32_t need = raw(c);

    *spills = need > (*spills ? ENDS_AT : PICK_FULL);
    if (*spills && need <= PICK_FULL)
        need = PICK_FULL + 1; /* it holds until there is room again */
    return need;
}
