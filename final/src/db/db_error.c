/* One table, so what a code means stands in one place for every program.  The codes of
 * the server are those of MariaDB and MySQL alike; all from 2000 to 2999 come from the
 * client library, and one that the table does not have counts as a lost connection,
 * because its state is unknown then.
 *
 * Rejected: the SQLSTATE.  08S01 is both "outside of the primary component", where the
 * statement was refused, and a lost connection, where it may have been executed. */
#include "db/db_error.h"

#include <errno.h>
#include <stddef.h>

#define CLIENT_FIRST 2000
#define CLIENT_LAST 2999

#define SCHEMA "; mend: load common/sql/schema.sql, or run larsctl db migrate"
#define HELD "; mend: another change holds the rows, give the command again"
#define START "; mend: start the server, see [db] socket, endpoints, host"
#define PARTED                                                                           \
    "; mend: this node of the cluster has no majority; start the other nodes, or mend "  \
    "the network between them"
#define FULL "; mend: make room on the disk of the server"
#define READ_ONLY "; mend: end the read-only state of the server"
#define CROWDED "; mend: raise max_connections of the server, or end other clients"

static const struct {
    unsigned code;
    enum db_error_kind meaning;
    const char *mend;
} table[] = {
    {0, DB_ERROR_NONE, ""},
    {2002, DB_ERROR_UNREACHABLE, START}, /* no server at the socket */
    {2003, DB_ERROR_UNREACHABLE, START}, /* no server at the host and port */
    {2005, DB_ERROR_UNREACHABLE, "; mend: see [db] endpoints, host"}, /* unknown name */
    {2006, DB_ERROR_LOST, ""},        /* gone away */
    {2013, DB_ERROR_LOST, ""},        /* lost, or no answer in time */
    {2055, DB_ERROR_LOST, ""},        /* lost, with the reason of the system */
    {1047, DB_ERROR_DETACHED, PARTED}, /* WSREP has not yet prepared the node */
    {1180, DB_ERROR_DETACHED, PARTED}, /* not connected to primary component */
    {1021, DB_ERROR_REFUSING, FULL},  /* the disk is full */
    {1114, DB_ERROR_REFUSING, FULL},  /* the table is full */
    {1290, DB_ERROR_REFUSING, READ_ONLY}, /* runs with --read-only */
    {1836, DB_ERROR_REFUSING, READ_ONLY}, /* runs in read-only mode */
    {1040, DB_ERROR_REFUSING, CROWDED}, /* too many connections */
    {1203, DB_ERROR_REFUSING, CROWDED}, /* too many connections of this user */
    {1053, DB_ERROR_REFUSING, START}, /* shutdown in progress */
    {1927, DB_ERROR_REFUSING, ""},    /* the connection was killed */
    {3572, DB_ERROR_CONFLICT, HELD},  /* NOWAIT found a lock, of MySQL */
    {1205, DB_ERROR_CONFLICT, HELD},  /* waited too long for a lock */
    {1213, DB_ERROR_CONFLICT, HELD},  /* deadlock, or refused by certification */
    {1062, DB_ERROR_DUPLICATE, ""},
    {1049, DB_ERROR_MISSING, SCHEMA}, /* database */
    {1054, DB_ERROR_MISSING, SCHEMA}, /* column */
    {1146, DB_ERROR_MISSING, SCHEMA}, /* table */
    {1048, DB_ERROR_VALUE, ""},       /* NULL in a column without NULL */
    {1264, DB_ERROR_VALUE, ""},       /* number out of range */
    {1265, DB_ERROR_VALUE, ""},       /* these three: a wrong form */
    {1292, DB_ERROR_VALUE, ""},
    {1366, DB_ERROR_VALUE, ""},
    {1406, DB_ERROR_VALUE, ""},       /* text too long */
    {1690, DB_ERROR_VALUE, ""},       /* result of a calculation out of range */
    {3819, DB_ERROR_VALUE, ""},       /* CHECK, of MySQL */
    {4025, DB_ERROR_VALUE, ""},       /* CHECK, of MariaDB */
    {1045, DB_ERROR_OTHER, "; mend: see [db] user, password"}, /* access denied */
};

#define N (sizeof(table) / sizeof(table[0]))

static size_t find(unsigned code)
{
    size_t i;

    for (i = 0; i < N && table[i].code != code; i++)
        continue;
    return i;
}

enum db_error_kind db_error_kind_of(unsigned code)
{
    size_t i = find(code);

    if (i < N)
        return table[i].meaning;
    return code >= CLIENT_FIRST && code <= CLIENT_LAST ? DB_ERROR_LOST : DB_ERROR_OTHER;
}

int db_error_errno(unsigned code)
{
    static const int of[] = {
        [DB_ERROR_NONE] = 0,         [DB_ERROR_UNREACHABLE] = -ENOTCONN,
        [DB_ERROR_LOST] = -ENOTCONN, [DB_ERROR_DETACHED] = -ENOTCONN,
        [DB_ERROR_REFUSING] = -EIO,  [DB_ERROR_CONFLICT] = -EDEADLK,
        [DB_ERROR_DUPLICATE] = -EIO, [DB_ERROR_MISSING] = -ENOENT,
        [DB_ERROR_VALUE] = -EIO,     [DB_ERROR_OTHER] = -EIO,
    };

    return of[db_error_kind_of(code)];
}

bool db_error_is_of_server(enum db_error_kind e)
{
    return e == DB_ERROR_UNREACHABLE || e == DB_ERROR_LOST || e == DB_ERROR_DETACHED ||
           e == DB_ERROR_REFUSING;
}

const char *db_error_mend(unsigned code)
{
    size_t i = find(code);

    return i < N ? table[i].mend : "";
}
