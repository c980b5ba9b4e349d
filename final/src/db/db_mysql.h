/* db_mysql -- the routes in MySQL or MariaDB.  Connects when first used and again after
 * the connection was lost. */
#ifndef LARS_DB_DB_MYSQL_H
#define LARS_DB_DB_MYSQL_H

#include "db/db.h"
#include "db/myconn.h"

/* Copies <cfg>.  Returns 0 or -ENOMEM; the first call that needs the server connects.
 * Thread: the one that will use it. */
int db_mysql_create(struct db **out, const struct myconn_config *cfg);

#endif
