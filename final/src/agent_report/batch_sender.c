#include "agent_report/batch_sender.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent_report/outbox.h"
#include "base/err.h"
#include "base/latency.h"
#include "base/log.h"

#define MAX_ROWS 65536                /* nodes of a shard's ledger: 3 MiB */
#define HELLO_MS 1000                 /* no answer within it: a base peer */
#define AGAIN_MS 3000              /* a batch without its acknowledgement is sent again */
#define LOG_GAP_MS 60000

enum peer { PEER_ASKED, PEER_EXACT, PEER_BASE };

struct side {                         /* its thread only */
    struct outbox *ledger;
    struct msg_batch *batch;          /* room for one */
    uint64_t sent_seq;                /* of the batch sent last; 0 = none */
    uint64_t sent_in;                 /* the attempt in which it was */
    uint64_t n_full;                  /* calls that no row was left for */
};

struct batch_sender {
    struct batch_sender_config cfg;
    struct side side[BATCH_SENDER_SIDES];
    _Atomic enum peer peer;
    _Atomic uint32_t caller;          /* IPv4 */
    uint64_t up_ms;                   /* client's thread: hello was sent; 0 = now */
    uint64_t again_ms;                /* client's thread */
    _Atomic uint64_t attempt;         /* a batch is sent once in each; 0 = none yet */
};

int batch_sender_create(struct batch_sender **out, const struct batch_sender_config *cfg)
{
    struct batch_sender *x = calloc(1, sizeof(*x));
    char path[300];
    unsigned i;
    int rc = x ? 0 : -ENOMEM;

    for (i = 0; i < BATCH_SENDER_SIDES && rc == 0; i++) {
        x->side[i].batch =
            malloc(sizeof(struct msg_batch) + MSG_BATCH_ROWS * sizeof(struct msg_count));
        if (!x->side[i].batch)
            rc = -ENOMEM;
        else if (snprintf(path, sizeof(path), "%s.calls.%u", cfg->path, i) >=
                 (int)sizeof(path))
            rc = -ENAMETOOLONG;
        else
            rc = outbox_open(&x->side[i].ledger, path, MAX_ROWS);
    }
    if (rc < 0) {
        LOG_ERROR("ledger.open", "path=%s err=%s", cfg->path, err_str(rc));
        batch_sender_destroy(x);
        return rc;
    }
    x->cfg = *cfg;
    x->cfg.path = NULL;
    *out = x;
    return 0;
}

void batch_sender_destroy(struct batch_sender *x)
{
    unsigned i;

    if (!x)
        return;
    for (i = 0; i < BATCH_SENDER_SIDES; i++) {
        outbox_close(x->side[i].ledger);
        free(x->side[i].batch);
    }
    free(x);
}

static void ship_all(struct batch_sender *x)
{
    unsigned i;

    for (i = 0; i < BATCH_SENDER_SIDES; i++)
        x->cfg.post_ship(i, x->cfg.arg);
}

static void on_hello_reply(struct conn *c, const struct frame *f, void *arg)
{
    struct batch_sender *x = arg;
    uint32_t version;

    (void)c;
    if (msg_batch_unpack_hello(&version, f->body, f->len) < 0 || x->peer == PEER_EXACT)
        return;
    x->peer = PEER_EXACT;
    LOG_INFO("report.exact", "version=%u", version);
    ship_all(x);
}

static void on_ack(struct conn *c, const struct frame *f, void *arg)
{
    struct batch_sender *x = arg;
    struct msg_ack a;
    unsigned i;

    (void)c;
    if (msg_batch_unpack_ack(&a, f->body, f->len) < 0)
        return;
    /* The name of a stream never changes, so any thread may read it. */
    for (i = 0; i < BATCH_SENDER_SIDES; i++)
        if (memcmp(a.stream, outbox_stream(x->side[i].ledger), MSG_STREAM) == 0)
            x->cfg.post_acked(i, a.seq, x->cfg.arg);
}

