/* row_queue -- rows that wait for the database: for each key only the newest.
 * A row holds totals, so a newer row replaces a waiting row of the same key without loss.
 * While the database is unavailable, memory therefore grows with the number of nodes and
 * not with time.  The number of keys is limited as well.
 * Thread: one at a time; the caller locks. */
#ifndef LARS_REPORT_ROW_QUEUE_H
#define LARS_REPORT_ROW_QUEUE_H

#include <stddef.h>

#include "db/statusdb.h"

struct row_queue;

/* A queue for at most <max> keys.  Returns 0 or -ENOMEM. */
int row_queue_create(struct row_queue **out, size_t max);
void row_queue_destroy(struct row_queue *p); /* NULL is fine */

/* Copies <row>.  Returns 1 when its key is new; 0 when it replaced a waiting row;
 * -ENOBUFS when its key is new and <max> keys wait already; -ENOMEM. */
int row_queue_put(struct row_queue *p, const struct status_row *row);

/* Move up to <n> rows, the longest waiting first, to <out>.  Returns their number. */
size_t row_queue_take(struct row_queue *p, struct status_row *out, size_t n);

size_t row_queue_n(const struct row_queue *p); /* number of rows that wait */

#endif
