/* One evaluation of a module (evaluate_module) reads what all clients counted of its
 * nodes, lets lb/controller decide, and writes the decision into shared memory.  Every
 * client of the host then acts on it at its next call, without a message.
 *
 * A tick evaluates only modules on a list: those whose nodes were called since the last
 * tick, and those with an ejected or warming node, whose costs change with time alone.
 * So the work grows with traffic and not with the number of modules.
 *
 * Ejected nodes get no calls, so only probes can show that they work again.  They are
 * probed each second; health_may_readmit() decides on the results.
 *
 * Invariants: for each module, controller.n_ejected is the number of its members with
 * ejected_until_ms set; ejector.n_out is the sum over all modules.  A node's state
 * (health_node) is found by its nid; a node that joins a module starts from zero, because
 * its nid may have been another node's before.
 *
 * Rejected: to let each client eject for itself.  A process with few calls would need
 * minutes to see what the host as a whole sees in a few calls; a client only proposes an
 * ejection (lb/pick), which holds for a second and which the agent confirms or not. */
#include "agent_data/ejector.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent_data/probe.h"
#include "base/log.h"
#include "lb/controller.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

#define PROBE_MS 500                  /* a probe without an answer by then has failed */
#define LOG_GAP_MS 60000

struct module {
    struct route_reader route;        /* its nodes, as shared memory has them */
    struct controller controller;
    bool listed;                      /* in ejector.todo */
};

struct ejector {
    struct evloop *loop;
    struct segment *s;
    struct client_logs *logs;
    const struct module_policy *policy;
    struct health_config health;
    ejector_changed_fn *changed;
    void *arg;
    struct probe *probe;
    struct health_node *node;         /* by nid; calloc: only used pages take memory */
    struct module *module;            /* by mid */
    struct health_node **scratch;     /* working array for controller_step() */
    uint32_t scratch_cap;             /* its capacity */
    uint32_t *todo, n_todo;           /* mids to evaluate at the next tick */
    _Atomic uint64_t n_ejected, n_returned, n_vetoed, n_out;
};

static void list_module(struct ejector *e, uint32_t mid)
{
    if (mid >= segment_max_modules(e->s) || e->module[mid].listed)
        return;
    e->module[mid].listed = true;
    e->todo[e->n_todo++] = mid;
}

static void list_module_of_node(uint32_t nid, void *arg)
{
    struct ejector *e = arg;

    list_module(e, node_table_module(e->s, nid));
}

static void list_modules_of_log(struct call_log *log, void *arg)
{
    call_log_each_node(log, list_module_of_node, arg);
}

/* --- evidence in the log ------------------------------------------------------------ */

static void log_ejected(const struct ejector *e, uint32_t mid, uint32_t nid,
                        enum eject_reason why)
{
    struct module_id m = module_table_id(e->s, mid);
    const struct health_node *h = &e->node[nid];
    struct net_addr addr;
    char text[NET_ADDR_STRLEN];

    node_table_addr(e->s, nid, &addr);
    LOG_INFO("node.out",
             "modid=%u cmdid=%u node=%s why=\"%s\" calls=%.0f failed=%.0f in_a_row=%u "
             "limit=%u mean_us=%.0f out_ms=%llu times=%u out_of_module=%u/%u",
             m.modid, m.cmdid, net_addr_str(&addr, text), health_reason_str(why), h->n,
             h->n_err, h->streak, e->module[mid].controller.eject_after, h->mean_us,
             (unsigned long long)(h->ejected_until_ms - h->changed_ms), h->n_ejections,
             e->module[mid].controller.n_ejected, e->module[mid].route.n);
}

static void log_readmitted(const struct ejector *e, uint32_t mid, uint32_t nid,
                           uint64_t out_ms)
{
    struct module_id m = module_table_id(e->s, mid);
    const struct health_node *h = &e->node[nid];
    struct net_addr addr;
    char text[NET_ADDR_STRLEN];

    node_table_addr(e->s, nid, &addr);
    LOG_INFO("node.back",
             "modid=%u cmdid=%u node=%s why=\"probes succeeded\" probes_ok=%u "
             "probe_failed=%s was_out_ms=%llu times=%u out_of_module=%u/%u",
             m.modid, m.cmdid, net_addr_str(&addr, text), h->n_probe_ok,
             h->probe_failed ? "yes" : "no", (unsigned long long)out_ms, h->n_ejections,
             e->module[mid].controller.n_ejected, e->module[mid].route.n);
}

