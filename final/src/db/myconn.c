/* Any error closes the connection, because its state (open transaction, unread result) is
 * unknown then; the next myconn_ensure() opens a new one and sets up the session again.
 *
 * All settings that change what a statement means or how long it may take are made here,
 * for every program.  Time-outs nest: a wait for a lock ends before its statement, and a
 * statement before the read of its answer.  So a statement that takes too long is refused
 * by the server, which undoes it, and is not executed after its failure was reported.
 *
 * Invariant: a connection that exists has its session settings and no failed statement
 * behind it.
 * Rejected: relying on the server's defaults.  They differ between MySQL, MariaDB and
 * their releases, and an administrator may change them.
 * Rejected: MYSQL_OPT_RECONNECT, which reconnects silently, also in the middle of a
 * transaction, and loses the session settings. */
#include "db/myconn.h"

#include <errno.h>
#include <mysql.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ER_NO_SUCH_TABLE_CODE 1146
#define ER_BAD_FIELD_CODE 1054
#define ER_BAD_DB_CODE 1049
#define ER_ACCESS_DENIED_CODE 1045
#define ER_LOCK_WAIT_CODE 1205
#define ER_DEADLOCK_CODE 1213
#define CR_FIRST_CODE 2000            /* codes from 2000 to 2999 come from the client */
#define CR_LAST_CODE 2999             /* library: the connection failed or was lost */
#define CR_SOCKET_CODE 2002           /* no server at the socket */
#define CR_HOST_CODE 2003             /* no server at the host and port */

struct myconn {
    MYSQL *con;                       /* NULL = not connected */
    char *error;                      /* the caller's; MYCONN_ERROR_MAX bytes */
    char *socket, *host, *user, *password, *database;
    uint32_t port, timeout_s;
};

static int code_to_errno(unsigned code)
{
    if (code == ER_NO_SUCH_TABLE_CODE || code == ER_BAD_DB_CODE ||
        code == ER_BAD_FIELD_CODE)
        return -ENOENT;
    if (code == ER_DEADLOCK_CODE)
        return -EDEADLK;
    return code >= CR_FIRST_CODE && code <= CR_LAST_CODE ? -ENOTCONN : -EIO;
}

