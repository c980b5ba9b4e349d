/* Each thread has the current route table, its own connections and its own subscribers; a
 * new table is a task for every thread, run between two requests.
 *
 * Invariant: a thread touches only what is its own, and tables never change once they are
 * published, so answering takes no lock and never waits for the database.
 *
 * Legacy peers get message 2, which holds what fits in one frame; peers that have said
 * hello get message 36 (updates.c).  A connection is in one of the two sets of
 * subscribers.
 *
 * Rejected: one table of subscribers for all threads.  A push to ten thousand agents
 * would hold its lock while every other thread waits. */
#include "dns/dnssrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "dns/replycache.h"
#include "dns/slot_peers.h"
#include "dns/subs.h"
#include "dns/updates.h"
#include "net/sock.h"
#include "proto/msg.h"
#include "proto/msg_batch.h"
#include "proto/msg_slot.h"
#include "proto/msg_state.h"

#define LOG_GAP_MS 60000
#define DEAD_S 30
#define MAX_UNKNOWN 1000 /* modules that do not exist, for one connection */
#define CACHE_PLACES 16384 /* replies that a thread keeps, 2 KiB each at most */

struct dns_thread { /* what one thread has */
    struct dnssrv *s;
    struct route_table *now; /* NULL before the first; one reference */
    const struct route_table *before; /* while pushing: what it replaces, or NULL */
    struct subs *subs; /* of legacy peers */
    struct updates *updates; /* of peers that have said hello */
    struct replycache *cache;
    struct slot_peers *slots; /* those of a lars-slotd */
    size_t max_subs;
    _Atomic uint64_t n_query; /* only this thread writes it */
    struct msg_host host[MSG_MAX_HOSTS];
    char body[FRAME_MAX_BODY];
    size_t body_len; /* of the push in progress */
};

struct dnssrv {
    struct dnssrv_config cfg;
    struct dispatch *dispatch;
    struct mtsrv *srv;
    struct admission *admission;
    struct dns_thread **thread; /* cfg.n_threads; owned */
    _Atomic uint64_t n_bad_query, n_push, n_cut, n_slotd, n_orders;
    _Atomic uint64_t n_ended[CONN_WHY_COUNT];
};

/* Pack the route of a module into w->body.  Returns its length or -errno. */
static ssize_t pack_route(struct dns_thread *w, uint32_t modid, uint32_t cmdid)
{
    const struct route *r = route_table_find(w->now, modid, cmdid);
    size_t n = r ? r->n_node : 0, i;

    if (n > MSG_MAX_HOSTS) { /* a legacy peer takes one frame */
        n = MSG_MAX_HOSTS;
        w->s->n_cut++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.cut", "modid=%u cmdid=%u nodes=%u",
                  modid, cmdid, r->n_node);
    }
    for (i = 0; i < n; i++)
        w->host[i] = (struct msg_host){r->node[i].ip, r->node[i].port};
    return msg_pack_route(&(struct module_id){modid, cmdid}, w->host, n, w->body,
                          sizeof(w->body));
}

/* The same from the cache, packed only when it is not there.  NULL = it cannot be
 * packed. */
static const void *packed_route(struct dns_thread *w, uint32_t modid, uint32_t cmdid,
                                size_t *len)
{
    const void *body = replycache_get(w->cache, modid, cmdid, len);
    ssize_t n;

    if (body)
        return body;
    n = pack_route(w, modid, cmdid);
    if (n <= 0)
        return NULL;
    replycache_put(w->cache, modid, cmdid, w->body, (size_t)n);
    *len = (size_t)n;
    return w->body;
}

static struct dns_thread *thread_of(const struct conn *c)
{
    return conn_group_user(conn_owner(c));
}

/* A module that does not exist has a place in a bounded memory of its own.  Without a
 * table every module may exist. */
static int subscribe(struct dns_thread *w, struct conn *c, const struct module_id *m)
{
    if (w->now && !route_table_find(w->now, m->modid, m->cmdid))
        return subs_add_unknown(conn_user(c), m->modid, m->cmdid, MAX_UNKNOWN);
    return subs_add(conn_user(c), m->modid, m->cmdid, w->max_subs);
}

