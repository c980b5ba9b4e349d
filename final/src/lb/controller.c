#include "lb/controller.h"

#include <stdatomic.h>

/* What the callers counted, and the mean of those that are in. */
static double observe(const struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, struct health_node **part,
                      uint64_t now_ms)
{
    struct health_totals t;
    double total = 0;
    uint32_t i, n = 0;

    for (i = 0; i < s->view.n; i++) {
        struct health_node *h = &s->node[s->view.member[i].nid];

        hooks->totals(s->view.member[i].nid, &t, hooks->arg);
        if (t.done >= h->seen.done && t.err >= h->seen.err && t.lat_us >= h->seen.lat_us)
            health_observe(h, c, &t,
                           atomic_load(&s->view.counter[s->view.member[i].nid].streak),
                           now_ms); /* less: a ledger was dropped */
        part[i] = h;
        if (h->mean_us > 0 && h->ejected_until_ms == 0) {
            total += h->mean_us;
            n++;
        }
    }
    return n > 0 ? total / n : 0;
}

static void set_limits(struct controller *s, struct health_node *const *part,
                       double mean_us)
{
    double punish = 2 * mean_us;

    if (punish < CONTROLLER_PENALTY_MIN_US)
        punish = CONTROLLER_PENALTY_MIN_US;
    if (punish > CONTROLLER_PENALTY_MAX_US)
        punish = CONTROLLER_PENALTY_MAX_US;
    s->penalty_us = (uint32_t)punish;
    s->eject_after = health_module_eject_after(part, s->view.n);
}

void controller_eject(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, uint32_t nid,
                      enum eject_reason why, uint64_t now_ms)
{
    /* a caller's proposal ends here, with or without effect */
    atomic_store(&s->view.counter[nid].ejected_until_ms, 0);
    if (!pick_may_eject(&s->view, now_ms)) {
        s->n_vetoed++;
        return;
    }
    health_eject(&s->node[nid], c, why, now_ms);
    atomic_store(&s->cost[nid], NODE_EJECTED + why);
    s->n_ejected++;
    hooks->ejected(nid, why, hooks->arg);
}

static void judge(struct controller *s, const struct health_config *c,
                  const struct controller_hooks *hooks, struct health_node *const *part,
                  uint64_t now_ms)
{
    uint32_t i;

    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        const struct node_counter *n = &s->view.counter[nid];

        if (s->node[nid].ejected_until_ms)
            continue;
        if (atomic_load(&n->ejected_until_ms) > now_ms)
            controller_eject(s, c, hooks, nid, EJECT_PROPOSED, now_ms);
        else if (atomic_load(&n->streak) >= s->eject_after)
            controller_eject(s, c, hooks, nid, EJECT_STREAK, now_ms);
        else if (health_is_outlier(part, s->view.n, i))
            controller_eject(s, c, hooks, nid, EJECT_OUTLIER, now_ms);
    }
}

void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **part,
                     uint64_t now_ms)
{
    double mean = observe(s, c, hooks, part, now_ms);
    uint32_t i, own;

    set_limits(s, part, mean);
    judge(s, c, hooks, part, now_ms);
    s->changing = false;
    for (i = 0; i < s->view.n; i++) {
        const struct node_member *m = &s->view.member[i];
        struct health_node *h = &s->node[m->nid];
        uint32_t cost = health_cost(h, m->weight, mean, now_ms);

        if (cost < NODE_EJECTED && health_warmup_pauses(h, c, now_ms))
            cost = NODE_WARMING;
        atomic_store_explicit(&s->cost[m->nid], cost, memory_order_relaxed);
        s->changing = s->changing || (h->warmup_since_ms &&
                                      now_ms - h->warmup_since_ms <= c->slow_ms + 1000);
    }
    pick_count_available(&s->view, now_ms, &own);
    s->view.own_max =
        zone_breaker_step(&s->breaker, own, s->view.n_own, s->view.n, now_ms);
    s->changing = s->changing || s->breaker.open;
}
