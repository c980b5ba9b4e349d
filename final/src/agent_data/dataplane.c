/* The data plane is a set of files in shared memory and one thread of the agent, which is
 * their only writer but for two things that clients write: call logs and the counters of
 * nodes.  This file is the thread's schedule, and joins the parts that do the work:
 *
 *     route_writer     nodes of modules, into shared memory
 *     module_policy    rules, time-outs, demand of the own zone
 *     client_logs      call logs of clients: opened, read, reaped
 *     ejector          costs, ejection, readmission
 *     inflight_audit   repair of counters of killed clients
 *     collector        counts, from the call logs into the outbox
 *     old_segments     the same for segments that were replaced under live clients
 *
 * on_tick() evaluates modules that were called.  It is made again after twenty times what
 * it took, at least 10 ms, so it never takes more than a twentieth of the thread.
 * on_second() does the rest.
 *
 * Invariant: nothing here is needed for a call of a client to succeed.  While the agent
 * is stopped or dead, clients choose by what is in shared memory, and a successor adopts
 * the files and continues.
 * Rejected: evaluation at each call in the client.  Clients would have to agree on costs
 * and ejections, and a process that makes few calls would pay for looking at all. */
#include "agent_data/dataplane.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_data/client_logs.h"
#include "agent_data/collector.h"
#include "agent_data/ejector.h"
#include "agent_data/inflight_audit.h"
#include "agent_data/old_segments.h"
#include "agent_data/out_nodes.h"
#include "base/err.h"
#include "base/ipv4.h"
#include "base/log.h"
#include "base/mono.h"
#include "lb/pick.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"
#include "shmem/route_writer.h"

#define TICK_MS 10
#define SECOND_MS 1000
#define TICK_SHARE 20 /* a tick may take one part in so many of the time */
#define IDLE_MS 1000                  /* clients that are silent for so long are idle */
#define IDLE_TICK_MS                                                                     \
    40 /* between two ticks then: a first failed call
                                       * starts a check within 50 ms */
#define LOG_GAP_MS 60000
#define ANNOUNCE_S 5                  /* between two reports that a node is ejected */
#define NEW_COST (1000u * 256) /* of a node without calls, in a module without: 1 ms */

struct dataplane {
    struct evloop *loop;
    struct dataplane_config cfg;
    char dir[256];
    struct segment *s;
    struct route_writer *routes;
    struct client_logs *logs;
    struct collector *collector;
    struct old_segments *old;
    struct outbox *outbox;            /* borrowed from cfg.batches */
    struct module_policy *policy;
    struct ejector *ejector;
    struct inflight_audit *audit;
    struct evtimer tick, second;
    uint64_t busy_ms; /* monotonic; last tick that had modules to evaluate */
    uint64_t n_second;                /* times that on_second() ran */
    _Atomic uint64_t n_module, n_node, bytes;
    struct module_id refused;         /* the last that found no room; 0/0 = none */
    bool is_retired;
    uint64_t n_open, n_before; /* while retired: open calls; reported before */
    _Atomic bool is_drained;
    int round_err;                    /* first error of the current collection */
    _Atomic int publish_err, folder_err, collect_err; /* see struct dataplane_stat */
};

/* --- routes ------------------------------------------------------------------------- */

static struct route_writer_node writer_node(const struct dataplane *p,
                                            const struct route_node *n)
{
    struct route_writer_node out = {.addr = ipv4_addr(n->ip, n->port)};

    out.weight = n->weight ? n->weight : NODE_WEIGHT;
    out.zone = n->zone != 0 && p->cfg.policy.zone != 0 && n->zone != p->cfg.policy.zone;
    return out;
}

static void set_weights(struct dataplane *p, uint32_t mid,
                        const struct route_writer_node *node, size_t n)
{
    uint64_t own = 0, all = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        all += node[i].weight;
        own += node[i].zone == 0 ? node[i].weight : 0;
    }
    module_policy_set_weights(p->policy, mid, own, all);
}

