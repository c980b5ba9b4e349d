/* snapshot_rows -- the queries from whose rows a snapshot is made.  Part of scale_db,
 * which is the module that others use. */
#ifndef LARS_SCALE_SNAPSHOT_ROWS_H
#define LARS_SCALE_SNAPSHOT_ROWS_H

#include "db/myconn.h"
#include "scale/snapshot.h"

/* In a transaction that the caller has begun: fill the empty snapshot <out>.  Returns 0,
 * -ENOMEM, or as myconn_query().  Thread: the connection's. */
int snapshot_rows_read(struct myconn *con, struct snapshot *out);

#endif
