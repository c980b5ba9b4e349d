/* A batch and the number of its stream are written in one transaction.  INSERT IGNORE
 * makes the stream's row in ReportSeen when there is none, SELECT ... FOR UPDATE locks
 * it: two Report Services that get the same batch, because the agent changed from one to
 * the other, wait for each other here, and the second finds the number used.
 *
 * Invariant: after a COMMIT, ReportSeen.seq is the number of the last batch whose rows
 * are in the tables; a batch with that number or a lower one changes nothing.
 *
 * The statements contain numbers only, written by this file, so nothing needs quoting.
 *
 * Rejected: prepared statements.  The number of rows differs from batch to batch, and one
 * statement for each row would cost a round trip each. */
#include "db/batchdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define ROW_MAX 160                   /* five numbers of 10 digits, two of 20, commas */

struct batchdb {
    struct myconn *con;
    struct buf sql;                   /* reused */
    char error[MYCONN_ERROR_MAX];
};

int batchdb_create(struct batchdb **out, const struct myconn_config *cfg)
{
    struct batchdb *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void batchdb_close(struct batchdb *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    buf_free(&d->sql);
    free(d);
}

static int run_sql(struct batchdb *d, const char *sql)
{
    return myconn_query(d->con, sql, strlen(sql));
}

static const char *hex_of(const uint8_t *stream, char out[2 * MSG_STREAM + 1])
{
    size_t i;

    for (i = 0; i < MSG_STREAM; i++)
        snprintf(out + 2 * i, 3, "%02x", stream[i]);
    return out;
}

static int take_seq(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

/* Lock the stream's row and read the number of its last batch.  Returns 0 or -errno. */
static int lock_stream(struct batchdb *d, const char *stream, uint64_t *seq)
{
    char sql[160];
    int rc;

    snprintf(sql, sizeof(sql),
             "INSERT IGNORE INTO ReportSeen (stream, seq) VALUES (X'%s', 0)", stream);
    rc = run_sql(d, sql);
    snprintf(sql, sizeof(sql),
             "SELECT seq FROM ReportSeen WHERE stream = X'%s' FOR UPDATE", stream);
    return rc < 0 ? rc : myconn_select(d->con, sql, take_seq, seq);
}

static int append_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

/* Append the row of CallLatency that <r> gives, if it gives one; so do the next ones. */
static int append_latency(struct buf *b, const struct msg_batch *m,
                          const struct msg_count *r)
{
    int n;

    if (r->ip != MSG_LATENCY_IP)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%llu),", m->ts - m->ts % 60,
                 r->mod.modid, r->mod.cmdid, r->port, (unsigned long long)r->succ);
    buf_added(b, (size_t)n);
    return 0;
}

/* A row of CallSecond; rows without calls only show that a node is ejected. */
static int append_second(struct buf *b, const struct msg_batch *m,
                         const struct msg_count *r)
{
    int n;

    if (r->ip == MSG_LATENCY_IP || r->succ + r->err == 0)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%u,%llu,%llu),", m->ts, r->mod.modid,
                 r->mod.cmdid, r->ip, r->port, (unsigned long long)r->succ,
                 (unsigned long long)r->err);
    buf_added(b, (size_t)n);
    return 0;
}

/* A row of ServerCallStatus. */
static int append_status(struct buf *b, const struct msg_batch *m,
                         const struct msg_count *r)
{
    int n;

    if (r->ip == MSG_LATENCY_IP)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%u,%llu,%llu,%u,%u),", r->mod.modid,
                 r->mod.cmdid, r->ip, r->port, m->caller, (unsigned long long)r->succ,
                 (unsigned long long)r->err, m->ts, r->overload);
    buf_added(b, (size_t)n);
    return 0;
}

/* A row of ZoneLoad: the rows of a module are neighbours, and the last of them gives the
 * sum of all. */
static int append_zone(struct buf *b, const struct msg_batch *m,
                       const struct msg_count *r)
{
    const struct msg_count *at = r;
    uint64_t ok = 0, err = 0;
    int n;

    if (r + 1 < m->row + m->n && memcmp(&r[1].mod, &r->mod, sizeof(r->mod)) == 0)
        return 0;
    for (; at >= m->row && memcmp(&at->mod, &r->mod, sizeof(r->mod)) == 0; at--) {
        if (at->ip == MSG_LATENCY_IP)
            continue;
        ok += at->succ;
        err += at->err;
    }
    if (m->zone == 0 || ok + err == 0)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(UNIX_TIMESTAMP(),%u,%u,%u,%llu,%llu),",
                 r->mod.modid, r->mod.cmdid, m->zone, (unsigned long long)ok,
                 (unsigned long long)err);
    buf_added(b, (size_t)n);
    return 0;
}