int batch_sender_add_handlers(struct batch_sender *x, struct dispatch *d)
{
    int rc = dispatch_set(d, MSG_HELLO_REPLY, on_hello_reply, x);

    return rc < 0 ? rc : dispatch_set(d, MSG_REPORT_ACK, on_ack, x);
}

void batch_sender_on_up(struct batch_sender *x, uint32_t caller)
{
    char body[16];
    ssize_t n = msg_batch_pack_hello(body, sizeof(body));

    x->caller = caller;
    x->attempt++;
    x->peer = PEER_ASKED;
    x->up_ms = 0;
    if (n > 0)
        x->cfg.send(MSG_HELLO, body, (size_t)n, x->cfg.arg);
}

void batch_sender_on_tick(struct batch_sender *x, uint64_t now_ms)
{
    if (x->up_ms == 0)
        x->up_ms = now_ms;
    if (x->peer == PEER_ASKED && x->attempt > 0 && now_ms - x->up_ms >= HELLO_MS) {
        x->peer = PEER_BASE;
        LOG_WARN("report.base",
                 "the Report Service does not acknowledge: totals instead");
        x->cfg.on_base(x->cfg.base_arg);
    }
    if (x->peer != PEER_EXACT || now_ms - x->again_ms < AGAIN_MS)
        return;
    x->again_ms = now_ms;
    x->attempt++;                     /* whatever is under way is sent again */
    ship_all(x);
}

bool batch_sender_is_on(const struct batch_sender *x)
{
    return x->peer != PEER_BASE;
}

void batch_sender_count(struct batch_sender *x, unsigned index, const struct msg_call *q)
{
    struct side *s = &x->side[index];

    int rc = outbox_count(s->ledger, &q->mod, q->host.ip, q->host.port, q->retcode == 0);

    if (rc == 0 && q->retcode == 0 && q->cost_us > 0)
        rc = outbox_count(s->ledger, &q->mod, MSG_LATENCY_IP, latency_bucket(q->cost_us),
                          true);
    if (rc == 0)
        return;
    s->n_full++;
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "ledger.full", "lost=%llu rows=%u",
              (unsigned long long)s->n_full, MAX_ROWS);
}

void batch_sender_note(struct batch_sender *x, unsigned index, const struct module_id *m,
                const struct msg_result *res, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        outbox_note(x->side[index].ledger, m, res[i].ip, res[i].port, res[i].overload);
}

/* Once in each attempt: the answer is on its way.  A new connection begins one, and so
 * does batch_sender_on_tick() when an answer has been missing for too long. */
void batch_sender_ship(struct batch_sender *x, unsigned index)
{
    static _Thread_local char body[FRAME_MAX_BODY];
    struct side *s = &x->side[index];
    uint64_t attempt = x->attempt;
    ssize_t n;

    if (x->peer != PEER_EXACT || outbox_batch(s->ledger, s->batch) == 0)
        return;
    if (s->sent_seq == s->batch->seq && s->sent_in == attempt)
        return;
    s->batch->caller = x->caller;
    s->batch->zone = x->cfg.zone;
    s->batch->ts = (uint32_t)time(NULL);
    n = msg_batch_pack(s->batch, body, sizeof(body));
    if (n < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_ERROR, "batch.pack", "err=%s", err_str((int)n));
        return;
    }
    s->sent_seq = s->batch->seq;
    s->sent_in = attempt;
    x->cfg.send(MSG_REPORT_BATCH, body, (size_t)n, x->cfg.arg);
}

void batch_sender_settle(struct batch_sender *x, unsigned index, uint64_t seq)
{
    outbox_acked(x->side[index].ledger, seq);
    batch_sender_ship(x, index);
}

struct outbox *batch_sender_ledger(struct batch_sender *x, unsigned index)
{
    return x->side[index].ledger;
}

void batch_sender_told(struct batch_sender *x, unsigned index)
{
    outbox_settle(x->side[index].ledger);
}
