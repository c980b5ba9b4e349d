/* statusdb_mysql -- writes ServerCallStatus in MySQL or MariaDB.  The first call
 * connects, and so does the first call after the connection was lost. */
#ifndef LARS_DB_STATUSDB_MYSQL_H
#define LARS_DB_STATUSDB_MYSQL_H

#include "db/myconn.h"
#include "db/statusdb.h"

/* Copies <cfg>; does not connect yet.  Returns 0 or -ENOMEM.  Thread: any; after that,
 * one thread makes all calls, statusdb_close() included. */
int statusdb_mysql_create(struct statusdb **out, const struct myconn_config *cfg);

#endif
