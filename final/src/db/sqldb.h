/* sqldb -- a connection to the database, and statements with values.
 * Values are never pasted into SQL as text: %u is a number, and %s becomes a literal of
 * hexadecimal digits, which nothing in the value can leave.  Thread: one. */
#ifndef LARS_DB_SQLDB_H
#define LARS_DB_SQLDB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "db/myconn.h"

struct sqldb;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int sqldb_open(struct sqldb **out, const struct myconn_config *cfg);
void sqldb_close(struct sqldb *d);    /* NULL is fine */

bool sqldb_is_cluster(const struct sqldb *d); /* as myconn_is_galera() */
int sqldb_sync(struct sqldb *d);      /* connects, then as myconn_sync() */
void sqldb_stay(struct sqldb *d, bool stay); /* as myconn_stay() */
void sqldb_go_back(struct sqldb *d);  /* as myconn_go_back() */

/* In <sql>: %u uint32_t, %llu, %s text (a byte that is not of UTF-8 becomes '?'), %% a
 * percent sign.  Each returns 0; -ENOTCONN,
 * -ENOENT, -EDEADLK, -EIO as myconn_query(); -ENOMEM. */
int sqldb_run(struct sqldb *d, const char *sql, ...)
    __attribute__((format(printf, 2, 3)));

/* Append the composed text to <b>; returns 0 or -ENOMEM. */
int sqldb_append(struct buf *b, const char *sql, ...)
    __attribute__((format(printf, 2, 3)));

int sqldb_run_text(struct sqldb *d, const char *sql); /* without values; '%' is text */

/* Commit a transaction that has written the row <audit_id> of Audit; 0 = none.  When the
 * answer leaves open whether the change was made, because the connection was lost or the
 * server is of no use any more, the database is asked whether the row is there: the same
 * server, or any node of a cluster, where a row with the result "nothing changed" takes
 * the place of a row that is not there.  Returns 0: it is there; -ECANCELED: nothing was
 * changed; -EINPROGRESS: the database could not be asked within 10 s, so the change may
 * be there; or as sqldb_run(). */
int sqldb_commit(struct sqldb *d, uint64_t audit_id);

/* A row: its columns as text, NULL for SQL NULL; borrowed for the call.  A result other
 * than 0 ends the loop and is returned. */
typedef int sqldb_row_fn(char **at, void *arg);

/* Call <row> for each row of a SELECT. */
int sqldb_each(struct sqldb *d, sqldb_row_fn *row, void *arg, const char *sql, ...)
    __attribute__((format(printf, 4, 5)));
int sqldb_veach(struct sqldb *d, sqldb_row_fn *row, void *arg, const char *sql,
                va_list *ap);
/* Run the statement that sqldb_append() has composed; <row> is NULL when it has no
 * rows. */
int sqldb_each_text(struct sqldb *d, sqldb_row_fn *row, void *arg, struct buf *sql);

/* The first column of the first row as a number; 0 when there is none. */
int sqldb_number(struct sqldb *d, uint64_t *out, const char *sql, ...)
    __attribute__((format(printf, 3, 4)));

struct myconn *sqldb_connection(struct sqldb *d); /* borrowed, for lease_take() */

const char *sqldb_error(const struct sqldb *d); /* of the last failure */

#endif