static void log_probe(const struct ejector *e, uint32_t mid, uint32_t nid, bool ok)
{
    struct module_id m = module_table_id(e->s, mid);
    struct net_addr addr;
    char text[NET_ADDR_STRLEN];

    node_table_addr(e->s, nid, &addr);
    LOG_DEBUG("node.probe", "modid=%u cmdid=%u node=%s ejected=%s ok=%s", m.modid,
              m.cmdid, net_addr_str(&addr, text),
              e->node[nid].ejected_until_ms ? "yes" : "no", ok ? "yes" : "no");
}

/* --- one module --------------------------------------------------------------------- */

static int reserve_scratch(struct ejector *e, uint32_t n)
{
    struct health_node **scratch;

    if (n <= e->scratch_cap)
        return 0;
    scratch = realloc(e->scratch, n * sizeof(*scratch));
    if (!scratch)
        return -ENOMEM;
    e->scratch = scratch;
    e->scratch_cap = n;
    return 0;
}

static void node_totals(uint32_t nid, struct health_totals *out, void *arg)
{
    struct ejector *e = arg;
    struct call_log_sum sum;

    client_logs_sum(e->logs, nid, &sum);
    *out = (struct health_totals){sum.done, sum.err, sum.lat_us};
}

static void on_ejected(uint32_t nid, enum eject_reason why, void *arg)
{
    struct ejector *e = arg;
    uint32_t mid = node_table_module(e->s, nid);

    e->n_out++;
    e->n_ejected++;
    if (mid >= segment_max_modules(e->s))
        return;
    log_ejected(e, mid, nid, why);
    e->changed(mid, nid, true, e->arg);
}

static struct health_config health_config_of(const struct ejector *e, uint32_t mid)
{
    struct health_config c = e->health;

    c.slow_ms = module_policy_slow_ms(e->policy, mid, c.slow_ms);
    return c;
}

/* Brings the controller's view of module <mid> up to date.  False: the module has no
 * nodes, or they cannot be read now. */
static bool refresh_view(struct ejector *e, uint32_t mid)
{
    struct module *m = &e->module[mid];
    struct module_table_settings set;

    if (!route_reader_is_current(e->s, mid, &m->route) &&
        route_reader_read(e->s, mid, &m->route) < 0)
        return false;
    if (m->route.n == 0 || reserve_scratch(e, m->route.n) < 0)
        return false;
    module_table_get(e->s, mid, &set);
    m->controller.view = (struct pick_view){.cost = node_table_costs(e->s),
                                            .counter = node_table_counters(e->s),
                                            .member = m->route.member,
                                            .n = m->route.n,
                                            .n_own = m->route.n_own,
                                            .demand = PICK_DEMAND_PRESET,
                                            .own_max = PICK_FULL,
                                            .policy = policies_at(set.rule)};
    m->controller.cost = node_table_costs(e->s);
    m->controller.node = e->node;
    return true;
}

static void evaluate_module(struct ejector *e, uint32_t mid, uint64_t now_ms)
{
    const struct controller_hooks hooks = {node_totals, on_ejected, e};
    const struct health_config c = health_config_of(e, mid);
    struct module_id id = module_table_id(e->s, mid);
    struct module_table_settings set;
    struct module *m = &e->module[mid];
    uint32_t n_vetoed = m->controller.n_vetoed;

    if (!refresh_view(e, mid))
        return;
    controller_step(&m->controller, &c, &hooks, e->scratch, now_ms);
    if (m->controller.n_vetoed != n_vetoed)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_DEBUG, "eject.vetoed",
                  "modid=%u cmdid=%u: half of its nodes are ejected; ejected=%u nodes=%u",
                  id.modid, id.cmdid, m->controller.n_ejected, m->route.n);
    e->n_vetoed += m->controller.n_vetoed - n_vetoed;
    module_table_get(e->s, mid, &set);
    set.eject_after = m->controller.eject_after;
    set.penalty_us = m->controller.penalty_us;
    set.own_max = m->controller.view.own_max;
    module_table_set(e->s, mid, &set);
}

