/* A connection belongs to one thread, and each thread has a reference to the current
 * table.  dnssrv_publish() posts one task to each thread; the task replaces the pointer
 * of its thread and pushes to the subscribers of its thread.
 *
 * Invariant: only its thread reads or changes a worker, so neither needs a lock.
 * Invariant: before the first table a question is not answered, only subscribed.  The
 * answer "no nodes" would be wrong and would stop the caller.
 * Rejected: one table pointer for all threads with a read-write lock.  Every answer would
 * take it, and a thread could answer from a table whose changes it has not pushed yet. */
#include "dns/dnssrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "dns/subs.h"
#include "net/sock.h"
#include "proto/msg.h"

#define LOG_GAP_MS 60000
#define DEAD_S 30                     /* see sock_keepalive() */

/* The state of one thread. */
struct worker {
    struct dnssrv *s;
    struct route_table *now;          /* one reference; NULL before the first table */
    const struct route_table *before; /* the previous table, during a push; else NULL */
    struct subs *subs;
    size_t max_subs;
    struct msg_host host[MSG_MAX_HOSTS];
    char body[FRAME_MAX_BODY];
    size_t body_len;                  /* of the route being pushed */
};

struct dnssrv {
    struct dnssrv_config cfg;
    struct dispatch *dispatch;
    struct mtsrv *srv;
    struct worker **worker;           /* one for each thread */
    _Atomic uint64_t n_query, n_bad_query, n_push, n_cut;
};

/* Pack the route of a module into w->body.  Returns its length or -errno. */
static ssize_t pack_route(struct worker *w, uint32_t modid, uint32_t cmdid)
{
    const struct route *r = route_table_find(w->now, modid, cmdid);
    size_t n = r ? r->n_node : 0, i;

    if (n > MSG_MAX_HOSTS) {          /* one frame has no room for more */
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

static struct worker *worker_of(const struct conn *c)
{
    return conn_group_user(conn_owner(c));
}

static void on_get_route(struct conn *c, const struct frame *f, void *arg)
{
    struct dnssrv *s = arg;
    struct worker *w = worker_of(c);
    struct module_id m;
    ssize_t len = 0;
    int rc = msg_unpack_get_route(&m, f->body, f->len);

    if (rc == 0)
        rc = subs_add(conn_user(c), m.modid, m.cmdid, w->max_subs);
    if (rc < 0) {
        s->n_bad_query++;
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "query.refused", "err=%s", err_str(rc));
        return;
    }
    s->n_query++;
    if (w->now)
        len = pack_route(w, m.modid, m.cmdid);
    if (len > 0)
        conn_send(c, MSG_ROUTE, w->body, (size_t)len);
}

static void push_to(struct conn *c, void *arg)
{
    struct worker *w = arg;

    if (conn_send(c, MSG_ROUTE, w->body, w->body_len) == 0)
        w->s->n_push++;
}

static void push_module(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct worker *w = arg;
    ssize_t len;

    if (w->before && route_equal(route_table_find(w->before, modid, cmdid),
                                 route_table_find(w->now, modid, cmdid)))
        return;
    len = pack_route(w, modid, cmdid);
    if (len <= 0)
        return;
    w->body_len = (size_t)len;
    subs_each_conn(w->subs, modid, cmdid, push_to, w);
}

static void take_table(void *arg, void *user)
{
    struct worker *w = conn_group_user(user);
    struct route_table *old = w->now;

    w->now = arg;                     /* the task brings its own reference */
    w->before = old;
    subs_each_module(w->subs, push_module, w);
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
        route_table_ref(t);           /* one per task; a dropped task frees it */
    mtsrv_post_all(s->srv, &(struct msgq_task){take_table, drop_table, t});
}

static void on_start(struct conn *c, void *arg)
{
    struct subs_client *cl;

    (void)arg;
    sock_keepalive(conn_fd(c), DEAD_S); /* no idle limit: an agent may be silent */
    if (subs_client_create(&cl, worker_of(c)->subs, c) < 0)
        conn_close(c);
    else
        conn_set_user(c, cl);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    (void)why;
    (void)arg;
    subs_client_destroy(conn_user(c));
}

/* The first task of each thread: it runs before any connection is handed over. */
static void add_worker(void *arg, void *user)
{
    struct worker *w = arg;

    conn_group_set_user(user, w);
}

static int create_workers(struct dnssrv *s)
{
    unsigned i;
    int rc = 0;

    s->worker = calloc(s->cfg.n_threads, sizeof(struct worker *));
    if (!s->worker)
        return -ENOMEM;
    for (i = 0; i < s->cfg.n_threads && rc == 0; i++) {
        struct worker *w = calloc(1, sizeof(*w));

        if (!w)
            return -ENOMEM;
        s->worker[i] = w;
        w->s = s;
        w->max_subs = s->cfg.max_subs;
        rc = subs_create(&w->subs);
        if (rc == 0)
            rc = mtsrv_post(s->srv, i, &(struct msgq_task){add_worker, NULL, w});
    }
    return rc;
}

int dnssrv_create(struct dnssrv **out, struct evloop *main_loop, int lfd,
                  const struct dnssrv_config *cfg)
{
    struct mtsrv_config mc = {.n_threads = cfg->n_threads, .max_conns = cfg->max_conns};
    struct dnssrv *s = calloc(1, sizeof(*s));
    int rc = s ? dispatch_create(&s->dispatch) : -ENOMEM;

    if (rc == 0) {
        s->cfg = *cfg;
        rc = dispatch_set(s->dispatch, MSG_GET_ROUTE, on_get_route, s);
    }
    if (rc < 0) {
        close(lfd);
        dnssrv_destroy(s);
        return rc;
    }
    mc.conn = (struct conn_config){.dispatch = s->dispatch,
                                   .on_start = on_start,
                                   .on_close = on_close};
    rc = mtsrv_create(&s->srv, main_loop, lfd, &mc);
    if (rc == 0)
        rc = create_workers(s);
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
    mtsrv_destroy(s->srv);            /* closes all connections, drops all tasks */
    for (i = 0; s->worker && i < s->cfg.n_threads && s->worker[i]; i++) {
        route_table_unref(s->worker[i]->now);
        subs_destroy(s->worker[i]->subs);
        free(s->worker[i]);
    }
    free(s->worker);
    dispatch_destroy(s->dispatch);
    free(s);
}

struct mtsrv *dnssrv_server(struct dnssrv *s)
{
    return s->srv;
}

void dnssrv_stat(const struct dnssrv *s, struct dnssrv_stat *out)
{
    *out = (struct dnssrv_stat){s->n_query, s->n_bad_query, s->n_push, s->n_cut};
}
