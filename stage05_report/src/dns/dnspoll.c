/* The thread reads the version, one row, every few milliseconds, and loads the changed
 * modules when it differs.  A version alone does not show every change: TRUNCATE TABLE, a
 * lost trigger and a restored dump change rows without one.  So all rows are loaded and
 * compared now and then, and after each error.
 *
 * Invariant: the version in memory advances only with rows that were loaded, so a failed
 * load is repeated and no change is lost.
 * Rejected: notifications by the database, which MySQL and MariaDB do not have; deleting
 * changes after they were read, which would hide them from a second DNSService. */
#include "dns/dnspoll.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"

#define RETRY_MS 1000

struct dnspoll {
    struct db *db;
    struct dnspoll_config cfg;
    struct route_table *now;          /* NULL before the first load */
    struct db_rows rows, changed;     /* reused */
    bool doubt;                       /* an error happened: load all rows next */
    bool down;                        /* the last poll failed, and this was logged */
    uint64_t full_ms;                 /* monotonic; when all rows were last loaded */
    pthread_t thread;
    pthread_mutex_t lock;             /* guards stop */
    pthread_cond_t wake;
    bool stop;
    _Atomic uint64_t n_poll, n_load, n_full, n_drift, n_fail, version, n_module, n_node;
    _Atomic bool db_up;
};

/* Takes <t>. */
static void set_now(struct dnspoll *p, struct route_table *t)
{
    route_table_unref(p->now);
    p->now = t;
    p->version = route_table_version(t);
    p->n_module = route_table_n_modules(t);
    p->n_node = route_table_n_nodes(t);
}

/* Takes <t>. */
static void publish(struct dnspoll *p, struct route_table *t)
{
    LOG_INFO("route.table", "version=%llu modules=%zu nodes=%zu bad_rows=%zu",
             (unsigned long long)route_table_version(t), route_table_n_modules(t),
             route_table_n_nodes(t), p->rows.n_bad);
    set_now(p, t);
    p->cfg.fn(t, p->cfg.arg);
}

static int load_all(struct dnspoll *p)
{
    struct route_table *t;
    uint64_t version;
    int rc = db_load_all(p->db, &p->rows, &version);

    if (rc == 0)
        rc = route_table_create(&t, p->rows.at, p->rows.n, version);
    if (rc < 0)
        return rc;
    p->n_full++;
    p->full_ms = mono_ms();
    p->doubt = false;
    if (p->now && route_table_equal(p->now, t)) {
        set_now(p, t);                /* same routes, but the version may be newer */
        return 0;
    }
    if (p->now && route_table_version(p->now) == version) {
        p->n_drift++;
        LOG_WARN("route.drift",
                 "version=%llu: rows changed without a new version; check the "
                 "triggers",
                 (unsigned long long)version);
    }
    publish(p, t);
    return 0;
}

static int load_changes(struct dnspoll *p, uint64_t since)
{
    struct route_table *t;
    uint64_t version;
    int rc = db_load_changes(p->db, since, &p->changed, &p->rows, &version);

    if (rc == -EAGAIN)                /* a gap, or the version went back */
        return load_all(p);
    if (rc == 0)
        rc = route_table_update(&t, p->now, p->changed.at, p->changed.n, p->rows.at,
                                p->rows.n, version);
    if (rc < 0)
        return rc;
    p->n_load++;
    publish(p, t);
    return 0;
}

/* Poll once: load all rows when something is in doubt, otherwise only what changed. */
static int poll_once(struct dnspoll *p)
{
    uint64_t version, have;
    int rc = 0;

    p->n_poll++;
    if (!p->now || p->doubt || mono_ms() - p->full_ms >= p->cfg.full_ms)
        return load_all(p);
    have = route_table_version(p->now);
    rc = db_version(p->db, &version);
    if (rc == 0 && version != have)
        rc = load_changes(p, have);
    return rc;
}

/* Log when the database is lost and when it is back, and count failures. */
static void note_result(struct dnspoll *p, int rc)
{
    if (rc < 0) {
        p->n_fail++;
        p->doubt = true;              /* changes may be missed until it works again */
        if (!p->down)
            LOG_ERROR("db.down", "err=%s %s", err_str(rc), db_error(p->db));
    } else if (p->down) {
        LOG_INFO("db.back", "version=%llu",
                 (unsigned long long)route_table_version(p->now));
    }
    p->down = rc < 0;
    p->db_up = rc == 0;
}

static void *poll_thread(void *arg)
{
    struct dnspoll *p = arg;

    do {
        note_result(p, poll_once(p));
    } while (deadline_pause(&p->wake, &p->lock, &p->stop,
                            p->down ? RETRY_MS : p->cfg.interval_ms));
    db_close(p->db);                  /* by the thread that used it */
    p->db = NULL;
    return NULL;
}

static void release(struct dnspoll *p)
{
    route_table_unref(p->now);
    db_rows_free(&p->rows);
    db_rows_free(&p->changed);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int dnspoll_start(struct dnspoll **out, struct db *db, const struct dnspoll_config *cfg)
{
    struct dnspoll *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        db_close(db);
        return -ENOMEM;
    }
    p->db = db;
    p->cfg = *cfg;
    pthread_mutex_init(&p->lock, NULL);
    deadline_cond_init(&p->wake);
    rc = pthread_create(&p->thread, NULL, poll_thread, p);
    if (rc != 0) {
        db_close(db);
        release(p);
        return -rc;
    }
    *out = p;
    return 0;
}

void dnspoll_stop(struct dnspoll *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    release(p);
}

void dnspoll_stat(const struct dnspoll *p, struct dnspoll_stat *out)
{
    *out =
        (struct dnspoll_stat){p->n_poll,  p->n_load,   p->n_full, p->n_drift, p->n_fail,
                              p->version, p->n_module, p->n_node, p->db_up};
}
