/* The five parts communicate by tasks.  Each arrow is a task in the queue of the thread
 * to which it points:
 *
 *     shard --- want, forget ---------------> dnscli --- route --------> shard
 *     shard --- totals ---------------------> repcli --- report all ---> shards
 *     shard --- frame for another shard ----> shard
 *
 * Invariant: no thread uses an object that belongs to another thread; a task carries a
 * copy of its data. A task that cannot be posted for lack of memory is dropped, because
 * each is repeated: routes by the refresh, totals by the next report, datagrams by the
 * client.
 * Rejected: one thread for everything, because a slow database or a large route would
 * delay the answers. */
#include "agent/agent.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/dnscli.h"
#include "agent/repcli.h"
#include "agent/shard.h"
#include "net/looppool.h"

#define DNS SHARD_N                   /* threads 0 to 2 run the shards */
#define REP (SHARD_N + 1)
#define N_THREADS (SHARD_N + 2)
#define PORT_TRIES 100                /* attempts to find three ports in a row */
#define DRAIN_S 2                     /* longest wait for the last totals */

struct agent {
    struct looppool *pool;
    struct shard *shard[SHARD_N];
    struct dnscli *dns;
    struct repcli *rep;
    uint16_t port;
    bool started;                     /* the threads are running */
    unsigned n_flushed;               /* shards that flushed; used by thread REP */
    sem_t drained;                    /* posted when the last totals are sent */
};

/* Post a task to a thread.  Takes <arg>: it is freed when the task cannot be posted or is
 * dropped. */
static int post(struct agent *a, unsigned thread, msgq_run_fn *run, void *arg)
{
    struct msgq_task t = {run, free, arg};
    int rc = looppool_post(a->pool, thread, &t);

    if (rc < 0)
        free(arg);
    return rc;
}

static void *copy_of(const void *p, size_t size)
{
    void *copy = malloc(size);

    return copy ? memcpy(copy, p, size) : NULL;
}

/* --- shard -> dnscli ---------------------------------------------------------------- */

static void run_want(void *arg, void *user)
{
    dnscli_want(user, arg);
    free(arg);
}

static void run_forget(void *arg, void *user)
{
    dnscli_forget(user, arg);
    free(arg);
}

static void want(const struct module_id *m, void *arg)
{
    struct module_id *copy = copy_of(m, sizeof(*m));

    if (copy)
        post(arg, DNS, run_want, copy);
}

static void forget(const struct module_id *m, void *arg)
{
    struct module_id *copy = copy_of(m, sizeof(*m));

    if (copy)
        post(arg, DNS, run_forget, copy);
}

/* --- dnscli -> shard ---------------------------------------------------------------- */

struct route_task {
    struct module_id mod;
    size_t n;
    struct route_node node[];
};

static void run_route(void *arg, void *user)
{
    struct route_task *t = arg;

    shard_set_route(user, &t->mod, t->node, t->n);
    free(t);
}

static void on_route(const struct module_id *m, const struct route_node *node, size_t n,
                     void *arg)
{
    struct agent *a = arg;
    unsigned index = module_id_shard(*m, SHARD_N);
    struct route_task *t;

    if (!a->started) {                /* a route of the file; threads do not run yet */
        shard_set_route(a->shard[index], m, node, n);
        return;
    }
    t = malloc(sizeof(*t) + n * sizeof(*node));
    if (!t)
        return;                       /* the refresh will repeat it */
    t->mod = *m;
    t->n = n;
    if (n > 0)
        memcpy(t->node, node, n * sizeof(*node));
    post(a, index, run_route, t);
}

/* --- shard -> repcli, repcli -> shards ---------------------------------------------- */

struct report_task {
    struct module_id mod;
    size_t n;
    struct msg_result res[];
};

static void run_report(void *arg, void *user)
{
    struct report_task *t = arg;

    /* Without a connection this fails; all is reported when it is up again. */
    repcli_send(user, &t->mod, t->res, t->n);
    free(t);
}

static int report(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg)
{
    struct report_task *t = malloc(sizeof(*t) + n * sizeof(*res));

    if (!t)
        return -ENOMEM;
    t->mod = *m;
    t->n = n;
    memcpy(t->res, res, n * sizeof(*res));
    return post(arg, REP, run_report, t);
}

static void run_report_all(void *arg, void *user)
{
    (void)arg;
    shard_report_all(user);
}

static void on_report_up(void *arg)
{
    struct agent *a = arg;
    unsigned i;

    for (i = 0; i < SHARD_N; i++)
        post(a, i, run_report_all, NULL);
}

/* --- shard -> shard ----------------------------------------------------------------- */

struct frame_task {
    struct udp *u;                    /* where the question arrived; sends the reply */
    struct net_addr from;
    int32_t msgid;
    uint32_t len;
    char body[];
};

static void run_frame(void *arg, void *user)
{
    struct frame_task *t = arg;
    struct frame f = {t->msgid, t->len, t->body};

    shard_handle(user, t->u, &f, &t->from);
    free(t);
}