static void on_get_route(struct conn *c, const struct frame *f, void *arg)
{
    struct dnssrv *s = arg;
    struct dns_thread *w = thread_of(c);
    struct module_id m;
    const void *body = NULL;
    size_t len = 0;
    int rc = msg_unpack_get_route(&m, f->body, f->len);

    if (rc == 0)
        rc = subscribe(w, c, &m);
    if (rc < 0) {
        s->n_bad_query++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "query.refused", "err=%s", err_str(rc));
        return;
    }
    atomic_store_explicit(
        &w->n_query, atomic_load_explicit(&w->n_query, memory_order_relaxed) + 1,
        memory_order_relaxed); /* without a locked instruction */
    admission_subscribe(s->admission, c);
    if (w->now && updates_has(w->updates, c)) {
        updates_send_whole(w->updates, c, &m, route_table_find(w->now, m.modid, m.cmdid),
                           route_table_version(w->now));
        updates_send_meta(w->updates, c, &m);
        return;
    }
    if (w->now) /* without a table, the first one answers */
        body = packed_route(w, m.modid, m.cmdid, &len);
    if (body)
        conn_send(c, MSG_ROUTE, body, len);
}

static void push_to(struct conn *c, void *arg)
{
    struct dns_thread *w = arg;

    if (conn_send(c, MSG_ROUTE, w->body, w->body_len) == 0)
        w->s->n_push++;
}

static void push_changed_route(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct dns_thread *w = arg;
    ssize_t len;

    if (w->before && route_equal(route_table_find(w->before, modid, cmdid),
                                 route_table_find(w->now, modid, cmdid)))
        return;
    len = pack_route(w, modid, cmdid);
    if (len <= 0)
        return;
    w->body_len = (size_t)len;
    subs_each_conn(w->subs, modid, cmdid, push_to, w);
    LOG_DEBUG("route.pushed", "modid=%u cmdid=%u version=%llu to=legacy", modid, cmdid,
              (unsigned long long)route_table_version(w->now));
}

/* The peer wants a Report Service. */
static void end_wrong_peer(struct conn *c)
{
    char peer[NET_ADDR_STRLEN];

    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "peer.wrong_service",
              "peer=%s: this port is of a DNSService, but [reporter] of this agent names "
              "it as a Report Service; correct [reporter] in its configuration",
              net_addr_str(conn_peer(c), peer));
    conn_finish(c);
}

static void on_report(struct conn *c, const struct frame *f, void *arg)
{
    (void)f;
    (void)arg;
    end_wrong_peer(c);
}

static bool wants_report_service(const struct frame *f)
{
    enum msg_service want;
    uint32_t version;

    return msg_batch_unpack_hello(&version, &want, f->body, f->len) == 0 &&
           want == MSG_SERVICE_REPORT;
}

static void on_hello(struct conn *c, const struct frame *f, void *arg)
{
    struct dnssrv *s = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_DNS, body, sizeof(body));

    if (wants_report_service(f)) { /* the reply tells it what this is */
        if (n > 0)
            conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
        end_wrong_peer(c);
        return;
    }
    admission_subscribe(s->admission, c);
    updates_hello(thread_of(c)->updates, c);
}

/* Its orders come with the next table, and not from the last one, which may be older than
 * the database's present state. */
