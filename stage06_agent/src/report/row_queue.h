/* row_queue -- rows that wait for the database: one for each key, the newest.
 * Totals overwrite each other, so a row that waits is simply replaced by the next: while
 * the database is away, memory grows with the number of nodes, not with time, and nothing
 * that matters is lost.  Bounded all the same.  Thread: the owner's. */
#ifndef LARS_REPORT_ROW_QUEUE_H
#define LARS_REPORT_ROW_QUEUE_H

#include <stddef.h>

#include "db/statusdb.h"

struct row_queue;

int row_queue_create(struct row_queue **out, size_t max); /* 0 or -ENOMEM */
void row_queue_destroy(struct row_queue *p); /* NULL is fine */

/* Copies <row>.  Returns 1 when it is a new key; 0 when it replaced one that waits;
 * -ENOBUFS when <max> keys wait already; -ENOMEM. */
int row_queue_put(struct row_queue *p, const struct status_row *row);

/* Moves the at most <n> rows that wait longest to <out>.  Returns how many. */
size_t row_queue_take(struct row_queue *p, struct status_row *out, size_t n);

size_t row_queue_n(const struct row_queue *p);

#endif
