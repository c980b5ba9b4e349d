/* batchwriter -- a thread that applies report batches to the database in the order in
 * which they came, each until it is committed.  While the database is away no batch is
 * acknowledged, so the agents keep them; the queue here is short, and a batch that finds
 * it full is dropped. */
#ifndef LARS_REPORT_BATCHWRITER_H
#define LARS_REPORT_BATCHWRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "db/batchdb.h"

struct batchwriter;

/* The batch that <ack> names is in the database, now or since an earlier delivery.
 * <tag> is what the caller gave to batchwriter_put().  Thread: the writer's. */
typedef void batchwriter_fn(const struct msg_ack *ack, const uint64_t tag[2], void *arg);

/* Takes <db>, on failure as well; borrows <arg>.  At most <max> batches wait.  Returns 0;
 * -ENOMEM, -EAGAIN.  Thread: init. */
int batchwriter_start(struct batchwriter **out, struct batchdb *db, size_t max,
                      batchwriter_fn *fn, void *arg);

/* End the thread: <fn> is not called any more.  Batches that wait or still come are
 * dropped; they were not acknowledged.  Takes at most the database's time-out.  Twice and
 * NULL are fine.  Thread: init. */
void batchwriter_stop(struct batchwriter *w);

/* Stops first.  The callers of batchwriter_put() have ended.  NULL is fine. */
void batchwriter_destroy(struct batchwriter *w);

/* Takes <b>, on failure as well.  Returns 0; -ENOBUFS: no room.  Thread: any. */
int batchwriter_put(struct batchwriter *w, struct msg_batch *b, const uint64_t tag[2]);

struct batchwriter_stat {
    uint64_t n_put, n_dropped;        /* batches: all; of these, without room */
    uint64_t n_applied, n_seen;       /* applied now; applied before, so repeated */
    uint64_t n_fail;                  /* tries that failed */
    uint64_t n_rejected;              /* rows of batches that did not fit a table */
    uint64_t n_waiting;               /* batches in the queue now */
    uint64_t failing_ms;              /* how long the batch in progress has failed so far,
                                       * at least 1; 0 = it has not failed */
    bool is_full;                     /* the queue has no room */
};

void batchwriter_stat(struct batchwriter *w, struct batchwriter_stat *out); /* any */

#endif
