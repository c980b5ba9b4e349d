/* Each side (a thread that counts) has an outbox and at most one batch in flight.  The
 * threads share three atomics and the names of the streams, which are constant; for the
 * rest they pass tasks to each other:
 *
 *     side thread   --- a packed frame -----------> report thread, which sends it
 *     report thread --- "batch <seq> is stored" --> side thread, which settles it and
 *                                                   sends the next batch
 *
 * A task or a frame that is lost needs no handling of its own, because every batch is
 * sent again until it is acknowledged.  To keep that from flooding the peer, a batch is
 * sent once in each attempt: a new connection begins an attempt, and the timer begins one
 * when acknowledgements have been missing for RESEND_MS.
 *
 * Invariant: counts are settled by the acknowledgement of the batch that covers them, or
 * by totals that were sent to a legacy peer; by nothing else.
 *
 * Rejected: one outbox for all threads under a lock.  It would put a lock into the path
 * of every call, and a slow disk under one thread would stop them all. */
#include "agent_report/batch_sender.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/latency.h"
#include "base/log.h"
#include "base/mono.h"
#include "net/conn.h"

#define MAX_ROWS 65536                /* nodes of one outbox; its file has 3 MiB */
#define HELLO_MS 1000                 /* a peer that is silent for so long is legacy */
#define RESEND_MS 3000 /* wait so long for the acknowledgement of a batch */
#define TICK_MS 1000
#define LOG_GAP_MS 60000

/* PEER_WRONG: a DNSService, which gets nothing; counts stay in the outboxes. */
enum peer { PEER_ASKED, PEER_ACKNOWLEDGES, PEER_LEGACY, PEER_WRONG };

struct side {                         /* its thread only */
    struct outbox *outbox;
    struct msg_batch *batch;          /* with room for MSG_BATCH_ROWS */
    uint64_t sent_seq;                /* of the batch sent last; 0 = none */
    uint64_t sent_in;                 /* the attempt in which it was sent */
    uint64_t n_lost;                  /* calls that found the outbox full */
};

struct batch_sender {
    struct batch_sender_config cfg;
    struct dispatch *dispatch;
    struct evtimer tick;              /* in the report thread */
    uint64_t hello_ms;                /* report thread: of the first tick after the hello;
                                       * 0 = there was none yet */
    bool is_up;                       /* report thread: there is a connection */
    uint64_t resend_ms;               /* report thread: when the last attempt began */
    _Atomic enum peer peer;
    _Atomic uint32_t caller;          /* IPv4 */
    _Atomic uint64_t attempt;         /* 0 = there was no connection yet */
    _Atomic uint64_t lost_ms;         /* as batch_sender_lost_ms() */
    _Atomic uint64_t wrong_ms;        /* as batch_sender_wrong_ms() */
    unsigned n_side;                  /* sides that were opened */
    struct side side[];
};

/* --- tasks between the threads ------------------------------------------------------ */

/* Takes <arg>.  A task that cannot be posted is dropped: the next attempt makes up for
 * it. */
static void post_task(struct batch_sender *b, unsigned thread, msgq_run_fn *run,
                      void *arg)
{
    struct msgq_task t = {run, free, arg};

    if (looppool_post(b->cfg.pool, thread, &t) < 0)
        free(arg);
}

struct ship_task {
    struct batch_sender *b;
    unsigned side;
    uint64_t acked_seq;               /* settle this batch first; 0 = only ship */
};

static void run_ship(void *arg, void *user)
{
    struct ship_task *t = arg;

    (void)user;
    if (t->acked_seq > 0)
        outbox_acked(t->b->side[t->side].outbox, t->acked_seq);
    batch_sender_ship(t->b, t->side);
    free(t);
}

static void post_ship(struct batch_sender *b, unsigned side, uint64_t acked_seq)
{
    struct ship_task *t = malloc(sizeof(*t));

    if (!t)
        return;
    *t = (struct ship_task){b, side, acked_seq};
    post_task(b, side, run_ship, t);
}

static void post_ship_all(struct batch_sender *b)
{
    unsigned i;

    for (i = 0; i < b->n_side; i++)
        post_ship(b, i, 0);
}

struct send_task {
    struct batch_sender *b;
    size_t len;
    char body[];
};

static void run_send(void *arg, void *user)
{
    struct send_task *t = arg;

    (void)user;
    t->b->cfg.send(MSG_REPORT_BATCH, t->body, t->len, t->b->cfg.arg);
    free(t);
}

static void post_batch(struct batch_sender *b, const void *body, size_t len)
{
    struct send_task *t = malloc(sizeof(*t) + len);

    if (!t)
        return;
    t->b = b;
    t->len = len;
    memcpy(t->body, body, len);
    post_task(b, b->cfg.report_thread, run_send, t);
}

/* --- the report thread -------------------------------------------------------------- */

