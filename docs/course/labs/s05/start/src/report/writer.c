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
    /* begin writer_put */
    /* With the lock held: put each row into w->pending and count it in n_put, and in
     * n_merged when row_queue_put() returns 0, in n_refused when it returns an error.
     * Wake the thread when the queue was empty before, and when it has reached a whole
     * batch just now; not for each row.
     * After the lock is released, log report.full when rows were refused (LOG_EVERY,
     * LOG_GAP_MS). */
    (void)w;
    (void)row;
    (void)n;
    /* end writer_put */
}

/* Wait <ms>, or until writer_stop().  The caller holds the lock. */
static void wait_ms(struct writer *w, uint32_t ms)
{
    /* begin wait_ms */
    /* deadline_in() gives the time at which <ms> have passed. pthread_cond_timedwait()
     * also returns early, because of writer_put() or without any reason: wait again
     * until ETIMEDOUT or w->stop. */
    (void)w;
    (void)ms;
    /* end wait_ms */
}

/* Wait until a batch is full or gather_ms have passed.  The caller holds the lock. */
static void gather(struct writer *w)
{
    /* begin gather */
    /* As wait_ms(), with gather_ms, but a full batch ends the wait as well. */
    (void)w;
    /* end gather */
}

/* Wait for rows and take the next batch into w->row.  Returns false when the writer is to
 * stop and no row is left. */
static bool next_batch(struct writer *w)
{
    /* begin next_batch */
    /* 1. Take the lock; wait on w->wake until a row waits or the writer is to stop.
     * 2. gather(), then row_queue_take() up to cfg.batch rows into w->row; their
     *    number is w->n_row.
     * 3. Release the lock.  Rows that wait when the writer is to stop are still
     *    written: return whether there is a row. */
    (void)w;
    (void)gather;
    return false;
    /* end next_batch */
}

/* Log when the database is lost and when it is back. */
static void note_result(struct writer *w, int rc)
{
    /* begin note_result */
    /* Log db.down at the first failure in a row (with statusdb_error()) and db.back at
     * the first success after it; w->down remembers which it was.  A success resets
     * the back-off. */
    (void)w;
    (void)rc;
    /* end note_result */
}

/* Count the result of the batch and, when it failed, wait.  Returns true when the
 * batch is to be repeated. */
static bool must_repeat(struct writer *w, int rc)
{
    /* begin must_repeat */
    /* With the lock held: count the batch (n_written counts rows, n_batch and n_fail
     * count statements).  After a failure wait as long as backoff_next() says.  Return
     * true when it failed and the writer is not to stop. */
    (void)w;
    (void)rc;
    (void)wait_ms;
    return false;
    /* end must_repeat */
}

/* Write the batch, and repeat it until it succeeds or the writer is to stop.  Returns
 * 0 or the error of the last attempt. */
static int write_batch(struct writer *w)
{
    /* begin write_batch */
    /* Write w->row with statusdb_write(), without the lock; note the result; repeat
     * the same batch as long as must_repeat() says so.  Return the result of the last
     * attempt. */
    (void)w;
    (void)note_result;
    (void)must_repeat;
    return 0;
    /* end write_batch */
}

static void *writer_thread(void *arg)
{
    /* begin writer_thread */
    /* 1. Check the table once (statusdb_check()) and note the result; a failure only
     *    logs.
     * 2. Write batches until next_batch() returns false, or until a batch has failed
     *    permanently.
     * 3. After a failure log report.lost with the number of rows that are lost: those
     *    of the batch and those that wait.
     * 4. Close the database in this thread, and set w->db to NULL: release() closes it
     *    otherwise. */
    (void)arg;
    (void)next_batch;
    (void)write_batch;
    return NULL;
    /* end writer_thread */
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
    /* begin writer_stop */
    /* NULL is fine.  With the lock held set w->stop and wake the thread.  Then,
     * without the lock, wait for the end of the thread and release everything. */
    (void)w;
    /* end writer_stop */
}

void writer_stat(struct writer *w, struct writer_stat *out)
{
    /* begin writer_stat */
    /* With the lock held: copy w->stat, and add how many rows wait. */
    (void)w;
    *out = (struct writer_stat){0};
    /* end writer_stat */
}
