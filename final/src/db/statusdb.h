/* statusdb -- where call results go: one interface, two implementations, as db.h has it
 * for routes.  Every call may take as long as the server's time-outs: never call it from
 * an event loop.  Thread: one at a time. */
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
    uint32_t succ, err;               /* totals since that agent's start */
    uint32_t ts;                      /* seconds since 1970 */
    uint32_t overload;                /* 0 or 1 */
};

struct statusdb;

/* Is everything there that writing needs?  Returns as statusdb_write(). */
int statusdb_check(struct statusdb *db);

/* Overwrite <n> rows, all or none.  Each key at most once.  Returns 0; -ENOTCONN when the
 * server cannot be reached, -ENOENT when the table is not there or is an old one, -EIO
 * for anything else, -ENOMEM: statusdb_error() has the words. */
int statusdb_write(struct statusdb *db, const struct status_row *row, size_t n);

/* One sentence about the last failure: what, where, how to mend it.  Borrowed. */
const char *statusdb_error(const struct statusdb *db);

void statusdb_close(struct statusdb *db); /* in the thread that used it; NULL is fine */

/* For implementations. */
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
