/* statusdb -- stores the call results: an interface with one implementation for MySQL or
 * MariaDB and one in memory for tests.  A call may block as long as the time-outs of the
 * server: never call it from an event loop.  Thread: one at a time. */
#ifndef LARS_DB_STATUSDB_H
#define LARS_DB_STATUSDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row of ServerCallStatus.  The first five fields are its key. */
struct status_row {
    uint32_t modid, cmdid;
    uint32_t ip, port;                /* of the node; IPv4, host byte order */
    uint32_t caller;                  /* IPv4 of the agent */
    uint32_t succ, err;               /* totals since that agent started */
    uint32_t ts;                      /* seconds since 1970 */
    uint32_t overload;                /* 0 or 1 */
};

struct statusdb;

/* Check that the table exists with all columns.  Returns as statusdb_write(). */
int statusdb_check(struct statusdb *db);

/* Insert or overwrite <n> rows.  Each key may occur once.  A row with a value that does
 * not fit the table is left out and logged.  Returns the number of these rows, 0 = all
 * were written; -errno when the call is to be repeated with all rows:
 * -ENOTCONN when the server cannot be reached or refuses the login; -ENOENT when the
 * table or a column is missing; -EIO for any other error, for example a read-only server;
 * -ENOMEM.  statusdb_error() then has the explanation. */
int statusdb_write(struct statusdb *db, const struct status_row *row, size_t n);

/* One line about the last failure: what failed, where, and how to mend it.  Borrowed from
 * <db>, valid until the next call. */
const char *statusdb_error(const struct statusdb *db);

/* Thread: the one that used <db>.  NULL is fine. */
void statusdb_close(struct statusdb *db);

/* For implementations: the functions behind the calls above. */
struct statusdb_ops {
    int (*check)(struct statusdb *db);
    int (*write)(struct statusdb *db, const struct status_row *row, size_t n);
    void (*close)(struct statusdb *db);
};

struct statusdb {                     /* first member of each implementation */
    const struct statusdb_ops *ops;
    char error[256];
};

#endif
