/* What is production's code here: the controller with all that is below it, and the
 * layout of members.  What is a model: the times between two checks, which
 * agent_data/checks.c has for sockets; both must have the same figures.
 *
 * Rejected: running agent_data/checks.c itself, because it needs a loop and sockets. */
#include "sim/sim_agent.h"

#define CHECK_EVERY_MS 1000           /* as agent_data/checks.c */
#define CHECK_CONFIRM_MS 250
#define CONFIRMED 2

static void totals_of(uint32_t nid, struct health_totals *out, void *arg)
{
    *out = ((struct sim_agent *)arg)->totals[nid];
}

static void on_changed(uint32_t nid, enum node_event event, void *arg)
{
    (void)nid;
    (void)event;
    (void)arg;
}

static struct controller_hooks hooks_of(struct sim_agent *a)
{
    return (struct controller_hooks){totals_of, on_changed, a};
}

/* Orders the members, the own zone's first.  Returns how many these are. */
static uint32_t order_members(struct sim_agent *a, const struct sim_config *cfg,
                              uint32_t id)
{
    uint32_t i, n_own = cfg->n_own, first = 0;

    if (cfg->n_zone > 0) {
        n_own = cfg->n_node / cfg->n_zone;
        first = id % cfg->n_zone * n_own;
    }
    for (i = 0; i < cfg->n_node; i++)
        a->member[i] = (struct node_member){(first + i) % cfg->n_node, NODE_WEIGHT,
                                            i >= n_own, 0};
    return n_own;
}

void sim_agent_init(struct sim_agent *a, const struct sim_config *cfg, uint32_t id,
                    uint64_t seed)
{
    uint32_t i, n_own = order_members(a, cfg, id);

    a->n_node = cfg->n_node;
    for (i = 0; i < cfg->n_node; i++)
        a->cost[i] = 1000 * NODE_COST_UNIT;
    rnd_init(&a->st.rnd, seed);
    a->st.slot = a->slot;
    a->controller = (struct controller){
        .view = {.cost = a->cost,
                 .counter = a->counter,
                 .member = a->member,
                 .n = cfg->n_node,
                 .n_own = n_own,
                 .demand = PICK_DEMAND_PRESET,
                 .own_max = PICK_FULL,
                 .policy = cfg->policy ? cfg->policy : policies_at(0)},
        .cost = a->cost,
        .node = a->health,
        .eject_after = health_eject_after(0),
        .penalty_us = CONTROLLER_PENALTY_MIN_US};
}

/* Does the check of member <i> begin now? */
static bool begins_check(struct sim_agent *a, uint32_t i, uint64_t now_ms)
{
    uint32_t nid = a->member[i].nid;
    const struct node_state *st = &a->health[nid].state;
    struct sim_check *c = &a->check[nid];

    if (c->running)
        return false;
    if (!controller_wants_check(&a->controller, i, now_ms)) {
        *c = (struct sim_check){0};
        return false;
    }
    c->running = now_ms >= c->due_ms ||
                 (st->n_fail == 0 && node_state_is_doubted(st, now_ms));
    return c->running;
}

uint64_t sim_agent_tick(struct sim_agent *a, uint64_t now_ms)
{
    const struct controller_hooks hooks = hooks_of(a);
    struct health_node *scratch[SIM_NODES];
    uint64_t checks = 0;
    uint32_t i;

    controller_step(&a->controller, &health_preset, &hooks, scratch, now_ms);
    for (i = 0; i < a->n_node; i++)
        if (begins_check(a, i, now_ms))
            checks |= 1ull << a->member[i].nid;
    return checks;
}

void sim_agent_checked(struct sim_agent *a, uint32_t node, enum node_check kind, bool ok,
                       uint64_t now_ms)
{
    const struct controller_hooks hooks = hooks_of(a);
    struct sim_check *c = &a->check[node];

    c->running = false;
    c->n_same = c->due_ms != 0 && c->ok == ok ? c->n_same + 1 : 1;
    c->ok = ok;
    c->due_ms = now_ms + (c->n_same < CONFIRMED ? CHECK_CONFIRM_MS : CHECK_EVERY_MS);
    controller_checked(&a->controller, &health_preset, &hooks, node, kind, ok, now_ms);
}
