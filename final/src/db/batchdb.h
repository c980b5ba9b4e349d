/* batchdb -- writes report batches to MySQL or MariaDB, the rows of a batch and its
 * number in one transaction.  Each call may take as long as the server's time-outs.
 * Thread: one at a time. */
#ifndef LARS_DB_BATCHDB_H
#define LARS_DB_BATCHDB_H

#include "db/myconn.h"
#include "proto/msg_batch.h"

struct batchdb;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int batchdb_create(struct batchdb **out, const struct myconn_config *cfg);
void batchdb_close(struct batchdb *d); /* in the thread that used it; NULL is fine */

/* A row with a value that does not fit its table is left out of that table, logged and
 * counted; the rest of the batch is applied.
 * Returns 1: applied; 0: it had been applied before; -ENOTCONN, -ENOENT, -EIO, -ENOMEM:
 * either nothing of it is applied, or all of it and the server's answer was lost.  The
 * next try finds out which. */
int batchdb_apply(struct batchdb *d, const struct msg_batch *b);

/* Rows left out of a table by all calls of batchdb_apply() that returned 1. */
uint64_t batchdb_n_rejected(const struct batchdb *d);

const char *batchdb_error(const struct batchdb *d); /* of the last failure */

#endif
