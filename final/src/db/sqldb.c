/* A statement is composed into a buffer: its own text as it is, and each value as a
 * number or as a literal of hexadecimal digits.
 *
 * The answer to a COMMIT can be lost although the change was made.  Every change has its
 * row in Audit, so that row is looked for.  A plain server does not use an id for another
 * row, also when the first was rolled back; two nodes of a cluster can, so the text of
 * the row is compared as well (decision 050).
 *
 * Rejected: prepared statements.  They would be the same guarantee for ten times the code
 * (binding, fetching, a statement handle for each), and most statements run once. */
#include "db/sqldb.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/utf8.h"

#define LOOKUP_MS 6000                /* how long the result of a COMMIT is looked for */
#define LOOKUP_CLUSTER_MS 10000       /* a cluster that loses a node stands for 3.2 s */
#define LOOKUP_GAP_MS 100

struct sqldb {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int sqldb_open(struct sqldb **out, const struct myconn_config *cfg)
{
    struct sqldb *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void sqldb_close(struct sqldb *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

struct myconn *sqldb_connection(struct sqldb *d)
{
    return d->con;
}

bool sqldb_is_cluster(const struct sqldb *d)
{
    return myconn_is_galera(d->con);
}

int sqldb_sync(struct sqldb *d)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_sync(d->con);
}

void sqldb_stay(struct sqldb *d, bool stay)
{
    myconn_stay(d->con, stay);
}

void sqldb_go_back(struct sqldb *d)
{
    myconn_go_back(d->con);
}

const char *sqldb_error(const struct sqldb *d)
{
    return d->error;
}

static int add_bytes(struct buf *b, const char *text, size_t len)
{
    return buf_append(b, text, len);
}

/* The literal has the collation of the column with which it is compared; the result of
 * CONVERT() would have one of its own, and both would not agree. */
static int add_text(struct buf *b, const char *text)
{
    char two[3], *whole, *p;
    int rc;

    if (!*text)
        return add_bytes(b, "''", 2);
    whole = strdup(text);
    if (!whole)
        return -ENOMEM;
    utf8_replace_broken(whole);       /* the server refuses what is not UTF-8 */
    rc = add_bytes(b, "_utf8mb4 0x", 11);
    for (p = whole; *p && rc == 0; p++) {
        snprintf(two, sizeof(two), "%02x", (unsigned char)*p);
        rc = add_bytes(b, two, 2);
    }
    free(whole);
    return rc;
}

/* Append one value.  *<p> is behind the '%' and moves behind its conversion. */
static int add_value(struct buf *b, const char **p, va_list *ap)
{
    char number[24];

    if (**p == 's') {
        ++*p;
        return add_text(b, va_arg(*ap, const char *));
    }
    if (**p == 'u') {
        ++*p;
        snprintf(number, sizeof(number), "%u", va_arg(*ap, unsigned));
    } else if (strncmp(*p, "llu", 3) == 0) {
        *p += 3;
        snprintf(number, sizeof(number), "%llu", va_arg(*ap, unsigned long long));
    } else {
        ++*p;
        return add_bytes(b, "%", 1);
    }
    return add_bytes(b, number, strlen(number));
}

static int compose(struct buf *b, const char *sql, va_list *ap)
{
    int rc = 0;

    while (*sql && rc == 0) {
        size_t n = strcspn(sql, "%");

        rc = add_bytes(b, sql, n);
        sql += n;
        if (rc == 0 && *sql == '%') {
            sql++;
            rc = add_value(b, &sql, ap);
        }
    }
    return rc;
}

int sqldb_append(struct buf *b, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = compose(b, sql, &ap);
    va_end(ap);
    return rc;
}

int sqldb_each_text(struct sqldb *d, sqldb_row_fn *row, void *arg, struct buf *sql)
{
    int rc = add_bytes(sql, "", 1);

    if (rc < 0)
        return rc;
    sql->len--;
    rc = myconn_ensure(d->con);
    if (rc < 0)
        return rc;
    return row ? myconn_select(d->con, buf_bytes(sql), row, arg)
               : myconn_query(d->con, buf_bytes(sql), sql->len);
}

/* Compose and run; <row> is called for each row, NULL = there are none. */
static int run_composed(struct sqldb *d, const char *sql, va_list *ap, sqldb_row_fn *row,
                        void *arg)
{
    struct buf b = {0};
    int rc = compose(&b, sql, ap);

    if (rc == 0)
        rc = sqldb_each_text(d, row, arg, &b);
    buf_free(&b);
    return rc;
}

int sqldb_run(struct sqldb *d, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, NULL, NULL);
    va_end(ap);
    return rc;
}

int sqldb_run_text(struct sqldb *d, const char *sql)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_query(d->con, sql, strlen(sql));
}

