/* Callers put rows into a queue under a lock.  The thread takes a batch, releases the
 * lock and writes the batch with one statement.  Taking rows only after gather_ms, or
 * when a batch is full, makes the statements large without delaying a row for long.
 *
 * Invariant: a failed batch is repeated until it is written, and no other batch is
 * written before it.  A newer total of the same key waits in the queue meanwhile, so an
 * older total never overwrites a newer one.
 * Rejected: putting a failed batch back into the queue, where it would have to be
 * merged with rows that are newer. */
#include "report/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"
#include "report/row_queue.h"

#define LOG_GAP_MS 10000
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000

struct writer {
    struct writer_config cfg;
    struct statusdb *db;              /* this and the next fields: the thread only */
    struct backoff backoff;
    struct rnd rnd;
    struct status_row *row;           /* the present batch, n_row rows */
    size_t n_row;
    bool down;                        /* the last call failed, and this was logged */
    pthread_t thread;
    pthread_mutex_t lock;             /* guards the fields below */
    pthread_cond_t wake;
    struct row_queue *pending;
    bool stop;
    struct writer_stat stat;
};

void writer_put(struct writer *w, const struct status_row *row, size_t n)
{
    uint64_t before;
    size_t had, has, i;

    pthread_mutex_lock(&w->lock);
    had = row_queue_n(w->pending);
    before = w->stat.n_refused;
    for (i = 0; i < n; i++) {
        int rc = row_queue_put(w->pending, &row[i]);

        w->stat.n_put++;
        w->stat.n_merged += rc == 0;
        w->stat.n_refused += rc < 0;
    }
    has = row_queue_n(w->pending);
    if ((had == 0 && has > 0) || (had < w->cfg.batch && has >= w->cfg.batch))
        pthread_cond_signal(&w->wake);
    before = w->stat.n_refused - before;
    pthread_mutex_unlock(&w->lock);
    if (before > 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "report.full",
                  "refused=%llu max_rows=%zu: the database is too slow",
                  (unsigned long long)before, w->cfg.max_rows);
}

/* Wait <ms>, or until writer_stop().  The caller holds the lock. */
static void wait_ms(struct writer *w, uint32_t ms)
{
    struct timespec at = deadline_in(ms);

    while (!w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &at) != ETIMEDOUT)
        continue;
}

/* Wait until a batch is full or gather_ms have passed.  The caller holds the lock. */
static void gather(struct writer *w)
{
    struct timespec at = deadline_in(w->cfg.gather_ms);
    int rc = 0;

    while (rc == 0 && !w->stop && row_queue_n(w->pending) < w->cfg.batch)
        rc = pthread_cond_timedwait(&w->wake, &w->lock, &at);
}

/* Wait for rows and take the next batch into w->row.  Returns false when the writer is to
 * stop and no row is left. */
static bool next_batch(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->stop && row_queue_n(w->pending) == 0)
        pthread_cond_wait(&w->wake, &w->lock);
    gather(w);
    w->n_row = row_queue_take(w->pending, w->row, w->cfg.batch);
    pthread_mutex_unlock(&w->lock);
    return w->n_row > 0;
}

/* Log when the database is lost and when it is back. */
static void note_result(struct writer *w, int rc)
{
    if (rc < 0 && !w->down)
        LOG_ERROR("db.down", "err=%s %s", err_str(rc), statusdb_error(w->db));
    if (rc == 0 && w->down)
        LOG_INFO("db.back", "rows=%zu", w->n_row);
    w->down = rc < 0;
    if (rc == 0)
        backoff_reset(&w->backoff);
}

/* Count the result of the batch and, when it failed, wait.  Returns true when the
 * batch is to be repeated. */
static bool must_repeat(struct writer *w, int rc)
{
    bool stop;

    pthread_mutex_lock(&w->lock);
    w->stat.n_written += rc == 0 ? w->n_row : 0;
    w->stat.n_batch += rc == 0;
    w->stat.n_fail += rc < 0;
    if (rc < 0)
        wait_ms(w, backoff_next(&w->backoff, rnd_u32(&w->rnd)));
    stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return rc < 0 && !stop;
}

/* Write the batch, and repeat it until it succeeds or the writer is to stop.  Returns
 * 0 or the error of the last attempt. */
static int write_batch(struct writer *w)
{
    int rc = 0;

    do {
        rc = statusdb_write(w->db, w->row, w->n_row);
        note_result(w, rc);
    } while (must_repeat(w, rc));
    return rc;
}

static void *writer_thread(void *arg)
{
    struct writer *w = arg;
    int rc = 0;

    note_result(w, statusdb_check(w->db));
    while (rc == 0 && next_batch(w))
        rc = write_batch(w);          /* fails only while stopping */
    if (rc < 0)
        LOG_ERROR("report.lost", "rows=%zu: stopped while the database was away",
                  w->n_row + row_queue_n(w->pending));
    statusdb_close(w->db);            /* in the thread that used it */
    w->db = NULL;
    return NULL;
}

static void release(struct writer *w)
{
    statusdb_close(w->db);
    row_queue_destroy(w->pending);
    free(w->row);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
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
    pthread_mutex_init(&w->lock, NULL);
    deadline_cond_init(&w->wake);
    w->row = calloc(cfg->batch, sizeof(*w->row));
    rc = w->row ? row_queue_create(&w->pending, cfg->max_rows) : -ENOMEM;
    if (rc == 0)
        rc = -pthread_create(&w->thread, NULL, writer_thread, w);
    if (rc < 0)
        release(w);
    else
        *out = w;
    return rc;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    release(w);
}

void writer_stat(struct writer *w, struct writer_stat *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stat;
    out->n_waiting = row_queue_n(w->pending);
    pthread_mutex_unlock(&w->lock);
}
