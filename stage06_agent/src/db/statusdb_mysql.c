/* One statement writes many rows, so the server parses, locks and syncs once for all of
 * them; it is also atomic, so a batch is written completely or not at all.
 *
 * Invariant: the statement consists of constant text and of numbers, so no value can
 * change its meaning (SQL injection).
 * Rejected: one statement for each row, as the public Lars has it; prepared statements,
 * which take a fixed number of rows. */
#include "db/statusdb_mysql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define COLUMNS "modid, cmdid, ip, port, caller, succ_cnt, err_cnt, ts, overload"
#define ROW_MAX 110                   /* nine numbers of ten digits, "(,,),", NUL */

_Static_assert(sizeof(((struct statusdb *)0)->error) >= MYCONN_ERROR_MAX,
               "myconn writes its messages there");

struct statusdb_mysql {
    struct statusdb db;
    struct myconn *con;
    struct buf sql;                   /* reused */
};

static int ignore_row(char **at, void *arg)
{
    (void)at;
    (void)arg;
    return 0;
}

static int my_check(struct statusdb *db)
{
    struct statusdb_mysql *m = (struct statusdb_mysql *)db;
    int rc = myconn_ensure(m->con);

    if (rc < 0)
        return rc;
    return myconn_select(m->con, "SELECT " COLUMNS " FROM ServerCallStatus LIMIT 0",
                         ignore_row, NULL);
}

static int add_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

static int add_row(struct buf *b, const struct status_row *r)
{
    int n;

    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%u,%u,%u,%u,%u),", r->modid,
                 r->cmdid, r->ip, r->port, r->caller, r->succ, r->err, r->ts,
                 r->overload);
    buf_added(b, (size_t)n);
    return 0;
}

/* Write the statement INSERT ... VALUES (...),(...) ON DUPLICATE KEY UPDATE to <b>. */
static int compose(struct buf *b, const struct status_row *row, size_t n)
{
    size_t i;
    int rc;

    buf_consume(b, b->len);
    rc = add_text(b, "INSERT INTO ServerCallStatus (" COLUMNS ") VALUES ");
    for (i = 0; i < n && rc == 0; i++)
        rc = add_row(b, &row[i]);
    if (rc < 0)
        return rc;
    b->len--;                         /* remove the last comma */
    rc = add_text(b, " ON DUPLICATE KEY UPDATE succ_cnt = VALUES(succ_cnt), "
                     "err_cnt = VALUES(err_cnt), ts = VALUES(ts), "
                     "overload = VALUES(overload)");
    return rc;
}

static int my_write(struct statusdb *db, const struct status_row *row, size_t n)
{
    struct statusdb_mysql *m = (struct statusdb_mysql *)db;
    int rc = compose(&m->sql, row, n);

    if (rc == 0)
        rc = myconn_ensure(m->con);
    if (rc == 0)
        rc = myconn_query(m->con, buf_bytes(&m->sql), m->sql.len);
    return rc;
}

static void my_close(struct statusdb *db)
{
    struct statusdb_mysql *m = (struct statusdb_mysql *)db;

    myconn_destroy(m->con);
    buf_free(&m->sql);
    free(m);
}

static const struct statusdb_ops my_ops = {my_check, my_write, my_close};

int statusdb_mysql_create(struct statusdb **out, const struct myconn_config *cfg)
{
    struct statusdb_mysql *m = calloc(1, sizeof(*m));
    int rc = m ? myconn_create(&m->con, cfg, m->db.error) : -ENOMEM;

    if (rc < 0) {
        free(m);
        return rc;
    }
    m->db.ops = &my_ops;
    *out = &m->db;
    return 0;
}