bool ejector_tick(struct ejector *e, uint64_t now_ms)
{
    uint32_t i;
    bool any;

    client_logs_open_new(e->logs);
    client_logs_each(e->logs, true, list_modules_of_log, e);
    any = e->n_todo > 0;
    for (i = 0; i < e->n_todo; i++) {
        e->module[e->todo[i]].listed = false;
        evaluate_module(e, e->todo[i], now_ms);
    }
    e->n_todo = 0;
    return any;
}

/* --- probes ------------------------------------------------------------------------- */

/* A probe of a node has ended that other hosts have ejected and this one has not. */
static void judge_suspect(struct ejector *e, uint32_t mid, uint32_t nid, bool ok,
                          uint64_t now_ms)
{
    const struct controller_hooks hooks = {node_totals, on_ejected, e};
    const struct health_config c = health_config_of(e, mid);
    uint32_t limit = e->module[mid].controller.eject_after;

    if (ok)                           /* one failed call more ejects it */
        atomic_store(&node_table_counters(e->s)[nid].streak, limit > 0 ? limit - 1 : 0);
    else if (refresh_view(e, mid))
        controller_eject(&e->module[mid].controller, &c, &hooks, nid, EJECT_FLEET,
                         now_ms);
}

static void readmit_node(struct ejector *e, uint32_t mid, uint32_t nid, uint64_t now_ms)
{
    struct controller *c = &e->module[mid].controller;
    uint64_t out_ms = now_ms - e->node[nid].changed_ms;

    atomic_store(&node_table_counters(e->s)[nid].streak,
                 health_readmit(&e->node[nid], c->eject_after, now_ms));
    if (c->n_ejected > 0)
        c->n_ejected--;
    e->n_out--;
    e->n_returned++;
    log_readmitted(e, mid, nid, out_ms);
    e->changed(mid, nid, false, e->arg);
    list_module(e, mid);
}

static void on_probe(uint64_t id, bool ok, void *arg)
{
    struct ejector *e = arg;
    uint32_t nid = (uint32_t)id, mid = (uint32_t)(id >> 32);
    struct health_node *h = &e->node[nid];
    uint64_t now_ms = evloop_now_ms(e->loop);

    log_probe(e, mid, nid, ok);
    if (!h->ejected_until_ms) {
        judge_suspect(e, mid, nid, ok, now_ms);
        return;
    }
    health_record_probe(h, ok);
    if (health_may_readmit(h, now_ms))
        readmit_node(e, mid, nid, now_ms);
}

/* A probe that cannot be started, or that is still running, is made up for by the one of
 * the next second. */
static void probe_node(struct ejector *e, uint32_t mid, uint32_t nid)
{
    struct net_addr addr;

    node_table_addr(e->s, nid, &addr);
    (void)probe_start(e->probe, (uint64_t)mid << 32 | nid, &addr,
                      module_policy_probe(e->policy, mid));
}

static void probe_module(struct ejector *e, uint32_t mid)
{
    struct module *m = &e->module[mid];
    uint32_t i;

    for (i = 0; i < m->route.n; i++) {
        uint32_t nid = m->route.member[i].nid;

        if (e->node[nid].ejected_until_ms != 0)
            probe_node(e, mid, nid);
    }
}

void ejector_suspect(struct ejector *e, uint32_t mid, const struct net_addr *addr)
{
    struct module *m = &e->module[mid];
    struct net_addr at;
    uint32_t i;

    for (i = 0; i < m->route.n; i++) {
        uint32_t nid = m->route.member[i].nid;

        node_table_addr(e->s, nid, &at);
        if (net_addr_equal(&at, addr) && e->node[nid].ejected_until_ms == 0)
            probe_node(e, mid, nid);
    }
}

