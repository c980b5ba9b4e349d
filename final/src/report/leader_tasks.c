/* Any number of Report Services run, and each tries once a round to take or renew the
 * lease in the database; the one that has it is the leader and does the work of the
 * round. The lease lasts for several rounds, so a leader that dies is replaced within
 * seconds.
 *
 * Invariant: nothing here depends on there being one leader only.  A leader whose lease
 * ran out while it waited for the database does its round beside the new one: moving
 * counts is one transaction each.
 *
 * Rejected: a leader elected among the Report Services themselves.  They would need to
 * know and reach each other; the database they all use already decides. */
#include "report/leader_tasks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"

#define MOVE_ROUNDS 10 /* counts are moved every so many rounds */

struct leader_tasks {
    struct leader_db *db; /* the thread's, with what follows */
    struct leader_tasks_config cfg;
    uint64_t holder; /* our name on the lease */
    bool leader;
    bool down; /* the failure is logged already */
    unsigned round;
    struct worker *worker;
    _Atomic uint64_t n_round, n_fail;
    _Atomic uint64_t is_leader;
    _Atomic uint64_t fail_since_ms; /* monotonic; 0 = the last round succeeded */
};

static int do_round(struct leader_tasks *k)
{
    int mine = leader_db_lease(k->db, k->holder, k->cfg.lease_s), rc = 0;

    if (mine < 0)
        return mine;
    if (mine && !k->leader) {
        k->round = 0;
        LOG_INFO("leader.lease", "holder=%llx", (unsigned long long)k->holder);
    }
    k->leader = mine == 1;
    k->is_leader = k->leader;
    if (!mine)
        return 0;
    if (k->round++ % MOVE_ROUNDS == 0)
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
        k->leader = false; /* the lease may have run out meanwhile */
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
    leader_db_close(k->db); /* in the thread that used it */
    k->db = NULL;
}

static void release_leader_tasks(struct leader_tasks *k)
{
    worker_destroy(k->worker);
    leader_db_close(k->db);
    free(k);
}

int leader_tasks_start(struct leader_tasks **out, struct leader_db *db,
                       const struct leader_tasks_config *cfg)
{
    struct leader_tasks *k = calloc(1, sizeof(*k));
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
                                      .is_leader = k->is_leader,
                                      .failing_ms = since ? mono_ms() - since + 1 : 0};
}
