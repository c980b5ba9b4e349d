/* db_error -- what an error code of MySQL, MariaDB or of a client library means for the
 * program: is the connection lost, is the server of use, may the statement be repeated?
 * Thread: any. */
#ifndef LARS_DB_DB_ERROR_H
#define LARS_DB_DB_ERROR_H

#include <stdbool.h>

enum db_error_kind {
    DB_ERROR_NONE,                    /* code 0 */
    DB_ERROR_UNREACHABLE,             /* no connection came about; nothing was done */
    DB_ERROR_LOST,                    /* the connection is gone: a statement without an
                                       * answer may have been executed */
    DB_ERROR_DETACHED,                /* the node is outside of the cluster's primary
                                       * component; at COMMIT: as DB_ERROR_LOST */
    DB_ERROR_REFUSING, /* the server is full, read-only or stopping: another
                                       * one may do it; at COMMIT: as DB_ERROR_LOST */
    DB_ERROR_CONFLICT,                /* another transaction was faster: the whole one can
                                       * be repeated on the same connection */
    DB_ERROR_DUPLICATE,               /* the key exists; of a repeated INSERT: the first
                                       * was executed */
    DB_ERROR_MISSING,                 /* a database, table or column is missing */
    DB_ERROR_VALUE,                   /* the value of a row is refused; the same statement
                                       * without the row can succeed */
    DB_ERROR_OTHER,
};

enum db_error_kind db_error_kind_of(unsigned code);

/* 0; -ENOTCONN: unreachable, lost or detached; -EDEADLK: a conflict; -ENOENT: something
 * is missing; -EIO: any other. */
int db_error_errno(unsigned code);

/* Whether the next connection should go to another server, when there is one. */
bool db_error_is_of_server(enum db_error_kind e);

/* What the operator can do about it, beginning with "; mend: ", or "".  Static. */
const char *db_error_mend(unsigned code);

#endif
