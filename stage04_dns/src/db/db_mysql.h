/* db_mysql -- the routes in MySQL or MariaDB.  Connects when first used and again after
 * the connection was lost.  Written for both client libraries; where they differ is in
 * here. */
#ifndef LARS_DB_DB_MYSQL_H
#define LARS_DB_DB_MYSQL_H

#include "db/db.h"

struct db_mysql_config {
    const char *socket;               /* path of the server's socket, "" = use host */
    const char *host;
    uint32_t port;
    const char *user, *password, *database;
    uint32_t timeout_s;               /* connect, read, write: each at most so long */
};

/* Copies <cfg>.  Returns 0 or -ENOMEM; the first call that needs the server connects.
 * Thread: the one that will use it. */
int db_mysql_create(struct db **out, const struct db_mysql_config *cfg);

/* Once per process, before threads exist; the second at the very end. */
int db_mysql_init(void);              /* 0 or -ENOMEM */
void db_mysql_fini(void);

#endif
