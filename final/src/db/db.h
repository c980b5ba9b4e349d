/* db -- the source of the routes: one interface with two implementations.  db_mysql reads
 * MySQL or MariaDB; db_mem keeps rows in memory, for tests and for running without a
 * server.  A call may block as long as the time-outs of the server: never call it from
 * an event loop.  Thread: one at a time. */
#ifndef LARS_DB_DB_H
#define LARS_DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

struct db;

/* A growing array of rows, owned by the caller.  Zeroed = empty. */
struct db_rows {
    struct route_row *at;
    size_t n, cap;
    size_t n_bad;                   /* rows not added: port 0 or > 65535, module 0/0 */
};

/* Append a row.  A bad row (see n_bad) is counted instead.  Returns 0 or -ENOMEM. */
int db_rows_add(struct db_rows *r, uint32_t modid, uint32_t cmdid, uint32_t ip,
                uint32_t port);
int db_rows_add_node(struct db_rows *r, uint32_t modid, uint32_t cmdid,
                     const struct route_node *node);
void db_rows_free(struct db_rows *r);

/* Read the current version.  It grows by 1 with every changed row, in the order of
 * commits.  Returns 0; -ENOTCONN when the server cannot be reached or refuses the login;
 * -ENOENT when the schema is missing; -EIO for any other error.  db_error() then has the
 * explanation. */
int db_version(struct db *db, uint64_t *version);

/* Load all rows and the version they belong to, as one snapshot.  <out> is emptied first.
 * Returns as db_version(), or -ENOMEM. */
int db_load_all(struct db *db, struct db_rows *out, uint64_t *version);

/* Load the modules changed after version <since> (into <changed>, each at least once),
 * all rows of these modules, and the version they belong to, as one snapshot.  Both
 * arrays are emptied first.  Returns as db_load_all(); -EAGAIN when the changes after
 * <since> are not complete, because old ones were deleted or the version went back; the
 * caller then loads all rows. */
int db_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                    struct db_rows *out, uint64_t *version);

/* One line about the last failure: what failed, where, and how to mend it.  Borrowed from
 * <db>, valid until the next call. */
const char *db_error(const struct db *db);

void db_close(struct db *db);         /* NULL is fine */

/* For implementations: the functions behind the calls above. */
struct db_ops {
    int (*version)(struct db *db, uint64_t *version);
    int (*load_all)(struct db *db, struct db_rows *out, uint64_t *version);
    int (*load_changes)(struct db *db, uint64_t since, struct db_rows *changed,
                        struct db_rows *out, uint64_t *version);
    void (*close)(struct db *db);
};

struct db {                           /* first member of each implementation */
    const struct db_ops *ops;
    char error[256];
};

#endif
