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

/* Pack the route of a module into w->body.  Returns its length or -errno.
 * 1. Find the route in w->now.  A module without a route gets an answer with 0 nodes.
 * 2. Of more than MSG_MAX_HOSTS nodes take the first so many, count n_cut, and log
 *    route.cut with modid=, cmdid= and nodes= (LOG_EVERY, LOG_GAP_MS).
 * 3. Copy ip and port of each node to w->host and pack them. */
static ssize_t pack_route(struct worker *w, uint32_t modid, uint32_t cmdid)
{
    /* begin pack_route */
    (void)w;
    (void)modid;
    (void)cmdid;
    return -ENOSYS;
    /* end pack_route */
}

static struct worker *worker_of(const struct conn *c)
{
    return conn_group_user(conn_owner(c));
}

/* A client asks for a module.
 * 1. Unpack the question.  Subscribe the client (conn_user) to the module, at most
 *    w->max_subs.
 * 2. When one of them failed: count n_bad_query, log query.refused with err=
 *    (LOG_EVERY, LOG_GAP_MS), and return.  The connection stays open.
 * 3. Count n_query.  When there is a table, pack the route and send it as MSG_ROUTE.
 *    Without a table there is no answer yet: take_table() sends it. */
static void on_get_route(struct conn *c, const struct frame *f, void *arg)
{
    /* begin on_get_route */
    (void)c;
    (void)f;
    (void)arg;
    (void)worker_of;
    (void)pack_route;
    /* end on_get_route */
}

/* Send w->body (w->body_len bytes) as MSG_ROUTE to one subscriber.  Count n_push when
 * conn_send() accepts it; otherwise the connection is being closed already. */
static void push_to(struct conn *c, void *arg)
{
    /* begin push_to */
    (void)c;
    (void)arg;
    /* end push_to */
}

/* Called for each module that has subscribers, after w->now was replaced.
 * 1. When there was a table before and the route of the module in it equals the new
 *    one, there is nothing to push.  Without a table before, every route is new.
 * 2. Pack the route once, remember its length in w->body_len, and send it to each
 *    subscriber. */
static void push_module(uint32_t modid, uint32_t cmdid, void *arg)
{
    /* begin push_module */
    (void)modid;
    (void)cmdid;
    (void)arg;
    (void)push_to;
    /* end push_module */
}

/* A task: runs in each thread.  <arg> is the new table, with a reference for this
 * thread; <user> is the conn_group of the thread, and its user is the worker.
 * 1. The new table becomes w->now; during the push w->before is the old one.
 * 2. Push each module that has subscribers in this thread.
 * 3. w->before is NULL again, and the reference of the old table is released: only
 *    now, because push_module() compares with it. */
static void take_table(void *arg, void *user)
{
    /* begin take_table */
    (void)arg;
    (void)user;
    (void)push_module;
    /* end take_table */
}

/* The task was not run: release its reference of the table. */
static void drop_table(void *arg)
{
    /* begin drop_table */
    (void)arg;
    /* end drop_table */
}

/* 1. Take one reference of <t> for each thread, before any thread can release one.
 * 2. Post take_table() to all threads, with drop_table() for those that cannot take
 *    it. */
void dnssrv_publish(struct dnssrv *s, struct route_table *t)
{
    /* begin dnssrv_publish */
    (void)s;
    (void)t;
    (void)take_table;
    (void)drop_table;
    /* end dnssrv_publish */
}

/* A connection begins, in its thread.
 * 1. Set keepalive with DEAD_S: an agent may be silent for hours, so there is no idle
 *    limit.
 * 2. Create its subscriptions in the subs of its worker, and keep them as the user of
 *    the connection; close the connection when that fails. */
static void on_start(struct conn *c, void *arg)
{
    /* begin on_start */
    (void)c;
    (void)arg;
    /* end on_start */
}

/* The connection ends: remove its subscriptions.  They may be NULL. */
static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    /* begin on_close */
    (void)c;
    (void)why;
    (void)arg;
    /* end on_close */
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
