/* writer -- a thread that brings rows into the database.  It alone talks to it, so a slow
 * server never holds up a connection.
 *   rows come        they gather for a moment, then go in batches, one statement each
 *   database away    the batch under way is tried again with back-off, the others wait
 *   too many wait    rows of new keys are refused: counted, logged; the next report of
 *                    the same node brings the same totals again */
#ifndef LARS_REPORT_WRITER_H
#define LARS_REPORT_WRITER_H

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

/* Writes what waits; gives up, and logs how many rows were lost, at the first statement
 * that fails: so it takes at most the database's time-out.  Nobody puts any more.  NULL
 * is fine. */
void writer_stop(struct writer *w);

/* Copies the rows.  Never waits for the database.  Thread: any. */
void writer_put(struct writer *w, const struct status_row *row, size_t n);

struct writer_stat {
    uint64_t n_put;                   /* rows */
    uint64_t n_merged;                /* of these, replaced one that waited */
    uint64_t n_refused;               /* of these, no room: see above */
    uint64_t n_written;               /* rows in the database */
    uint64_t n_batch;                 /* statements that did it */
    uint64_t n_fail;                  /* statements that failed */
    uint64_t n_waiting;               /* rows, now */
};

void writer_stat(struct writer *w, struct writer_stat *out); /* Thread: any */

#endif
