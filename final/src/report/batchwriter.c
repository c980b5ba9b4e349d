/* Batches wait in a list in the order in which they came; one thread applies each and
 * repeats it until it is in the database, because a batch that is acknowledged too early
 * would be lost and one that is skipped would leave a gap in its stream.
 *
 * Invariant: <fn>, which acknowledges, is called after the transaction of the batch has
 * been committed and at no other time.
 *
 * Rejected: a long queue.  The agents keep every batch until it is acknowledged, so a
 * batch that finds no room here is dropped and comes again; a queue as long as an outage
 * would only keep the same batches twice. */
#include "report/batchwriter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"

#define LOG_GAP_MS 10000
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000

struct job {
    struct job *next;
    struct msg_batch *b;              /* owned */
    uint64_t tag[2];
};

struct batchwriter {
    struct batchdb *db;               /* the thread's, with what follows */
    struct backoff backoff;
    struct rnd rnd;
    bool down;                        /* the failure is logged already */
    batchwriter_fn *fn;
    void *arg;
    size_t max;
    struct worker *worker;            /* its lock guards what follows */
    struct job *first, **last;
    size_t n;                         /* jobs in the list */
    uint64_t fail_since_ms;           /* monotonic; 0 = the last try succeeded */
    struct batchwriter_stat stat;
};

static void free_job(struct job *j)
{
    free(j->b);
    free(j);
}

int batchwriter_put(struct batchwriter *w, struct msg_batch *b, const uint64_t tag[2])
{
    struct job *j = malloc(sizeof(*j));
    bool room;

    if (!j) {
        free(b);
        return -ENOBUFS;
    }
    *j = (struct job){NULL, b, {tag[0], tag[1]}};
    worker_lock(w->worker);
    room = w->n < w->max && !worker_is_stopping(w->worker);
    w->stat.n_put++;
    w->stat.n_dropped += !room;
    if (room) {
        *w->last = j;
        w->last = &j->next;
        w->n++;
        worker_wake(w->worker);
    }
    worker_unlock(w->worker);
    if (room)
        return 0;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "batch.full",
              "max=%zu: dropped; the agents keep and repeat them", w->max);
    free_job(j);
    return -ENOBUFS;
}

/* The next job, waiting for one if needed.  NULL when it is time to stop. */
static struct job *take_job(struct batchwriter *w)
{
    struct job *j;

    worker_lock(w->worker);
    while (!worker_is_stopping(w->worker) && !w->first)
        worker_wait(w->worker);
    j = worker_is_stopping(w->worker) ? NULL : w->first;
    if (j) {
        w->first = j->next;
        if (!w->first)
            w->last = &w->first;
        w->n--;
    }
    worker_unlock(w->worker);
    return j;
}

static void log_db_change(struct batchwriter *w, int rc)
{
    if (rc < 0 && !w->down)
        LOG_ERROR("db.down", "err=%s of=batches %s", err_str(rc), batchdb_error(w->db));
    if (rc >= 0 && w->down)
        LOG_INFO("db.back", "of=batches");
    w->down = rc < 0;
    if (rc >= 0)
        backoff_reset(&w->backoff);
}

static void count_try(struct batchwriter *w, int rc)
{
    worker_lock(w->worker);
    w->stat.n_fail += rc < 0;
    w->stat.n_applied += rc == 1;
    w->stat.n_seen += rc == 0;
    w->stat.n_rejected = batchdb_n_rejected(w->db);
    if (rc >= 0)
        w->fail_since_ms = 0;
    else if (w->fail_since_ms == 0)
        w->fail_since_ms = mono_ms();
    worker_unlock(w->worker);
}

/* Try until the batch is in the database or it is time to stop.  Returns as
 * batchdb_apply(). */
static int apply_batch(struct batchwriter *w, const struct msg_batch *b)
{
    int rc;

    do {
        rc = batchdb_apply(w->db, b);
        log_db_change(w, rc);
        count_try(w, rc);
    } while (rc < 0 &&
             worker_pause(w->worker, backoff_next(&w->backoff, rnd_u32(&w->rnd))));
    return rc;
}

static int cmp_row(const void *pa, const void *pb)
{
    const struct msg_count *a = pa, *b = pb;

    if (a->mod.modid != b->mod.modid)
        return a->mod.modid < b->mod.modid ? -1 : 1;
    if (a->mod.cmdid != b->mod.cmdid)
        return a->mod.cmdid < b->mod.cmdid ? -1 : 1;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

/* Writers that lock the same rows in the same order wait for each other; in different
 * orders they would deadlock. */
static void sort_rows(struct msg_batch *b)
{
    if (b->n > 1)
        qsort(b->row, b->n, sizeof(b->row[0]), cmp_row);
}

static void batchwriter_main(void *arg)
{
    struct batchwriter *w = arg;
    struct job *j;

    while ((j = take_job(w))) {
        struct msg_ack ack = {.seq = j->b->seq};
        int rc;

        memcpy(ack.stream, j->b->stream, MSG_STREAM);
        sort_rows(j->b);
        rc = apply_batch(w, j->b);
        if (rc >= 0) {
            LOG_DEBUG(rc == 1 ? "batch.applied" : "batch.repeated",
                      "stream=%02x%02x%02x%02x seq=%llu rows=%zu", ack.stream[0],
                      ack.stream[1], ack.stream[2], ack.stream[3],
                      (unsigned long long)ack.seq, j->b->n);
            w->fn(&ack, j->tag, w->arg);
        }
        free_job(j);
    }
    batchdb_close(w->db);             /* in the thread that used it */
    w->db = NULL;
}

static void release_batchwriter(struct batchwriter *w)
{
    struct job *j, *next;

    worker_destroy(w->worker);
    batchdb_close(w->db);
    for (j = w->first; j; j = next) {
        next = j->next;
        free_job(j);
    }
    free(w);
}

int batchwriter_start(struct batchwriter **out, struct batchdb *db, size_t max,
                      batchwriter_fn *fn, void *arg)
{
    struct batchwriter *w = calloc(1, sizeof(*w));
    int rc;

    if (!w) {
        batchdb_close(db);
        return -ENOMEM;
    }
    *w = (struct batchwriter){.db = db, .max = max, .fn = fn, .arg = arg};
    w->last = &w->first;
    w->backoff = (struct backoff){.min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS};
    rnd_init_any(&w->rnd);
    rc = worker_create(&w->worker);
    if (rc == 0)
        rc = worker_start(w->worker, batchwriter_main, w);
    if (rc < 0)
        release_batchwriter(w);
    else
        *out = w;
    return rc;
}

void batchwriter_stop(struct batchwriter *w)
{
    if (w)
        worker_stop(w->worker);
}

void batchwriter_destroy(struct batchwriter *w)
{
    if (w)
        release_batchwriter(w);
}

void batchwriter_stat(struct batchwriter *w, struct batchwriter_stat *out)
{
    worker_lock(w->worker);
    *out = w->stat;
    out->n_waiting = w->n;
    out->is_full = w->n >= w->max;
    out->failing_ms = w->fail_since_ms ? mono_ms() - w->fail_since_ms + 1 : 0;
    worker_unlock(w->worker);
}
