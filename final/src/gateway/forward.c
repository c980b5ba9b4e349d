/* The way of one request: pick, connect, send, wait for the head, relay.
 *
 * Each step has an end: connecting connect_ms, the head of the response try_ms, and all
 * of it together total_ms, which lars_retry keeps.  A failure goes to failed(), the only
 * place that decides about another attempt.
 *
 * Invariant: <calling> is true exactly while a call is open at the library, and every way
 * out ends it once.
 * Rejected: hedging, a second request before the first has failed: it doubles the load of
 * a service that is slow because of its load. */
#include "gateway/forward.h"

#include <errno.h>

#include "api/lars_nowait.h"
#include "gateway/admit_queue.h"
#include "gateway/node_pool.h"

#define ANSWER_MAX (2 * HTTP_HEAD_MAX)
#define REJECTIONS_MAX 2 /* nodes that refuse the request before it waits again */

static const struct stream_owner node_owner;
static void try_next(struct forward *f);

static void end_call(struct forward *f, enum lars_outcome outcome)
{
    if (f->calling)
        lars_end(f->g->lars, &f->host, outcome);
    f->calling = false;
}

static void drop_node(struct forward *f)
{
    if (f->node)
        node_pool_drop(f->node);
    f->node = NULL;
}

/* The request is no longer in flight. */
static void leave(struct forward *f)
{
    lazy_timer_clear(&f->timer);
    f->state = FORWARD_IDLE;
    atomic_store_explicit(&f->g->counts.inflight, f->g->counts.inflight - 1,
                          memory_order_relaxed);
    if (f->admitted)
        admit_queue_leave(f->g->queue, f->rule->slot);
    f->admitted = false;
}

/* Nothing of the request is left at the loop. */
static void finish(struct forward *f)
{
    leave(f);
    buf_free(&f->request);
}

static void give_up(struct forward *f, uint16_t status)
{
    if (f->why == GATE_REJECTED && f->owner->on_rejected) {
        leave(f);
        f->owner->on_rejected(f);
    } else {
        finish(f);
        f->owner->on_failed(f, status);
    }
}

/* For the limit of admission: the response has begun after <us>; UINT64_MAX = never. */
static void note_first_byte(struct forward *f, uint64_t us)
{
    if (f->admitted)
        admit_first_byte(f->g->admit, f->rule->slot, us);
}

/* --- after a failure ---------------------------------------------------------------- */

static uint16_t status_of(enum gate_attempt why)
{
    return why == GATE_TIMEOUT ? 504 : 502;
}

/* Another attempt may send the request again.  A node that refuses a request has done
 * nothing for it, so its method does not matter then. */
static bool may_repeat(const struct forward *f, enum gate_attempt why)
{
    return !f->sent || ((f->idempotent || why == GATE_REJECTED) && !f->has_body);
}

/* A waiting connection that the node has closed meanwhile. */
static bool was_stale(const struct forward *f, enum gate_attempt why)
{
    return why == GATE_RESET && f->node && f->node->reused && f->parse.at == 0 &&
           f->node->in.len == 0 && f->idempotent && !f->has_body && !f->fresh;
}

static void connect_node(struct forward *f);

/* The attempt has failed, with <outcome> for its node. */
static void failed(struct forward *f, enum gate_attempt why, enum lars_outcome outcome)
{
    bool stale = was_stale(f, why);

    lazy_timer_clear(&f->timer);
    gate_loop_count(&f->g->counts.attempts[stale ? GATE_STALE_CONN : why]);
    if (f->state == FORWARD_RELAYING) {
        drop_node(f);
        end_call(f, LARS_FAILED);
        finish(f);
        f->owner->on_broken(f);
        return;
    }
    drop_node(f);
    if (stale) {
        f->fresh = true;
        connect_node(f);
        return;
    }
    f->why = why;
    end_call(f, outcome);
    if (why == GATE_TIMEOUT || why == GATE_REJECTED)
        note_first_byte(f, UINT64_MAX);
    if (f->n_rejected >= REJECTIONS_MAX) {
        give_up(f, 503);
    } else if (may_repeat(f, why)) {
        f->retry.idempotent = 1;
        try_next(f);
    } else {
        give_up(f, status_of(why));
    }
}