static void leave_wrong_server(struct batch_sender *b, struct conn *c)
{
    char peer[NET_ADDR_STRLEN];

    b->peer = PEER_WRONG;
    b->wrong_ms = mono_ms();
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "server.wrong_service",
              "server=%s: this is a DNSService, but [reporter] names it as a Report "
              "Service, so it takes no reports, which wait in the outbox; correct "
              "[reporter]",
              net_addr_str(conn_peer(c), peer));
    conn_close(c);                    /* the next server of the list is tried */
}

static void on_hello_reply(struct conn *c, const struct frame *f, void *arg)
{
    struct batch_sender *b = arg;
    enum msg_service service;
    uint32_t version;

    if (msg_batch_unpack_hello(&version, &service, f->body, f->len) < 0)
        return;
    if (service == MSG_SERVICE_DNS) {
        leave_wrong_server(b, c);
        return;
    }
    b->wrong_ms = 0;
    if (b->peer == PEER_ACKNOWLEDGES)
        return;
    b->peer = PEER_ACKNOWLEDGES;
    LOG_INFO("report.acknowledged", "version=%u: reports go out in batches", version);
    post_ship_all(b);
}

static void on_ack(struct conn *c, const struct frame *f, void *arg)
{
    struct batch_sender *b = arg;
    struct msg_ack a;
    unsigned i;

    (void)c;
    if (msg_batch_unpack_ack(&a, f->body, f->len) < 0)
        return;
    for (i = 0; i < b->n_side; i++)
        if (memcmp(a.stream, outbox_stream(b->side[i].outbox), MSG_STREAM) == 0)
            post_ship(b, i, a.seq);
}

const struct dispatch *batch_sender_dispatch(const struct batch_sender *b)
{
    return b->dispatch;
}

int batch_sender_handle(struct batch_sender *b, int32_t msgid, dispatch_fn *fn, void *arg)
{
    return dispatch_set(b->dispatch, msgid, fn, arg);
}

bool batch_sender_knows_hello(const struct batch_sender *b)
{
    return b->peer == PEER_ACKNOWLEDGES;
}

void batch_sender_on_up(struct batch_sender *b, uint32_t caller)
{
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body));

    b->caller = caller;
    b->attempt++;
    b->is_up = true;
    b->peer = PEER_ASKED;
    b->hello_ms = 0;
    if (n > 0)
        b->cfg.send(MSG_HELLO, body, (size_t)n, b->cfg.arg);
}

void batch_sender_on_down(struct batch_sender *b)
{
    b->is_up = false;
    b->hello_ms = 0;
}

static void check_hello(struct batch_sender *b, uint64_t now_ms)
{
    if (!b->is_up)
        return;                       /* a peer that cannot answer is not legacy */
    if (b->hello_ms == 0)
        b->hello_ms = now_ms;
    if (b->peer != PEER_ASKED || b->attempt == 0 || now_ms - b->hello_ms < HELLO_MS)
        return;
    b->peer = PEER_LEGACY;
    LOG_WARN("report.legacy",
             "the Report Service does not acknowledge batches: totals are sent instead");
    b->cfg.on_legacy(b->cfg.arg);
}

static void on_tick(void *arg)
{
    struct batch_sender *b = arg;
    struct evloop *l = looppool_loop(b->cfg.pool, b->cfg.report_thread);
    uint64_t now_ms = evloop_now_ms(l);

    check_hello(b, now_ms);
    if (b->peer == PEER_ACKNOWLEDGES && now_ms - b->resend_ms >= RESEND_MS) {
        b->resend_ms = now_ms;
        b->attempt++;
        post_ship_all(b);
    }
    evloop_set_timer(l, &b->tick, TICK_MS, on_tick, b);
}

bool batch_sender_acknowledges(const struct batch_sender *b)
{
    return b->peer != PEER_LEGACY;
}

uint64_t batch_sender_wrong_ms(const struct batch_sender *b)
{
    return b->wrong_ms;
}

uint64_t batch_sender_lost_ms(const struct batch_sender *b)
{
    return b->lost_ms;
}

/* --- a side's thread ---------------------------------------------------------------- */

struct outbox *batch_sender_outbox(struct batch_sender *b, unsigned side)
{
    return b->side[side].outbox;
}

void batch_sender_count(struct batch_sender *b, unsigned side, const struct msg_call *q)
{
    struct side *s = &b->side[side];
    int rc = outbox_count(s->outbox, &q->mod, q->host.ip, q->host.port, q->retcode == 0);

    if (rc == 0 && q->retcode == 0 && q->cost_us > 0)
        rc = outbox_count(s->outbox, &q->mod, MSG_LATENCY_IP, latency_bucket(q->cost_us),
                          true);
    if (rc == 0)
        return;
    s->n_lost++;
    b->lost_ms = mono_ms();
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "outbox.full", "lost=%llu rows=%u",
              (unsigned long long)s->n_lost, MAX_ROWS);
}

