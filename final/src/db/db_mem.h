/* db_mem -- a database in memory, for tests and for `lars-dnsd -m`.  Thread: any. */
#ifndef LARS_DB_DB_MEM_H
#define LARS_DB_DB_MEM_H

#include <stdbool.h>

#include "db/db.h"

int db_mem_create(struct db **out);   /* empty, version 0.  0 or -ENOMEM; db_close() */

/* Insert or delete one row, as one transaction with its version and change record.
 * Returns 0; -ENOMEM; db_mem_remove(): -ENOENT. */
int db_mem_add(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port);
int db_mem_remove(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip,
                  uint32_t port);

/* For tests: the server is gone (-ENOTCONN) or back; rows change without a trace. */
void db_mem_set_down(struct db *db, bool down);
void db_mem_truncate(struct db *db);

#endif
