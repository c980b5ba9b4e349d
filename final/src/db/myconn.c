/* Any error closes the connection, because its state (open transaction, unread result) is
 * unknown then; the next myconn_ensure() opens a new one, to another endpoint when the
 * server was the cause, and sets up the session again.  Only a conflict with another
 * transaction leaves the connection open: the server has said what it has undone, and
 * ROLLBACK undoes the rest.
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

#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "db/endpoints.h"
#include "db/repeat.h"

#define CONNECT_S 1 /* for one of several endpoints: the next one may be there */
#define DEADLOCK_CODE 1213
#define NO_MAJORITY_CODE 1047
#define READ_ONLY_CODE 1290

struct myconn {
    MYSQL *con;                       /* NULL = not connected */
    char *error;                      /* the caller's; MYCONN_ERROR_MAX bytes */
    struct endpoints to;
    size_t at;                        /* of the last attempt to connect */
    size_t used;                      /* of the last connection */
    bool stays;                       /* at <used>, also when it fails */
    bool is_galera;                   /* the server of the last connection */
    bool was_connected;               /* at least once */
    bool is_lost;                     /* the last connection, and none was tried since */
    unsigned code;                    /* of the last failure */
    char *user, *password, *database;
    uint32_t timeout_s;
    struct rnd random;
};

/* Write the error message.  Returns the server's code. */
static unsigned note_error(struct myconn *m, const char *what)
{
    unsigned code = m->con ? mysql_errno(m->con) : 0;
    char at[ENDPOINTS_TEXT];

    m->code = code;
    snprintf(m->error, MYCONN_ERROR_MAX, "%s%s%s: %.150s (%u)%s", what,
             m->to.n > 1 ? " at " : "",
             m->to.n > 1 ? endpoints_text(&m->to.at[m->at], at) : "",
             m->con ? mysql_error(m->con) : "no memory", code, db_error_mend(code));
    return code;
}

static void close_connection(struct myconn *m)
{
    if (m->con)
        mysql_close(m->con);
    m->con = NULL;
}

static void mark_down(struct myconn *m)
{
    endpoints_failed(&m->to, m->at, mono_ms(), rnd_u32(&m->random));
}

/* Write the error message, and close the connection unless it can be used further: a
 * transaction that lost against another one is rolled back.  Returns -errno. */
