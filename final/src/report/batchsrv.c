/* A batch leaves the thread of its connection for a writer, and its acknowledgement comes
 * back as a task.  By then the connection may be closed and its memory used by another
 * one, so a pointer to it would be wrong.
 *
 * Invariant: between threads a connection is named by a number that is never used again;
 * each thread keeps a table of its own connections by number, and only that thread
 * follows the pointer.
 *
 * Rejected: reference counts on connections.  They would keep the descriptors of closed
 * connections open for as long as the database is away. */
#include "report/batchsrv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1           /* or it would end the process */
#include <uthash.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "net/tls_conn.h"
#include "report/stream_owner.h"

#define LOG_GAP_MS 60000
#define MAX_STREAMS 65536             /* whose owners are remembered: 7 MiB */

struct peer {                         /* a connection */
    uint64_t number;                  /* 1 and more, never used twice */
    struct conn *c;
    UT_hash_handle hh;
};

struct peer_table {                   /* the connections of one thread */
    unsigned index;                   /* of the thread */
    struct peer *peers;               /* by number */
};

struct batchsrv {
    unsigned n_threads, n_writers;
    struct peer_table *table;         /* one for each thread; owned */
    struct mtsrv *srv;                /* borrowed, as the next two */
    struct admission *admission;
    struct batchwriter **writer;
    struct stream_owners *owners;     /* owned, as the next one */
    struct stream_conflicts *conflicts;
    _Atomic uint64_t last_number;
    _Atomic uint64_t n_ended[CONN_WHY_COUNT];
};

static struct peer_table *table_of(const struct conn *c)
{
    return conn_group_user(conn_owner(c));
}

/* The peer wants a DNSService. */
static void end_wrong_peer(struct conn *c)
{
    char peer[NET_ADDR_STRLEN];

    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "peer.wrong_service",
              "peer=%s: this port is of a Report Service, but [dnsserver] of this agent "
              "names it as a DNSService; correct [dnsserver] in its configuration",
              net_addr_str(conn_peer(c), peer));
    conn_finish(c);
}

static void on_get_route(struct conn *c, const struct frame *f, void *arg)
{
    (void)f;
    (void)arg;
    end_wrong_peer(c);
}

static void on_hello(struct conn *c, const struct frame *f, void *arg)
{
    struct batchsrv *b = arg;
    char body[16];
    enum msg_service want;
    uint32_t version;
    ssize_t n;

    if (msg_batch_unpack_hello(&version, &want, f->body, f->len) < 0)
        return;
    n = msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body));
    if (n > 0)                        /* it tells a wrong peer what this is */
        conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
    if (want == MSG_SERVICE_DNS)
        end_wrong_peer(c);
    else
        admission_subscribe(b->admission, c);
}

static unsigned hash_of_stream(const uint8_t *stream)
{
    uint32_t h;

    memcpy(&h, stream, sizeof(h));    /* names of streams are random */
    return h;
}

static void note_conflict(struct batchsrv *b, const struct conn *c, const uint8_t *stream,
                          int rc, uint64_t now_ms)
{
    char peer[NET_ADDR_STRLEN];

    if (rc == -EEXIST)
        stream_conflicts_taken(b->conflicts, stream, net_addr_str(conn_peer(c), peer),
                               now_ms);
    if (rc == -EBUSY)
        stream_conflicts_refused(b->conflicts, stream, net_addr_str(conn_peer(c), peer),
                                 now_ms);
}

/* May this batch be applied?  False: another connection has its stream. */
static bool claim_stream(struct batchsrv *b, const struct conn *c,
                         const struct msg_batch *m)
{
    const struct peer *p = conn_user(c);
    uint64_t now_ms = mono_ms();
    int rc = stream_owner_claim(b->owners, m->stream, p->number, now_ms);
    char peer[NET_ADDR_STRLEN];

    note_conflict(b, c, m->stream, rc, now_ms);
    if (rc == -EEXIST)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "stream.conflict",
                  "peer=%s stream=%02x%02x%02x%02x: another agent sends the same stream, "
                  "so its calls are not counted; stop that agent, empty its [agent] dir "
                  "and start it again",
                  net_addr_str(conn_peer(c), peer), m->stream[0], m->stream[1],
                  m->stream[2], m->stream[3]);
    if (rc == -EBUSY)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "stream.refused",
                  "peer=%s stream=%02x%02x%02x%02x: another connection has this stream; "
                  "after a new connection of the same agent this ends by itself",
                  net_addr_str(conn_peer(c), peer), m->stream[0], m->stream[1],
                  m->stream[2], m->stream[3]);
    return rc != -EBUSY;
}

static void on_batch(struct conn *c, const struct frame *f, void *arg)
{
    struct batchsrv *b = arg;
    struct msg_batch *m;
    uint64_t tag[2];
    char peer[NET_ADDR_STRLEN];
    int rc = msg_batch_unpack(&m, f->body, f->len);

    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "batch.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    if (!tls_conn_is_host(c, m->caller)) {
        free(m);
        return;
    }
    admission_frame(b->admission, c);
    if (!batchsrv_tag(c, tag) || b->n_writers == 0 || !claim_stream(b, c, m)) {
        free(m);                      /* not acknowledged, so the agent repeats it */
        return;
    }
    batchwriter_put(b->writer[hash_of_stream(m->stream) % b->n_writers], m, tag);
}

