/* db -- where routes come from: one interface, two implementations.
 * db_mem keeps rows in memory, for tests and for trying things without a server; db_mysql
 * is the real one.  Every call may take as long as the server's time-outs: never call it
 * from an event loop.  Thread: one at a time. */
#ifndef LARS_DB_DB_H
#define LARS_DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

struct db;

/* Growing array of rows, the caller's.  Zeroed = empty. */
struct db_rows {
    struct route_row *at;
    size_t n, cap;
    size_t n_bad;                   /* rows left out: port 0 or above 65535, module 0/0 */
};

int db_rows_add(struct db_rows *r, uint32_t modid, uint32_t cmdid, uint32_t ip,
                uint32_t port);       /* 0 or -ENOMEM; a bad row is counted, not added */
int db_rows_add_node(struct db_rows *r, uint32_t modid, uint32_t cmdid,
                     const struct route_node *node); /* the same; port 0 is bad */
void db_rows_free(struct db_rows *r);

/* The current version: it grows by 1 with every changed row, in the order of commits.
 * Returns 0; -ENOTCONN when the server cannot be reached, -ENOENT when the schema is not
 * there, -EIO for anything else: db_error() has the words. */
int db_version(struct db *db, uint64_t *version);

/* Every route and the version it belongs to, as one snapshot.  <out> is emptied first.
 * Returns as db_version(), or -ENOMEM. */
int db_load_all(struct db *db, struct db_rows *out, uint64_t *version);

/* The modules changed after version <since> (in <changed>, each at least once), all rows
 * of those modules, and the version they belong to, as one snapshot.  Returns as
 * db_load_all(); -EAGAIN when the changes after <since> are not all there (cleaned up,
 * or the version went back): load all. */
int db_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                    struct db_rows *out, uint64_t *version);

/* One sentence about the last failure: what, where, how to mend it.  Borrowed. */
const char *db_error(const struct db *db);

void db_close(struct db *db);         /* NULL is fine */

/* For implementations.  <why> of ops may be empty. */
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
