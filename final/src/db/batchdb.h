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

/* Returns 1: applied; 0: it had been applied before; -ENOTCONN, -ENOENT, -EIO, -ENOMEM:
 * either nothing of it is applied, or all of it and the server's answer was lost.  The
 * next try finds out which. */
int batchdb_apply(struct batchdb *d, const struct msg_batch *b);

const char *batchdb_error(const struct batchdb *d); /* of the last failure */

#endif
