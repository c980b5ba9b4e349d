#include "agent_data/ejector.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent_data/probe.h"
#include "base/log.h"
#include "lb/controller.h"
#include "lb/policies.h"
#include "shmem/route_reader.h"

#define PROBE_MS 500 /* an answer that takes longer is none */

struct module {
    struct route_reader snap;
    struct controller controller;
    bool listed; /* in todo */
};

struct ejector {
    struct evloop *loop;
    struct segment *s;
    struct client_logs *b;
    const struct module_policy *advice;
    struct health_config cfg;
    struct ejector_hooks hooks;
    struct probe *probe;
    struct health_node *node; /* by nid: max_nodes, pages as they are used */
    struct module *module; /* by mid */
    struct health_node **part; /* of the module in hand */
    uint32_t part_cap;
    uint32_t *todo, n_todo;
    _Atomic uint64_t n_ejected, n_returned, n_vetoed, n_out;
};

static void list(struct ejector *v, uint32_t mid)
{
    if (mid >= v->s->max_modules || v->module[mid].listed)
        return;
    v->module[mid].listed = true;
    v->todo[v->n_todo++] = mid;
}

static void list_module_of(uint32_t nid, void *arg)
{
    struct ejector *v = arg;

    list(v, atomic_load_explicit(&v->s->addr[nid].mid, memory_order_relaxed));
}

static void list_modules_of(struct call_log *c, void *arg)
{
    call_log_each_node(c, list_module_of, arg);
}

/* --- one module --------------------------------------------------------------------- */

static int reserve_part(struct ejector *v, uint32_t n)
{
    struct health_node **part;

    if (n <= v->part_cap)
        return 0;
    part = realloc(v->part, n * sizeof(*part));
    if (!part)
        return -ENOMEM;
    v->part = part;
    v->part_cap = n;
    return 0;
}

static void totals_of(uint32_t nid, struct health_totals *out, void *arg)
{
    struct ejector *v = arg;
    struct call_log_sum sum;

    client_logs_sum(v->b, nid, &sum);
    *out = (struct health_totals){sum.done, sum.err, sum.lat_us};
}

static void on_ejected(uint32_t nid, enum eject_reason why, void *arg)
{
    struct ejector *v = arg;

    v->n_out++;
    v->n_ejected++;
    v->hooks.changed(atomic_load(&v->s->addr[nid].mid), nid, true, health_reason_str(why),
                     v->hooks.arg);
}

static struct health_config health_of(const struct ejector *v, uint32_t mid)
{
    struct health_config c = v->cfg;

    c.slow_ms = module_policy_slow_ms(v->advice, mid, c.slow_ms);
    return c;
}

/* The nodes in force, for controller.  False: none. */
static bool look_at(struct ejector *v, uint32_t mid)
{
    struct module *m = &v->module[mid];
    uint32_t rule = atomic_load(&v->s->module[mid].rule);

    if (!route_reader_is_current(v->s, mid, &m->snap) &&
        route_reader_read(v->s, mid, &m->snap) < 0)
        return false;
    if (m->snap.n == 0 || reserve_part(v, m->snap.n) < 0)
        return false;
    m->controller.view = (struct pick_view){.cost = v->s->cost,
                                            .counter = v->s->counters->counter,
                                            .member = m->snap.member,
                                            .n = m->snap.n,
                                            .n_own = m->snap.n_own,
                                            .demand = PICK_DEMAND_PRESET,
                                            .own_max = PICK_FULL,
                                            .policy = policies_at(rule)};
    m->controller.cost = v->s->cost;
    m->controller.node = v->node;
    return true;
}