/* --- connecting and sending --------------------------------------------------------- */

/* The node has not taken its step in time. */
static void on_timer(void *arg)
{
    struct forward *f = arg;

    if (!lazy_timer_fired(f->g->loop, &f->timer, on_timer, f))
        return;
    if (f->state == FORWARD_WAITING)
        gate_loop_count(&f->g->counts.timeouts);
    failed(f, f->state == FORWARD_CONNECTING ? GATE_CONNECT : GATE_TIMEOUT, LARS_FAILED);
}

static void set_timer(struct forward *f, uint32_t ms)
{
    lazy_timer_set(f->g->loop, &f->timer, ms, on_timer, f);
}

/* After <ms>, or when the time of all attempts is over. */
static void set_timer_of_attempt(struct forward *f, uint32_t ms)
{
    uint32_t left = f->retry.left_ms ? f->retry.left_ms : 1;

    set_timer(f, ms < left ? ms : left);
}

/* The node has the next step.  While the visitor sends the body, the visitor has it. */
static void await_head(struct forward *f)
{
    if (f->state == FORWARD_WAITING)
        set_timer_of_attempt(f, f->g->limits->try_ms);
}

static void send_request(struct forward *f)
{
    int rc;

    f->state = FORWARD_WAITING;
    f->parse = (struct http_parse){0};
    f->sent = true;
    rc = stream_write(&f->node->stream, buf_bytes(&f->request), f->request.len);
    if (rc < 0) {
        failed(f, GATE_RESET, LARS_FAILED);
        return;
    }
    stream_read_on(&f->node->stream);
    lazy_timer_clear(&f->timer);
    if (f->has_body)
        f->owner->on_body_wanted(f);
    else
        await_head(f);
}

static void on_connect(struct stream *s, int rc)
{
    struct forward *f = ((struct node_conn *)(void *)s)->user;

    f->connect_us = gate_loop_now_us() - f->start_us;
    if (rc < 0)
        failed(f, GATE_CONNECT, LARS_FAILED);
    else
        send_request(f);
}

static void connect_node(struct forward *f)
{
    bool fresh = f->fresh || !f->idempotent;
    int rc = node_pool_take(f->g->pool, &f->host.addr, fresh, &node_owner, f, &f->node);

    f->sent = false;
    f->state = FORWARD_CONNECTING;
    if (rc < 0) {
        /* Descriptors or memory of this process: it says nothing about the node. */
        failed(f, GATE_CONNECT,
               rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM ? LARS_CANCELLED
                                                               : LARS_FAILED);
    } else if (f->node->reused) {
        send_request(f);
    } else {
        set_timer_of_attempt(f, f->g->limits->connect_ms);
    }
}

/* Pick the node of the next attempt.  Without one the request fails. */
static void try_next(struct forward *f)
{
    int rc = lars_nowait_next(f->g->lars, &f->retry, &f->host);

    if (rc >= 0) {
        f->calling = true;
        f->fresh = false;
        if (f->retry.n == 1)
            gate_loop_count(&f->g->counts.attempts[GATE_FIRST]);
        connect_node(f);
        return;
    }
    if (rc == -EDQUOT)
        gate_loop_count(&f->g->counts.budget_empty);
    if (f->retry.n == 0)
        gate_loop_count(&f->g->counts.no_node);
    give_up(f, f->retry.n == 0 ? 503 : rc == -ETIME ? 504 : status_of(f->why));
}

