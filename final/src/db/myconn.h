/* myconn -- one connection to MySQL or MariaDB, opened when it is needed, to the first
 * endpoint of a list that can be used.  Works with the client library of either.
 * Thread: one at a time. */
#ifndef LARS_DB_MYCONN_H
#define LARS_DB_MYCONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db_error.h"

struct myconn;

struct myconn_config {
    const char *socket; /* path of the server's socket; "" = none */
    const char *host; /* name or address; used when socket is "" */
    uint32_t port;
    const char *user, *password, *database;
    uint32_t timeout_s;               /* seconds for a connect, a write, a read; a
                                       * read has at least 2, and the server ends a
                                       * statement before the read of its answer */
    const char *endpoints;            /* as endpoints_parse() reads them, instead of host
                                       * and port; used when socket is ""; NULL or "" =
                                       * none.  A connect to one of several takes at most
                                       * 1 s. */
};

#define MYCONN_ERROR_MAX 256

/* Copies <cfg>; does not connect yet.  Borrows <error>, which has MYCONN_ERROR_MAX bytes,
 * until myconn_destroy(): each failure writes one line there: what failed, why, and how
 * to mend it.  Returns 0; -EINVAL when the endpoints are wrong; -ENOMEM. */
int myconn_create(struct myconn **out, const struct myconn_config *cfg, char *error);
/* Thread: the one that used <m>.  NULL is fine. */
void myconn_destroy(struct myconn *m);

/* Connect unless there is a connection.  The session has the strict SQL mode, time
 * zone UTC, character set utf8mb4 and isolation level REPEATABLE READ, whatever the
 * server's defaults are.  Returns 0; -ENOENT when the server has no such
 * database; -ENOTCONN for every other reason, including a wrong password.
 *
 * Of several endpoints, the first is taken that accepts the connection, is no node
 * without a majority of its cluster, and is not read-only.  When all have failed, it
 * returns -ENOTCONN without an attempt for up to 5 s. */
int myconn_ensure(struct myconn *m);

/* Call at the beginning of a piece of work, when the session needs to remember nothing:
 * every 10 to 12 s, a connection to an endpoint that is not the first is replaced by one
 * to an endpoint before it, if that can be used again. */
void myconn_go_back(struct myconn *m);

int myconn_begin_work(struct myconn *m); /* myconn_go_back(), then myconn_ensure() */

/* <rc> is the result of a piece of work.  Has it failed because the server was lost or
 * refused it, and is there another endpoint at which it can begin again now?  Only for
 * work that may be repeated whole. */
bool myconn_may_go_on(const struct myconn *m, int rc);

/* While <stay> is true, myconn_ensure() uses the endpoint of the last connection only,
 * and asks nothing of it. */
void myconn_stay(struct myconn *m, bool stay);

/* Wait until this node of the cluster has applied all that any node had committed when
 * the wait began, so that the next read sees it; on a server that is no node of a cluster
 * there is nothing to wait for.  Returns as myconn_query(). */
int myconn_sync(struct myconn *m);

/* Is, or was, the last connection one to a node of a Galera cluster? */
bool myconn_is_galera(const struct myconn *m);

/* Of the last call that failed. */
enum db_error_kind myconn_failure(const struct myconn *m);

/* Run a statement on the connection that myconn_ensure() opened.  Any failure but
 * -EDEADLK closes the connection.  Returns 0; -ENOTCONN when the connection was lost, or
 * the node has lost the majority of its cluster; -ENOENT when a table or column is
 * missing;
 * -EDEADLK when another transaction was faster (two of them waited for each other, or one
 * waited too long for a lock, or a node of the cluster has changed the same rows): the
 * whole transaction was rolled back, and can be repeated on this connection.  A statement
 * outside of a transaction that has met another one so, and has not waited for a lock,
 * is repeated here up to 5 times.  -EIO for any other error. */
int myconn_query(struct myconn *m, const char *sql, size_t len);

/* As myconn_query(), with one difference: when the server refuses the value of a row, for
 * example a number that is too large for its column, it returns -ERANGE, the connection
 * and the transaction stay as they were, and the statement has changed nothing. */
int myconn_try(struct myconn *m, const char *sql, size_t len);

/* Run a query and call <row> for each row of the result; <at> has the columns as text, a
 * NULL pointer for SQL NULL.  A result of <row> other than 0 ends the loop and is
 * returned.  Otherwise returns as myconn_query(). */
int myconn_select(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg);

/* As myconn_select(), for a large result: <row> is called while the server still
 * sends, so it may already have been called when the connection fails.  <row> must
 * not use the connection, and the statement is never repeated. */
int myconn_stream(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg);

/* Initialise the client library, once per process, before any other thread starts.
 * Returns 0 or -ENOMEM. */
int myconn_init(void);
void myconn_fini(void);               /* after the last use by any thread */

#endif
