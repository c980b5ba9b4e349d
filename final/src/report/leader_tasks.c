/* Any number of Report Services run, and each tries once a round to take or renew the
 * lease in the database; the one that has it is the leader and does the work of the
 * round. The lease lasts for several rounds, so a leader that dies is replaced within
 * seconds.
 *
 * Invariant: nothing here depends on there being one leader only.  A leader whose lease
 * ran out while it waited for the database does its round beside the new one: moving
 * counts is one transaction each, and an alarm is raised once per leader at worst.
 *
 * Rejected: a leader elected among the Report Services themselves.  They would need to
 * know and reach each other; the database they all use already decides. */
#include "report/leader_tasks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/ipv4.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"

#define WINDOW_S 10
#define MIN_CALLS 20
#define MIN_NODE_CALLS 5
#define RAISE_AFTER 3
#define CLEAR_AFTER 10
#define MOVE_ROUNDS 10                /* counts are moved every so many rounds */

struct leader_tasks {
    struct leader_db *db;             /* the thread's, with what follows */
    struct leader_tasks_config cfg;
    struct alarms *alarms;
    uint64_t holder;                  /* our name on the lease */
    struct leader_db_node sum;        /* of the module that is being added up */
    bool leader;
    bool down;                        /* the failure is logged already */
    unsigned round;
    struct worker *worker;
    _Atomic uint64_t n_round, n_fail, n_raised, n_cleared, n_notify_fail, n_open;
    _Atomic uint64_t is_leader;
    _Atomic uint64_t fail_since_ms;   /* monotonic; 0 = the last round succeeded */
};

static void on_alarm(const struct alarm *al, bool raised, void *arg)
{
    struct leader_tasks *k = arg;
    int rc = raised ? leader_db_raise_alarm(k->db, al->kind, al->subject, al->detail)
                    : leader_db_clear_alarm(k->db, al->kind, al->subject);

    if (raised)
        LOG_ERROR("alarm.raised", "kind=%s subject=\"%s\" detail=\"%s\"", al->kind,
                  al->subject, al->detail);
    else
        LOG_INFO("alarm.cleared", "kind=%s subject=\"%s\"", al->kind, al->subject);
    k->n_raised += raised;
    k->n_cleared += !raised;
    k->n_fail += rc < 0;
    k->n_notify_fail += (uint64_t)notifier_tell(&k->cfg.notify, al, raised);
}

static int on_open_alarm(const char *kind, const char *subject, void *arg)
{
    struct leader_tasks *k = arg;
    struct alarm al = {0};

    snprintf(al.kind, sizeof(al.kind), "%s", kind);
    snprintf(al.subject, sizeof(al.subject), "%s", subject);
    alarms_set_raised(k->alarms, &al);
    return 0;
}

static void judge_module(struct leader_tasks *k)
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

static void judge_node(struct leader_tasks *k, const struct leader_db_node *c)
{
    struct alarm al = {.kind = "node_dead"};
    enum alarm_level level = ALARM_BETWEEN;
    struct net_addr a = ipv4_addr(c->ip, (uint16_t)c->port);
    char text[NET_ADDR_STRLEN];

    snprintf(al.subject, sizeof(al.subject), "%u/%u %s", c->modid, c->cmdid,
             net_addr_str(&a, text));
    snprintf(al.detail, sizeof(al.detail), "none of %llu calls in %d s succeeded",
             (unsigned long long)c->failed, WINDOW_S);
    if (c->ok > 0)
        level = ALARM_GOOD;
    else if (c->failed >= MIN_NODE_CALLS)
        level = ALARM_BAD;
    alarms_see(k->alarms, &al, level); /* a few failed probes are no alarm */
}

/* The nodes of a module come one after the other. */
static int on_node_calls(const struct leader_db_node *c, void *arg)
{
    struct leader_tasks *k = arg;

    if (k->sum.modid != c->modid || k->sum.cmdid != c->cmdid) {
        if (k->sum.ok + k->sum.failed > 0)
            judge_module(k);
        k->sum = (struct leader_db_node){.modid = c->modid, .cmdid = c->cmdid};
    }
    k->sum.ok += c->ok;
    k->sum.failed += c->failed;
    judge_node(k, c);
    return 0;
}

static int on_drained_module(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct leader_tasks *k = arg;
    struct alarm al = {.kind = "no_nodes", .detail = "all of its nodes are drained"};

    snprintf(al.subject, sizeof(al.subject), "%u/%u", modid, cmdid);
    alarms_see(k->alarms, &al, ALARM_BAD);
    return 0;
}

