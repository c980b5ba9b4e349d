/* Each load is one read-only transaction, START TRANSACTION WITH CONSISTENT SNAPSHOT
 * under REPEATABLE READ, which reads the version, the changes and the rows.  A load of
 * few changes is one statement instead, which InnoDB runs on one snapshot as well: agents
 * wait for it, and the transaction takes six round trips to the server.  The statement
 * gives the nodes of a module once for each of its changes, so many changes are not
 * loaded so.
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
#define FEW 4 /* changes that are loaded with one statement */
#define VERSION "SELECT version FROM RouteVersion WHERE id = 1"
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

/* The number in a column; 0 for SQL NULL.  Six of them make a row and a load has a
 * million rows, so up to 19 digits, which cannot overflow, are read without
 * strtoull(). */
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

static int no_version(struct db_mysql *m)
{
    snprintf(m->db.error, sizeof(m->db.error),
             "RouteVersion has no row 1; mend: load common/sql/schema.sql");
    return -ENOENT;
}

static int read_version(struct db_mysql *m, uint64_t *version)
{
    struct one o = {0, 0};
    int rc = myconn_select(m->con, VERSION, take_number, &o);

    if (rc < 0)
        return rc;
    if (o.n != 1)
        return no_version(m);
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

/* One snapshot for all statements: for any number of changes. */
static int load_many(struct db_mysql *m, uint64_t since, struct db_rows *changed,
                     struct db_rows *out, uint64_t *version)
{
    int rc = begin(m);

    if (rc < 0)
        return rc;
    rc = read_version(m, version);
    if (rc == 0)
        rc = read_changes(m, since, changed, out, *version);
    return finish(m, rc);
}

/* The result of load_few(). */
struct few {
    uint64_t since, version;          /* version: of the snapshot */
    unsigned seen;                    /* bit i: a change has the version since + 1 + i */
    struct {
        uint32_t modid, cmdid;
        uint64_t version;             /* the change with which its nodes are taken */
    } mod[FEW];
    int n, n_mod;                     /* rows of the result; modules */
    struct db_rows *changed, *rows;
};

/* Whether the nodes of the module are taken with this change: true for the change that
 * comes first.  Returns 1 or 0, or -errno. */
static int take_few_module(struct few *f, uint32_t modid, uint32_t cmdid,
                           uint64_t version)
{
    int i;

    for (i = 0; i < f->n_mod; i++)
        if (f->mod[i].modid == modid && f->mod[i].cmdid == cmdid)
            return f->mod[i].version == version;
    if (i == FEW)
        return -E2BIG;                /* a version of several modules: written by hand */
    f->mod[i].modid = modid;
    f->mod[i].cmdid = cmdid;
    f->mod[i].version = version;
    f->n_mod++;
    i = db_rows_add(f->changed, modid, cmdid, 0, 1);
    return i < 0 ? i : 1;
}

/* A row is the version, the version of a change (NULL = there is none), its module, and a
 * node of the module (NULL = it has none). */
static int take_few(char **at, void *arg)
{
    struct few *f = arg;
    uint64_t change = number(at[1]);
    int rc;

    f->n++;
    f->version = number(at[0]);
    if (change <= f->since || change - f->since > FEW)
        return 0;
    f->seen |= 1u << (change - f->since - 1);
    rc = take_few_module(f, (uint32_t)number(at[2]), (uint32_t)number(at[3]), change);
    return rc > 0 && at[4] ? take_row(at + 2, f->rows) : rc < 0 ? rc : 0;
}

/* Returns 0; -E2BIG when there are more than FEW changes; otherwise as
 * db_load_changes(). */
static int load_few(struct db_mysql *m, uint64_t since, struct db_rows *changed,
                    struct db_rows *out, uint64_t *version)
{
    struct few f = {.since = since, .changed = changed, .rows = out};
    unsigned long long from = since;
    char sql[500];
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT v.version, c.version, c.modid, c.cmdid, r.serverip, r.serverport, "
             "r.weight, CRC32(r.zone) FROM RouteVersion v LEFT JOIN RouteChange c ON "
             "c.version > %llu AND c.version <= %llu LEFT JOIN RouteData r ON "
             "r.modid = c.modid AND r.cmdid = c.cmdid AND " IN_SERVICE " WHERE v.id = 1",
             from, from + FEW);
    rc = myconn_select(m->con, sql, take_few, &f);
    if (rc == 0 && f.n == 0)
        rc = no_version(m);
    if (rc < 0)
        return rc;
    if (f.version < since)
        return -EAGAIN;
    if (f.version - since > FEW)
        return -E2BIG;
    *version = f.version;
    return f.seen == (1u << (f.version - since)) - 1 ? 0 : -EAGAIN;
}

static int my_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                           struct db_rows *out, uint64_t *version)
{
    struct db_mysql *m = (struct db_mysql *)db;
    int rc = myconn_begin_work(m->con);

    if (rc == 0)
        rc = load_few(m, since, changed, out, version);
    if (rc != -E2BIG)
        return rc;
    changed->n = changed->n_bad = out->n = out->n_bad = 0;
    return load_many(m, since, changed, out, version);
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
