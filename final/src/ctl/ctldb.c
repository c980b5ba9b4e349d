/* A statement is composed into a buffer: its own text as it is, and each value as a
 * number or as a literal of hexadecimal digits.
 *
 * The answer to a COMMIT can be lost although the change was made.  A change of routes is
 * found again by the id and the version of its row in RouteChange: an id is not used for
 * a second row, also when the first was rolled back.
 *
 * Rejected: prepared statements.  They would be the same guarantee for ten times the code
 * (binding, fetching, a statement handle for each), and larsctl runs each statement once.
 */
#include "ctl/ctldb.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"

#define LOOKUP_MS 6000                /* how long the result of a COMMIT is looked for */
#define LOOKUP_GAP_MS 100

struct ctldb {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int ctldb_open(struct ctldb **out, const struct myconn_config *cfg)
{
    struct ctldb *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void ctldb_close(struct ctldb *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *ctldb_error(const struct ctldb *d)
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
    char two[3];
    int rc;

    if (!*text)
        return add_bytes(b, "''", 2);
    rc = add_bytes(b, "_utf8mb4 0x", 11);
    for (; *text && rc == 0; text++) {
        snprintf(two, sizeof(two), "%02x", (unsigned char)*text);
        rc = add_bytes(b, two, 2);
    }
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

int ctldb_append(struct buf *b, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = compose(b, sql, &ap);
    va_end(ap);
    return rc;
}

/* Compose and run; <row> is called for each row, NULL = there are none. */
static int run_composed(struct ctldb *d, const char *sql, va_list *ap,
                        int (*row)(char **at, void *arg), void *arg)
{
    struct buf b = {0};
    int rc = compose(&b, sql, ap);

    if (rc == 0)
        rc = add_bytes(&b, "", 1);
    if (rc == 0)
        rc = myconn_ensure(d->con);
    if (rc == 0 && row)
        rc = myconn_select(d->con, buf_bytes(&b), row, arg);
    else if (rc == 0)
        rc = myconn_query(d->con, buf_bytes(&b), b.len - 1);
    buf_free(&b);
    return rc;
}

int ctldb_run(struct ctldb *d, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, NULL, NULL);
    va_end(ap);
    return rc;
}

int ctldb_run_text(struct ctldb *d, const char *sql)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_query(d->con, sql, strlen(sql));
}

/* The newest row of RouteChange that a transaction sees: its own, if it has one. */
struct change {
    uint64_t id, version;
};

static int take_change(char **at, void *arg)
{
    struct change *c = arg;

    c->id = at[0] ? strtoull(at[0], NULL, 10) : 0;
    c->version = at[1] ? strtoull(at[1], NULL, 10) : 0;
    return 0;
}

/* Is the change in the database?  A transaction that is still open keeps its row locked,
 * so the locking read waits for its end.  Returns 1, 0 or -errno. */
static int has_change(struct ctldb *d, const struct change *c)
{
    uint64_t n;
    int rc = ctldb_number(d, &n,
                          "SELECT COUNT(*) FROM RouteChange WHERE id = %llu AND version ="
                          " %llu LOCK IN SHARE MODE",
                          (unsigned long long)c->id, (unsigned long long)c->version);

    return rc < 0 ? rc : n > 0;
}

/* The answer to COMMIT was lost.  Returns as ctldb_commit_routes(). */
static int look_up(struct ctldb *d, const struct change *c)
{
    uint64_t end_ms = mono_ms() + LOOKUP_MS;
    int rc;

    while ((rc = has_change(d, c)) < 0 && mono_ms() < end_ms)
        poll(NULL, 0, LOOKUP_GAP_MS);
    if (rc == 1)
        return 0;
    if (rc == 0)
        snprintf(d->error, sizeof(d->error),
                 "the connection was lost at COMMIT and nothing was changed; give the "
                 "command again");
    else
        snprintf(d->error, sizeof(d->error),
                 "the connection was lost at COMMIT, so version %llu may be there; see "
                 "larsctl route list before you give the command again",
                 (unsigned long long)c->version);
    return rc == 0 ? -ECANCELED : -EINPROGRESS;
}

int ctldb_commit_routes(struct ctldb *d)
{
    struct change c = {0, 0};
    int rc = myconn_select(d->con,
                           "SELECT id, version FROM RouteChange ORDER BY version DESC, "
                           "id DESC LIMIT 1",
                           take_change, &c);

    if (rc == 0)
        rc = ctldb_run(d, "COMMIT");
    return rc == -ENOTCONN && c.id > 0 ? look_up(d, &c) : rc;
}

static int take_row(char **at, void *arg)
{
    return table_add(arg, at);
}

int ctldb_vtable(struct ctldb *d, struct table *t, const char *sql, va_list *ap)
{
    return run_composed(d, sql, ap, take_row, t);
}

int ctldb_table(struct ctldb *d, struct table *t, const char *sql, ...)
{
    va_list ap;
    int rc;

    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, take_row, t);
    va_end(ap);
    return rc;
}

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

int ctldb_number(struct ctldb *d, uint64_t *out, const char *sql, ...)
{
    va_list ap;
    int rc;

    *out = 0;
    va_start(ap, sql);
    rc = run_composed(d, sql, &ap, take_number, out);
    va_end(ap);
    return rc;
}
