/* db_mem -- a database in memory, for tests and for `lars-dnsd -m`.  Thread: any. */
#ifndef LARS_DB_DB_MEM_H
#define LARS_DB_DB_MEM_H

#include <stdbool.h>

#include "db/db.h"

/* An empty database at version 0; db_close() frees it.  Returns 0 or -ENOMEM. */
int db_mem_create(struct db **out);

/* Insert or delete one row; the version grows by 1 and the module counts as changed.
 * Returns 0; -ENOMEM; db_mem_remove(): -ENOENT when there is no such row. */
int db_mem_add(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port);
int db_mem_remove(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip,
                  uint32_t port);

/* For tests.  While the database is down, every load returns -ENOTCONN.  Truncating
 * removes all rows without a new version, as TRUNCATE TABLE does. */
void db_mem_set_down(struct db *db, bool down);
void db_mem_truncate(struct db *db);

#endif
