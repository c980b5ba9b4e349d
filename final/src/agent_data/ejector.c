/* One evaluation of a module (evaluate_module) reads what all clients counted of its
 * nodes, lets lb/controller decide, and writes the decision into shared memory.  Every
 * client of the host then acts on it at its next call, without a message.
 *
 * A tick evaluates only modules on a list: those whose nodes were called since the last
 * tick, and those with a node that is not up or warms up, whose costs change with time
 * alone.  So the work grows with traffic and not with the number of modules.
 *
 * After each evaluation the controller says which nodes are to be checked
 * (agent_data/checks).  A check that ends is judged at once; the rest of the module
 * follows at the next tick.
 *
 * Invariants: ejector.n_out and n_down are the sums of the controllers' over all modules.
 * A node's state (health_node) is found by its nid; it starts from zero when the node
 * leaves its module and when it joins one, because the nid may be another node's then.
 *
 * Times are of mono_ms(), as those of ejector_tick() are: the loop's clock stands still
 * for a turn, so a check that ends in it would be older than a tick before it.
 *
 * Rejected: to let each client eject for itself.  A process with few calls would need
 * minutes to see what the host as a whole sees in a few calls; a client only proposes an
 * ejection (lb/pick), which holds for a second and which the agent confirms or not. */
#include "agent_data/ejector.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent_data/checks.h"
#include "agent_data/node_log.h"
#include "base/mono.h"
#include "lb/controller.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

#define CHECK_MS 500                  /* a connection that takes longer fails a check */

struct module {
    struct route_reader route;        /* its nodes, as shared memory has them */
    struct controller controller;
    bool listed;                      /* in ejector.todo */
    bool checked;                     /* some of its nodes are checked */
};

struct ejector {
    struct evloop *loop;
    struct segment *s;
    struct client_logs *logs;
    const struct module_policy *policy;
    struct health_config health;
    ejector_changed_fn *changed;
    void *arg;
    struct checks *checks;
    struct health_node *node;         /* by nid; calloc: only used pages take memory */
    struct module *module;            /* by mid */
    struct health_node **scratch;     /* working array for controller_step() */
    uint32_t scratch_cap;             /* its capacity */
    uint32_t *todo, n_todo;           /* mids to evaluate at the next tick */
    _Atomic uint64_t n_ejected, n_returned, n_vetoed, n_out, n_down, n_checks,
        n_check_failed;
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

static void on_changed(uint32_t nid, enum node_event event, void *arg)
{
    struct ejector *e = arg;
    uint32_t mid = node_table_module(e->s, nid);
    bool back = event == NODE_EVENT_UP || event == NODE_EVENT_FORGOTTEN;
    struct node_log log;

    e->n_ejected += event == NODE_EVENT_OUT;
    e->n_returned += event == NODE_EVENT_UP;
    if (mid >= segment_max_modules(e->s))
        return;
    log = (struct node_log){e->s, mid, nid, &e->module[mid].controller};
    if (back)
        node_log_back(&log, event);
    else
        node_log_out(&log, event == NODE_EVENT_OUT);
    if (back || event == NODE_EVENT_OUT)
        e->changed(mid, nid, !back, e->arg);
    list_module(e, mid);
}

static struct health_config health_config_of(const struct ejector *e, uint32_t mid)
{
    struct health_config c = e->health;

    c.state.slow_ms = module_policy_slow_ms(e->policy, mid, c.state.slow_ms);
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
                                            .demand = set.demand,
                                            .own_max = PICK_FULL,
                                            .policy = policies_at(set.rule)};
    m->controller.cost = node_table_costs(e->s);
    m->controller.node = e->node;
    return true;
}

/* Brings the sums over all modules up to date with a module. */
static void add_change(struct ejector *e, const struct controller *was,
                       const struct controller *now)
{
    e->n_out += now->n_out;
    e->n_out -= was->n_out;
    e->n_down += now->n_down;
    e->n_down -= was->n_down;
}

