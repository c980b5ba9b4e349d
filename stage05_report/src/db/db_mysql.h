/* db_mysql -- reads the routes from MySQL or MariaDB.  The first call connects, and so
 * does the first call after the connection was lost. */
#ifndef LARS_DB_DB_MYSQL_H
#define LARS_DB_DB_MYSQL_H

#include "db/db.h"
#include "db/myconn.h"

/* Copies <cfg>; does not connect yet.  Returns 0 or -ENOMEM.  Thread: any; after that,
 * one thread makes all calls, db_close() included. */
int db_mysql_create(struct db **out, const struct myconn_config *cfg);

#endif
