/* myconn -- one connection to MySQL or MariaDB, opened when it is needed.  What differs
 * between the two client libraries is in myconn.c.  Thread: one at a time. */
#ifndef LARS_DB_MYCONN_H
#define LARS_DB_MYCONN_H

#include <stddef.h>
#include <stdint.h>

struct myconn;

struct myconn_config {
    const char *socket;               /* path of the server's socket, "" = use host */
    const char *host;
    uint32_t port;
    const char *user, *password, *database;
    uint32_t timeout_s;               /* connect, read, write: each at most so long */
};

#define MYCONN_ERROR_MAX 256

/* Copies <cfg>.  <error> takes a sentence about each failure: what, why, how to mend it;
 * borrowed.  Returns 0 or -ENOMEM. */
int myconn_create(struct myconn **out, const struct myconn_config *cfg, char *error);
void myconn_destroy(struct myconn *m); /* in the thread that used it; NULL is fine */

/* Connect when there is no connection.  Returns 0; -ENOENT when the database is not
 * there; -ENOTCONN for everything else, a wrong password too. */
int myconn_ensure(struct myconn *m);

/* Run a statement on the connection that myconn_ensure() opened.  After any failure there
 * is none.  Returns 0; -ENOTCONN: the server has gone; -ENOENT: no such table; -EIO. */
int myconn_query(struct myconn *m, const char *sql, size_t len);

/* The same, and <row> for each row of the result: its columns as text, NULL = SQL NULL.
 * What <row> returns other than 0 ends it and is returned. */
int myconn_select(struct myconn *m, const char *sql, int (*row)(char **at, void *arg),
                  void *arg);

/* Once per process, before threads exist; the second at the very end. */
int myconn_init(void);                /* 0 or -ENOMEM */
void myconn_fini(void);

#endif
