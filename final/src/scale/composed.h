/* composed -- runs a statement that sqldb_append() has composed, on a connection that is
 * in the middle of a transaction.  Thread: the connection's. */
#ifndef LARS_SCALE_COMPOSED_H
#define LARS_SCALE_COMPOSED_H

#include "base/buf.h"
#include "db/myconn.h"

/* <rc> is the result of composing: when it is 0 the statement in <b> is run.  Frees <b>.
 * Returns <rc> below 0, or as myconn_query(). */
int composed_run(struct myconn *con, struct buf *b, int rc);

#endif