int batchsrv_more(struct dispatch *d, void *arg)
{
    int rc = dispatch_set(d, MSG_HELLO, on_hello, arg);

    if (rc == 0)
        rc = dispatch_set(d, MSG_GET_ROUTE, on_get_route, arg);
    return rc < 0 ? rc : dispatch_set(d, MSG_REPORT_BATCH, on_batch, arg);
}

void batchsrv_on_start(struct conn *c, void *arg)
{
    struct batchsrv *b = arg;
    struct peer_table *t = table_of(c);
    struct peer *p = t ? calloc(1, sizeof(*p)) : NULL;
    char text[NET_ADDR_STRLEN];

    LOG_DEBUG("agent.connected", "peer=%s", net_addr_str(conn_peer(c), text));
    if (!p)
        return;                       /* without memory: its batches are not taken */
    p->number = ++b->last_number;
    p->c = c;
    HASH_ADD(hh, t->peers, number, sizeof(p->number), p);
    if (p->hh.tbl)
        conn_set_user(c, p);
    else
        free(p);
}

void batchsrv_on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct batchsrv *b = arg;
    struct peer *p = conn_user(c);
    char text[NET_ADDR_STRLEN];

    b->n_ended[why]++;
    LOG_DEBUG("agent.closed", "peer=%s why=%d", net_addr_str(conn_peer(c), text),
              (int)why);
    if (!p)
        return;
    stream_owner_close(b->owners, p->number);
    HASH_DEL(table_of(c)->peers, p);
    free(p);
}

void batchsrv_ended(const struct batchsrv *b, uint64_t ended[CONN_WHY_COUNT])
{
    unsigned i;

    for (i = 0; i < CONN_WHY_COUNT; i++)
        ended[i] = b->n_ended[i];
}

void batchsrv_conflicts(const struct batchsrv *b, uint64_t *n_refused,
                        uint32_t *n_conflict)
{
    stream_owner_stat(b->owners, n_refused, n_conflict);
}

size_t batchsrv_list_conflicts(const struct batchsrv *b, struct stream_conflict *out,
                               size_t max)
{
    return stream_conflicts_list(b->conflicts, out, max, mono_ms());
}

struct send_task {
    uint64_t number; /* of the connection */
    int32_t msgid;
    size_t len;
    char body[BATCHSRV_SEND];
};

static void run_send(void *arg, void *user)
{
    struct send_task *t = arg;
    struct peer_table *table = conn_group_user(user);
    struct peer *p = NULL;

    HASH_FIND(hh, table->peers, &t->number, sizeof(t->number), p);
    if (p)
        conn_send(p->c, t->msgid, t->body, t->len);
    free(t);
}

void batchsrv_send(struct batchsrv *b, const uint64_t tag[2], int32_t msgid,
                   const void *body, size_t len)
{
    struct send_task *t = len <= BATCHSRV_SEND ? malloc(sizeof(*t)) : NULL;

    if (!t)
        return;
    *t = (struct send_task){.number = tag[1], .msgid = msgid, .len = len};
    memcpy(t->body, body, len);
    if (mtsrv_post(b->srv, (unsigned)tag[0], &(struct msgq_task){run_send, free, t}) < 0)
        free(t);
}

bool batchsrv_tag(const struct conn *c, uint64_t tag[2])
{
    struct peer_table *t = table_of(c);
    struct peer *p = conn_user(c);

    if (!p || !t)
        return false;
    tag[0] = t->index;
    tag[1] = p->number;
    return true;
}

/* An acknowledgement that is lost costs a repetition: the agent sends the batch again,
 * and it is found to be applied. */
void batchsrv_on_applied(const struct msg_ack *ack, const uint64_t tag[2], void *arg)
{
    char body[BATCHSRV_SEND];
    ssize_t n = msg_batch_pack_ack(ack, body, sizeof(body));

    if (n > 0)
        batchsrv_send(arg, tag, MSG_REPORT_ACK, body, (size_t)n);
}

/* The first task of each thread, so it runs before the thread gets a connection. */
static void set_peer_table(void *arg, void *user)
{
    conn_group_set_user(user, arg);
}

int batchsrv_create(struct batchsrv **out, unsigned n_threads)
{
    struct batchsrv *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    b->n_threads = n_threads;
    b->table = calloc(n_threads, sizeof(*b->table));
    if (!b->table || stream_owner_create(&b->owners, MAX_STREAMS) < 0 ||
        stream_conflicts_create(&b->conflicts) < 0) {
        batchsrv_destroy(b);
        return -ENOMEM;
    }
    *out = b;
    return 0;
}

int batchsrv_serve(struct batchsrv *b, struct mtsrv *srv, struct admission *admission,
                   struct batchwriter **writer, unsigned n_writers)
{
    unsigned i;
    int rc = 0;

    b->srv = srv;
    b->admission = admission;
    b->writer = writer;
    b->n_writers = n_writers;
    for (i = 0; i < b->n_threads && rc == 0; i++) {
        b->table[i].index = i;
        rc = mtsrv_post(srv, i, &(struct msgq_task){set_peer_table, NULL, &b->table[i]});
    }
    return rc;
}

void batchsrv_destroy(struct batchsrv *b)
{
    if (!b)
        return;
    stream_owner_destroy(b->owners);
    stream_conflicts_destroy(b->conflicts);
    free(b->table);
    free(b);
}
