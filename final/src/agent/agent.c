/* Starts and stops the agent.  Between looppool_create() and looppool_start() no thread
 * runs, so this thread makes all objects and gives each to the loop that will own it;
 * after looppool_stop() it destroys them.  While the threads run, they reach each other
 * only by the tasks of agent_tasks.c.
 *
 * The parts are made in the order in which they need each other: the shards first,
 * because the client of DNSService hands them the routes of the file while it is made;
 * the batch sender before the data plane, whose counts leave by it.  They are destroyed
 * in the reverse order.
 *
 * Rejected: one thread for everything.  A slow write of the route file, or the evaluation
 * of thousands of modules, would delay the answer to a client. */
#include "agent/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_private.h"
#include "base/mono.h"
#include "base/process_name.h"

#define PORT_TRIES 100 /* to find three free ports in a row */
#define DRAIN_S 2
#define CHECK_MS 200 /* between two checks of a connection */
#define WRONG_MS 15000 /* a server of the other kind is tried each 5 s */
#define MISSED_MS 2000 /* without one for so long, it counts as down */

/* --- start -------------------------------------------------------------------------- */

static int create_shards(struct agent *a, const struct agent_config *cfg)
{
    struct shard_config sc = {.classic = &cfg->classic,
                              .report_ms = cfg->report_ms,
                              .max_modules = cfg->max_modules,
                              .want = agent_tasks_want,
                              .forget = agent_tasks_forget,
                              .report = agent_tasks_report,
                              .on_call = agent_tasks_count,
                              .pick = agent_tasks_pick,
                              .forward = agent_tasks_forward,
                              .arg = a};
    struct net_addr at = cfg->at;
    unsigned i;
    int rc = 0;

    for (i = 0; rc == 0 && i < SHARD_N; i++) {
        sc.index = i;
        rc = shard_create(&a->shard[i], looppool_loop(a->pool, i), &at, &sc);
        if (rc == 0)
            rc = shard_local_addr(a->shard[i], &at);
        if (rc == 0 && i == 0)
            a->port = at.port;
        if (at.port == UINT16_MAX)
            return -EADDRINUSE; /* no three ports in a row from here */
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

/* With port 0 the kernel chooses the first port, and the two behind it may be taken. */
static int open_ports(struct agent *a, const struct agent_config *cfg)
{
    int rc, left = cfg->at.port == 0 ? PORT_TRIES : 1;

    do {
        destroy_shards(a);
        rc = create_shards(a, cfg);
    } while (rc == -EADDRINUSE && --left > 0);
    return rc;
}

static int create_batches(struct agent *a, const struct agent_config *cfg)
{
    const struct batch_sender_config bc = {.pool = a->pool,
                                           .report_thread = AGENT_REPORT,
                                           .n_side = AGENT_SIDES,
                                           .path = cfg->route_file,
                                           .zone = cfg->dataplane.policy.zone,
                                           .send = agent_tasks_send,
                                           .on_legacy = agent_tasks_report_all,
                                           .arg = a};

    return batch_sender_create(&a->batches, &bc);
}

static int create_dataplane(struct agent *a, const struct agent_config *cfg)
{
    struct dataplane_config dc = cfg->dataplane;
    int rc;

    if (!dc.dir || !dc.dir[0])
        return 0;
    dc.batches = a->batches;
    dc.side = AGENT_DATAPLANE;
    dc.totals = agent_tasks_totals;
    dc.arg = a;
    rc = dataplane_create(&a->dataplane, looppool_loop(a->pool, AGENT_DATAPLANE), &dc);
    return rc < 0 ? rc : udp_calls_create(&a->udp_calls, dc.dir, SHARD_N);
}

static int create_state(struct agent *a, const struct agent_config *cfg)
{
    struct agent_state_config sc = {.pool = a->pool,
                                    .report_thread = AGENT_REPORT,
                                    .data_thread = AGENT_DATAPLANE,
                                    .rep = a->rep,
                                    .batches = a->batches,
                                    .dataplane = a->dataplane,
                                    .name = cfg->name,
                                    .zone = cfg->zone ? cfg->zone : ""};
    char name[PROCESS_NAME_MAX];
    struct net_addr at = cfg->at;

    at.port = a->port;
    if (!sc.name)
        sc.name = process_name_of(name, &at);
    return agent_state_create(&a->state, &sc);
}

static void want_module(const struct module_id *m, void *arg)
{
    if (!dnscli_wants(arg, m)) /* else it is in the file */
        dnscli_want(arg, m);
}

static int create_clients(struct agent *a, const struct agent_config *cfg)
{
    struct dnscli_config dc = {.n_server = cfg->n_dns,
                               .tls = cfg->tls,
                               .refresh_ms = cfg->refresh_ms,
                               .file = cfg->route_file,
                               .file_ms = cfg->file_ms,
                               .fn = agent_tasks_route,
                               .on_version = agent_tasks_version,
                               .more = route_sync_more,
                               .on_up = route_sync_on_up,
                               .arg = a};
    struct repcli_config rc = {.n_server = cfg->n_report,
                               .tls = cfg->tls,
                               .dispatch = batch_sender_dispatch(a->batches),
                               .caller = cfg->caller,
                               .on_up = agent_tasks_report_up,
                               .on_down = agent_tasks_report_down,
                               .on_end = agent_tasks_drained,
                               .arg = a};
    int err = route_sync_create(&a->route_sync, agent_tasks_meta, a);

    dc.more_arg = a->route_sync;
    memcpy(dc.server, cfg->dns, sizeof(dc.server));
    memcpy(rc.server, cfg->report, sizeof(rc.server));
    if (err == 0)
        err = repcli_create(&a->rep, looppool_loop(a->pool, AGENT_REPORT), &rc);
    if (err == 0) /* before the dnscli, which has routes of the file */
        err = create_state(a, cfg);
    if (err == 0)
        err = dnscli_create(&a->dns, looppool_loop(a->pool, AGENT_DNS), &dc);
    if (err == 0 && a->dataplane) /* the file may be older than the shared memory */
        dataplane_each_module(a->dataplane, want_module, a->dns);
    return err;
}

static int create_failover(struct agent *a, const struct agent_config *cfg)
{
    const struct failover_config fc = {
        .dns_loop = looppool_loop(a->pool, AGENT_DNS),
        .rep_loop = looppool_loop(a->pool, AGENT_REPORT),
        .dns = a->dns,
        .rep = a->rep,
        .batches = a->batches,
        .first_dns = cfg->dns[0],
        .first_rep = cfg->report[0],
        .n_dns = cfg->n_dns,
        .n_rep = cfg->n_report,
    };

    return failover_create(&a->failover, &fc);
}

/* Each loop checks its own connection, as only its thread may, and notes the time for
 * agent_stat(). */
static void on_dns_check(void *arg)
{
    struct agent *a = arg;
    struct net_addr any;

    if (tcpcli_local_addr(dnscli_client(a->dns), &any) == 0)
        a->dns_seen_ms = mono_ms();
    evloop_set_timer(looppool_loop(a->pool, AGENT_DNS), &a->dns_check, CHECK_MS,
                     on_dns_check, a);
}

static void on_report_check(void *arg)
{
    struct agent *a = arg;
    struct net_addr any;

    if (tcpcli_local_addr(repcli_client(a->rep), &any) == 0)
        a->report_seen_ms = mono_ms();
    evloop_set_timer(looppool_loop(a->pool, AGENT_REPORT), &a->report_check, CHECK_MS,
                     on_report_check, a);
}

static void stop_checks(struct agent *a)
{
    if (!a->pool)
        return;
    evloop_clear_timer(looppool_loop(a->pool, AGENT_DNS), &a->dns_check);
    evloop_clear_timer(looppool_loop(a->pool, AGENT_REPORT), &a->report_check);
}

static int start_checks(struct agent *a)
{
    int rc = evloop_set_timer(looppool_loop(a->pool, AGENT_DNS), &a->dns_check, CHECK_MS,
                              on_dns_check, a);

    a->start_ms = mono_ms();
    return rc < 0 ? rc
                  : evloop_set_timer(looppool_loop(a->pool, AGENT_REPORT),
                                     &a->report_check, CHECK_MS, on_report_check, a);
}

static int start_threads(struct agent *a)
{
    unsigned i;

    for (i = 0; i < SHARD_N; i++)
        looppool_set_user(a->pool, i, a->shard[i]);
    looppool_set_user(a->pool, AGENT_DATAPLANE, a->dataplane);
    looppool_set_user(a->pool, AGENT_DNS, a->dns);
    looppool_set_user(a->pool, AGENT_REPORT, a->rep);
    a->started = true;
    return looppool_start(a->pool);
}

static void run_retire(void *arg, void *user)
{
    (void)arg;
    if (user) /* NULL without shared memory */
        dataplane_retire(user);
}

void agent_retire_shm(struct agent *a)
{
    struct msgq_task t = {run_retire, NULL, NULL};

    looppool_post(a->pool, AGENT_DATAPLANE, &t);
}

static void destroy_agent(struct agent *a)
{
    stop_checks(a);
    failover_destroy(a->failover);
    agent_state_destroy(a->state);
    destroy_shards(a);
    dnscli_destroy(a->dns);
    repcli_destroy(a->rep);
    route_sync_destroy(a->route_sync);
    udp_calls_destroy(a->udp_calls);
    dataplane_destroy(a->dataplane);
    batch_sender_destroy(a->batches);
    looppool_destroy(a->pool);
    sem_destroy(&a->drained);
    free(a);
}

static int create_parts(struct agent *a, const struct agent_config *cfg,
                        enum agent_part *part)
{
    int rc = looppool_create(&a->pool, AGENT_THREADS);

    if (rc == 0) {
        *part = AGENT_PART_PORTS;
        rc = open_ports(a, cfg);
    }
    if (rc == 0) {
        *part = AGENT_PART_OUTBOX;
        rc = create_batches(a, cfg);
    }
    if (rc == 0) {
        *part = AGENT_PART_SHM;
        rc = create_dataplane(a, cfg);
    }
    if (rc == 0) {
        *part = AGENT_PART_CLIENTS;
        rc = create_clients(a, cfg);
    }
    if (rc == 0)
        rc = create_failover(a, cfg);
    return rc < 0 ? rc : start_checks(a);
}

uint64_t agent_missing_bytes(const char *route_file)
{
    return batch_sender_missing_bytes(route_file, AGENT_SIDES);
}

int agent_start(struct agent **out, const struct agent_config *cfg, enum agent_part *part)
{
    struct agent *a = calloc(1, sizeof(*a));
    int rc;

    *part = AGENT_PART_THREADS;
    if (!a)
        return -ENOMEM;
    sem_init(&a->drained, 0, 0);
    rc = create_parts(a, cfg, part);
    if (rc == 0) {
        *part = AGENT_PART_THREADS;
        rc = start_threads(a);
    }
    if (rc < 0)
        destroy_agent(a);
    else
        *out = a;
    return rc;
}

/* --- stop --------------------------------------------------------------------------- */

void agent_stop(struct agent *a)
{
    struct timespec end;

    if (!a)
        return;
    agent_tasks_drain(a);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += DRAIN_S;
    while (sem_clockwait(&a->drained, CLOCK_MONOTONIC, &end) == -1 && errno == EINTR)
        continue;
    looppool_stop(a->pool);
    destroy_agent(a);
}

/* --- any thread --------------------------------------------------------------------- */

static bool is_recent(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms > 0 && now_ms < at_ms + WRONG_MS;
}

/* For how long there has been no connection, which was last seen at <seen_ms>. */
static uint64_t down_ms(const struct agent *a, uint64_t seen_ms, uint64_t now_ms)
{
    if (seen_ms == 0)
        return now_ms - a->start_ms + 1;
    return now_ms > seen_ms + MISSED_MS ? now_ms - seen_ms : 0;
}

void agent_stat(const struct agent *a, struct agent_stat *out)
{
    uint64_t lost_ms = batch_sender_lost_ms(a->batches), now_ms = mono_ms();
    struct shard_stat st;
    unsigned i;

    *out = (struct agent_stat){
        .n_report_up = a->n_report_up,
        .dns_down_ms = down_ms(a, a->dns_seen_ms, now_ms),
        .report_down_ms = down_ms(a, a->report_seen_ms, now_ms),
        .lost_ms = lost_ms ? now_ms - lost_ms + 1 : 0,
        .has_route = a->has_route,
        .is_dns_wrong = is_recent(route_sync_wrong_ms(a->route_sync), now_ms),
        .is_report_wrong = is_recent(batch_sender_wrong_ms(a->batches), now_ms),
    };
    if (a->dataplane)
        dataplane_stat(a->dataplane, &out->dataplane);
    for (i = 0; i < SHARD_N; i++) {
        shard_stat(a->shard[i], &st);
        out->n_get_host += st.n_get_host;
        out->n_get_route += st.n_get_route;
        out->n_report += st.n_report;
        out->n_bad += st.n_bad;
        out->n_udp_in += st.n_udp_in;
        out->n_udp_bad += st.n_udp_bad;
        out->n_module += st.n_module;
    }
}

uint16_t agent_port(const struct agent *a)
{
    return a->port;
}