/* Starts and ends checks as the controller wants them. */
static void plan_checks(struct ejector *e, uint32_t mid, uint64_t now_ms)
{
    struct module *m = &e->module[mid];
    struct net_addr addr;
    uint32_t i;

    m->checked = false;
    for (i = 0; i < m->route.n; i++) {
        uint32_t nid = m->route.member[i].nid;

        if (!controller_wants_check(&m->controller, i, now_ms)) {
            checks_unwatch(e->checks, nid);
            continue;
        }
        m->checked = true;
        node_table_addr(e->s, nid, &addr);
        (void)checks_watch(e->checks, nid, &addr, module_policy_probe(e->policy, mid));
        if (node_state_is_doubted(&e->node[nid].state, now_ms) &&
            e->node[nid].state.n_fail == 0)
            checks_hurry(e->checks, nid);
    }
}

static void evaluate_module(struct ejector *e, uint32_t mid, uint64_t now_ms)
{
    const struct controller_hooks hooks = {node_totals, on_changed, e};
    const struct health_config c = health_config_of(e, mid);
    struct module_table_settings set;
    struct module *m = &e->module[mid];
    struct controller was = m->controller;

    if (!refresh_view(e, mid))
        return;
    controller_step(&m->controller, &c, &hooks, e->scratch, now_ms);
    plan_checks(e, mid, now_ms);
    if (m->controller.n_vetoed != was.n_vetoed)
        node_log_veto(e->s, mid, &m->controller);
    e->n_vetoed += m->controller.n_vetoed - was.n_vetoed;
    add_change(e, &was, &m->controller);
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

/* --- checks ------------------------------------------------------------------------- */

static void on_check(uint32_t nid, enum node_check kind, bool ok, void *arg)
{
    struct ejector *e = arg;
    const struct controller_hooks hooks = {node_totals, on_changed, e};
    uint32_t mid = node_table_module(e->s, nid);
    struct node_state *n = &e->node[nid].state;
    struct controller *c;
    struct health_config health;
    struct controller was;
    bool suspect = n->witness_ms != 0 && n->witness == EJECT_FLEET;

    e->n_checks++;
    e->n_check_failed += !ok;
    if (mid >= segment_max_modules(e->s) || !refresh_view(e, mid))
        return;
    c = &e->module[mid].controller;
    node_log_check(&(struct node_log){e->s, mid, nid, c}, ok);
    was = *c;
    health = health_config_of(e, mid);
    controller_checked(c, &health, &hooks, nid, kind, ok, mono_ms());
    add_change(e, &was, c);
    if (ok && suspect && n->status == NODE_STATUS_UP)
        atomic_store(&node_table_counters(e->s)[nid].streak,
                     c->eject_after > 0 ? c->eject_after - 1 : 0);
    list_module(e, mid);
}

void ejector_suspect(struct ejector *e, uint32_t mid, const struct net_addr *addr)
{
    struct module *m = &e->module[mid];
    uint64_t now_ms = mono_ms();
    struct net_addr at;
    uint32_t i;

    for (i = 0; i < m->route.n; i++) {
        uint32_t nid = m->route.member[i].nid;

        node_table_addr(e->s, nid, &at);
        if (!net_addr_equal(&at, addr) || e->node[nid].state.status != NODE_STATUS_UP)
            continue;
        node_state_witness(&e->node[nid].state, EJECT_FLEET, now_ms);
        (void)checks_watch(e->checks, nid, &at, module_policy_probe(e->policy, mid));
        list_module(e, mid);
    }
}

void ejector_each_out(struct ejector *e,
                      void (*fn)(uint32_t mid, uint32_t nid, enum node_status status,
                                 void *arg),
                      void *arg)
{
    uint32_t mid, i, n = module_table_count(e->s);

    for (mid = 0; e->n_out > 0 && mid < n; mid++)
        for (i = 0; e->module[mid].controller.n_out > 0 && i < e->module[mid].route.n;
             i++) {
            uint32_t nid = e->module[mid].route.member[i].nid;
            enum node_status status = e->node[nid].state.status;

            if (status != NODE_STATUS_UP)
                fn(mid, nid, status, arg);
        }
}

void ejector_second(struct ejector *e)
{
    uint32_t mid, n = module_table_count(e->s);

    for (mid = 0; mid < n; mid++)
        if (e->module[mid].controller.changing || e->module[mid].checked)
            list_module(e, mid);
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

/* What is known under this number is another node's from now on, or of an earlier life of
 * the node: neither its state nor the calls that were counted until now. */
static void begin_node_anew(struct ejector *e, uint32_t nid)
{
    e->node[nid] = (struct health_node){0};
    node_totals(nid, &e->node[nid].seen, e);
}

/* Nodes that the module does not have any more are not checked any more, and their
 * numbers may become those of the first nodes of another module. */
static void drop_removed(struct ejector *e, const struct route_reader *old,
                         const struct route_reader *now)
{
    uint32_t i;

    for (i = 0; i < old->n; i++) {
        if (has_member(now, old->member[i].nid))
            continue;
        checks_unwatch(e->checks, old->member[i].nid);
        begin_node_anew(e, old->member[i].nid);
    }
}

static void start_member(struct ejector *e, const struct module *m, uint32_t i, bool warm,
                         uint64_t now_ms)
{
    uint32_t nid = m->route.member[i].nid;

    if (warm) {
        begin_node_anew(e, nid);
        node_state_start_warmup(&e->node[nid].state, now_ms);
    }
    if (m->route.n_own > 0 && i >= m->route.n_own &&
        !node_state_is_seen(&e->node[nid].state, now_ms) &&
        e->node[nid].state.status == NODE_STATUS_UP)
        atomic_store(&node_table_costs(e->s)[nid], NODE_OUT | NODE_UNSEEN);
}

/* Counts the nodes of a module that are not up, and of these the ones that are down. */
static void count_out(struct ejector *e, uint32_t mid, const struct route_reader *route)
{
    struct controller *c = &e->module[mid].controller, was = *c;
    uint32_t i;

    c->n_out = c->n_down = 0;
    for (i = 0; i < route->n; i++) {
        enum node_status status = e->node[route->member[i].nid].state.status;

        c->n_out += status != NODE_STATUS_UP;
        c->n_down += status == NODE_STATUS_DOWN;
    }
    add_change(e, &was, c);
}

void ejector_set_nodes(struct ejector *e, uint32_t mid)
{
    struct module *m = &e->module[mid];
    struct route_reader old = m->route;
    uint64_t now_ms = mono_ms();
    uint32_t i;

    m->route = (struct route_reader){0};
    if (route_reader_read(e->s, mid, &m->route) < 0) {
        m->route = old;
        return;
    }
    for (i = 0; i < m->route.n; i++) {
        uint32_t nid = m->route.member[i].nid;

        start_member(e, m, i, old.n > 0 && !has_member(&old, nid), now_ms);
    }
    drop_removed(e, &old, &m->route);
    count_out(e, mid, &m->route);
    route_reader_free(&old);
    list_module(e, mid);
}

void ejector_stat(const struct ejector *e, struct ejector_stat *out)
{
    *out = (struct ejector_stat){e->n_ejected, e->n_returned, e->n_vetoed,      e->n_out,
                                 e->n_down,    e->n_checks,   e->n_check_failed};
}

/* --- create and destroy ------------------------------------------------------------- */

/* The nodes that the predecessor has left out are counted before the first evaluation,
 * which may come before the module's route does. */
static void count_adopted(struct ejector *e)
{
    uint32_t mid, n = module_table_count(e->s);

    for (mid = 0; mid < n; mid++) {
        struct route_reader route = {0};

        if (route_reader_read(e->s, mid, &route) == 0)
            count_out(e, mid, &route);
        route_reader_free(&route);
    }
}

/* A predecessor's states are in the costs: these nodes stay out until checks readmit
 * them. */
static void adopt_states(struct ejector *e)
{
    uint32_t nid, cost, n = node_table_count(e->s);
    uint64_t now_ms = mono_ms();

    for (nid = 0; nid < n; nid++) {
        struct node_state *st = &e->node[nid].state;

        cost = atomic_load(&node_table_costs(e->s)[nid]);
        if (cost < NODE_OUT || node_cost_has(cost, NODE_UNSEEN))
            continue;
        node_state_eject(st, &e->health.state, cost & NODE_REASON, now_ms);
        if (node_cost_has(cost, NODE_DOWN))
            st->status = NODE_STATUS_DOWN;
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
             ? checks_create(&e->checks, l, segment_max_nodes(s), CHECK_MS, on_check, e)
             : -ENOMEM;
    if (rc == 0) {
        adopt_states(e);
        count_adopted(e);
    }
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
    checks_destroy(e->checks);
    for (mid = 0; e->module && mid < segment_max_modules(e->s); mid++)
        route_reader_free(&e->module[mid].route);
    free(e->node);
    free(e->module);
    free(e->scratch);
    free(e->todo);
    free(e);
}
