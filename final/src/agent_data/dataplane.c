#include "agent_data/dataplane.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_data/module_policy.h"
#include "agent_data/inflight_audit.h"
#include "agent_data/client_logs.h"
#include "agent_data/collector.h"
#include "agent_data/ejector.h"
#include "base/err.h"
#include "base/ipv4.h"
#include "base/log.h"
#include "base/mono.h"
#include "lb/pick.h"
#include "shmem/route_writer.h"
#include "shmem/route_reader.h"

#define TICK_MS 10
#define SECOND_MS 1000
#define SHARE 20                      /* a tick may take a twentieth of our time */
#define IDLE_MS 1000                  /* nobody did anything for so long: look less */
#define IDLE_TICK_MS 100
#define LOG_GAP_MS 60000
#define SAY_OUT_S 5                   /* between two words of a node that stays out */
#define NEW_COST (1000u * 256)        /* of a node in a module that nothing is known of */

struct dataplane {
    struct evloop *loop;
    struct dataplane_config cfg;
    char dir[256];
    struct segment *s;
    struct route_writer *publish;
    struct client_logs *books;
    struct collector *harvest;
    struct outbox *ledger;
    struct module_policy *advice;
    struct ejector *verdict;
    struct inflight_audit *audit;
    struct evtimer tick, second;
    uint64_t busy_ms;                 /* when anybody did something */
    uint64_t n_second;                /* that on_second() ran */
    _Atomic uint64_t n_module, n_node, bytes;
};

/* --- routes ------------------------------------------------------------------------- */

static struct route_writer_node node_of(const struct dataplane *p,
                                        const struct route_node *n)
{
    struct route_writer_node out = {.addr = ipv4_addr(n->ip, n->port)};

    out.weight = n->weight ? n->weight : NODE_WEIGHT;
    out.zone = n->zone != 0 && p->cfg.advice.zone != 0 && n->zone != p->cfg.advice.zone;
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
    module_policy_set_weights(p->advice, mid, own, all);
}

void dataplane_set_route(struct dataplane *p, const struct module_id *m,
                     const struct route_node *node, size_t n)
{
    struct route_writer_node *out = malloc((n + 1) * sizeof(*out));
    struct route_writer_stat st;
    int64_t mid = -ENOMEM;
    size_t i;

    for (i = 0; out && i < n; i++)
        out[i] = node_of(p, &node[i]);
    if (out)
        mid = route_writer_module(p->publish, m->modid, m->cmdid);
    if (mid >= 0) {
        set_weights(p, (uint32_t)mid, out, n);
        mid = route_writer_nodes(p->publish, m->modid, m->cmdid, out, (uint32_t)n,
                                 NEW_COST);
    }
    free(out);
    if (mid < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "plane.full",
                  "modid=%u cmdid=%u nodes=%zu err=%s dir=%s: by UDP only", m->modid,
                  m->cmdid, n, err_str((int)mid), p->dir);
        return;
    }
    ejector_set_nodes(p->verdict, (uint32_t)mid);
    route_writer_stat(p->publish, &st);
    p->n_module = st.n_module;
    p->n_node = st.n_node;
    p->bytes = st.bytes;
}

void dataplane_set_info(struct dataplane *p, const struct msg_module_meta *m)
{
    int64_t mid = route_writer_module(p->publish, m->mod.modid, m->mod.cmdid);
    uint32_t i;

    if (mid < 0)
        return;                     /* its nodes have no room either, and that was said */
    module_policy_set(p->advice, (uint32_t)mid, m);
    for (i = 0; i < m->n_suspect; i++) {
        struct net_addr a = ipv4_addr(m->suspect[i].ip, (uint16_t)m->suspect[i].port);

        ejector_suspect(p->verdict, (uint32_t)mid, &a);
    }
}

/* --- what time brings --------------------------------------------------------------- */

static uint32_t timeout_of(uint32_t mid, void *arg)
{
    struct dataplane *p = arg;

    return atomic_load_explicit(&p->s->module[mid].timeout_ms, memory_order_relaxed);
}

static void on_ended(const struct call_log_end *e, bool died, void *arg)
{
    struct dataplane *p = arg;
    struct node_counter *c = &p->s->counters->counter[e->nid];

    atomic_fetch_sub(&c->inflight, 1);
    if (!died)                        /* it never answered */
        atomic_fetch_add(&c->streak, 1);
}

static void on_changed(uint32_t mid, uint32_t nid, bool out, const char *why, void *arg)
{
    struct dataplane *p = arg;
    const struct layout_module *m = &p->s->module[mid];
    struct module_id mod = {m->modid, m->cmdid};
    struct net_addr a;
    char text[NET_ADDR_STRLEN];

    route_reader_addr(p->s, nid, &a);
    outbox_say(p->ledger, &mod, ipv4_of(&a), a.port, out);
    LOG_INFO(out ? "node.out" : "node.back", "modid=%u cmdid=%u node=%s why=\"%s\"",
             m->modid, m->cmdid, net_addr_str(&a, text), why);
}

static void take(struct call_log *c, void *arg)
{
    struct dataplane *p = arg;
    int rc = collector_take(p->harvest, c);

    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "plane.harvest", "ledger=%u err=%s",
                  call_log_index(c), err_str(rc));
}