static int fail(struct myconn *m, const char *what)
{
    static const char rollback[] = "ROLLBACK";
    unsigned code = note_error(m, what);
    enum db_error_kind kind = db_error_kind_of(code);

    if (db_error_is_of_server(kind))
        mark_down(m);
    if (kind != DB_ERROR_CONFLICT ||
        mysql_real_query(m->con, rollback, sizeof(rollback) - 1) != 0)
        close_connection(m);
    m->is_lost = !m->con && db_error_is_of_server(kind);
    return code ? db_error_errno(code) : -EIO; /* 0: no memory, or no result */
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
    unsigned connect = m->to.n > 1 && !m->stays ? CONNECT_S : timeout;
    unsigned tcp = MYSQL_PROTOCOL_TCP;

    mysql_options(m->con, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(m->con, MYSQL_OPT_READ_TIMEOUT, &read_timeout);
    mysql_options(m->con, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_options(m->con, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (m->to.at[m->at].port) /* else "localhost" is a socket, and the port is ignored */
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

/* What the server says of itself. */
struct probe {
    bool wsrep, ready, read_only;
};

static int take_variable(char **at, void *arg)
{
    struct probe *p = arg;
    bool on = at[1] && strcmp(at[1], "ON") == 0;

    if (strcmp(at[0], "wsrep_on") == 0)
        p->wsrep = on;
    else if (strcmp(at[0], "wsrep_ready") == 0)
        p->ready = on;
    else
        p->read_only = on;
    return 0;
}

static int ignore_row(char **at, void *arg)
{
    (void)at;
    (void)arg;
    return 0;
}

int myconn_sync(struct myconn *m)
{
    if (!m->is_galera)
        return 0;
    return myconn_select(m, "SET STATEMENT wsrep_sync_wait = 1 FOR SELECT 1", ignore_row,
                         NULL);
}

/* SHOW works on a node without a majority, too, and on MySQL, where it finds less.  A
 * server that cannot be written to is passed over only when there is another one. */
static int probe(struct myconn *m)
{
    struct probe p = {.wsrep = false};
    char at[ENDPOINTS_TEXT];
    int rc = myconn_select(m,
                           "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
                           "('wsrep_on', 'read_only')",
                           take_variable, &p);

    m->is_galera = p.wsrep;
    if (rc < 0 || m->to.n == 1 || m->stays)
        return rc;
    if (p.wsrep)
        rc = myconn_select(m, "SHOW GLOBAL STATUS LIKE 'wsrep_ready'", take_variable, &p);
    if (rc < 0)
        return rc;
    if (p.wsrep && !p.ready)
        m->code = NO_MAJORITY_CODE;
    else if (p.read_only)
        m->code = READ_ONLY_CODE;
    else
        return 0;
    snprintf(m->error, MYCONN_ERROR_MAX, "connect at %s: %s (%u)%s",
             endpoints_text(&m->to.at[m->at], at),
             m->code == READ_ONLY_CODE ? "the server is read-only"
                                       : "the node has no majority of its cluster",
             m->code, db_error_mend(m->code));
    mark_down(m);
    close_connection(m);
    return -ENOTCONN;
}

/* Connect to the endpoint <i>.  A node of a cluster has applied what was committed at
 * another one before it is used: no program reads an older state after a change of
 * endpoints.  Returns as myconn_ensure(). */
static int connect_to(struct myconn *m, size_t i)
{
    const struct endpoint *e = &m->to.at[i];
    const char *sock = e->port == 0 ? e->host : NULL;
    int rc;

    m->at = i;
    m->con = mysql_init(NULL);
    if (!m->con)
        return fail(m, "connect");
    set_options(m);
    if (mysql_real_connect(m->con, sock ? NULL : e->host, m->user, m->password,
                           m->database, e->port, sock, 0)) {
        rc = probe(m);
        if (rc == 0)
            rc = set_up_session(m);
        if (rc == 0 && !m->stays)
            rc = myconn_sync(m);
    } else {
        rc = fail(m, "connect");
    }
    if (rc == 0)
        return 0;
    close_connection(m);              /* a node that lags is a conflict, and open */
    return rc == -ENOENT ? rc : -ENOTCONN; /* -EIO: for example a wrong password */
}

static void note_connected(struct myconn *m)
{
    char now[ENDPOINTS_TEXT];

    endpoints_connected(&m->to, m->at, mono_ms(), rnd_u32(&m->random));
    endpoints_text(&m->to.at[m->at], now);
    if (m->was_connected && m->at > m->used)
        LOG_WARN("db.endpoint",
                 "to=%s number=%zu: another server is used; the reason was: %s", now,
                 m->at + 1, m->error);
    else if (m->was_connected && m->at < m->used)
        LOG_INFO("db.endpoint", "to=%s number=%zu: a preferred server is used again", now,
                 m->at + 1);
    m->was_connected = true;
    m->is_lost = false;
    m->used = m->at;
}

static int connect_to_any(struct myconn *m)
{
    size_t order[ENDPOINTS_MAX], n, i;
    int rc = -ENOTCONN;

    n = endpoints_order(&m->to, mono_ms(), order);
    for (i = 0; i < n; i++) {
        rc = connect_to(m, order[i]);
        if (rc == 0) {
            note_connected(m);
            return 0;
        }
        mark_down(m);
    }
    if (n > 0)
        endpoints_round_failed(&m->to, mono_ms(), rnd_u32(&m->random));
    return rc;                        /* m->error is that of the last endpoint */
}

int myconn_ensure(struct myconn *m)
{
    int rc;

    if (m->con)
        return 0;
    rc = m->stays ? connect_to(m, m->used) : connect_to_any(m);
    m->is_lost = false;
    return rc;
}

bool myconn_may_go_on(const struct myconn *m, int rc)
{
    return rc < 0 && m->is_lost && m->to.n > 1 && !m->stays;
}

/* The connection that works is kept until there is one to a preferred endpoint. */
static void try_to_go_back(struct myconn *m)
{
    struct myconn was = *m;
    size_t order[ENDPOINTS_MAX], n, i;

    n = endpoints_order(&m->to, mono_ms(), order);
    for (i = 0; i < n && order[i] < was.used; i++) {
        m->con = NULL;
        if (connect_to(m, order[i]) == 0) {
            mysql_close(was.con);
            note_connected(m);
            return;
        }
        mark_down(m);
    }
    m->con = was.con;
    m->at = was.at;
    m->is_galera = was.is_galera;
    m->is_lost = false;
}

void myconn_go_back(struct myconn *m)
{
    if (m->con && !m->stays &&
        endpoints_go_back(&m->to, m->used, mono_ms(), rnd_u32(&m->random)))
        try_to_go_back(m);
}

int myconn_begin_work(struct myconn *m)
{
    myconn_go_back(m);
    return myconn_ensure(m);
}

void myconn_stay(struct myconn *m, bool stay)
{
    m->stays = stay;
}

bool myconn_is_galera(const struct myconn *m)
{
    return m->is_galera;
}

enum db_error_kind myconn_failure(const struct myconn *m)
{
    return db_error_kind_of(m->code);
}

/* Run a statement, and a query to the end of its result when <out> is not NULL. */
static int run(struct myconn *m, const char *sql, size_t len, MYSQL_RES **out)
{
    bool in_transaction;
    struct repeat r;
    int rc;

    repeat_begin(&r);
    do {
        if (!m->con)
            return -ENOTCONN;         /* m->error has the reason of the loss */
        in_transaction = m->con->server_status & SERVER_STATUS_IN_TRANS;
        rc = 0;
        if (mysql_real_query(m->con, sql, len) != 0)
            rc = fail(m, "query");
        else if (out && !(*out = mysql_store_result(m->con)))
            rc = fail(m, "result");
    } while (!in_transaction && m->code == DEADLOCK_CODE && repeat_after(&r, rc));
    return rc;
}

int myconn_query(struct myconn *m, const char *sql, size_t len)
{
    return run(m, sql, len, NULL);
}

int myconn_try(struct myconn *m, const char *sql, size_t len)
{
    if (!m->con)
        return -ENOTCONN;
    if (mysql_real_query(m->con, sql, len) == 0)
        return 0;
    if (db_error_kind_of(mysql_errno(m->con)) != DB_ERROR_VALUE)
        return fail(m, "query");
    note_error(m, "query");
    return -ERANGE;
}

int myconn_select(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg)
{
    MYSQL_RES *res;
    MYSQL_ROW at;
    int rc = run(m, sql, strlen(sql), &res);

    if (rc < 0)
        return rc;
    while (rc == 0 && (at = mysql_fetch_row(res)))
        rc = row(at, arg);
    mysql_free_result(res);
    return rc;
}

int myconn_stream(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg)
{
    int rc = run(m, sql, strlen(sql), NULL);
    MYSQL_RES *res;
    MYSQL_ROW at = NULL;

    if (rc < 0)
        return rc;
    res = mysql_use_result(m->con);
    if (!res)
        return fail(m, "result");
    while (rc == 0 && (at = mysql_fetch_row(res)))
        rc = row(at, arg);
    mysql_free_result(res);           /* reads what is left, so before a close */
    return !at && mysql_errno(m->con) != 0 ? fail(m, "result") : rc;
}

/* Returns 0 or -EINVAL. */
static int set_endpoints(struct endpoints *to, const struct myconn_config *cfg)
{
    if (cfg->socket[0])
        endpoints_set_one(to, cfg->socket, 0);
    else if (cfg->endpoints && cfg->endpoints[0])
        return endpoints_parse(to, cfg->endpoints) ? -EINVAL : 0;
    else
        endpoints_set_one(to, cfg->host, (uint16_t)cfg->port);
    return 0;
}

int myconn_create(struct myconn **out, const struct myconn_config *cfg, char *error)
{
    struct myconn *m = calloc(1, sizeof(*m));
    int rc;

    if (!m)
        return -ENOMEM;
    m->error = error;
    m->user = strdup(cfg->user);
    m->password = strdup(cfg->password);
    m->database = strdup(cfg->database);
    m->timeout_s = cfg->timeout_s;
    rnd_init_any(&m->random);
    rc = set_endpoints(&m->to, cfg);
    if (!m->user || !m->password || !m->database)
        rc = -ENOMEM;
    if (rc < 0) {
        myconn_destroy(m);
        return rc;
    }
    *out = m;
    return 0;
}

void myconn_destroy(struct myconn *m)
{
    if (!m)
        return;
    close_connection(m);
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