void dataplane_set_route(struct dataplane *p, const struct module_id *m,
                         const struct route_node *node, size_t n)
{
    struct route_writer_node *out = malloc((n + 1) * sizeof(*out));
    struct route_writer_stat st;
    int64_t mid = -ENOMEM;
    size_t i;

    for (i = 0; out && i < n; i++)
        out[i] = writer_node(p, &node[i]);
    if (out)
        mid = route_writer_module(p->routes, m->modid, m->cmdid);
    if (mid >= 0) {
        set_weights(p, (uint32_t)mid, out, n);
        mid =
            route_writer_nodes(p->routes, m->modid, m->cmdid, out, (uint32_t)n, NEW_COST);
    }
    free(out);
    if (mid < 0) {
        p->refused = *m;
        p->publish_err = (int)mid;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "dataplane.full",
                  "modid=%u cmdid=%u nodes=%zu err=%s dir=%s: no room in shared memory; "
                  "its new nodes are served by UDP only",
                  m->modid, m->cmdid, n, err_str((int)mid), p->dir);
        return;
    }
    if (p->refused.modid == m->modid && p->refused.cmdid == m->cmdid) {
        p->refused = (struct module_id){0};
        p->publish_err = 0;
    }
    ejector_set_nodes(p->ejector, (uint32_t)mid);
    route_writer_stat(p->routes, &st);
    p->n_module = st.n_module;
    p->n_node = st.n_node;
    p->bytes = st.bytes;
    LOG_DEBUG("route.published", "modid=%u cmdid=%u nodes=%zu module=%u", m->modid,
              m->cmdid, n, (uint32_t)mid);
}

void dataplane_set_meta(struct dataplane *p, const struct msg_module_meta *m)
{
    int64_t mid = route_writer_module(p->routes, m->mod.modid, m->mod.cmdid);
    uint32_t i;

    if (mid < 0)
        return;                       /* no room: dataplane_set_route() logs it */
    LOG_DEBUG("module_meta.applied",
              "modid=%u cmdid=%u rule=%s probe=%s timeout_ms=%u zones=%u suspects=%u",
              m->mod.modid, m->mod.cmdid, m->rule[0] ? m->rule : "-",
              m->probe[0] ? m->probe : "-", m->timeout_ms, m->n_zone, m->n_suspect);
    module_policy_set(p->policy, (uint32_t)mid, m);
    for (i = 0; i < m->n_suspect; i++) {
        struct net_addr a = ipv4_addr(m->suspect[i].ip, (uint16_t)m->suspect[i].port);

        ejector_suspect(p->ejector, (uint32_t)mid, &a);
    }
}

/* --- hooks of the parts ------------------------------------------------------------- */

static uint32_t timeout_ms_of(uint32_t mid, void *arg)
{
    struct dataplane *p = arg;

    struct module_table_settings set;

    module_table_get(p->s, mid, &set);
    return set.timeout_ms;
}

static void on_ended(const struct call_log_end *e, bool died, void *arg)
{
    struct dataplane *p = arg;
    struct node_counter *c = &node_table_counters(p->s)[e->nid];

    atomic_fetch_sub(&c->inflight, 1);
    if (!died)                        /* it never answered */
        atomic_fetch_add(&c->streak, 1);
}

/* The next batch tells the Report Service whether this host has ejected the node.  When
 * several hosts have ejected it, the others receive it as a suspect. */
static void announce_ejected(struct dataplane *p, uint32_t mid, uint32_t nid,
                             bool ejected)
{
    struct module_id m = module_table_id(p->s, mid);
    struct net_addr a;

    node_table_addr(p->s, nid, &a);
    outbox_announce_overload(p->outbox, &m, ipv4_of(&a), a.port, ejected);
}

static void on_changed(uint32_t mid, uint32_t nid, bool ejected, void *arg)
{
    announce_ejected(arg, mid, nid, ejected);
}

static void on_still_out(uint32_t mid, uint32_t nid, enum node_status status, void *arg)
{
    (void)status;
    announce_ejected(arg, mid, nid, true);
}

size_t dataplane_out_nodes(struct dataplane *p, struct msg_state_node *out, size_t max)
{
    return out_nodes_list(p->ejector, p->s, out, max);
}

/* --- counts into the outbox --------------------------------------------------------- */

static void collect_log(struct call_log *log, void *arg)
{
    struct dataplane *p = arg;
    int rc = collector_take(p->collector, log);

    if (p->round_err == 0)
        p->round_err = rc;
    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "dataplane.collect", "log=%u err=%s",
                  call_log_index(log), err_str(rc));
}

