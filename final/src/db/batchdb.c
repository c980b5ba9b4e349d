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
 * A statement that the server refuses because of a value is divided, until the row with
 * the value is alone; that row is left out, because it would stop all later batches of
 * its writer.  Times are the server's: the clock of an agent may be wrong, and a batch is
 * sent when it is written down, so both times differ by little otherwise.
 *
 * Rejected: prepared statements.  The number of rows differs from batch to batch, and one
 * statement for each row would cost a round trip each. */
#include "db/batchdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/repeat.h"

#define ROW_MAX 160                   /* five numbers of 10 digits, two of 20, commas */
#define LOG_GAP_MS 10000

struct batchdb {
    struct myconn *con;
    struct buf sql;                   /* reused */
    uint64_t n_rejected;              /* of batches that were applied */
    uint64_t n_now;                   /* the same, of the batch in progress */
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

    (void)m;
    if (r->ip != MSG_LATENCY_IP)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(UNIX_TIMESTAMP() DIV 60 * 60,%u,%u,%u,%llu),",
                 r->mod.modid, r->mod.cmdid, r->port, (unsigned long long)r->succ);
    buf_added(b, (size_t)n);
    return 0;
}

/* A row of CallSecond; rows without calls only show that a node is ejected. */
static int append_second(struct buf *b, const struct msg_batch *m,
                         const struct msg_count *r)
{
    int n;

    (void)m;
    if (r->ip == MSG_LATENCY_IP || r->succ + r->err == 0)
        return 0;
    if (buf_reserve(b, ROW_MAX) < 0)
        return -ENOMEM;
    n = snprintf(buf_tail(b), ROW_MAX, "(UNIX_TIMESTAMP(),%u,%u,%u,%u,%llu,%llu),",
                 r->mod.modid, r->mod.cmdid, r->ip, r->port, (unsigned long long)r->succ,
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
    n = snprintf(buf_tail(b), ROW_MAX, "(%u,%u,%u,%u,%u,%llu,%llu,UNIX_TIMESTAMP(),%u),",
                 r->mod.modid, r->mod.cmdid, r->ip, r->port, m->caller,
                 (unsigned long long)r->succ, (unsigned long long)r->err, r->overload);
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

/* A table, and how the rows of a batch get into it. */
struct target {
    const char *name, *head, *tail;   /* of the table and of its statement */
    int (*append)(struct buf *b, const struct msg_batch *m, const struct msg_count *r);
};

static const struct target targets[] = {
    {"ServerCallStatus",
     "INSERT INTO ServerCallStatus (modid, cmdid, ip, port, caller, succ_cnt, err_cnt, "
     "ts, overload) VALUES ",
     " ON DUPLICATE KEY UPDATE succ_cnt = succ_cnt + VALUES(succ_cnt), err_cnt = err_cnt "
     "+ VALUES(err_cnt), ts = VALUES(ts), overload = VALUES(overload)",
     append_status},
    {"CallSecond",
     "INSERT INTO CallSecond (at, modid, cmdid, ip, port, succ, err) VALUES ",
     " ON DUPLICATE KEY UPDATE succ = succ + VALUES(succ), err = err + VALUES(err)",
     append_second},
    {"CallLatency", "INSERT INTO CallLatency (at, modid, cmdid, bucket, n) VALUES ",
     " ON DUPLICATE KEY UPDATE n = n + VALUES(n)", append_latency},
    {"ZoneLoad", "INSERT INTO ZoneLoad (at, modid, cmdid, zone, ok, err) VALUES ",
     " ON DUPLICATE KEY UPDATE ok = ok + VALUES(ok), err = err + VALUES(err)",
     append_zone},
    {"NodeOut", "INSERT INTO NodeOut (modid, cmdid, ip, port, caller, at) VALUES ",
     " ON DUPLICATE KEY UPDATE at = VALUES(at)", append_ejected},
};

/* Write the rows <from> to <to> - 1 of <m> in one statement.  Returns 0; -ERANGE when a
 * value does not fit; -errno. */
static int upsert_range(struct batchdb *d, const struct msg_batch *m,
                        const struct target *t, size_t from, size_t to)
{
    struct buf *b = &d->sql;
    size_t i, empty;
    int rc;

    buf_consume(b, b->len);
    rc = append_text(b, t->head);
    empty = b->len;
    for (i = from; i < to && rc == 0; i++)
        rc = t->append(b, m, &m->row[i]);
    if (rc < 0 || b->len == empty)
        return rc;
    b->len--;                         /* the last comma */
    rc = append_text(b, t->tail);
    return rc < 0 ? rc : myconn_try(d->con, buf_bytes(b), b->len);
}

static void reject_row(struct batchdb *d, const struct msg_batch *m,
                       const struct target *t, const struct msg_count *r)
{
    d->n_now++;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "row.rejected",
              "table=%s module=%u/%u ip=%u.%u.%u.%u port=%u caller=%u.%u.%u.%u ok=%llu "
              "failed=%llu %s; compare the table with common/sql/schema.sql",
              t->name, r->mod.modid, r->mod.cmdid, r->ip >> 24, r->ip >> 16 & 255,
              r->ip >> 8 & 255, r->ip & 255, r->port, m->caller >> 24,
              m->caller >> 16 & 255, m->caller >> 8 & 255, m->caller & 255,
              (unsigned long long)r->succ, (unsigned long long)r->err, d->error);
}

/* Write the rows that fit.  The transaction makes the many statements one change. */
static int upsert(struct batchdb *d, const struct msg_batch *m, const struct target *t,
                  size_t from, size_t to)
{
    int rc = upsert_range(d, m, t, from, to);
    size_t middle = from + (to - from) / 2;

    if (rc != -ERANGE)
        return rc;
    if (to - from == 1) {
        reject_row(d, m, t, &m->row[from]);
        return 0;
    }
    rc = upsert(d, m, t, from, middle);
    return rc < 0 ? rc : upsert(d, m, t, middle, to);
}

static int apply_rows(struct batchdb *d, const char *stream, const struct msg_batch *b)
{
    char sql[160];
    size_t i;
    int rc = 0;

    for (i = 0; i < sizeof(targets) / sizeof(targets[0]) && rc == 0 && b->n > 0; i++)
        rc = upsert(d, b, &targets[i], 0, b->n);
    snprintf(sql, sizeof(sql), "UPDATE ReportSeen SET seq = %llu WHERE stream = X'%s'",
             (unsigned long long)b->seq, stream);
    return rc < 0 ? rc : run_sql(d, sql);
}

static int apply_once(struct batchdb *d, const struct msg_batch *b)
{
    char stream[2 * MSG_STREAM + 1];
    uint64_t seen = 0;
    int rc = myconn_ensure(d->con), end;

    d->n_now = 0;
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
    if (end < 0)
        return end;
    d->n_rejected += d->n_now;
    return b->seq > seen;
}

int batchdb_apply(struct batchdb *d, const struct msg_batch *b)
{
    int rc = myconn_begin_work(d->con);

    if (rc == 0)
        REPEAT(rc, apply_once(d, b));
    return rc;
}

uint64_t batchdb_n_rejected(const struct batchdb *d)
{
    return d->n_rejected;
}

const char *batchdb_error(const struct batchdb *d)
{
    return d->error;
}
