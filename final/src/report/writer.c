/* Rows from the connections' threads wait in a row_queue, which keeps only the newest row
 * of each node; one thread moves them to the database in statements of many rows.
 *
 * Invariant: at most one statement is in progress, and a failed one is repeated unchanged
 * before any other.  A newer total of the same node waits in the queue behind it, so an
 * old total never overwrites a new one.
 *
 * Rejected: merging what waits into the statement that failed.  The server may have
 * applied the statement and lost only its answer, and then the two cases look
 * alike. */
#include "report/writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"
#include "report/row_queue.h"

#define LOG_GAP_MS 10000
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000

struct writer {
    struct writer_config cfg;
    struct statusdb *db;              /* the thread's, with what follows */
    struct backoff backoff;
    struct rnd rnd;
    struct status_row *row;           /* the statement in progress */
    size_t n_row;
    bool down;                        /* the failure is logged already */
    struct worker *worker;            /* its lock guards what follows */
    struct row_queue *waiting;
    uint64_t fail_since_ms;           /* monotonic; 0 = the last statement succeeded */
    struct writer_stat stat;
};

void writer_put(struct writer *w, const struct status_row *row, size_t n)
{
    uint64_t refused;
    size_t had, has, i;

    worker_lock(w->worker);
    had = row_queue_n(w->waiting);
    refused = w->stat.n_refused;
    for (i = 0; i < n; i++) {
        int rc = row_queue_put(w->waiting, &row[i]);

        w->stat.n_put++;
        w->stat.n_merged += rc == 0;
        w->stat.n_refused += rc < 0;
    }
    has = row_queue_n(w->waiting);
    if ((had == 0 && has > 0) || (had < w->cfg.batch && has >= w->cfg.batch))
        worker_wake(w->worker);
    refused = w->stat.n_refused - refused;
    worker_unlock(w->worker);
    if (refused > 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "report.full",
                  "refused=%llu max_rows=%zu: rows come faster than the database takes "
                  "them",
                  (unsigned long long)refused, w->cfg.max_rows);
}

/* Wait until a statement is full or gather_ms have passed.  The caller holds the lock. */
static void gather_rows(struct writer *w)
{
    struct timespec at = deadline_in(w->cfg.gather_ms);

    while (!worker_is_stopping(w->worker) && row_queue_n(w->waiting) < w->cfg.batch &&
           worker_wait_until(w->worker, &at))
        continue;
}

/* Take the next rows from the queue, after they had time to gather.  Returns false when
 * it is time to stop and no row is left. */
static bool take_rows(struct writer *w)
{
    worker_lock(w->worker);
    while (!worker_is_stopping(w->worker) && row_queue_n(w->waiting) == 0)
        worker_wait(w->worker);
    gather_rows(w);
    w->n_row = row_queue_take(w->waiting, w->row, w->cfg.batch);
    worker_unlock(w->worker);
    return w->n_row > 0;
}

static void log_db_change(struct writer *w, int rc)
{
    if (rc < 0 && !w->down)
        LOG_ERROR("db.down", "err=%s of=rows %s", err_str(rc), statusdb_error(w->db));
    if (rc >= 0 && w->down)
        LOG_INFO("db.back", "of=rows rows=%zu", w->n_row);
    w->down = rc < 0;
    if (rc >= 0)
        backoff_reset(&w->backoff);
}

/* Count the result <rc> of statusdb_write(); after a failure, wait.  Returns true when
 * the statement is to be repeated. */
static bool wait_before_retry(struct writer *w, int rc)
{
    bool stop;

    worker_lock(w->worker);
    w->stat.n_written += rc >= 0 ? w->n_row - (size_t)rc : 0;
    w->stat.n_rejected += rc >= 0 ? (size_t)rc : 0;
    w->stat.n_batch += rc >= 0;
    w->stat.n_fail += rc < 0;
    if (rc >= 0)
        w->fail_since_ms = 0;
    else if (w->fail_since_ms == 0)
        w->fail_since_ms = mono_ms();
    stop = worker_is_stopping(w->worker);
    worker_unlock(w->worker);
    if (rc >= 0 || stop)
        return false;
    return worker_pause(w->worker, backoff_next(&w->backoff, rnd_u32(&w->rnd)));
}

/* Returns as statusdb_write(): -errno when it is time to stop and the last try failed. */
static int write_rows(struct writer *w)
{
    int rc;

    do {
        rc = statusdb_write(w->db, w->row, w->n_row);
        log_db_change(w, rc);
    } while (wait_before_retry(w, rc));
    if (rc >= 0)
        LOG_DEBUG("rows.written", "rows=%zu", w->n_row);
    return rc;
}

static bool has_rows(struct writer *w)
{
    bool has;

    worker_lock(w->worker);
    has = row_queue_n(w->waiting) > 0;
    worker_unlock(w->worker);
    return has;
}

/* A writer without rows learns here that the database is back, not by its next row. */
static void check_until_back(struct writer *w)
{
    do
        log_db_change(w, statusdb_check(w->db));
    while (w->down && !has_rows(w) &&
           worker_pause(w->worker, backoff_next(&w->backoff, rnd_u32(&w->rnd))));
}

static void writer_main(void *arg)
{
    struct writer *w = arg;
    int rc = 0;

    check_until_back(w);
    while (rc >= 0 && take_rows(w))
        rc = write_rows(w);
    if (rc < 0)
        LOG_ERROR("report.lost", "rows=%zu: stopped while the database was away",
                  w->n_row + row_queue_n(w->waiting));
    statusdb_close(w->db);            /* in the thread that used it */
    w->db = NULL;
}

static void release_writer(struct writer *w)
{
    worker_destroy(w->worker);
    statusdb_close(w->db);
    row_queue_destroy(w->waiting);
    free(w->row);
    free(w);
}

int writer_start(struct writer **out, struct statusdb *db,
                 const struct writer_config *cfg)
{
    struct writer *w = calloc(1, sizeof(*w));
    int rc;

    if (!w) {
        statusdb_close(db);
        return -ENOMEM;
    }
    w->db = db;
    w->cfg = *cfg;
    w->backoff = (struct backoff){.min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS};
    rnd_init_any(&w->rnd);
    w->row = calloc(cfg->batch, sizeof(*w->row));
    rc = w->row ? row_queue_create(&w->waiting, cfg->max_rows) : -ENOMEM;
    if (rc == 0)
        rc = worker_create(&w->worker);
    if (rc == 0)
        rc = worker_start(w->worker, writer_main, w);
    if (rc < 0)
        release_writer(w);
    else
        *out = w;
    return rc;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    worker_stop(w->worker);
    release_writer(w);
}

void writer_stat(struct writer *w, struct writer_stat *out)
{
    worker_lock(w->worker);
    *out = w->stat;
    out->n_waiting = row_queue_n(w->waiting);
    out->is_full = out->n_waiting >= w->cfg.max_rows;
    out->failing_ms = w->fail_since_ms ? mono_ms() - w->fail_since_ms + 1 : 0;
    worker_unlock(w->worker);
}
