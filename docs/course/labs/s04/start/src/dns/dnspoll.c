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

/* <t> becomes the current table.  Takes <t>: the reference of the old table is
 * released.  Copy the version and the two numbers of <t> into p, where dnspoll_stat()
 * reads them. */
static void set_now(struct dnspoll *p, struct route_table *t)
{
    /* begin set_now */
    (void)p;
    (void)t;
    /* end set_now */
}

/* Takes <t>.  Log route.table with version=, modules=, nodes= and bad_rows=
 * (p->rows.n_bad), make <t> the current table, and call p->cfg.fn() with it. */
static void publish(struct dnspoll *p, struct route_table *t)
{
    /* begin publish */
    (void)p;
    (void)t;
    (void)set_now;
    /* end publish */
}

/* 1. Load all rows and their version, and make a table of them.  On failure return the
 *    error: nothing in p has changed.
 * 2. Now the load counts: n_full, full_ms = mono_ms(), doubt = false.
 * 3. When the routes equal those of the current table, the new table still replaces
 *    it, because its version may be newer, and nothing is published.
 * 4. When they differ at the same version, rows changed without a version: count
 *    n_drift and log route.drift.
 * 5. Publish the table.  The first table is published even when it is empty. */
static int load_all(struct dnspoll *p)
{
    /* begin load_all */
    (void)p;
    (void)publish;
    return -ENOSYS;
    /* end load_all */
}

/* 1. Load the modules that changed after <since>, with their rows. -EAGAIN means that
 *    the changes are not complete: load all rows instead.
 * 2. Make a new table from the current one with route_table_update(); on failure
 *    return the error.
 * 3. Count n_load and publish. */
static int load_changes(struct dnspoll *p, uint64_t since)
{
    /* begin load_changes */
    (void)p;
    (void)since;
    return -ENOSYS;
    /* end load_changes */
}

/* 1. Count n_poll.
 * 2. Load all rows when there is no table yet, when something is in doubt, or when the
 *    last load of all rows is full_ms or longer ago.
 * 3. Otherwise read the version.  When it differs from the version of the current
 *    table, load the changes after the latter; it may be smaller, after a backup was
 *    restored.
 * Returns 0 or the error of what failed. */
static int poll_once(struct dnspoll *p)
{
    /* begin poll_once */
    (void)p;
    (void)load_all;
    (void)load_changes;
    return -ENOSYS;
    /* end poll_once */
}

/* <rc> is the result of a poll.
 * 1. After a failure: count n_fail and set doubt, because changes may be missed until
 *    the database works again.  Log db.down with err= and db_error(), at the first
 *    failure only.
 * 2. After a success that follows a failure: log db.back with version=.
 * 3. Remember in down and in db_up how it ended. */
static void note_result(struct dnspoll *p, int rc)
{
    /* begin note_result */
    (void)p;
    (void)rc;
    /* end note_result */
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