static void step(struct ejector *v, uint32_t mid, uint64_t now_ms)
{
    const struct controller_hooks hooks = {totals_of, on_ejected, v};
    const struct health_config c = health_of(v, mid);
    struct layout_module *line = &v->s->module[mid];
    struct module *m = &v->module[mid];
    uint32_t vetoed = m->controller.n_vetoed;

    if (!look_at(v, mid))
        return;
    controller_step(&m->controller, &c, &hooks, v->part, now_ms);
    v->n_vetoed += m->controller.n_vetoed - vetoed;
    atomic_store(&line->eject_after, m->controller.eject_after);
    atomic_store(&line->penalty_us, m->controller.penalty_us);
    atomic_store(&line->own_max, m->controller.view.own_max);
}

bool ejector_tick(struct ejector *v, uint64_t now_ms)
{
    uint32_t i;
    bool any;

    client_logs_welcome(v->b);
    client_logs_each(v->b, true, list_modules_of, v);
    any = v->n_todo > 0;
    for (i = 0; i < v->n_todo; i++) {
        v->module[v->todo[i]].listed = false;
        step(v, v->todo[i], now_ms);
    }
    v->n_todo = 0;
    return any;
}

/* --- nodes that are out ------------------------------------------------------------- */

/* It is in here, and out at other hosts. */
static void judge_suspect(struct ejector *v, uint32_t mid, uint32_t nid, bool ok,
                          uint64_t now_ms)
{
    const struct controller_hooks hooks = {totals_of, on_ejected, v};
    const struct health_config c = health_of(v, mid);
    uint32_t k = v->module[mid].controller.eject_after;

    if (ok)
        atomic_store(&v->s->counters->counter[nid].streak, k > 0 ? k - 1 : 0);
    else if (look_at(v, mid))
        controller_eject(&v->module[mid].controller, &c, &hooks, nid, EJECT_FLEET,
                         now_ms);
}

static void on_probe(uint64_t id, bool ok, void *arg)
{
    struct ejector *v = arg;
    uint32_t nid = (uint32_t)id, mid = (uint32_t)(id >> 32);
    struct health_node *h = &v->node[nid];
    uint64_t now_ms = evloop_now_ms(v->loop);

    if (!h->ejected_until_ms) {
        judge_suspect(v, mid, nid, ok, now_ms);
        return;
    }
    health_record_probe(h, ok);
    if (!health_may_readmit(h, now_ms))
        return;
    atomic_store(&v->s->counters->counter[nid].streak,
                 health_readmit(h, v->module[mid].controller.eject_after, now_ms));
    if (v->module[mid].controller.n_ejected > 0)
        v->module[mid].controller.n_ejected--;
    v->n_out--;
    v->n_returned++;
    v->hooks.changed(mid, nid, false, "probed", v->hooks.arg);
    list(v, mid);
}

static void probe_node(struct ejector *v, uint32_t mid, uint32_t nid)
{
    struct net_addr addr;

    route_reader_addr(v->s, nid, &addr);
    (void)probe_start(v->probe, (uint64_t)mid << 32 | nid, &addr,
                      module_policy_probe(v->advice, mid));
}

static void probe_module(struct ejector *v, uint32_t mid)
{
    struct module *m = &v->module[mid];
    uint32_t i;

    for (i = 0; i < m->snap.n; i++) {
        uint32_t nid = m->snap.member[i].nid;

        if (v->node[nid].ejected_until_ms != 0)
            probe_node(v, mid, nid);
    }
}

void ejector_suspect(struct ejector *v, uint32_t mid, const struct net_addr *addr)
{
    struct module *m = &v->module[mid];
    struct net_addr at;
    uint32_t i;

    for (i = 0; i < m->snap.n; i++) {
        uint32_t nid = m->snap.member[i].nid;

        route_reader_addr(v->s, nid, &at);
        if (net_addr_equal(&at, addr) && v->node[nid].ejected_until_ms == 0)
            probe_node(v, mid, nid);
    }
}

void ejector_each_out(struct ejector *v,
                      void (*fn)(uint32_t mid, uint32_t nid, void *arg), void *arg)
{
    uint32_t mid, i, n = atomic_load(&v->s->routes->n_module);

    for (mid = 0; v->n_out > 0 && mid < n && mid < v->s->max_modules; mid++)
        for (i = 0; v->module[mid].controller.n_ejected > 0 && i < v->module[mid].snap.n;
             i++)
            if (v->node[v->module[mid].snap.member[i].nid].ejected_until_ms != 0)
                fn(mid, v->module[mid].snap.member[i].nid, arg);
}