static void elsewhere(unsigned index, struct udp *u, const struct frame *f,
                      const struct net_addr *from, void *arg)
{
    struct frame_task *t = malloc(sizeof(*t) + f->len);

    if (!t)
        return;                       /* dropped: the client sends it again */
    *t = (struct frame_task){.u = u, .from = *from, .msgid = f->msgid, .len = f->len};
    memcpy(t->body, f->body, f->len);
    post(arg, index, run_frame, t);
}

/* --- start and stop ----------------------------------------------------------------- */

static int create_shards(struct agent *a, const struct agent_config *cfg)
{
    struct shard_config sc = {.classic = &cfg->classic,
                              .report_ms = cfg->report_ms,
                              .max_modules = cfg->max_modules,
                              .want = want,
                              .forget = forget,
                              .report = report,
                              .elsewhere = elsewhere,
                              .arg = a};
    struct net_addr at = cfg->at;
    int rc = 0;

    for (sc.index = 0; rc == 0 && sc.index < SHARD_N; sc.index++) {
        rc =
            shard_create(&a->shard[sc.index], looppool_loop(a->pool, sc.index), &at, &sc);
        if (rc == 0)
            rc = shard_local_addr(a->shard[sc.index], &at);
        if (rc == 0 && sc.index == 0)
            a->port = at.port;
        if (at.port == UINT16_MAX)
            return -EADDRINUSE;       /* there are no three ports from here */
        at.port++;
    }
    return rc;
}

static void destroy_shards(struct agent *a)
{
    unsigned i;

    for (i = 0; i < SHARD_N; i++) {
        shard_destroy(a->shard[i]);
        a->shard[i] = NULL;
    }
}

/* With port 0 the kernel chooses the first port, and the next two may be in use; then
 * try again with another first port. */
static int open_ports(struct agent *a, const struct agent_config *cfg)
{
    int rc, left = cfg->at.port == 0 ? PORT_TRIES : 1;

    do {
        destroy_shards(a);
        rc = create_shards(a, cfg);
    } while (rc == -EADDRINUSE && --left > 0);
    return rc;
}

static void on_end(void *arg)
{
    struct agent *a = arg;

    sem_post(&a->drained);
}

static int create_clients(struct agent *a, const struct agent_config *cfg)
{
    struct dnscli_config dc = {.n_server = cfg->n_dns,
                               .refresh_ms = cfg->refresh_ms,
                               .file = cfg->route_file,
                               .file_ms = cfg->file_ms,
                               .fn = on_route,
                               .arg = a};
    struct repcli_config rc = {.n_server = cfg->n_report,
                               .caller = cfg->caller,
                               .on_up = on_report_up,
                               .on_end = on_end,
                               .arg = a};
    int err;

    memcpy(dc.server, cfg->dns, sizeof(dc.server));
    memcpy(rc.server, cfg->report, sizeof(rc.server));
    err = repcli_create(&a->rep, looppool_loop(a->pool, REP), &rc);
    return err < 0 ? err : dnscli_create(&a->dns, looppool_loop(a->pool, DNS), &dc);
}

static void release(struct agent *a)
{
    destroy_shards(a);
    dnscli_destroy(a->dns);
    repcli_destroy(a->rep);
    looppool_destroy(a->pool);
    sem_destroy(&a->drained);
    free(a);
}

int agent_start(struct agent **out, const struct agent_config *cfg)
{
    struct agent *a = calloc(1, sizeof(*a));
    unsigned i;
    int rc;

    if (!a)
        return -ENOMEM;
    sem_init(&a->drained, 0, 0);
    rc = looppool_create(&a->pool, N_THREADS);
    if (rc == 0)
        rc = open_ports(a, cfg);
    if (rc == 0)
        rc = create_clients(a, cfg);
    if (rc < 0) {
        release(a);
        return rc;
    }
    for (i = 0; i < SHARD_N; i++)
        looppool_set_user(a->pool, i, a->shard[i]);
    looppool_set_user(a->pool, DNS, a->dns);
    looppool_set_user(a->pool, REP, a->rep);
    a->started = true;
    rc = looppool_start(a->pool);
    if (rc < 0)
        release(a);
    else
        *out = a;
    return rc;
}

static void run_flushed(void *arg, void *user)
{
    struct agent *a = arg;

    if (++a->n_flushed == SHARD_N)    /* their totals are already in this queue */
        repcli_finish(user);
}

static void run_flush(void *arg, void *user)
{
    struct agent *a = arg;
    struct msgq_task t = {run_flushed, NULL, a};

    shard_flush(user);
    looppool_post(a->pool, REP, &t);
}

void agent_stop(struct agent *a)
{
    struct timespec end;
    unsigned i;

    if (!a)
        return;
    for (i = 0; i < SHARD_N; i++) {
        struct msgq_task t = {run_flush, NULL, a};

        looppool_post(a->pool, i, &t);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += DRAIN_S;
    while (sem_clockwait(&a->drained, CLOCK_MONOTONIC, &end) == -1 && errno == EINTR)
        continue;
    looppool_stop(a->pool);
    release(a);
}

uint16_t agent_port(const struct agent *a)
{
    return a->port;
}
