/* One thread with a connection of its own.  A round that fails leaves the last snapshot
 * in place, so the pages show it with its age, and the next round tries again.
 *
 * Rejected: reading in the loop.  It would wait for the database, and with it every
 * viewer. */
#include "web/reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "db/sqldb.h"
#include "net/msgq.h"
#include "web/read_snap.h"

struct reader {
    struct worker *worker;
    struct sqldb *db;
    struct sqldb *own; /* of the database of this zone, also while it refuses tables */
    struct rates *rates;
    struct minutes *minutes;
    struct msgq *q;
    void (*on_snap)(void *arg);
    void *arg;
    uint32_t round_ms;
    /* under the lock of the worker: */
    struct snap *snap;
    struct zone_db_view database;
    uint64_t read_ms;
    bool is_failing;
};

static void call_owner(void *arg, void *user)
{
    struct reader *r = arg;

    (void)user;
    r->on_snap(r->arg);
}

static void publish(struct reader *r, struct snap *s)
{
    struct snap *old;

    worker_lock(r->worker);
    old = r->snap;
    r->snap = s;
    r->read_ms = mono_ms();
    worker_unlock(r->worker);
    snap_unref(old);
}

/* A server that refuses every table still says how it stands. */
static void look_at_database(struct reader *r)
{
    struct zone_db_view v;

    zone_db_read(r->own, &v);
    worker_lock(r->worker);
    r->database = v;
    worker_unlock(r->worker);
}

static void note(struct reader *r, int rc)
{
    bool failing = rc < 0;

    if (failing && !r->is_failing)
        LOG_WARN("console.db", "the database cannot be read: %s",
                 rc == -ENOMEM ? "out of memory" : sqldb_error(r->db));
    if (!failing && r->is_failing)
        LOG_INFO("console.db", "the database is read again");
    r->is_failing = failing;
}

static void run(void *arg)
{
    struct reader *r = arg;
    struct msgq_task task = {call_owner, NULL, r};

    do {
        struct snap *s = NULL;
        int rc;

        sqldb_go_back(r->db);
        rc = read_snap_make(r->db, r->rates, r->minutes, r->snap, &s);
        note(r, rc);
        look_at_database(r);
        if (rc == 0)
            publish(r, s);
        msgq_post(r->q, &task);       /* when it is full, calls are waiting already */
    } while (worker_pause(r->worker, r->round_ms));
    sqldb_close(r->db);               /* by the thread that used them */
    sqldb_close(r->own);
    r->db = r->own = NULL;
}

static int create_parts(struct reader *r, struct evloop *l,
                        const struct myconn_config *cfg)
{
    int rc = worker_create(&r->worker);

    if (rc == 0)
        rc = rates_create(&r->rates);
    if (rc == 0)
        rc = minutes_create(&r->minutes);
    if (rc == 0)
        rc = sqldb_open(&r->db, cfg);
    if (rc == 0)
        rc = zone_db_open(&r->own, cfg);
    if (rc == 0)
        rc = msgq_create(&r->q, l, 4);
    return rc < 0 ? rc : worker_start(r->worker, run, r);
}

int reader_start(struct reader **out, struct evloop *l, const struct myconn_config *cfg,
                 uint32_t round_ms, void (*on_snap)(void *arg), void *arg)
{
    struct reader *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return -ENOMEM;
    r->on_snap = on_snap;
    r->arg = arg;
    r->round_ms = round_ms;
    r->read_ms = mono_ms();
    rc = create_parts(r, l, cfg);
    if (rc < 0)
        reader_stop(r);
    else
        *out = r;
    return rc;
}

void reader_stop(struct reader *r)
{
    if (!r)
        return;
    worker_stop(r->worker);
    msgq_destroy(r->q);
    worker_destroy(r->worker);
    sqldb_close(r->db);
    sqldb_close(r->own);
    rates_destroy(r->rates);
    minutes_destroy(r->minutes);
    snap_unref(r->snap);
    free(r);
}

struct snap *reader_snap(struct reader *r)
{
    struct snap *s;

    worker_lock(r->worker);
    s = r->snap ? snap_ref(r->snap) : NULL;
    worker_unlock(r->worker);
    return s;
}

void reader_database(struct reader *r, struct zone_db_view *out)
{
    worker_lock(r->worker);
    *out = r->database;
    worker_unlock(r->worker);
}

uint64_t reader_age_ms(struct reader *r)
{
    uint64_t at;

    worker_lock(r->worker);
    at = r->read_ms;
    worker_unlock(r->worker);
    return mono_ms() - at;
}