static int check_alarms(struct leader_tasks *k)
{
    int rc;

    k->sum = (struct leader_db_node){0};
    rc = leader_db_each_node(k->db, WINDOW_S, on_node_calls, k);
    if (rc == 0 && k->sum.ok + k->sum.failed > 0)
        judge_module(k);
    if (rc == 0)
        rc = leader_db_each_drained(k->db, on_drained_module, k);
    if (rc == 0)
        alarms_end_round(k->alarms);
    k->n_open = alarms_n_raised(k->alarms);
    return rc;
}

/* On becoming leader: load the open alarms, so that none is raised a second time. */
static int become_leader(struct leader_tasks *k)
{
    alarms_forget(k->alarms);
    k->round = 0;
    LOG_INFO("leader.lease", "holder=%llx", (unsigned long long)k->holder);
    return leader_db_each_open_alarm(k->db, on_open_alarm, k);
}

static int do_round(struct leader_tasks *k)
{
    int mine = leader_db_lease(k->db, k->holder, k->cfg.lease_s), rc = 0;

    if (mine < 0)
        return mine;
    if (mine && !k->leader)
        rc = become_leader(k);
    if (rc < 0)
        return rc;
    k->leader = mine == 1;
    k->is_leader = k->leader;
    if (!mine)
        return 0;
    rc = check_alarms(k);
    if (rc == 0 && k->round++ % MOVE_ROUNDS == 0)
        rc = leader_db_move_counts(k->db, &k->cfg.ages);
    k->n_round++;
    return rc;
}

static void note_result(struct leader_tasks *k, int rc)
{
    if (rc == 0) {
        k->fail_since_ms = 0;
    } else {
        k->n_fail++;
        if (k->fail_since_ms == 0)
            k->fail_since_ms = mono_ms();
        k->leader = false;            /* the lease may have run out meanwhile */
        k->is_leader = 0;
        if (!k->down)
            LOG_ERROR("db.down", "err=%s of=leader_tasks %s", err_str(rc),
                      leader_db_error(k->db));
    }
    if (rc == 0 && k->down)
        LOG_INFO("db.back", "of=leader_tasks");
    k->down = rc < 0;
}

static void leader_tasks_main(void *arg)
{
    struct leader_tasks *k = arg;

    do
        note_result(k, do_round(k));
    while (worker_pause(k->worker, k->cfg.round_ms));
    if (k->leader)
        leader_db_release(k->db, k->holder);
    leader_db_close(k->db);           /* in the thread that used it */
    k->db = NULL;
}

static void release_leader_tasks(struct leader_tasks *k)
{
    worker_destroy(k->worker);
    leader_db_close(k->db);
    alarms_destroy(k->alarms);
    free(k);
}

int leader_tasks_start(struct leader_tasks **out, struct leader_db *db,
                       const struct leader_tasks_config *cfg)
{
    struct leader_tasks *k = calloc(1, sizeof(*k));
    struct alarm_config ac = {RAISE_AFTER, CLEAR_AFTER, on_alarm, k};
    struct rnd any;
    int rc;

    if (!k) {
        leader_db_close(db);
        return -ENOMEM;
    }
    k->db = db;
    k->cfg = *cfg;
    rnd_init_any(&any);
    k->holder = (uint64_t)rnd_u32(&any) << 31 | rnd_u32(&any) | 1;
    rc = alarms_create(&k->alarms, &ac);
    if (rc == 0)
        rc = worker_create(&k->worker);
    if (rc == 0)
        rc = worker_start(k->worker, leader_tasks_main, k);
    if (rc < 0)
        release_leader_tasks(k);
    else
        *out = k;
    return rc;
}

void leader_tasks_stop(struct leader_tasks *k)
{
    if (!k)
        return;
    worker_stop(k->worker);
    release_leader_tasks(k);
}

void leader_tasks_stat(const struct leader_tasks *k, struct leader_tasks_stat *out)
{
    uint64_t since = k->fail_since_ms;

    *out = (struct leader_tasks_stat){.n_round = k->n_round,
                                      .n_fail = k->n_fail,
                                      .n_raised = k->n_raised,
                                      .n_cleared = k->n_cleared,
                                      .n_notify_fail = k->n_notify_fail,
                                      .n_open = k->n_open,
                                      .is_leader = k->is_leader,
                                      .failing_ms = since ? mono_ms() - since + 1 : 0};
}
