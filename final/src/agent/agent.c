/* Who tells whom, each arrow a task in the other thread's queue:
 *
 *     shard --- want, forget ---> dnscli --- route ---> shard
 *     shard --- totals ---------> repcli --- tell all -> shards
 *     shard --- a frame for another shard's module ----> shard
 *
 * No thread ever touches what another one owns. */
#include "agent/agent.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agentparts.h"
#include "agent/dnscli.h"
#include "agent/repcli.h"
#include "agent/shard.h"
#include "net/looppool.h"

#define PLANE SHARD_N                 /* threads: the shards, then these three */
#define DNS (SHARD_N + 1)
#define REP (SHARD_N + 2)
#define N_THREADS (SHARD_N + 3)
#define PORT_TRIES 100                /* for three free ports in a row */
#define DRAIN_S 2

struct agent {
    struct looppool *pool;
    struct shard *shard[SHARD_N];
    struct dnscli *dns;
    struct repcli *rep;
    struct agentparts more;
    uint16_t port;
    bool started;                     /* the threads run */
    unsigned n_flushed;               /* shards that are; REP's thread only */
    sem_t drained;
};

/* Takes <arg>: it is freed when the task could not be posted or never runs. */
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

    dataplane_link_route(a->more.plane, m, node, n, a->started);
    if (!a->started) {                /* from the file: before the first question */
        shard_set_route(a->shard[index], m, node, n);
        return;
    }
    t = malloc(sizeof(*t) + n * sizeof(*node));
    if (!t)
        return;                       /* the refresh brings it again */
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

    /* no connection: told again when it is up */
    repcli_send(user, &t->mod, t->res, t->n);
    free(t);
}

static int tell(const struct module_id *m, const struct msg_result *res, size_t n,
                void *arg)
{
    struct report_task *t;

    t = malloc(sizeof(*t) + n * sizeof(*res));
    if (!t)
        return -ENOMEM;
    t->mod = *m;
    t->n = n;
    memcpy(t->res, res, n * sizeof(*res));
    return post(arg, REP, run_report, t);
}

static int report(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg)
{
    struct agent *a = arg;

    return agentparts_report(&a->more, m, res, n) ? 0 : tell(m, res, n, a);
}

static void run_report_all(void *arg, void *user)
{
    (void)arg;
    shard_report_all(user);
}

static void tell_all(void *arg)
{
    struct agent *a = arg;
    unsigned i;

    for (i = 0; i < SHARD_N; i++)
        post(a, i, run_report_all, NULL);
}

static void on_report_up(void *arg)
{
    struct agent *a = arg;

    agentparts_on_up(&a->more, repcli_caller(a->rep));
    tell_all(a);
}

static void on_call(unsigned index, const struct msg_call *q, void *arg)
{
    struct agent *a = arg;

    agentparts_on_call(&a->more, index, q);
}

static int pick(unsigned index, const struct module_id *m, struct route_node *out,
                void *arg)
{
    struct agent *a = arg;

    return dataplane_link_pick(a->more.plane, index, m, out);
}

/* --- shard -> shard ----------------------------------------------------------------- */

struct frame_task {
    struct udp *u;                    /* the reply goes out where the question came in */
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
        return;                       /* lost, as datagrams may be */
    *t = (struct frame_task){.u = u, .from = *from, .msgid = f->msgid, .len = f->len};
    memcpy(t->body, f->body, f->len);
    post(arg, index, run_frame, t);
}

/* --- life --------------------------------------------------------------------------- */

static int create_shards(struct agent *a, const struct agent_config *cfg)
{
    struct shard_config sc = {.classic = &cfg->classic,
                              .report_ms = cfg->report_ms,
                              .max_modules = cfg->max_modules,
                              .want = want,
                              .forget = forget,
                              .report = report,
                              .on_call = on_call,
                              .pick = pick,
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
            return -EADDRINUSE;       /* no three in a row from here */
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

/* With port 0 the first is the kernel's choice, and its neighbours may be taken. */
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
                               .more = route_sync_more,
                               .on_up = route_sync_on_up,
                               .more_arg = a->more.updates,
                               .arg = a};
    struct repcli_config rc = {.n_server = cfg->n_report,
                               .dispatch = batch_link_dispatch(a->more.exact),
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
    agentparts_fini_servers(&a->more);
    destroy_shards(a);
    dnscli_destroy(a->dns);
    repcli_destroy(a->rep);
    agentparts_fini(&a->more);
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
        rc = agentparts_init(&a->more, cfg, a->pool, PLANE, REP, tell_all, tell, a);
    if (rc == 0)
        rc = create_clients(a, cfg);
    if (rc == 0)
        rc = agentparts_watch(&a->more,
                              &(struct failover_config){.dns = a->dns, .rep = a->rep},
                              looppool_loop(a->pool, DNS), looppool_loop(a->pool, REP),
                              cfg);
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

    if (++a->n_flushed == SHARD_N + 1) /* their totals came before, in the same queue */
        repcli_finish(user);
}

static void run_flush(void *arg, void *user)
{
    struct agent *a = arg;
    struct msgq_task t = {run_flushed, NULL, a};

    if (user)                         /* none: the plane's thread */
        shard_flush(user);
    looppool_post(a->pool, REP, &t);
}

void agent_stop(struct agent *a)
{
    struct timespec end;
    unsigned i;

    if (!a)
        return;
    dataplane_link_flush(a->more.plane);
    for (i = 0; i <= SHARD_N; i++) {
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

void agent_stat(const struct agent *a, struct agent_stat *out)
{
    struct shard_stat st;
    unsigned i;

    *out = (struct agent_stat){.n_report_up = a->more.n_report_up};
    dataplane_link_stat(a->more.plane, &out->plane);
    for (i = 0; i < SHARD_N; i++) {
        shard_stat(a->shard[i], &st);
        out->n_get_host += st.n_get_host;
        out->n_get_route += st.n_get_route;
        out->n_report += st.n_report;
        out->n_bad += st.n_bad;
        out->n_module += st.n_module;
    }
}

uint16_t agent_port(const struct agent *a)
{
    return a->port;
}