static void collect_and_ship(struct dataplane *p)
{
    p->round_err = 0;
    client_logs_each(p->logs, false, collect_log, p);
    if (p->round_err == 0)
        p->round_err = old_segments_collect(p->old, mono_us());
    else
        (void)old_segments_collect(p->old, mono_us());
    p->collect_err = p->round_err;
    if (!batch_sender_ship(p->cfg.batches, p->cfg.side))
        batch_sender_take_totals(p->cfg.batches, p->cfg.side, p->cfg.totals, p->cfg.arg);
}

void dataplane_flush(struct dataplane *p)
{
    collect_and_ship(p);
}

void dataplane_retire(struct dataplane *p)
{
    segment_retire(p->s);
    p->is_retired = true;
    p->n_before = UINT64_MAX;
}

static void count_open(struct call_log *log, void *arg)
{
    struct dataplane *p = arg;

    p->n_open += call_log_n_open(log);
}

static void check_drained(struct dataplane *p)
{
    uint64_t n = collector_n_reported(p->collector) + old_segments_n_reported(p->old);

    if (!p->is_retired)
        return;
    p->n_open = old_segments_n_open(p->old);
    client_logs_each(p->logs, false, count_open, p);
    p->is_drained = p->n_open == 0 && n == p->n_before;
    p->n_before = n;
}

struct unused_check {
    struct dataplane *p;
    uint32_t nid;
    bool collected;                   /* by all logs so far */
};

static void check_collected(struct call_log *log, void *arg)
{
    struct unused_check *u = arg;

    u->collected = u->collected && collector_has_all(u->p->collector, log, u->nid);
}

/* A removed node's nid may be reused when no call of it is open and all of its counts
 * are in the outbox. */
static bool is_nid_unused(uint32_t nid, void *arg)
{
    struct unused_check u = {arg, nid, true};
    struct call_log_sum sum;

    client_logs_sum(u.p->logs, nid, &sum);
    if (sum.begun != sum.done + sum.abandoned)
        return false;
    client_logs_each(u.p->logs, false, check_collected, &u);
    return u.collected;
}

/* --- the schedule ------------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct dataplane *p = arg;
    uint64_t start = mono_us(), took, now_ms = start / 1000;

    if (ejector_tick(p->ejector, now_ms))
        p->busy_ms = now_ms;
    took = (mono_us() - start) * TICK_SHARE / 1000;
    if (took < TICK_MS)
        took = TICK_MS;
    if (now_ms - p->busy_ms >= IDLE_MS && took < IDLE_TICK_MS)
        took = IDLE_TICK_MS;
    if (took > SECOND_MS)
        took = SECOND_MS;
    segment_beat(p->s, now_ms + took);
    evloop_set_timer(p->loop, &p->tick, (uint32_t)took, on_tick, p);
}

static void on_second(void *arg)
{
    struct dataplane *p = arg;
    uint64_t now_us = mono_us();

    p->folder_err = access(p->dir, W_OK | X_OK) == -1 ? -errno : 0;
    client_logs_reap(p->logs, now_us);
    ejector_second(p->ejector);
    on_tick(p);
    inflight_audit_start(p->audit);
    if (p->n_second++ % ANNOUNCE_S == 0)
        ejector_each_out(p->ejector, on_still_out, p);
    collect_and_ship(p);
    check_drained(p);
    route_writer_reclaim(p->routes, is_nid_unused, p);
    evloop_set_timer(p->loop, &p->second, SECOND_MS, on_second, p);
}

void dataplane_each_module(const struct dataplane *p,
                           void (*fn)(const struct module_id *m, void *arg), void *arg)
{
    uint32_t mid, n = module_table_count(p->s);

    for (mid = 0; mid < n; mid++) {
        struct route_reader route = {0};
        struct module_id m = module_table_id(p->s, mid);

        if (route_reader_read(p->s, mid, &route) == 0 && route.n > 0)
            fn(&m, arg);
        route_reader_free(&route);
    }
}

/* --- create and destroy ------------------------------------------------------------- */

static int adopt_routes(struct dataplane *p)
{
    int rc = route_writer_create(&p->routes, p->s);

    if (rc != -EBADMSG)
        return rc;
    LOG_ERROR("dataplane.reset",
              "dir=%s: the files of the agent before this one are damaged; begun anew",
              p->dir);
    rc = segment_renew(p->s);
    return rc < 0 ? rc : route_writer_create(&p->routes, p->s);
}