void ejector_second(struct ejector *v, uint64_t now_ms)
{
    uint32_t mid, n = atomic_load(&v->s->routes->n_module);

    (void)now_ms;
    for (mid = 0; mid < n && mid < v->s->max_modules; mid++) {
        if (v->module[mid].controller.n_ejected > 0)
            probe_module(v, mid);
        if (v->module[mid].controller.n_ejected > 0 || v->module[mid].controller.changing)
            list(v, mid);
    }
}

void ejector_set_nodes(struct ejector *v, uint32_t mid)
{
    struct module *m = &v->module[mid];
    struct route_reader was = m->snap;
    uint64_t now_ms = evloop_now_ms(v->loop);
    uint32_t i, k, n_out = 0;

    m->snap = (struct route_reader){0};
    if (route_reader_read(v->s, mid, &m->snap) < 0) {
        m->snap = was;
        return;
    }
    for (i = 0; i < m->snap.n; i++) {
        struct health_node *h = &v->node[m->snap.member[i].nid];

        for (k = 0; k < was.n && was.member[k].nid != m->snap.member[i].nid; k++)
            continue;
        n_out += h->ejected_until_ms != 0;
        if (k < was.n || was.n == 0)
            continue;
        *h = (struct health_node){0}; /* its number was another node's */
        health_start_warmup(h, now_ms);
    }
    v->n_out += n_out;
    v->n_out -= m->controller.n_ejected;
    m->controller.n_ejected = n_out;
    route_reader_free(&was);
    list(v, mid);
}

void ejector_stat(const struct ejector *v, struct ejector_stat *out)
{
    *out = (struct ejector_stat){v->n_ejected, v->n_returned, v->n_vetoed, v->n_out};
}

/* --- life --------------------------------------------------------------------------- */

/* What a predecessor said of a node is in its cost: it stays out until it is probed. */
static void adopt_out(struct ejector *v)
{
    uint32_t nid, n = atomic_load(&v->s->routes->n_nid);
    uint64_t now_ms = evloop_now_ms(v->loop);

    for (nid = 0; nid < n && nid < v->s->max_nodes; nid++)
        if (atomic_load(&v->s->cost[nid]) >= NODE_EJECTED)
            health_eject(&v->node[nid], &v->cfg,
                         atomic_load(&v->s->cost[nid]) & NODE_REASON, now_ms);
}

int ejector_create(struct ejector **out, struct evloop *l, struct segment *s,
                   struct client_logs *b, const struct module_policy *advice,
                   const struct health_config *h, const struct ejector_hooks *hooks)
{
    struct ejector *v = calloc(1, sizeof(*v));
    int rc;

    if (!v)
        return -ENOMEM;
    v->loop = l;
    v->s = s;
    v->b = b;
    v->advice = advice;
    v->cfg = *h;
    v->hooks = *hooks;
    v->node = calloc(s->max_nodes, sizeof(*v->node));
    v->module = calloc(s->max_modules, sizeof(*v->module));
    v->todo = malloc(s->max_modules * sizeof(*v->todo));
    rc = v->node && v->module && v->todo
             ? probe_create(&v->probe, l, PROBE_MS, on_probe, v)
             : -ENOMEM;
    if (rc == 0)
        adopt_out(v);
    if (rc < 0)
        ejector_destroy(v);
    else
        *out = v;
    return rc;
}

void ejector_destroy(struct ejector *v)
{
    uint32_t mid;

    if (!v)
        return;
    probe_destroy(v->probe);
    for (mid = 0; v->module && mid < v->s->max_modules; mid++)
        route_reader_free(&v->module[mid].snap);
    free(v->node);
    free(v->module);
    free(v->part);
    free(v->todo);
    free(v);
}