/* A row of NodeOut. */
static int append_ejected(struct buf *b, const struct msg_batch *m,
                          const struct msg_count *r)
{
    int n;

    if (r->ip == MSG_LATENCY_IP || !r->overload)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%u,UNIX_TIMESTAMP()),", r->mod.modid,
                 r->mod.cmdid, r->ip, r->port, m->caller);
    buf_added(b, (size_t)n);
    return 0;
}

/* Run <head> (row),(row) ... <tail> with every row that <append> makes of <m>. */
static int upsert(struct batchdb *d, const struct msg_batch *m, const char *head,
                  int (*append)(struct buf *b, const struct msg_batch *m,
                                const struct msg_count *r),
                  const char *tail)
{
    struct buf *b = &d->sql;
    size_t i, empty;
    int rc;

    buf_consume(b, b->len);
    rc = append_text(b, head);
    empty = b->len;
    for (i = 0; i < m->n && rc == 0; i++)
        rc = append(b, m, &m->row[i]);
    if (rc < 0 || b->len == empty)
        return rc;
    b->len--;                         /* the last comma */
    rc = append_text(b, tail);
    return rc < 0 ? rc : myconn_query(d->con, buf_bytes(b), b->len);
}

static int apply_rows(struct batchdb *d, const char *stream, const struct msg_batch *b)
{
    char sql[160];
    int rc = 0;

    if (b->n > 0)
        rc = upsert(d, b,
                    "INSERT INTO ServerCallStatus (modid, cmdid, ip, port, caller, "
                    "succ_cnt, err_cnt, ts, overload) VALUES ",
                    append_status,
                    " ON DUPLICATE KEY UPDATE succ_cnt = succ_cnt + VALUES(succ_cnt), "
                    "err_cnt = err_cnt + VALUES(err_cnt), ts = VALUES(ts), "
                    "overload = VALUES(overload)");
    if (rc == 0 && b->n > 0)
        rc = upsert(d, b,
                    "INSERT INTO CallSecond (at, modid, cmdid, ip, port, succ, err) "
                    "VALUES ",
                    append_second,
                    " ON DUPLICATE KEY UPDATE succ = succ + VALUES(succ), "
                    "err = err + VALUES(err)");
    if (rc == 0 && b->n > 0)
        rc = upsert(d, b, "INSERT INTO CallLatency (at, modid, cmdid, bucket, n) VALUES ",
                    append_latency, " ON DUPLICATE KEY UPDATE n = n + VALUES(n)");
    if (rc == 0 && b->n > 0)
        rc =
            upsert(d, b, "INSERT INTO ZoneLoad (at, modid, cmdid, zone, ok, err) VALUES ",
                   append_zone,
                   " ON DUPLICATE KEY UPDATE ok = ok + VALUES(ok), "
                   "err = err + VALUES(err)");
    if (rc == 0 && b->n > 0)
        rc = upsert(d, b,
                    "INSERT INTO NodeOut (modid, cmdid, ip, port, caller, at) VALUES ",
                    append_ejected, " ON DUPLICATE KEY UPDATE at = VALUES(at)");
    snprintf(sql, sizeof(sql), "UPDATE ReportSeen SET seq = %llu WHERE stream = X'%s'",
             (unsigned long long)b->seq, stream);
    return rc < 0 ? rc : run_sql(d, sql);
}

int batchdb_apply(struct batchdb *d, const struct msg_batch *b)
{
    char stream[2 * MSG_STREAM + 1];
    uint64_t seen = 0;
    int rc = myconn_ensure(d->con), end;

    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION");
    if (rc == 0)
        rc = lock_stream(d, hex_of(b->stream, stream), &seen);
    if (rc == 0 && b->seq > seen)
        rc = apply_rows(d, stream, b);
    if (rc == -ENOMEM)
        run_sql(d, "ROLLBACK");       /* our failure; after one of the server the
                                       * connection is closed */
    if (rc < 0)
        return rc;
    end = run_sql(d, "COMMIT");
    return end < 0 ? end : b->seq > seen;
}

const char *batchdb_error(const struct batchdb *d)
{
    return d->error;
}