void ejector_each_ejected(struct ejector *e,
                          void (*fn)(uint32_t mid, uint32_t nid, void *arg), void *arg)
{
    uint32_t mid, i, n = module_table_count(e->s);

    for (mid = 0; e->n_out > 0 && mid < n; mid++)
        for (i = 0; e->module[mid].controller.n_ejected > 0 && i < e->module[mid].route.n;
             i++)
            if (e->node[e->module[mid].route.member[i].nid].ejected_until_ms != 0)
                fn(mid, e->module[mid].route.member[i].nid, arg);
}

void ejector_probe_ejected(struct ejector *e)
{
    uint32_t mid, n = module_table_count(e->s);

    for (mid = 0; mid < n; mid++) {
        if (e->module[mid].controller.n_ejected > 0)
            probe_module(e, mid);
        if (e->module[mid].controller.n_ejected > 0 || e->module[mid].controller.changing)
            list_module(e, mid);
    }
}

/* --- other nodes -------------------------------------------------------------------- */

static bool has_member(const struct route_reader *r, uint32_t nid)
{
    uint32_t i;

    for (i = 0; i < r->n; i++)
        if (r->member[i].nid == nid)
            return true;
    return false;
}

void ejector_set_nodes(struct ejector *e, uint32_t mid)
{
    struct module *m = &e->module[mid];
    struct route_reader old = m->route;
    uint64_t now_ms = evloop_now_ms(e->loop);
    uint32_t i, n_out = 0;

    m->route = (struct route_reader){0};
    if (route_reader_read(e->s, mid, &m->route) < 0) {
        m->route = old;
        return;
    }
    for (i = 0; i < m->route.n; i++) {
        struct health_node *h = &e->node[m->route.member[i].nid];

        if (old.n > 0 && !has_member(&old, m->route.member[i].nid)) {
            *h = (struct health_node){0}; /* the nid may have been another node's */
            health_start_warmup(h, now_ms);
        }
        n_out += h->ejected_until_ms != 0;
    }
    e->n_out += n_out;
    e->n_out -= m->controller.n_ejected;
    m->controller.n_ejected = n_out;
    route_reader_free(&old);
    list_module(e, mid);
}

void ejector_stat(const struct ejector *e, struct ejector_stat *out)
{
    *out = (struct ejector_stat){e->n_ejected, e->n_returned, e->n_vetoed, e->n_out};
}

/* --- create and destroy ------------------------------------------------------------- */

/* A predecessor's ejections are in the costs: these nodes stay ejected until a probe
 * readmits them. */
static void adopt_ejected(struct ejector *e)
{
    uint32_t nid, cost, n = node_table_count(e->s);
    uint64_t now_ms = evloop_now_ms(e->loop);

    for (nid = 0; nid < n; nid++) {
        cost = atomic_load(&node_table_costs(e->s)[nid]);
        if (cost >= NODE_EJECTED)
            health_eject(&e->node[nid], &e->health, cost & NODE_REASON, now_ms);
    }
}

int ejector_create(struct ejector **out, struct evloop *l, struct segment *s,
                   struct client_logs *logs, const struct module_policy *policy,
                   const struct health_config *health, ejector_changed_fn *changed,
                   void *arg)
{
    struct ejector *e = calloc(1, sizeof(*e));
    int rc;

    if (!e)
        return -ENOMEM;
    e->loop = l;
    e->s = s;
    e->logs = logs;
    e->policy = policy;
    e->health = *health;
    e->changed = changed;
    e->arg = arg;
    e->node = calloc(segment_max_nodes(s), sizeof(*e->node));
    e->module = calloc(segment_max_modules(s), sizeof(*e->module));
    e->todo = malloc(segment_max_modules(s) * sizeof(*e->todo));
    rc = e->node && e->module && e->todo
             ? probe_create(&e->probe, l, PROBE_MS, on_probe, e)
             : -ENOMEM;
    if (rc == 0)
        adopt_ejected(e);
    if (rc < 0)
        ejector_destroy(e);
    else
        *out = e;
    return rc;
}

void ejector_destroy(struct ejector *e)
{
    uint32_t mid;

    if (!e)
        return;
    probe_destroy(e->probe);
    for (mid = 0; e->module && mid < segment_max_modules(e->s); mid++)
        route_reader_free(&e->module[mid].route);
    free(e->node);
    free(e->module);
    free(e->scratch);
    free(e->todo);
    free(e);
}
