/* Each load is one read-only transaction, START TRANSACTION WITH CONSISTENT SNAPSHOT
 * under REPEATABLE READ, which reads the version, the changes and the rows.
 *
 * Invariant: the rows of a load belong exactly to the version it returns.
 * Rejected: READ COMMITTED, where each statement sees a later state, so a table could
 * mix two versions; locking the tables, because writers would have to wait for us. */
#include "db/db_mysql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(((struct db *)0)->error) >= MYCONN_ERROR_MAX,
               "myconn writes its messages there");

#define WEIGHT_MAX 10000
#define IN_SERVICE "r.state = 'up' AND r.weight > 0"
/* of RouteData, in the order of take_row() */
#define COLUMNS "r.modid, r.cmdid, r.serverip, r.serverport, r.weight, CRC32(r.zone)"

struct db_mysql {
    struct db db;
    struct myconn *con;
};

static int run_sql(struct db_mysql *m, const char *sql)
{
    return myconn_query(m->con, sql, strlen(sql));
}

/* The number in a column; 0 for SQL NULL.  Six of them make a row and a load has a million
 * rows, so up to 19 digits, which cannot overflow, are read without strtoull(). */
static uint64_t number(const char *text)
{
    uint64_t v = 0;
    int i;

    if (!text)
        return 0;
    for (i = 0; i < 19 && text[i] >= '0' && text[i] <= '9'; i++)
        v = 10 * v + (uint64_t)(text[i] - '0');
    return text[i] == 0 ? v : strtoull(text, NULL, 10);
}

/* The result of a query for one number. */
struct one {
    uint64_t value;
    int n;                            /* number of rows in the result */
};

static int take_number(char **at, void *arg)
{
    struct one *o = arg;

    o->value = number(at[0]);
    o->n++;
    return 0;
}

static int read_version(struct db_mysql *m, uint64_t *version)
{
    struct one o = {0, 0};
    int rc = myconn_select(m->con, "SELECT version FROM RouteVersion WHERE id = 1",
                           take_number, &o);

    if (rc < 0)
        return rc;
    if (o.n != 1) {
        snprintf(m->db.error, sizeof(m->db.error),
                 "RouteVersion has no row 1; mend: load "
                 "common/sql/schema.sql");
        return -ENOENT;
    }
    *version = o.value;
    return 0;
}

/* Weight 100 is the default of the column and means the normal share; it becomes 0, as
 * messages have it.  Weights above the maximum become the maximum.  Port 0 is refused
 * and counted by db_rows_add_node(); 0.0.0.0 and ports above 65535 are given to it as
 * such. */
static int take_row(char **at, void *arg)
{
    uint64_t port = number(at[3]), weight = number(at[4]);
    uint32_t ip = (uint32_t)number(at[2]);
    struct route_node node = {.ip = ip,
                              .port = port > UINT16_MAX || ip == 0 ? 0 : (uint16_t)port,
                              .weight = weight == 100         ? 0
                                        : weight > WEIGHT_MAX ? WEIGHT_MAX
                                                              : (uint16_t)weight,
                              .zone = (uint32_t)number(at[5])};

    return db_rows_add_node(arg, (uint32_t)number(at[0]), (uint32_t)number(at[1]), &node);
}

static int take_module(char **at, void *arg)
{
    return db_rows_add(arg, (uint32_t)number(at[0]), (uint32_t)number(at[1]), 0, 1);
}

static int begin(struct db_mysql *m)
{
    int rc = myconn_begin_work(m->con);

    if (rc < 0)
        return rc;
    return run_sql(m, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

/* End the snapshot.  Returns <rc>, or the error of COMMIT when <rc> is no error. */
static int finish(struct db_mysql *m, int rc)
{
    int end = run_sql(m, "COMMIT");   /* fails when <rc> has closed the connection */

    return rc < 0 ? rc : end;
}

static int my_version(struct db *db, uint64_t *version)
{
    struct db_mysql *m = (struct db_mysql *)db;
    int rc = myconn_begin_work(m->con);

    return rc < 0 ? rc : read_version(m, version);
}

static int my_load_all(struct db *db, struct db_rows *out, uint64_t *version)
{
    struct db_mysql *m = (struct db_mysql *)db;
    int rc = begin(m);

    if (rc < 0)
        return rc;
    rc = read_version(m, version);
    if (rc == 0)
        rc =
            myconn_stream(m->con, "SELECT " COLUMNS " FROM RouteData r WHERE " IN_SERVICE,
                          take_row, out);
    rc = finish(m, rc);
    if (rc < 0)                       /* rows may have come before the error */
        out->n = out->n_bad = 0;
    return rc;
}

/* Versions have no gaps, so there must be exactly version - since different versions
 * after <since>.  Fewer means that changes were deleted or never written; then only a
 * load of all rows is safe. */
static int read_changes(struct db_mysql *m, uint64_t since, struct db_rows *changed,
                        struct db_rows *out, uint64_t version)
{
    struct one o = {0, 0};
    char sql[400];
    int rc;

    if (version < since)
        return -EAGAIN;
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(DISTINCT version) FROM RouteChange WHERE "
             "version > %llu AND version <= %llu",
             (unsigned long long)since, (unsigned long long)version);
    rc = myconn_select(m->con, sql, take_number, &o);
    if (rc == 0 && o.value != version - since)
        rc = -EAGAIN;
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql),
             "SELECT DISTINCT modid, cmdid FROM RouteChange WHERE "
             "version > %llu AND version <= %llu",
             (unsigned long long)since, (unsigned long long)version);
    rc = myconn_select(m->con, sql, take_module, changed);
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql),
             "SELECT " COLUMNS " FROM "
             "RouteData r JOIN (SELECT DISTINCT modid, cmdid FROM RouteChange WHERE "
             "version > %llu AND version <= %llu) c ON r.modid = c.modid AND "
             "r.cmdid = c.cmdid WHERE " IN_SERVICE,
             (unsigned long long)since, (unsigned long long)version);
    return myconn_select(m->con, sql, take_row, out);
}

static int my_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                           struct db_rows *out, uint64_t *version)
{
    struct db_mysql *m = (struct db_mysql *)db;
    int rc = begin(m);

    if (rc < 0)
        return rc;
    rc = read_version(m, version);
    if (rc == 0)
        rc = read_changes(m, since, changed, out, *version);
    return finish(m, rc);
}

static void my_close(struct db *db)
{
    struct db_mysql *m = (struct db_mysql *)db;

    myconn_destroy(m->con);
    free(m);
}

static const struct db_ops my_ops = {my_version, my_load_all, my_load_changes, my_close};

int db_mysql_create(struct db **out, const struct myconn_config *cfg)
{
    struct db_mysql *m = calloc(1, sizeof(*m));
    int rc = m ? myconn_create(&m->con, cfg, m->db.error) : -ENOMEM;

    if (rc < 0) {
        free(m);
        return rc;
    }
    m->db.ops = &my_ops;
    *out = &m->db;
    return 0;
}