bool batch_sender_ship(struct batch_sender *b, unsigned side)
{
    static _Thread_local char body[FRAME_MAX_BODY];
    struct side *s = &b->side[side];
    uint64_t attempt = b->attempt;
    ssize_t n;

    if (b->peer == PEER_LEGACY)
        return false;
    if (b->peer == PEER_ASKED || outbox_batch(s->outbox, s->batch) == 0)
        return true;
    if (s->sent_seq == s->batch->seq && s->sent_in == attempt)
        return true;                  /* its acknowledgement may still come */
    s->batch->caller = b->caller;
    s->batch->zone = b->cfg.zone;
    s->batch->ts = (uint32_t)time(NULL);
    n = msg_batch_pack(s->batch, body, sizeof(body));
    if (n < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "batch.pack", "err=%s", err_str((int)n));
        return true;
    }
    s->sent_seq = s->batch->seq;
    s->sent_in = attempt;
    post_batch(b, body, (size_t)n);
    return true;
}

bool batch_sender_ship_module(struct batch_sender *b, unsigned side,
                              const struct module_id *m, const struct msg_result *res,
                              size_t n)
{
    struct outbox *o = b->side[side].outbox;
    size_t i;

    if (!batch_sender_acknowledges(b)) {
        outbox_settle_all(o);
        return false;
    }
    for (i = 0; i < n; i++)
        outbox_set_overload(o, m, res[i].ip, res[i].port, res[i].overload);
    batch_sender_ship(b, side);
    return true;
}

void batch_sender_take_totals(struct batch_sender *b, unsigned side,
                              batch_sender_totals_fn *fn, void *arg)
{
    outbox_each_unsettled(b->side[side].outbox, fn, arg);
    outbox_settle_all(b->side[side].outbox);
}

/* --- create and destroy ------------------------------------------------------------- */

/* Returns 0, or -ENAMETOOLONG. */
static int side_path(char *out, size_t size, const char *path, unsigned side)
{
    int n = snprintf(out, size, "%s.calls.%u", path, side);

    return n >= (int)size ? -ENAMETOOLONG : 0;
}

uint64_t batch_sender_missing_bytes(const char *path, unsigned n_side)
{
    uint64_t sum = 0;
    char file[300];
    unsigned i;

    for (i = 0; i < n_side; i++)
        if (side_path(file, sizeof(file), path, i) == 0 && access(file, F_OK) == -1)
            sum += outbox_file_size(MAX_ROWS);
    return sum;
}

static int open_side(struct batch_sender *b, unsigned side)
{
    struct side *s = &b->side[side];
    char path[300];
    int rc;

    s->batch =
        malloc(sizeof(struct msg_batch) + MSG_BATCH_ROWS * sizeof(struct msg_count));
    if (!s->batch)
        return -ENOMEM;
    b->n_side = side + 1;
    rc = side_path(path, sizeof(path), b->cfg.path, side);
    if (rc < 0)
        return rc;
    rc = outbox_open(&s->outbox, path, MAX_ROWS);
    if (rc < 0)
        LOG_ERROR("outbox.open", "path=%s err=%s", path, err_str(rc));
    return rc;
}

int batch_sender_create(struct batch_sender **out, const struct batch_sender_config *cfg)
{
    struct batch_sender *b = calloc(1, sizeof(*b) + cfg->n_side * sizeof(b->side[0]));
    unsigned i;
    int rc;

    if (!b)
        return -ENOMEM;
    b->cfg = *cfg;
    rc = dispatch_create(&b->dispatch);
    for (i = 0; i < cfg->n_side && rc == 0; i++)
        rc = open_side(b, i);
    if (rc == 0)
        rc = dispatch_set(b->dispatch, MSG_HELLO_REPLY, on_hello_reply, b);
    if (rc == 0)
        rc = dispatch_set(b->dispatch, MSG_REPORT_ACK, on_ack, b);
    if (rc == 0)
        rc = evloop_set_timer(looppool_loop(cfg->pool, cfg->report_thread), &b->tick,
                              TICK_MS, on_tick, b);
    b->cfg.path = NULL;               /* the caller's; not used any more */
    if (rc < 0)
        batch_sender_destroy(b);
    else
        *out = b;
    return rc;
}

void batch_sender_destroy(struct batch_sender *b)
{
    unsigned i;

    if (!b)
        return;
    evloop_clear_timer(looppool_loop(b->cfg.pool, b->cfg.report_thread), &b->tick);
    for (i = 0; i < b->n_side; i++) {
        outbox_close(b->side[i].outbox);
        free(b->side[i].batch);
    }
    dispatch_destroy(b->dispatch);
    free(b);
}
