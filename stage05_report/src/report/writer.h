/* writer -- a thread that writes rows to the database.  Only this thread uses its
 * connection, so a slow database never delays the threads that receive reports.
 *   rows arrive            they gather for a moment and are then written in batches, each
 *                          with one statement
 *   database unavailable   the present batch is repeated with back-off; other rows wait
 *   queue full             rows of new keys are refused, counted and logged; the next
 *                          report of the same node brings its totals again */
#ifndef LARS_REPORT_WRITER_H
#define LARS_REPORT_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "db/statusdb.h"

struct writer;

struct writer_config {
    size_t max_rows;                  /* rows that may wait */
    size_t batch;                     /* most rows in one statement; 1 or more */
    uint32_t gather_ms;               /* time from the first row to its statement */
};

/* Start the thread.  Takes <db>, on failure as well.  Returns 0; -ENOMEM; -EAGAIN when no
 * thread can be started.  Thread: init. */
int writer_start(struct writer **out, struct statusdb *db,
                 const struct writer_config *cfg);

/* Write the rows that wait, then stop the thread and free everything.  The first
 * statement that fails ends this: the number of lost rows is logged, so the wait is
 * bounded by the time-out of the database.  writer_put() must not be called any more.
 * NULL is fine. */
void writer_stop(struct writer *w);

/* Queue <n> rows; copies them.  Never waits for the database.  Thread: any. */
void writer_put(struct writer *w, const struct status_row *row, size_t n);

struct writer_stat {
    uint64_t n_put;                   /* rows passed to writer_put() */
    uint64_t n_merged;                /* of these, rows that replaced a waiting row */
    uint64_t n_refused;               /* of these, rows refused: the queue was full */
    uint64_t n_written;               /* rows written to the database */
    uint64_t n_batch;                 /* statements that succeeded */
    uint64_t n_fail;                  /* statements that failed */
    uint64_t n_waiting;               /* rows in the queue now */
};

void writer_stat(struct writer *w, struct writer_stat *out); /* Thread: any */

#endif