/* Is it the error of one row's value?  The same statement without the row can succeed. */
static bool is_value_refused(unsigned code)
{
    static const unsigned codes[] = {
        1048,                         /* NULL in a column without NULL */
        1264,                         /* number out of range */
        1265, 1292, 1366,             /* value of a wrong form */
        1406,                         /* text too long */
        1690,                         /* result of a calculation out of range */
        3819, 4025,                   /* CHECK: MySQL's and MariaDB's number */
    };
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* What the operator can do about an error; "" = no advice. */
static const char *mend(unsigned code)
{
    if (code_to_errno(code) == -ENOENT)
        return "; mend: load common/sql/schema.sql, or run larsctl db migrate";
    if (code == ER_LOCK_WAIT_CODE || code == ER_DEADLOCK_CODE)
        return "; mend: another change holds the rows, give the command again";
    if (code == CR_SOCKET_CODE || code == CR_HOST_CODE)
        return "; mend: start the server, see [db] socket";
    return code == ER_ACCESS_DENIED_CODE ? "; mend: see [db] user, password" : "";
}

/* Write the error message.  Returns the server's code. */
static unsigned note_error(struct myconn *m, const char *what)
{
    unsigned code = m->con ? mysql_errno(m->con) : 0;

    snprintf(m->error, MYCONN_ERROR_MAX, "%s: %.150s (%u)%s", what,
             m->con ? mysql_error(m->con) : "no memory", code, mend(code));
    return code;
}

/* Write the error message and close the connection.  Returns -errno. */
static int fail(struct myconn *m, const char *what)
{
    unsigned code = note_error(m, what);

    if (m->con)
        mysql_close(m->con);
    m->con = NULL;
    return code_to_errno(code);
}

/* Seconds that a statement waits for a lock.  The server knows no less than 1. */
static unsigned lock_wait_s(const struct myconn *m)
{
    return m->timeout_s > 1 ? m->timeout_s - 1 : 1;
}

static void set_options(struct myconn *m)
{
    /* the library reads unsigned ints */
    unsigned timeout = m->timeout_s, read_timeout = lock_wait_s(m) + 1;
    unsigned tcp = MYSQL_PROTOCOL_TCP;

    mysql_options(m->con, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_OPT_READ_TIMEOUT, &read_timeout);
    mysql_options(m->con, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!m->socket[0]) /* else "localhost" means a socket, and the port is ignored */
        mysql_options(m->con, MYSQL_OPT_PROTOCOL, &tcp);
}

/* The strictest mode is the same on every server: a query that passes the tests passes
 * everywhere.  Times are UTC, so a clock change of a time zone changes nothing.  A
 * program that is suspended in a transaction must not keep its locks, so MariaDB closes
 * its connection after 3 s.  For MySQL the parts in M! are comments. */
static int set_up_session(struct myconn *m)
{
    unsigned lock_s = lock_wait_s(m);
    char sql[600];
    int n = snprintf(
        sql, sizeof(sql),
        "SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,NO_UNSIGNED_SUBTRACTION,"
        "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00', "
        "SESSION collation_connection = 'utf8mb4_general_ci', SESSION autocommit = 1, "
        "SESSION completion_type = 0, SESSION sql_safe_updates = 0, "
        "SESSION wait_timeout = 86400, SESSION lock_wait_timeout = %u, "
        "SESSION innodb_lock_wait_timeout = %u /*M!100300 , "
        "SESSION idle_transaction_timeout = 3, SESSION max_statement_time = %u.5 */",
        lock_s, lock_s, lock_s);
    int rc = myconn_query(m, sql, (size_t)n);
    static const char isolation[] =
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE";

    return rc < 0 ? rc : myconn_query(m, isolation, sizeof(isolation) - 1);
}

int myconn_ensure(struct myconn *m)
{
    const char *sock = m->socket[0] ? m->socket : NULL;
    int rc;

    if (m->con)
        return 0;
    m->con = mysql_init(NULL);
    if (!m->con)
        return fail(m, "connect");
    set_options(m);
    if (mysql_real_connect(m->con, sock ? NULL : m->host, m->user, m->password,
                           m->database, m->port, sock, 0))
        return set_up_session(m);
    rc = fail(m, "connect");
    return rc == -ENOENT ? rc : -ENOTCONN; /* -EIO: for example a wrong password */
}

int myconn_query(struct myconn *m, const char *sql, size_t len)
{
    if (!m->con)
        return -ENOTCONN;             /* m->error has the reason of the loss */
    return mysql_real_query(m->con, sql, len) == 0 ? 0 : fail(m, "query");
}

int myconn_try(struct myconn *m, const char *sql, size_t len)
{
    if (!m->con)
        return -ENOTCONN;
    if (mysql_real_query(m->con, sql, len) == 0)
        return 0;
    if (!is_value_refused(mysql_errno(m->con)))
        return fail(m, "query");
    note_error(m, "query");
    return -ERANGE;
}

int myconn_select(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg)
{
    MYSQL_RES *res;
    MYSQL_ROW at;
    int rc = myconn_query(m, sql, strlen(sql));

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

int myconn_create(struct myconn **out, const struct myconn_config *cfg, char *error)
{
    struct myconn *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->error = error;
    m->socket = strdup(cfg->socket);
    m->host = strdup(cfg->host);
    m->user = strdup(cfg->user);
    m->password = strdup(cfg->password);
    m->database = strdup(cfg->database);
    m->port = cfg->port;
    m->timeout_s = cfg->timeout_s;
    if (!m->socket || !m->host || !m->user || !m->password || !m->database) {
        myconn_destroy(m);
        return -ENOMEM;
    }
    *out = m;
    return 0;
}

void myconn_destroy(struct myconn *m)
{
    if (!m)
        return;
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

int myconn_init(void)
{
    return mysql_library_init(0, NULL, NULL) == 0 ? 0 : -ENOMEM;
}

void myconn_fini(void)
{
    mysql_library_end();
}
