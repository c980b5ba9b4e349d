/* ctldb -- the connection of larsctl to the database, and statements with values.
 * Values are never pasted into SQL as text: %u is a number, and %s becomes a literal of
 * hexadecimal digits, which nothing in the value can leave.  Thread: one. */
#ifndef LARS_CTL_CTLDB_H
#define LARS_CTL_CTLDB_H

#include <stdarg.h>

#include "base/buf.h"
#include "ctl/table.h"
#include "db/myconn.h"

struct ctldb;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int ctldb_open(struct ctldb **out, const struct myconn_config *cfg);
void ctldb_close(struct ctldb *d);    /* NULL is fine */

/* In <sql>: %u uint32_t, %llu, %s text, %% a percent sign.  Each returns 0; -ENOTCONN,
 * -ENOENT, -EIO as myconn_query(); -ENOMEM. */
int ctldb_run(struct ctldb *d, const char *sql, ...)
    __attribute__((format(printf, 2, 3)));

/* Append the composed text to <b>; returns 0 or -ENOMEM. */
int ctldb_append(struct buf *b, const char *sql, ...)
    __attribute__((format(printf, 2, 3)));

int ctldb_run_text(struct ctldb *d, const char *sql); /* without values; '%' is text */

/* Commit a transaction that changes routes.  When the connection is lost before the
 * server's answer has come, the database is asked whether the change is there.  Returns
 * 0: it is; -ECANCELED: nothing was changed; -EINPROGRESS: the database could not be
 * asked within a few seconds, so the change may be there; or as ctldb_run(). */
int ctldb_commit_routes(struct ctldb *d);

/* The rows of a SELECT, a column for each of the table's. */
int ctldb_table(struct ctldb *d, struct table *t, const char *sql, ...)
    __attribute__((format(printf, 3, 4)));

int ctldb_vtable(struct ctldb *d, struct table *t, const char *sql, va_list *ap);

/* The first column of the first row as a number; 0 when there is none. */
int ctldb_number(struct ctldb *d, uint64_t *out, const char *sql, ...)
    __attribute__((format(printf, 3, 4)));

const char *ctldb_error(const struct ctldb *d); /* of the last failure */

#endif
