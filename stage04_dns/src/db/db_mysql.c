/* One connection, opened when it is needed.  On any error that is not about the
 * statement it is closed and the next call opens a new one: MYSQL_OPT_RECONNECT would do
 * that behind our back, in the middle of a transaction, and forget the session's
 * settings.
 *
 * A load is one snapshot: START TRANSACTION WITH CONSISTENT SNAPSHOT under REPEATABLE
 * READ, then version, changes and rows.  Under READ COMMITTED each statement would see
 * another moment, and a table could mix two versions. */
#include "db/db_mysql.h"

#include <errno.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ER_NO_SUCH_TABLE_CODE 1146
#define ER_BAD_DB_CODE 1049
#define ER_LOST_CODE 2000          /* CR_ codes: the client library's, not the server's */

struct db_mysql {
    struct db db;
    MYSQL *con;                       /* NULL = not connected */
    char *socket, *host, *user, *password, *database;
    uint32_t port, timeout_s;
};

static int code_to_errno(unsigned code)
{
    if (code == ER_NO_SUCH_TABLE_CODE || code == ER_BAD_DB_CODE)
        return -ENOENT;
    return code >= ER_LOST_CODE ? -ENOTCONN : -EIO;
}

/* Remember why, and give the connection up: who knows what state it is in. */
static int fail(struct db_mysql *m, const char *what)
{
    unsigned code = m->con ? mysql_errno(m->con) : 0;
    int rc = code_to_errno(code);

    snprintf(m->db.error, sizeof(m->db.error), "%s: %.150s (%u)%s", what,
             m->con ? mysql_error(m->con) : "no memory", code,
             rc == -ENOENT ? "; mend: load common/sql/schema.sql" : "");
    if (m->con)
        mysql_close(m->con);
    m->con = NULL;
    return rc;
}

static int query(struct db_mysql *m, const char *sql)
{
    return mysql_real_query(m->con, sql, strlen(sql)) == 0 ? 0 : fail(m, "query");
}

static int ensure_connected(struct db_mysql *m)
{
    unsigned timeout = m->timeout_s;  /* the library wants a pointer to unsigned int */
    const char *sock = m->socket[0] ? m->socket : NULL;
    int rc;

    if (m->con)
        return 0;
    m->con = mysql_init(NULL);
    if (!m->con)
        return fail(m, "connect");
    mysql_options(m->con, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(m->con, sock ? NULL : m->host, m->user, m->password,
                            m->database, m->port, sock, 0)) {
        rc = fail(m, "connect");
        return rc == -ENOENT ? rc : -ENOTCONN; /* a wrong password is none either */
    }
    rc = query(m, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    if (rc == 0)
        rc = query(m, "SET SESSION autocommit = 1, SESSION innodb_lock_wait_timeout = 5");
    return rc;
}

/* Run <sql> and call <row> for each row; it returns 0 or -errno. */
static int select_rows(struct db_mysql *m, const char *sql,
                       int (*row)(MYSQL_ROW at, void *arg), void *arg)
{
    MYSQL_RES *res;
    MYSQL_ROW at;
    int rc = query(m, sql);

    if (rc < 0)
        return rc;
    res = mysql_store_result(m->con);
    if (!res)
        return fail(m, "result");
    while (rc == 0 && (at = mysql_fetch_row(res)))
        rc = row(at, arg);
    mysql_free_result(res);
    return rc;
}

static uint64_t number(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0; /* NULL = SQL NULL */
}

struct one {
    uint64_t value;
    int n;                            /* rows seen */
};

static int take_number(MYSQL_ROW at, void *arg)
{
    struct one *o = arg;

    o->value = number(at[0]);
    o->n++;
    return 0;
}

static int read_version(struct db_mysql *m, uint64_t *version)
{
    struct one o = {0, 0};
    int rc =
        select_rows(m, "SELECT version FROM RouteVersion WHERE id = 1", take_number, &o);

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

static int take_row(MYSQL_ROW at, void *arg)
{
    uint64_t ip = number(at[2]), port = number(at[3]);

    return db_rows_add(arg, (uint32_t)number(at[0]), (uint32_t)number(at[1]),
                       (uint32_t)ip, port > UINT16_MAX ? 0 : (uint32_t)port);
}

static int take_module(MYSQL_ROW at, void *arg)
{
    return db_rows_add(arg, (uint32_t)number(at[0]), (uint32_t)number(at[1]), 0, 1);
}

static int begin(struct db_mysql *m)
{
    int rc = ensure_connected(m);

    return rc < 0 ? rc
                  : query(m, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

/* Ends the snapshot, whatever <rc> says; an error of its own counts when there was
 * none. */
static int finish(struct db_mysql *m, int rc)
{
    int end = m->con ? query(m, "COMMIT") : rc;

    return rc < 0 ? rc : end;
}

static int my_version(struct db *db, uint64_t *version)
{
    struct db_mysql *m = (struct db_mysql *)db;
    int rc = ensure_connected(m);

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
        rc = select_rows(m, "SELECT modid, cmdid, serverip, serverport FROM RouteData",
                         take_row, out);
    return finish(m, rc);
}

/* Versions are given without gaps, so "everything after <since>" must be exactly
 * version - since rows; fewer means that some were cleaned up or never written. */
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
    rc = select_rows(m, sql, take_number, &o);
    if (rc == 0 && o.value != version - since)
        rc = -EAGAIN;
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql),
             "SELECT DISTINCT modid, cmdid FROM RouteChange WHERE "
             "version > %llu AND version <= %llu",
             (unsigned long long)since, (unsigned long long)version);
    rc = select_rows(m, sql, take_module, changed);
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof(sql),
             "SELECT r.modid, r.cmdid, r.serverip, r.serverport FROM "
             "RouteData r JOIN (SELECT DISTINCT modid, cmdid FROM RouteChange WHERE "
             "version > %llu AND version <= %llu) c ON r.modid = c.modid AND "
             "r.cmdid = c.cmdid",
             (unsigned long long)since, (unsigned long long)version);
    return select_rows(m, sql, take_row, out);
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

    if (m->con)
        mysql_close(m->con);
    free(m->socket);
    free(m->host);
    free(m->user);
    free(m->password);
    free(m->database);
    free(m);
    mysql_thread_end();
}

static const struct db_ops my_ops = {my_version, my_load_all, my_load_changes, my_close};

int db_mysql_create(struct db **out, const struct db_mysql_config *cfg)
{
    struct db_mysql *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->db.ops = &my_ops;
    m->socket = strdup(cfg->socket);
    m->host = strdup(cfg->host);
    m->user = strdup(cfg->user);
    m->password = strdup(cfg->password);
    m->database = strdup(cfg->database);
    m->port = cfg->port;
    m->timeout_s = cfg->timeout_s;
    if (!m->socket || !m->host || !m->user || !m->password || !m->database) {
        my_close(&m->db);
        return -ENOMEM;
    }
    *out = &m->db;
    return 0;
}

int db_mysql_init(void)
{
    return mysql_library_init(0, NULL, NULL) == 0 ? 0 : -ENOMEM;
}

void db_mysql_fini(void)
{
    mysql_library_end();
}
