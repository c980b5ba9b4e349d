#include "report/leader_tasks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"

#define WINDOW_S 10
#define MIN_CALLS 20
#define MIN_NODE_CALLS 5
#define RAISE_AFTER 3
#define CLEAR_AFTER 10
#define MOVE_ROUNDS 10                /* moving is done every so many rounds */

struct leader_tasks {
    struct leader_db *db;
    struct leader_tasks_config cfg;
    struct alarms *alarms;
    uint64_t holder;                  /* our name on the lease */
    struct keeper_calls sum;          /* of the module that is being added up */
    bool leader, down;
    unsigned round;
    pthread_t thread;
    pthread_mutex_t lock;             /* guards stop */
    pthread_cond_t wake;
    bool stop;
    _Atomic uint64_t n_round, n_fail, n_raised, n_cleared, n_hook_fail, n_open, is_leader;
};

static void on_alarm(const struct alarm *al, bool raised, void *arg)
{
    struct leader_tasks *k = arg;
    int rc = raised ? leader_db_raise(k->db, al->kind, al->subject, al->detail)
                    : leader_db_clear(k->db, al->kind, al->subject);

    if (raised)
        LOG_ERROR("alarm.raised", "kind=%s subject=\"%s\" detail=\"%s\"", al->kind,
                  al->subject, al->detail);
    else
        LOG_INFO("alarm.cleared", "kind=%s subject=\"%s\"", al->kind, al->subject);
    k->n_raised += raised;
    k->n_cleared += !raised;
    k->n_fail += rc < 0;
    k->n_hook_fail += (uint64_t)notifier_tell(&k->cfg.hook, al, raised);
}

static int set_raised(const char *kind, const char *subject, void *arg)
{
    struct leader_tasks *k = arg;
    struct alarm al = {0};

    snprintf(al.kind, sizeof(al.kind), "%s", kind);
    snprintf(al.subject, sizeof(al.subject), "%s", subject);
    alarms_set_raised(k->alarms, &al);
    return 0;
}

/* The calls of one module, or of one node: how bad is it? */
static void see_module(struct leader_tasks *k)
{
    uint64_t n = k->sum.ok + k->sum.failed, limit = k->cfg.error_percent;
    enum alarm_level level = ALARM_BETWEEN;
    struct alarm al = {.kind = "error_rate"};

    if (n < MIN_CALLS || k->sum.failed * 200 < n * limit)
        level = ALARM_GOOD;
    else if (k->sum.failed * 100 > n * limit)
        level = ALARM_BAD;
    snprintf(al.subject, sizeof(al.subject), "%u/%u", k->sum.modid, k->sum.cmdid);
    snprintf(al.detail, sizeof(al.detail), "%.1f %% of %llu calls in %d s failed",
             n ? 100.0 * (double)k->sum.failed / (double)n : 0.0, (unsigned long long)n,
             WINDOW_S);
    alarms_see(k->alarms, &al, level);
}

static void see_node(struct leader_tasks *k, const struct keeper_calls *c)
{
    struct alarm al = {.kind = "node_dead"};
    enum alarm_level level = ALARM_BETWEEN;

    snprintf(al.subject, sizeof(al.subject), "%u/%u %u.%u.%u.%u:%u", c->modid, c->cmdid,
             c->ip >> 24, c->ip >> 16 & 255, c->ip >> 8 & 255, c->ip & 255, c->port);
    snprintf(al.detail, sizeof(al.detail), "none of %llu calls in %d s succeeded",
             (unsigned long long)c->failed, WINDOW_S);
    if (c->ok > 0)
        level = ALARM_GOOD;
    else if (c->failed >= MIN_NODE_CALLS)
        level = ALARM_BAD;
    alarms_see(k->alarms, &al, level); /* a few failed probes are no news */
}

/* Nodes come module by module. */
static int take_calls(const struct keeper_calls *c, void *arg)
{
    struct leader_tasks *k = arg;

    if (k->sum.modid != c->modid || k->sum.cmdid != c->cmdid) {
        if (k->sum.ok + k->sum.failed > 0)
            see_module(k);
        k->sum = (struct keeper_calls){.modid = c->modid, .cmdid = c->cmdid};
    }
    k->sum.ok += c->ok;
    k->sum.failed += c->failed;
    see_node(k, c);
    return 0;
}

