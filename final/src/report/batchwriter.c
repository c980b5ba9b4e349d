#include "report/batchwriter.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"

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
    bool down;                        /* said so already */
    batchwriter_fn *fn;
    void *arg;
    size_t max;
    pthread_t thread;
    pthread_mutex_t lock;             /* guards what follows */
    pthread_cond_t wake;
    struct job *first, **last;
    size_t n;
    bool stop, joined;
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
    pthread_mutex_lock(&w->lock);
    room = w->n < w->max && !w->stop;
    w->stat.n_put++;
    w->stat.n_dropped += !room;
    if (room) {
        *w->last = j;
        w->last = &j->next;
        w->n++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    if (room)
        return 0;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "batch.full", "max=%zu: agents keep them",
              w->max);
    free_job(j);
    return -ENOBUFS;
}

/* NULL when it is time to stop. */
static struct job *take(struct batchwriter *w)
{
    struct job *j;

    pthread_mutex_lock(&w->lock);
    while (!w->stop && !w->first)
        pthread_cond_wait(&w->wake, &w->lock);
    j = w->stop ? NULL : w->first;
    if (j) {
        w->first = j->next;
        if (!w->first)
            w->last = &w->first;
        w->n--;
    }
    pthread_mutex_unlock(&w->lock);
    return j;
}

/* Returns false when it is time to stop. */
static bool pause_after(struct batchwriter *w)
{
    pthread_mutex_lock(&w->lock);
    w->stat.n_fail++;
    pthread_mutex_unlock(&w->lock);
    return deadline_pause(&w->wake, &w->lock, &w->stop,
                          backoff_next(&w->backoff, rnd_u32(&w->rnd)));
}

static void note(struct batchwriter *w, int rc)
{
    if (rc < 0 && !w->down)
        LOG_ERROR("db.down", "err=%s %s", err_str(rc), batchdb_error(w->db));
    if (rc >= 0 && w->down)
        LOG_INFO("db.back", "of=batches");
    w->down = rc < 0;
    if (rc >= 0)
        backoff_reset(&w->backoff);
}

/* Until it is in the database, or it is time to stop.  Returns as batchdb_apply(). */
static int apply(struct batchwriter *w, const struct msg_batch *b)
{
    int rc;

    do {
        rc = batchdb_apply(w->db, b);
        note(w, rc);
    } while (rc < 0 && pause_after(w));
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

/* Two writers that lock the same rows in the same order wait instead of deadlocking. */
static struct msg_batch *in_order(struct msg_batch *b)
{
    if (b->n > 1)
        qsort(b->row, b->n, sizeof(b->row[0]), cmp_row);
    return b;
}

static void *run(void *arg)
{
    struct batchwriter *w = arg;
    struct job *j;

    while ((j = take(w))) {
        int rc = apply(w, in_order(j->b));
        struct msg_ack ack = {.seq = j->b->seq};
        size_t i;

        for (i = 0; i < MSG_STREAM; i++)
            ack.stream[i] = j->b->stream[i];
        pthread_mutex_lock(&w->lock);
        w->stat.n_applied += rc == 1;
        w->stat.n_seen += rc == 0;
        pthread_mutex_unlock(&w->lock);
        if (rc >= 0)
            w->fn(&ack, j->tag, w->arg);
        free_job(j);
    }
    batchdb_close(w->db);             /* in the thread that used it */
    w->db = NULL;
    return NULL;
}

static void release(struct batchwriter *w)
{
    struct job *j, *next;

    batchdb_close(w->db);
    for (j = w->first; j; j = next) {
        next = j->next;
        free_job(j);
    }
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
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
    pthread_mutex_init(&w->lock, NULL);
    deadline_cond_init(&w->wake);
    rc = -pthread_create(&w->thread, NULL, run, w);
    if (rc < 0)
        release(w);
    else
        *out = w;
    return rc;
}

void batchwriter_stop(struct batchwriter *w)
{
    if (!w || w->joined)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->joined = true;
}

void batchwriter_destroy(struct batchwriter *w)
{
    if (!w)
        return;
    batchwriter_stop(w);
    release(w);
}

void batchwriter_stat(struct batchwriter *w, struct batchwriter_stat *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stat;
    pthread_mutex_unlock(&w->lock);
}
