/* A batch leaves its connection's thread for a writer and its acknowledgement comes back
 * as a task, when the connection may be gone, and its memory another's.  So batches carry
 * the connection's number, and each thread finds its connections by number. */
#include "report/batchsrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"

#define LOG_GAP_MS 60000

struct peer {                         /* a connection */
    uint64_t number;
    struct conn *c;
    UT_hash_handle hh;
};

struct worker {                       /* of one thread */
    unsigned index;
    struct peer *peers;
};

struct batchsrv {
    unsigned n_threads, n_writers;
    struct worker *worker;
    struct mtsrv *srv;
    struct batchwriter **writer;
    _Atomic uint64_t next_number;
};

static struct worker *worker_of(const struct conn *c)
{
    return conn_group_user(conn_owner(c));
}

static void on_hello(struct conn *c, const struct frame *f, void *arg)
{
    char body[16];
    uint32_t version;
    ssize_t n;

    (void)arg;
    if (msg_batch_unpack_hello(&version, f->body, f->len) < 0)
        return;
    n = msg_batch_pack_hello(body, sizeof(body));
    if (n > 0)
        conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
}

static unsigned hash(const uint8_t *stream)
{
    uint32_t h;

    memcpy(&h, stream, sizeof(h));    /* random already */
    return h;
}

static void on_batch(struct conn *c, const struct frame *f, void *arg)
{
    struct batchsrv *b = arg;
    struct peer *p = conn_user(c);
    struct worker *w = worker_of(c);
    struct msg_batch *m;
    char peer[NET_ADDR_STRLEN];
    int rc = msg_batch_unpack(&m, f->body, f->len);

    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "batch.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    if (!p || !w || b->n_writers == 0) {
        free(m);                      /* not acknowledged: it comes again */
        return;
    }
    batchwriter_put(b->writer[hash(m->stream) % b->n_writers], m,
                    (const uint64_t[2]){w->index, p->number});
}

int batchsrv_more(struct dispatch *d, void *arg)
{
    int rc = dispatch_set(d, MSG_HELLO, on_hello, arg);

    return rc < 0 ? rc : dispatch_set(d, MSG_REPORT_BATCH, on_batch, arg);
}

void batchsrv_on_start(struct conn *c, void *arg)
{
    struct batchsrv *b = arg;
    struct worker *w = worker_of(c);
    struct peer *p = w ? calloc(1, sizeof(*p)) : NULL;

    if (!p)
        return;                      /* its batches are not taken: it stays a base peer */
    p->number = ++b->next_number;
    p->c = c;
    HASH_ADD(hh, w->peers, number, sizeof(p->number), p);
    if (p->hh.tbl)
        conn_set_user(c, p);
    else
        free(p);
}

void batchsrv_on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct peer *p = conn_user(c);

    (void)why;
    (void)arg;
    if (!p)
        return;
    HASH_DEL(worker_of(c)->peers, p);
    free(p);
}

struct ack_task {
    struct msg_ack ack;
    uint64_t number;
};

static void run_ack(void *arg, void *user)
{
    struct ack_task *t = arg;
    struct worker *w = conn_group_user(user);
    struct peer *p = NULL;
    char body[64];
    ssize_t n = msg_batch_pack_ack(&t->ack, body, sizeof(body));

    HASH_FIND(hh, w->peers, &t->number, sizeof(t->number), p);
    if (p && n > 0)
        conn_send(p->c, MSG_REPORT_ACK, body, (size_t)n);
    free(t);
}

void batchsrv_on_applied(const struct msg_ack *ack, const uint64_t tag[2], void *arg)
{
    struct batchsrv *b = arg;
    struct ack_task *t = malloc(sizeof(*t));

    if (!t)
        return;                      /* not acknowledged: it comes again, and is "seen" */
    t->ack = *ack;
    t->number = tag[1];
    if (mtsrv_post(b->srv, (unsigned)tag[0], &(struct msgq_task){run_ack, free, t}) < 0)
        free(t);
}

/* The first task of each thread: no connection can come before it. */
static void add_worker(void *arg, void *user)
{
    conn_group_set_user(user, arg);
}

int batchsrv_create(struct batchsrv **out, unsigned n_threads)
{
    struct batchsrv *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    b->n_threads = n_threads;
    b->worker = calloc(n_threads, sizeof(*b->worker));
    if (!b->worker) {
        free(b);
        return -ENOMEM;
    }
    *out = b;
    return 0;
}

int batchsrv_serve(struct batchsrv *b, struct mtsrv *srv, struct batchwriter **writer,
                   unsigned n_writers)
{
    unsigned i;
    int rc = 0;

    b->srv = srv;
    b->writer = writer;
    b->n_writers = n_writers;
    for (i = 0; i < b->n_threads && rc == 0; i++) {
        b->worker[i].index = i;
        rc = mtsrv_post(srv, i, &(struct msgq_task){add_worker, NULL, &b->worker[i]});
    }
    return rc;
}

void batchsrv_destroy(struct batchsrv *b)
{
    if (!b)
        return;
    free(b->worker);
    free(b);
}
