/* route_rows -- the database side of a change of routes: reads the rows that operations
 * are about, and writes the difference that a plan has.  Each call returns 0, -ENOMEM or
 * as sqldb_run().  Thread: the connection's. */
#ifndef LARS_OPS_ROUTE_ROWS_H
#define LARS_OPS_ROUTE_ROWS_H

#include "db/sqldb.h"
#include "ops/change.h"
#include "ops/plan.h"

/* Append, sorted, all rows of the modules that the operations name, and of the modules
 * with nodes on their hosts and in their zones; <n> = 0: the rows of all modules.
 * <lock>: they stay locked until the transaction ends. */
int route_rows_read(struct sqldb *db, const struct change_op *op, size_t n, bool lock,
                    struct node_rows *out);

/* The number of nodes in service in the whole database. */
int route_rows_in_service(struct sqldb *db, uint64_t *n);

/* Tell the plan what its nodes carried in the last minute, what they can take, and which
 * of them agents give no calls to. */
int route_rows_add_load(struct sqldb *db, struct plan *p);

/* Write the rows that differ, many in a statement. */
int route_rows_write(struct sqldb *db, const struct plan *p);

#endif
