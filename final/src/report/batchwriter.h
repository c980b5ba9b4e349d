/* batchwriter -- a thread that applies report batches, in the order of coming, each until
 * it is in the database.  While the database is away nothing is acknowledged: the agents
 * keep what they have, so the queue here may be short, and what does not fit is
 * dropped. */
#ifndef LARS_REPORT_BATCHWRITER_H
#define LARS_REPORT_BATCHWRITER_H

#include <stdint.h>

#include "db/batchdb.h"

struct batchwriter;

/* In the writer's thread: batch <seq> of <stream> is in the database.  <tag>: the
 * caller's, as put. */
typedef void batchwriter_fn(const struct msg_ack *ack, const uint64_t tag[2], void *arg);

/* Takes <db>, on failure as well.  At most <max> batches wait.  Returns 0; -ENOMEM,
 * -EAGAIN.  Thread: init. */
int batchwriter_start(struct batchwriter **out, struct batchdb *db, size_t max,
                      batchwriter_fn *fn, void *arg);

/* End the thread: <fn> is not called any more, what waits or comes is dropped, as it was
 * not acknowledged.  Takes at most the database's time-out.  Twice and NULL are fine. */
void batchwriter_stop(struct batchwriter *w);
void batchwriter_destroy(struct batchwriter *w); /* nobody puts any more.  NULL is fine */

/* Takes <b>, on failure as well.  Returns 0; -ENOBUFS: no room.  Thread: any. */
int batchwriter_put(struct batchwriter *w, struct msg_batch *b, const uint64_t tag[2]);

struct batchwriter_stat {
    uint64_t n_put, n_dropped;        /* batches: all, of these without room */
    uint64_t n_applied, n_seen;       /* in the database now, and already before */
    uint64_t n_fail;                  /* tries that failed */
};

void batchwriter_stat(struct batchwriter *w, struct batchwriter_stat *out); /* any */

#endif
