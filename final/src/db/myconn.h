/* myconn -- one connection to MySQL or MariaDB, opened when it is needed.  Works with the
 * client library of either.  Thread: one at a time. */
#ifndef LARS_DB_MYCONN_H
#define LARS_DB_MYCONN_H

#include <stddef.h>
#include <stdint.h>

struct myconn;

struct myconn_config {
    const char *socket;               /* path of the server's socket; "" = none */
    const char *host;                 /* name or address; used when socket is "" */
    uint32_t port;
    const char *user, *password, *database;
    uint32_t timeout_s;               /* seconds for a connect, a write, a read; a
                                       * read has at least 2, and the server ends a
                                       * statement before the read of its answer */
};

#define MYCONN_ERROR_MAX 256

/* Copies <cfg>; does not connect yet.  Borrows <error>, which has MYCONN_ERROR_MAX bytes,
 * until myconn_destroy(): each failure writes one line there: what failed, why, and how
 * to mend it.  Returns 0 or -ENOMEM. */
int myconn_create(struct myconn **out, const struct myconn_config *cfg, char *error);
/* Thread: the one that used <m>.  NULL is fine. */
void myconn_destroy(struct myconn *m);

/* Connect unless there is a connection.  The session has the strict SQL mode, time
 * zone UTC, character set utf8mb4 and isolation level REPEATABLE READ, whatever the
 * server's defaults are.  Returns 0; -ENOENT when the server has no such
 * database; -ENOTCONN for every other reason, including a wrong password. */
int myconn_ensure(struct myconn *m);

/* Run a statement on the connection that myconn_ensure() opened.  Any failure closes the
 * connection.  Returns 0; -ENOTCONN when the connection was lost; -ENOENT when a table or
 * column is missing; -EDEADLK when the server has ended the transaction because two of
 * them waited for each other; -EIO for any other error. */
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

/* Initialise the client library, once per process, before any other thread starts.
 * Returns 0 or -ENOMEM. */
int myconn_init(void);
void myconn_fini(void);               /* after the last use by any thread */

#endif