void dataplane_collect(struct dataplane *p)
{
    client_logs_each(p->books, false, take, p);
}

struct unused {
    struct dataplane *p;
    uint32_t nid;
    bool yes;
};

static void look_if_unused(struct call_log *c, void *arg)
{
    struct unused *u = arg;

    u->yes = u->yes && collector_is_taken(u->p->harvest, c, u->nid);
}

static bool is_unused(uint32_t nid, void *arg)
{
    struct unused u = {arg, nid, true};
    struct call_log_sum sum;

    client_logs_sum(u.p->books, nid, &sum);
    if (sum.begun != sum.done + sum.abandoned)
        return false;
    client_logs_each(u.p->books, false, look_if_unused, &u);
    return u.yes;
}

static void on_tick(void *arg)
{
    struct dataplane *p = arg;
    uint64_t start = mono_us(), took, now_ms = start / 1000;

    if (ejector_tick(p->verdict, now_ms))
        p->busy_ms = now_ms;
    took = (mono_us() - start) * SHARE / 1000;
    if (took < TICK_MS)
        took = TICK_MS;
    if (now_ms - p->busy_ms >= IDLE_MS && took < IDLE_TICK_MS)
        took = IDLE_TICK_MS;
    evloop_set_timer(p->loop, &p->tick, took < SECOND_MS ? (uint32_t)took : SECOND_MS,
                     on_tick, p);
}

/* For those who ask in the database which nodes several hosts have taken out. */
static void say_out(uint32_t mid, uint32_t nid, void *arg)
{
    struct dataplane *p = arg;
    struct module_id m = {p->s->module[mid].modid, p->s->module[mid].cmdid};
    struct net_addr a;

    route_reader_addr(p->s, nid, &a);
    outbox_say(p->ledger, &m, ipv4_of(&a), a.port, true);
}

static void on_second(void *arg)
{
    struct dataplane *p = arg;
    uint64_t now_us = mono_us();

    segment_beat(p->s, now_us / 1000);
    client_logs_look(p->books, now_us);
    ejector_second(p->verdict, now_us / 1000);
    on_tick(p);
    inflight_audit_start(p->audit);
    dataplane_collect(p);
    if (p->n_second++ % SAY_OUT_S == 0)
        ejector_each_out(p->verdict, say_out, p);
    route_writer_reclaim(p->publish, is_unused, p);
    p->cfg.ship(p->cfg.arg);
    evloop_set_timer(p->loop, &p->second, SECOND_MS, on_second, p);
}

/* --- life --------------------------------------------------------------------------- */

static int adopt(struct dataplane *p)
{
    int rc = route_writer_create(&p->publish, p->s);

    if (rc != -EBADMSG)
        return rc;
    LOG_ERROR("plane.spoilt", "dir=%s: what was there makes no sense; begun anew",
              p->dir);
    rc = segment_renew(p->s);
    return rc < 0 ? rc : route_writer_create(&p->publish, p->s);
}

static int create_parts(struct dataplane *p)
{
    struct client_logs_hooks bh = {timeout_of, on_ended, p};
    struct ejector_hooks vh = {on_changed, p};
    int rc = client_logs_create(&p->books, p->s, &bh, mono_us());

    if (rc == 0)
        rc = collector_create(&p->harvest, p->s, p->ledger);
    if (rc == 0)
        rc = module_policy_create(&p->advice, p->s, &p->cfg.advice);
    if (rc == 0)
        rc = ejector_create(&p->verdict, p->loop, p->s, p->books, p->advice,
                            &p->cfg.health, &vh);
    if (rc == 0)
        rc = inflight_audit_create(&p->audit, p->loop, p->s, p->books);
    return rc;
}

int dataplane_create(struct dataplane **out, struct evloop *l, struct outbox *ledger,
                 const struct dataplane_config *cfg)
{
    struct dataplane *p = calloc(1, sizeof(*p));
    struct segment_config sc = {p ? p->dir : NULL, cfg->max_nodes, cfg->max_modules};
    int rc;

    if (!p)
        return -ENOMEM;
    p->loop = l;
    p->cfg = *cfg;
    p->ledger = ledger;
    snprintf(p->dir, sizeof(p->dir), "%s", cfg->dir);
    rc = segment_create(&p->s, &sc);
    if (rc == 0)
        rc = adopt(p);
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

void dataplane_destroy(struct dataplane *p)
{
    bool in_use;

    if (!p)
        return;
    in_use = !p->books || client_logs_any_claimed(p->books);
    evloop_clear_timer(p->loop, &p->tick);
    evloop_clear_timer(p->loop, &p->second);
    inflight_audit_destroy(p->audit);
    ejector_destroy(p->verdict);
    module_policy_destroy(p->advice);
    collector_destroy(p->harvest);
    client_logs_destroy(p->books);
    route_writer_destroy(p->publish);
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

    client_logs_stat(p->books, &b);
    ejector_stat(p->verdict, &v);
    *out = (struct dataplane_stat){.n_ledger = b.n_ledger,
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
                               .bytes = p->bytes};
}