static int take_empty(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct leader_tasks *k = arg;
    struct alarm al = {.kind = "no_nodes", .detail = "all of its nodes are drained"};

    snprintf(al.subject, sizeof(al.subject), "%u/%u", modid, cmdid);
    alarms_see(k->alarms, &al, ALARM_BAD);
    return 0;
}

static int look(struct leader_tasks *k)
{
    int rc;

    k->sum = (struct keeper_calls){0};
    rc = leader_db_calls(k->db, WINDOW_S, take_calls, k);
    if (rc == 0 && k->sum.ok + k->sum.failed > 0)
        see_module(k);
    if (rc == 0)
        rc = leader_db_without_nodes(k->db, take_empty, k);
    if (rc == 0)
        alarms_end_round(k->alarms);
    k->n_open = alarms_n_raised(k->alarms);
    return rc;
}

/* New in office: what was raised before us is raised. */
static int take_office(struct leader_tasks *k)
{
    alarms_forget(k->alarms);
    k->round = 0;
    LOG_INFO("keeper.lease", "holder=%llx", (unsigned long long)k->holder);
    return leader_db_raised(k->db, set_raised, k);
}

static int work(struct leader_tasks *k)
{
    int mine = leader_db_lease(k->db, k->holder, k->cfg.lease_s), rc = 0;

    if (mine < 0)
        return mine;
    if (mine && !k->leader)
        rc = take_office(k);
    if (rc < 0)
        return rc;
    k->leader = mine == 1;
    k->is_leader = k->leader;
    if (!mine)
        return 0;
    rc = look(k);
    if (rc == 0 && k->round++ % MOVE_ROUNDS == 0)
        rc = leader_db_move(k->db, &k->cfg.ages);
    k->n_round++;
    return rc;
}

static void note(struct leader_tasks *k, int rc)
{
    if (rc < 0) {
        k->n_fail++;
        k->leader = false;            /* who knows for how long */
        k->is_leader = 0;
        if (!k->down)
            LOG_ERROR("db.down", "of=keeper err=%s %s", err_str(rc),
                      leader_db_error(k->db));
    }
    k->down = rc < 0;
}

static void *run(void *arg)
{
    struct leader_tasks *k = arg;

    do
        note(k, work(k));
    while (deadline_pause(&k->wake, &k->lock, &k->stop, k->cfg.round_ms));
    if (k->leader)
        leader_db_release(k->db, k->holder);
    leader_db_close(k->db);            /* in the thread that used it */
    k->db = NULL;
    return NULL;
}

static void release(struct leader_tasks *k)
{
    alarms_destroy(k->alarms);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

int leader_tasks_start(struct leader_tasks **out, struct leader_db *db,
                 const struct leader_tasks_config *cfg)
{
    struct leader_tasks *k = calloc(1, sizeof(*k));
    struct alarm_config ac = {RAISE_AFTER, CLEAR_AFTER, on_alarm, k};
    struct rnd any;
    int rc = k ? alarms_create(&k->alarms, &ac) : -ENOMEM;

    if (rc < 0) {
        leader_db_close(db);
        free(k);
        return rc;
    }
    k->db = db;
    k->cfg = *cfg;
    rnd_init_any(&any);
    k->holder = (uint64_t)rnd_u32(&any) << 31 | rnd_u32(&any) | 1;
    pthread_mutex_init(&k->lock, NULL);
    deadline_cond_init(&k->wake);
    rc = pthread_create(&k->thread, NULL, run, k);
    if (rc != 0) {
        leader_db_close(db);
        release(k);
        return -rc;
    }
    *out = k;
    return 0;
}

void leader_tasks_stop(struct leader_tasks *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    release(k);
}

void leader_tasks_stat(const struct leader_tasks *k, struct leader_tasks_stat *out)
{
    *out =
        (struct leader_tasks_stat){k->n_round,     k->n_fail, k->n_raised, k->n_cleared,
                                   k->n_hook_fail, k->n_open, k->is_leader};
}