static void on_slot_hello(struct conn *c, const struct frame *f, void *arg)
{
    struct dnssrv *s = arg;
    struct dns_thread *w = thread_of(c);
    struct msg_slot_host h;
    char peer[NET_ADDR_STRLEN];
    int rc = updates_has(w->updates, c) ? msg_slot_unpack_hello(&h, f->body, f->len)
                                        : -EPROTO; /* it has not sent hello */

    if (rc == 0 && !tls_conn_is_host(c, msg_slot_ip(&h)))
        return;
    if (rc == 0)
        rc = slot_peers_add(w->slots, c, h.host);
    if (rc < 0) {
        s->n_bad_query++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_hello.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    s->n_slotd += (uint64_t)rc;
    LOG_INFO("slotd.connected", "host=%s zone=%s slots=%u peer=%s", h.host, h.zone,
             h.slots, net_addr_str(conn_peer(c), peer));
}

static void take_table(void *arg, void *user)
{
    struct dns_thread *w = conn_group_user(user);
    struct route_table *old = w->now;

    w->now = arg; /* the reference comes with the task */
    w->before = old;
    replycache_forget(w->cache);
    subs_each_module(w->subs, push_changed_route, w);
    w->s->n_push += updates_push(w->updates, old, w->now);
    w->before = NULL;
    route_table_unref(old);
}

static void drop_table(void *arg)
{
    route_table_unref(arg);
}

void dnssrv_publish(struct dnssrv *s, struct route_table *t)
{
    unsigned i;

    for (i = 0; i < s->cfg.n_threads; i++)
        route_table_ref(t); /* one for each task, run or dropped */
    mtsrv_post_all(s->srv, &(struct msgq_task){take_table, drop_table, t});
}

static void take_meta(void *arg, void *user)
{
    struct dns_thread *w = conn_group_user(user);

    updates_take_meta(w->updates, arg); /* the reference comes with the task */
}

static void drop_meta(void *arg)
{
    module_meta_table_unref(arg);
}

void dnssrv_publish_meta(struct dnssrv *s, struct module_meta_table *t)
{
    unsigned i;

    for (i = 0; i < s->cfg.n_threads; i++)
        module_meta_table_ref(t);
    mtsrv_post_all(s->srv, &(struct msgq_task){take_meta, drop_meta, t});
}

static void take_orders(void *arg, void *user)
{
    struct dns_thread *w = conn_group_user(user);

    w->s->n_orders += slot_peers_push(w->slots, arg, mono_ms());
    slot_order_table_unref(arg); /* the reference comes with the task */
}

static void drop_orders(void *arg)
{
    slot_order_table_unref(arg);
}

void dnssrv_publish_orders(struct dnssrv *s, struct slot_order_table *t)
{
    unsigned i;

    for (i = 0; i < s->cfg.n_threads; i++)
        slot_order_table_ref(t);
    mtsrv_post_all(s->srv, &(struct msgq_task){take_orders, drop_orders, t});
}

bool dnssrv_has_slotd(const struct dnssrv *s)
{
    return s->n_slotd > 0;
}

static void on_start(struct conn *c, void *arg)
{
    struct dnssrv *s = arg;
    struct subs_client *cl;
    char text[NET_ADDR_STRLEN];

    if (!admission_enter(s->admission, c))
        return;
    LOG_DEBUG("agent.connected", "peer=%s", net_addr_str(conn_peer(c), text));
    sock_keepalive(conn_fd(c), DEAD_S); /* a silent agent is not closed, a dead one is */
    if (subs_client_create(&cl, thread_of(c)->subs, c) < 0)
        conn_close(c);
    else
        conn_set_user(c, cl);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct dnssrv *s = arg;
    char text[NET_ADDR_STRLEN];

    s->n_ended[why]++;
    LOG_DEBUG("agent.closed", "peer=%s why=%d", net_addr_str(conn_peer(c), text),
              (int)why);
    admission_leave(s->admission, c);
    s->n_slotd -= (uint64_t)slot_peers_forget(thread_of(c)->slots, c);
    subs_client_destroy(conn_user(c));
}

/* The first task of each thread, so it runs before the thread gets a connection. */
static void set_thread(void *arg, void *user)
{
    struct dns_thread *w = arg;

    conn_group_set_user(user, w);
}

static int create_threads(struct dnssrv *s)
{
    unsigned i;
    int rc = 0;

    s->thread = calloc(s->cfg.n_threads, sizeof(struct dns_thread *));
    if (!s->thread)
        return -ENOMEM;
    for (i = 0; i < s->cfg.n_threads && rc == 0; i++) {
        struct dns_thread *w = calloc(1, sizeof(*w));

        if (!w)
            return -ENOMEM;
        s->thread[i] = w;
        w->s = s;
        w->max_subs = s->cfg.max_subs;
        rc = subs_create(&w->subs);
        if (rc == 0)
            rc = replycache_create(&w->cache, CACHE_PLACES);
        if (rc == 0)
            rc = updates_create(&w->updates);
        if (rc == 0)
            rc = slot_peers_create(&w->slots);
        if (rc == 0)
            rc = mtsrv_post(s->srv, i, &(struct msgq_task){set_thread, NULL, w});
    }
    return rc;
}

static int add_handlers(struct dnssrv *s)
{
    static const int32_t of_reports[] = {MSG_REPORT_STATUS, MSG_REPORT_BATCH,
                                         MSG_AGENT_STATE};
    int rc = dispatch_set(s->dispatch, MSG_GET_ROUTE, on_get_route, s);
    size_t i;

    if (rc == 0)
        rc = dispatch_set(s->dispatch, MSG_HELLO, on_hello, s);
    if (rc == 0)
        rc = dispatch_set(s->dispatch, MSG_SLOT_HELLO, on_slot_hello, s);
    for (i = 0; i < sizeof(of_reports) / sizeof(of_reports[0]) && rc == 0; i++)
        rc = dispatch_set(s->dispatch, of_reports[i], on_report, s);
    return rc;
}

int dnssrv_create(struct dnssrv **out, struct evloop *main_loop, int lfd,
                  const struct dnssrv_config *cfg)
{
    const struct admission_config ac = {cfg->n_threads, cfg->max_conns,
                                        cfg->first_frame_ms};
    struct mtsrv_config mc = {.n_threads = cfg->n_threads};
    struct dnssrv *s = calloc(1, sizeof(*s));
    int rc = s ? dispatch_create(&s->dispatch) : -ENOMEM;

    if (rc == 0) {
        s->cfg = *cfg;
        rc = add_handlers(s);
    }
    if (rc == 0)
        rc = admission_create(&s->admission, main_loop, &ac);
    if (rc < 0) {
        close(lfd);
        dnssrv_destroy(s);
        return rc;
    }
    mc.max_conns = admission_max_conns(s->admission);
    if (mc.max_conns > 0)
        mc.max_conns += tls_conn_spare(cfg->tls);
    mc.conn = (struct conn_config){.dispatch = s->dispatch,
                                   .choose_io = tls_conn_accept,
                                   .io_arg = cfg->tls,
                                   .on_start = on_start,
                                   .on_close = on_close,
                                   .arg = s};
    rc = mtsrv_create(&s->srv, main_loop, lfd, &mc);
    if (rc == 0)
        rc = admission_serve(s->admission, s->srv);
    if (rc == 0)
        rc = create_threads(s);
    if (rc < 0)
        dnssrv_destroy(s);
    else
        *out = s;
    return rc;
}

void dnssrv_destroy(struct dnssrv *s)
{
    unsigned i;

    if (!s)
        return;
    mtsrv_destroy(s->srv); /* every connection and task is gone after this */
    for (i = 0; s->thread && i < s->cfg.n_threads && s->thread[i]; i++) {
        route_table_unref(s->thread[i]->now);
        subs_destroy(s->thread[i]->subs);
        updates_destroy(s->thread[i]->updates);
        replycache_destroy(s->thread[i]->cache);
        slot_peers_destroy(s->thread[i]->slots);
        free(s->thread[i]);
    }
    free(s->thread);
    admission_destroy(s->admission);
    dispatch_destroy(s->dispatch);
    free(s);
}

struct mtsrv *dnssrv_server(struct dnssrv *s)
{
    return s->srv;
}

struct admission *dnssrv_admission(struct dnssrv *s)
{
    return s->admission;
}

void dnssrv_stat(const struct dnssrv *s, struct dnssrv_stat *out)
{
    unsigned i;

    *out = (struct dnssrv_stat){.n_bad_query = s->n_bad_query,
                                .n_push = s->n_push,
                                .n_cut = s->n_cut,
                                .n_slotd = s->n_slotd,
                                .n_orders = s->n_orders};
    for (i = 0; i < CONN_WHY_COUNT; i++)
        out->n_ended[i] = s->n_ended[i];
    for (i = 0; i < s->cfg.n_threads; i++)
        out->n_query += s->thread[i]->n_query;
}
