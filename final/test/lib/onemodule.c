/* The controller and the choice of nodes are production's; calls end at once and checks
 * are asked for four times a second. */
#include "onemodule.h"

#include <stdatomic.h>

struct onemodule fx;

static void totals(uint32_t nid, struct health_totals *out, void *arg)
{
    (void)arg;
    *out = fx.total[nid];
}

static void changed(uint32_t nid, enum node_event event, void *arg)
{
    (void)arg;
    fx.n_changes[nid] += event == NODE_EVENT_OUT || event == NODE_EVENT_UP;
}

const struct lb_policy *fx_policy(const char *name)
{
    return policies_at((uint32_t)policies_find(name));
}

int fx_setup(void **state)
{
    uint32_t i;

    (void)state;
    memset(&fx, 0, sizeof(fx));
    rnd_init(&fx.st.rnd, 3);
    fx.st.slot = fx.slot;
    for (i = 0; i < FX_N; i++) {
        fx.cost[i] = 1000 * 256;
        fx.member[i] = (struct node_member){i, 100, 0, 0};
    }
    fx.s = (struct controller){.view = {.cost = fx.cost,
                                        .counter = fx.counter,
                                        .member = fx.member,
                                        .n = FX_N,
                                        .n_own = FX_N,
                                        .demand = PICK_DEMAND_PRESET,
                                        .own_max = PICK_FULL,
                                        .policy = fx_policy("wrr")}, /* ignores costs */
                               .cost = fx.cost,
                               .node = fx.node,
                               .eject_after = 3,
                               .penalty_us = CONTROLLER_PENALTY_MIN_US};
    fx.hooks = (struct controller_hooks){totals, changed, NULL};
    fx.now_ms = 1000;
    fx.kind = NODE_CHECK_SERVICE;
    fx.least_available = FX_N;
    return 0;
}

void fx_call(void)
{
    uint32_t i = pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL);

    if (i == PICK_NONE) {
        fx.n_none++;
        return;
    }
    fx.calls[i]++;
    fx.total[i].done++;
    fx.total[i].err += fx.bad[i];
    fx.total[i].lat_us += fx.bad[i] ? fx.s.penalty_us : 2000;
    pick_call_ended(&fx.s.view, i, fx.s.eject_after, !fx.bad[i], fx.now_ms,
                    fx.now_ms);
}

void fx_step(void)
{
    controller_step(&fx.s, &health_preset, &fx.hooks, fx.part, fx.now_ms);
}

static void check(void)
{
    uint32_t i;

    for (i = 0; i < FX_N; i++)
        if (controller_wants_check(&fx.s, i, fx.now_ms))
            controller_checked(&fx.s, &health_preset, &fx.hooks, i, fx.kind,
                               fx.open_ports || (!fx.closed_ports && !fx.bad[i]),
                               fx.now_ms);
}

void fx_run(uint32_t ms, void (*each)(void))
{
    uint64_t end = fx.now_ms + ms;
    struct pick_census in;
    int k;

    for (; fx.now_ms < end; fx.now_ms += FX_TICK_MS) {
        if (each)
            each();
        for (k = 0; k < 4; k++)
            fx_call();
        fx_step();
        if (fx.now_ms % 250 == 0)
            check();
        pick_count(&fx.s.view, fx.now_ms, &in);
        if ((int)in.own < fx.least_available)
            fx.least_available = (int)in.own;
    }
}

uint64_t fx_n_failed(void)
{
    uint64_t n = fx.n_none;
    uint32_t i;

    for (i = 0; i < FX_N; i++)
        n += fx.total[i].err;
    return n;
}