/* The whole row of Audit in one number; the detail may be longer than one text can be. */
#define AUDIT_SUM                                                                        \
    "SELECT CRC32(CONCAT_WS('\n', id, at, actor, via, peer, action, subject, reason, "   \
    "result, revision, of_id, CRC32(detail))) + 1 FROM Audit WHERE id = %llu"

/* On a plain server: is the row there?  A transaction that is still open keeps it locked,
 * so the locking read waits for its end.  On a node of a cluster, the lost transaction
 * may still be on its way from another node, where no lock is seen: a row with the same
 * number is put in its place, and whichever of the two is certified first stays.
 * Returns 1, 0 or -errno. */
static int has_audit(struct sqldb *d, bool cluster, uint64_t id, uint64_t sum)
{
    unsigned long long number = id;
    uint64_t found = 0;
    int rc = myconn_ensure(d->con);

    if (rc == 0 && cluster != myconn_is_galera(d->con))
        rc = -ENOTCONN;               /* a server that was taken out of its cluster */
    if (rc == 0 && cluster) {
        rc = sqldb_run(d,
                       "INSERT IGNORE INTO Audit (id, actor, via, action, result) VALUES "
                       "(%llu, 'lars', 'database', 'COMMIT lost', 'nothing changed')",
                       number);
        if (rc == 0)
            rc = sqldb_number(d, &found, AUDIT_SUM, number);
    } else if (rc == 0) {
        rc = sqldb_number(d, &found, AUDIT_SUM " LOCK IN SHARE MODE", number);
    }
    return rc < 0 ? rc : found == sum;
}

static int nothing_changed(struct sqldb *d, const char *why)
{
    snprintf(d->error, sizeof(d->error),
             "%s and nothing was changed; give the command again", why);
    return -ECANCELED;
}

/* The answer to COMMIT was lost.  A server that is no node of a cluster can only be asked
 * itself.  Returns as sqldb_commit(). */
static int look_up(struct sqldb *d, uint64_t id, uint64_t sum)
{
    bool cluster = myconn_is_galera(d->con);
    uint64_t end_ms = mono_ms() + (cluster ? LOOKUP_CLUSTER_MS : LOOKUP_MS);
    int rc;

    myconn_stay(d->con, !cluster);
    while ((rc = has_audit(d, cluster, id, sum)) < 0 && mono_ms() < end_ms)
        poll(NULL, 0, LOOKUP_GAP_MS);
    myconn_stay(d->con, false);
    if (rc == 1)
        return 0;
    if (rc == 0)
        return nothing_changed(d, "the connection was lost at COMMIT");
    snprintf(d->error, sizeof(d->error),
             "the connection was lost at COMMIT, so the change may be there; see "
             "row %llu of larsctl audit list before you give the command again",
             (unsigned long long)id);
    return -EINPROGRESS;
}

/* Does a COMMIT that failed so leave open whether the change was made? */
static bool is_unclear(enum db_error_kind e)
{
    return e == DB_ERROR_LOST || e == DB_ERROR_DETACHED || e == DB_ERROR_REFUSING;
}

/* A transaction whose row cannot be seen before COMMIT is not the one of this connection:
 * a statement in it has failed, and its owner has gone on. */
int sqldb_commit(struct sqldb *d, uint64_t audit_id)
{
    uint64_t sum = 0;
    int rc = 0;

    if (audit_id > 0)
        rc = sqldb_number(d, &sum, AUDIT_SUM, (unsigned long long)audit_id);
    if (rc == 0 && audit_id > 0 && sum == 0)
        return nothing_changed(d, "the transaction had ended before COMMIT");
    if (rc < 0)
        return rc;
    rc = myconn_query(d->con, "COMMIT", 6); /* never on a connection that is new */
    return rc < 0 && audit_id > 0 && is_unclear(myconn_failure(d->con))
               ? look_up(d, audit_id, sum)
               : rc;
}

int sqldb_veach(struct sqldb *d, sqldb_row_fn *row, void *arg, const char *sql,
                va_list *ap)
{
    return run_composed(d, sql, ap, row, arg);
}

int sqldb_each(struct sqldb *d, sqldb_row_fn *row, void *arg, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, row, arg);
    va_end(ap);
    return rc;
}

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

int sqldb_number(struct sqldb *d, uint64_t *out, const char *sql, ...)
{
    va_list ap;
    int rc;

    *out = 0;
    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, take_number, out);
    va_end(ap);
    return rc;
}