void forward_start(struct forward *f, struct gate_loop *g,
                   const struct forward_owner *owner)
{
    f->g = g;
    f->owner = owner;
    f->calling = f->paused = f->sent = f->fresh = f->body_complete = false;
    f->connect_us = f->first_us = 0;
    f->why = GATE_FIRST;
    f->n_rejected = 0;
    f->outcome = LARS_WELL;
    f->node = NULL;
    f->start_us = gate_loop_now_us();
    f->retry =
        (struct lars_retry){.modid = f->rule->modid,
                            .cmdid = f->rule->cmdid,
                            .attempts = 1 + f->rule->retries,
                            .timeout_ms = g->limits->total_ms,
                            .budget = modules_budget(g->modules, f->rule->slot)};
    atomic_store_explicit(&g->counts.inflight, g->counts.inflight + 1,
                          memory_order_relaxed);
    try_next(f);
}

int forward_send(struct forward *f, const void *p, size_t len)
{
    int rc;

    if (f->state != FORWARD_WAITING && f->state != FORWARD_RELAYING)
        return -EPIPE;
    rc = stream_write(&f->node->stream, p, len);
    if (rc < 0) {
        failed(f, GATE_RESET, LARS_FAILED);
        return -EPIPE;
    }
    if (stream_waiting(&f->node->stream) < STREAM_HIGH)
        return 0;
    await_head(f);
    return -EAGAIN;
}

void forward_body_complete(struct forward *f)
{
    f->body_complete = true;
    await_head(f);
}

static void on_drain(struct stream *s)
{
    struct forward *f = ((struct node_conn *)(void *)s)->user;

    if (f->state == FORWARD_WAITING && !f->body_complete)
        lazy_timer_clear(&f->timer);
    f->owner->on_body_wanted(f);
}

/* --- the response ------------------------------------------------------------------- */

/* The response has been read to its end; <extra>: the node sent more than that. */
static void complete(struct forward *f, bool extra)
{
    bool keep = f->node_keeps && !extra && (!f->has_body || f->body_complete) &&
                stream_waiting(&f->node->stream) == 0;

    if (keep)
        node_pool_keep(f->node);
    else
        node_pool_drop(f->node);
    f->node = NULL;
    end_call(f, f->outcome);
    finish(f);
    f->owner->on_end(f);
}

/* Hand out <len> bytes of the body.  False: the request has ended. */
static bool relay(struct forward *f, const char *p, size_t len)
{
    struct http_text data;

    while (len > 0 && !f->body.done) {
        ssize_t n = http_body_read(&f->body, p, len, &data);

        if (n < 0) {
            failed(f, GATE_BAD_ANSWER, LARS_FAILED);
            return false;
        }
        p += n;
        len -= (size_t)n;
        if (data.len > 0 && f->owner->on_body(f, data) < 0)
            return false;
    }
    if (!f->body.done)
        return f->owner->on_flush(f) == 0;
    complete(f, len > 0);
    return false;
}

/* The node is over its own limit.  False: its answer is passed on, because a part of the
 * body is on its way to it. */
static bool rejected(struct forward *f)
{
    f->outcome = LARS_REJECTED;
    if (!may_repeat(f, GATE_REJECTED))
        return false;
    f->n_rejected++;
    failed(f, GATE_REJECTED, LARS_REJECTED);
    return true;
}

/* The node asks for another node to be tried: it is over its own limit, or it has failed
 * in a way that another might not. */
static bool another_node(struct forward *f, const struct http_head *h)
{
    if (h->status == 503 && h->at[HTTP_LARS_LOAD])
        return rejected(f);
    if (h->status < 502 || h->status > 504 || !may_repeat(f, GATE_STATUS) ||
        f->retry.n >= f->retry.attempts)
        return false;
    failed(f, GATE_STATUS, LARS_FAILED);
    return true;
}

/* Read a head at <p>.  Returns its length; 0 = more is needed; below 0 = the request has
 * ended. */
