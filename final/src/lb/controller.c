/* The order of a step matters: first all nodes are observed, then the limits are computed
 * from all of them, then each is judged by the limits, then the costs are published.  So
 * a node is never compared with a fellow's older numbers.
 *
 * Invariant: a cost of NODE_EJECTED and more is written here and nowhere else, and only
 * when pick_may_eject() allows one more.  Clients only propose; a proposal is confirmed
 * or dropped at the next step, so a client that errs costs a node one second at most.
 *
 * Rejected: ejection by the clients alone.  Each sees few calls, so a rare failure looks
 * like a streak to one and like nothing to the others; and after its death nothing would
 * readmit the node. */
#include "lb/controller.h"

#include <stdatomic.h>

#include "lb/policy.h"

/* Fills <fellow> with the module's nodes.  Returns the mean duration of the calls of
 * those that are available, 0 = unknown. */
static double observe(const struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, struct health_node **fellow,
                      uint64_t now_ms)
{
    struct health_totals t;
    double total = 0;
    uint32_t i, n = 0;

    for (i = 0; i < s->view.n; i++) {
        uint32_t nid = s->view.member[i].nid;
        struct health_node *h = &s->node[nid];

        hooks->totals(nid, &t, hooks->arg);
        /* less than before: a call log was dropped meanwhile */
        if (t.done >= h->seen.done && t.err >= h->seen.err && t.lat_us >= h->seen.lat_us)
            health_observe(h, c, &t, atomic_load(&s->view.counter[nid].streak), now_ms);
        fellow[i] = h;
        if (h->mean_us > 0 && h->ejected_until_ms == 0) {
            total += h->mean_us;
            n++;
        }
    }
    return n > 0 ? total / n : 0;
}

static void set_limits(struct controller *s, struct health_node *const *fellow,
                       double mean_us)
{
    double penalty = 2 * mean_us;

    if (penalty < CONTROLLER_PENALTY_MIN_US)
        penalty = CONTROLLER_PENALTY_MIN_US;
    if (penalty > CONTROLLER_PENALTY_MAX_US)
        penalty = CONTROLLER_PENALTY_MAX_US;
    s->penalty_us = (uint32_t)penalty;
    s->eject_after = health_module_eject_after(fellow, s->view.n);
}

void controller_eject(struct controller *s, const struct health_config *c,
                      const struct controller_hooks *hooks, uint32_t nid,
                      enum eject_reason why, uint64_t now_ms)
{
    /* a client's proposal ends here, with or without effect */
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

static void judge_nodes(struct controller *s, const struct health_config *c,
                        const struct controller_hooks *hooks,
                        struct health_node *const *fellow, uint64_t now_ms)
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
        else if (health_is_outlier(fellow, s->view.n, i))
            controller_eject(s, c, hooks, nid, EJECT_OUTLIER, now_ms);
    }
}

static void publish_cost(struct controller *s, const struct health_config *c, uint32_t i,
                         double mean_us, uint64_t now_ms)
{
    const struct lb_policy *policy = s->view.policy;
    const struct node_member *m = &s->view.member[i];
    struct health_node *h = &s->node[m->nid];
    uint32_t cost;

    if (policy && policy->tick && !h->ejected_until_ms)
        cost = policy->tick(s, i, mean_us, now_ms);
    else
        cost = health_cost(h, m->weight, mean_us, now_ms);
    if (!h->ejected_until_ms && cost > NODE_COST_MAX)
        cost = NODE_COST_MAX;         /* the higher values are states */
    if (cost < NODE_EJECTED && health_warmup_pauses(h, c, now_ms))
        cost = NODE_WARMING;
    atomic_store_explicit(&s->cost[m->nid], cost, memory_order_relaxed);
    if (h->warmup_since_ms && now_ms - h->warmup_since_ms <= c->slow_ms + 1000)
        s->changing = true;
}

void controller_step(struct controller *s, const struct health_config *c,
                     const struct controller_hooks *hooks, struct health_node **scratch,
                     uint64_t now_ms)
{
    double mean_us = observe(s, c, hooks, scratch, now_ms);
    uint32_t i, own;

    set_limits(s, scratch, mean_us);
    judge_nodes(s, c, hooks, scratch, now_ms);
    s->changing = false;
    for (i = 0; i < s->view.n; i++)
        publish_cost(s, c, i, mean_us, now_ms);
    pick_count_available(&s->view, now_ms, &own);
    s->view.own_max =
        zone_breaker_step(&s->breaker, own, s->view.n_own, s->view.n, now_ms);
    s->changing = s->changing || s->breaker.open;
}
