/* writer -- a thread that writes rows of legacy agents to the database.  No other thread
 * talks to the database, so a slow server never holds up a connection.
 *   rows come        they gather for a moment, then go together in one statement
 *   database away    the statement in progress is repeated with back-off, the rest waits
 * too many wait    rows of new nodes are refused, counted and logged; the next report of
 *                    the node brings the same totals again */
#ifndef LARS_REPORT_WRITER_H
#define LARS_REPORT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/statusdb.h"

struct writer;

struct writer_config {
    size_t max_rows;                  /* that may wait */
    size_t batch;                     /* rows of one statement at most; 1 and more */
    uint32_t gather_ms;               /* from the first row to the statement */
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int writer_start(struct writer **out, struct statusdb *db,
                 const struct writer_config *cfg);

/* Writes what waits, then ends the thread.  Gives up at the first statement that fails
 * and logs how many rows were lost, so it takes at most the database's time-out.  The
 * callers of writer_put() have ended before.  NULL is fine. */
void writer_stop(struct writer *w);

/* Copies the rows.  Never waits for the database.  Thread: any. */
void writer_put(struct writer *w, const struct status_row *row, size_t n);

struct writer_stat {
    uint64_t n_put;                   /* rows given to writer_put() */
    uint64_t n_merged;                /* of these, replaced an older row that waited */
    uint64_t n_refused;               /* of these, found no room */
    uint64_t n_written;               /* rows written to the database */
    uint64_t n_rejected;              /* rows that did not fit the table */
    uint64_t n_batch;                 /* statements that succeeded */
    uint64_t n_fail;                  /* statements that failed */
    uint64_t n_waiting;               /* rows in the queue now */
    uint64_t failing_ms;              /* how long the statement in progress has failed so
                                       * far, at least 1; 0 = it has not failed */
    bool is_full;                     /* the queue has no room for another node */
};

void writer_stat(struct writer *w, struct writer_stat *out); /* Thread: any */

#endif
