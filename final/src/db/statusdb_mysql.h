/* statusdb_mysql -- ServerCallStatus in MySQL or MariaDB.  Connects when first used and
 * again after the connection was lost. */
#ifndef LARS_DB_STATUSDB_MYSQL_H
#define LARS_DB_STATUSDB_MYSQL_H

#include "db/myconn.h"
#include "db/statusdb.h"

/* Copies <cfg>.  Returns 0 or -ENOMEM.  Thread: the one that will use it. */
int statusdb_mysql_create(struct statusdb **out, const struct myconn_config *cfg);

#endif
