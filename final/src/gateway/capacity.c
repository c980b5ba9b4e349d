/* Capacity is node_inflight, which holds for a node of weight 100, times the weight of
 * the nodes that are in, so the limit follows within a second when nodes come and go.
 *
 * Invariant: the reserve of a module's retry budget is its limit, so the requests of a
 * zone that dies can all be repeated once, and a module that fails as a whole gets at
 * most BUDGET_PERCENT more requests than without retries, once the reserve is used.
 * Rejected: a capacity of zero when no node is in.  Nodes that come back would have to
 * earn their requests one by one; until then requests fail at once and cost nothing. */
#include "gateway/capacity.h"

#include "api/lars_nowait.h"
#include "base/log.h"
#include "base/mono.h"

#define BUDGET_PERCENT 20 /* of first attempts */
#define BUDGET_PER_S 10
#define WEIGHT 100 /* of the node that node_inflight is about */

static void log_unmeasured(const struct modules_entry *m)
{
    LOG_WARN("capacity.unmeasured",
             "module=%u/%u: its policy has no node_inflight, so the limit of requests in "
             "flight is a guess; measure how many a node can have and set it: larsctl "
             "policy set %u %u node_inflight=N target_ms=MS",
             m->modid, m->cmdid, m->modid, m->cmdid);
}

/* While the library has no route: the nodes of the rules, which have a bound each. */
static void use_fallback(struct fallback *f, int rc, const struct modules_entry *m,
                         struct admit *admit, double share)
{
    uint32_t n = fallback_n(f), most = n * FALLBACK_INFLIGHT;
    const struct admit_capacity c = {
        .nodes_in = n, .inflight = most, .most = most, .share = share};
    bool used = n > 0 && fallback_is_for(rc);

    if (fallback_note(f, used)) {
        if (used)
            LOG_WARN("gateway.fallback",
                     "module=%u/%u begins: the agent has no route of it, so its requests "
                     "go to the %u nodes of the rules in turn; start lars-agentd",
                     m->modid, m->cmdid, n);
        else
            LOG_INFO("gateway.fallback", "module=%u/%u ends: %s", m->modid, m->cmdid,
                     n > 0 ? "the agent has its routes" : "the rules name no nodes");
    }
    if (used)
        admit_set_capacity(admit, m->slot, &c);
}

static void read_module(struct lars_client *lars, struct fallback *f,
                        const struct modules_entry *m, struct admit *admit, double share)
{
    struct lars_module now = {.size = sizeof(now)};
    struct admit_capacity c = {.share = share};
    struct admit_view old;
    int rc = lars_nowait_module(lars, m->modid, m->cmdid, &now);

    use_fallback(f, rc, m, admit, share);
    if (rc < 0 || now.nodes_in == 0)
        return;
    c.nodes_in = now.nodes_in;
    c.inflight = (double)now.node_inflight * now.weight_in / WEIGHT;
    c.target_ms = now.target_ms;
    admit_look(admit, m->slot, 0, &old);
    if (c.inflight <= 0 && (old.measured || old.nodes_in == 0))
        log_unmeasured(m);
    admit_set_capacity(admit, m->slot, &c);
}

void capacity_update(struct lars_client *lars, struct modules *modules,
                     struct admit *admit, struct shares *shares)
{
    struct modules_entry list[MODULES_MAX];
    unsigned i, n = modules_list(modules, list);
    struct admit_view now;

    for (i = 0; i < n; i++) {
        read_module(lars, modules_fallback(modules, list[i].slot), &list[i], admit,
                    shares_of(shares, list[i].modid, list[i].cmdid, mono_ms()));
        admit_look(admit, list[i].slot, 0, &now);
        lars_budget_set(modules_budget(modules, list[i].slot), BUDGET_PERCENT,
                        BUDGET_PER_S, now.limit);
    }
}