static int create_parts(struct dataplane *p)
{
    struct client_logs_hooks hooks = {timeout_ms_of, on_ended, p};
    int rc = client_logs_create(&p->logs, p->s, &hooks, mono_us());

    if (rc == 0)
        rc = old_segments_create(&p->old, p->s, p->outbox, mono_us());
    if (rc == 0) /* after those of the old segments */
        rc = collector_create(&p->collector, p->s, p->outbox);
    if (rc == 0)
        rc = module_policy_create(&p->policy, p->s, &p->cfg.policy);
    if (rc == 0)
        rc = ejector_create(&p->ejector, p->loop, p->s, p->logs, p->policy,
                            &p->cfg.health, on_changed, p);
    if (rc == 0)
        rc = inflight_audit_create(&p->audit, p->loop, p->s, p->logs);
    return rc;
}

int dataplane_create(struct dataplane **out, struct evloop *l,
                     const struct dataplane_config *cfg)
{
    struct dataplane *p = calloc(1, sizeof(*p));
    struct segment_config sc = {p ? p->dir : NULL, cfg->max_nodes, cfg->max_modules};
    int rc;

    if (!p)
        return -ENOMEM;
    p->loop = l;
    p->cfg = *cfg;
    p->outbox = batch_sender_outbox(cfg->batches, cfg->side);
    rc = snprintf(p->dir, sizeof(p->dir), "%s", cfg->dir);
    rc = rc >= (int)sizeof(p->dir) ? -ENAMETOOLONG : segment_create(&p->s, &sc);
    if (rc == 0)
        rc = adopt_routes(p);
    if (rc == 0)
        rc = create_parts(p);
    if (rc == 0)
        rc = evloop_set_timer(l, &p->second, 0, on_second, p);
    if (rc == 0)
        segment_beat(p->s, mono_ms());
    if (rc < 0)
        dataplane_destroy(p);
    else
        *out = p;
    return rc;
}

static bool is_in_use(const struct dataplane *p)
{
    return !p->logs || client_logs_any_claimed(p->logs) || old_segments_any(p->old);
}

void dataplane_destroy(struct dataplane *p)
{
    bool in_use;

    if (!p)
        return;
    in_use = p->is_retired ? segment_was_replaced(p->s, p->dir) : is_in_use(p);
    evloop_clear_timer(p->loop, &p->tick);
    evloop_clear_timer(p->loop, &p->second);
    inflight_audit_destroy(p->audit);
    ejector_destroy(p->ejector);
    module_policy_destroy(p->policy);
    collector_destroy(p->collector);
    old_segments_destroy(p->old);
    client_logs_destroy(p->logs);
    route_writer_destroy(p->routes);
    if (p->s)
        segment_beat(p->s, 0);
    segment_close(p->s);
    if (!in_use)
        segment_remove(p->dir);
    free(p);
}

void dataplane_stat(const struct dataplane *p, struct dataplane_stat *out)
{
    struct client_logs_stat b;
    struct ejector_stat v;

    client_logs_stat(p->logs, &b);
    ejector_stat(p->ejector, &v);
    *out = (struct dataplane_stat){.n_client = b.n_client,
                                   .n_died = b.n_died,
                                   .n_abandoned = b.n_abandoned,
                                   .n_timeout = b.n_timeout,
                                   .n_ejected = v.n_ejected,
                                   .n_returned = v.n_returned,
                                   .n_vetoed = v.n_vetoed,
                                   .n_corrected = inflight_audit_n_corrected(p->audit),
                                   .n_module = p->n_module,
                                   .n_node = p->n_node,
                                   .n_out = v.n_out,
                                   .n_down = v.n_down,
                                   .n_checks = v.n_checks,
                                   .n_check_failed = v.n_check_failed,
                                   .bytes = p->bytes,
                                   .n_reported = collector_n_reported(p->collector) +
                                                 old_segments_n_reported(p->old),
                                   .is_drained = p->is_drained,
                                   .publish_err = p->publish_err,
                                   .folder_err = p->folder_err,
                                   .collect_err = p->collect_err};
}