static ssize_t read_head(struct forward *f, const char *p, size_t len)
{
    struct http_head *h = &f->g->head;
    enum http_why why;
    ssize_t n = http_parse_response(&f->parse, p, len, f->method, h, &why);

    if (n == -EAGAIN)
        return 0;
    if (n < 0 || h->status == 101) {
        failed(f, GATE_BAD_ANSWER, LARS_FAILED);
        return -EBADMSG;
    }
    f->parse = (struct http_parse){0};
    if (h->status < 200) /* an interim response is not passed on */
        return n;
    lazy_timer_clear(&f->timer);
    f->first_us = gate_loop_now_us() - f->start_us;
    if (another_node(f, h))
        return -ECANCELED;
    note_first_byte(f, f->first_us);
    f->node_keeps = h->keep_alive && h->framing != HTTP_TO_END;
    http_body_init(&f->body, h->framing, h->length);
    f->state = FORWARD_RELAYING;
    return f->owner->on_head(f, h) < 0 ? -ECANCELED : n;
}

/* Keep the bytes of a head that is not complete. */
static void keep_rest(struct forward *f, const char *p, size_t len)
{
    struct buf *in = &f->node->in;

    if (buf_append(in, p, len) < 0 || in->len > ANSWER_MAX)
        failed(f, GATE_BAD_ANSWER, LARS_FAILED);
}

/* The node has relay_ms for the next bytes, while they are wanted. */
static void await_more(struct forward *f)
{
    if (!f->paused)
        set_timer(f, f->g->limits->relay_ms);
}

static void on_bytes(struct forward *f, const char *p, size_t len)
{
    while (f->state == FORWARD_WAITING) {
        ssize_t n = len ? read_head(f, p, len) : 0;

        if (n < 0)
            return;
        if (n == 0) {
            keep_rest(f, p, len);
            return;
        }
        p += n;
        len -= (size_t)n;
    }
    if (f->state == FORWARD_RELAYING && relay(f, p, len))
        await_more(f);
}

/* As on_bytes(), with what was kept before. */
static void on_more_bytes(struct forward *f, const char *p, size_t len)
{
    struct buf whole = f->node->in;

    if (buf_append(&whole, p, len) < 0) {
        failed(f, GATE_BAD_ANSWER, LARS_FAILED);
        return;
    }
    f->node->in = (struct buf){0};
    on_bytes(f, buf_bytes(&whole), whole.len);
    buf_free(&whole);
}

static void on_node_end(struct forward *f)
{
    if (f->state == FORWARD_RELAYING && http_body_end(&f->body) == 0)
        complete(f, false);
    else
        failed(f, GATE_RESET, LARS_FAILED);
}

static void on_input(struct stream *s)
{
    struct node_conn *n = (struct node_conn *)(void *)s;
    struct forward *f = n->user;
    ssize_t got = stream_read(s, f->g->scratch, sizeof(f->g->scratch));

    if (got == -EAGAIN)
        return;
    if (got == 0)
        on_node_end(f);
    else if (got < 0)
        failed(f, GATE_RESET, LARS_FAILED);
    else if (n->in.len > 0)
        on_more_bytes(f, f->g->scratch, (size_t)got);
    else
        on_bytes(f, f->g->scratch, (size_t)got);
}

static void on_error(struct stream *s, int rc)
{
    (void)rc;
    failed(((struct node_conn *)(void *)s)->user, GATE_RESET, LARS_FAILED);
}

static const struct stream_owner node_owner = {on_input, on_drain, on_error, on_connect};

void forward_pause(struct forward *f)
{
    f->paused = true;
    if (f->state != FORWARD_RELAYING)
        return;
    lazy_timer_clear(&f->timer);
    stream_read_off(&f->node->stream);
}

void forward_resume(struct forward *f)
{
    f->paused = false;
    if (f->state != FORWARD_RELAYING)
        return;
    stream_read_on(&f->node->stream);
    await_more(f);
}

void forward_cancel(struct forward *f)
{
    if (f->state == FORWARD_IDLE) {
        buf_free(&f->request);
    } else {
        drop_node(f);
        end_call(f, LARS_CANCELLED);
        finish(f);
    }
    if (f->g)
        lazy_timer_fini(f->g->loop, &f->timer);
}
