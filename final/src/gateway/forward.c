/* The way of one request to a node: pick, connect, send; the way back is in
 * forward_answer.c.
 *
 * Each step has an end: connecting connect_ms, the head of the response try_ms, and all
 * of it together total_ms.  A failure goes to forward_failed(), the only place that
 * decides about another attempt.
 *
 * Invariant: <calling> is true exactly while a call is open at the library, and every way
 * out ends it once.
 * Rejected: hedging, a second request before the first has failed: it doubles the load of
 * a service that is slow because of its load. */
#include <errno.h>

#include "api/lars_nowait.h"
#include "gateway/admit_queue.h"
#include "gateway/forward_private.h"
#include "gateway/node_times.h"
#include "gateway/shortage.h"

#define REJECTIONS_MAX 2 /* nodes that refuse the request before it waits again */

static const struct stream_owner node_owner;
static void try_next(struct forward *f);

void forward_end_call(struct forward *f, enum lars_outcome outcome)
{
    if (f->calling && f->fallback)
        fallback_end(f->fallback, &f->host.addr);
    else if (f->calling)
        lars_end(f->g->lars, &f->host, outcome);
    f->calling = false;
}

void forward_note_node(struct forward *f, uint64_t now_us)
{
    uint64_t start_us = f->host.start_us;

    if (f->calling && start_us > 0 && start_us <= now_us)
        node_times_count(f->g->times, f->rule->slot, &f->host.addr, now_us - start_us,
                         evloop_now_ms(f->g->loop));
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

void forward_finish(struct forward *f)
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
        forward_finish(f);
        f->owner->on_failed(f, status);
    }
}

void forward_note_first_byte(struct forward *f, uint64_t us)
{
    if (f->admitted)
        admit_first_byte(f->g->admit, f->rule->slot, us);
}

/* --- after a failure ---------------------------------------------------------------- */

static uint16_t status_of(enum gate_attempt why)
{
    return why == GATE_TIMEOUT ? 504 : 502;
}

/* A node that refuses a request has done nothing for it, so its method does not matter
 * then. */
bool forward_may_repeat(const struct forward *f, enum gate_attempt why)
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

void forward_failed(struct forward *f, enum gate_attempt why)
{
    enum lars_outcome outcome = outcome_of_attempt(why, f->not_its_time);
    bool stale = was_stale(f, why);

    lazy_timer_clear(&f->timer);
    gate_loop_count(&f->g->counts.attempts[stale ? GATE_STALE_CONN : why]);
    drop_node(f);
    if (f->state == FORWARD_RELAYING) {
        forward_end_call(f, outcome);
        forward_finish(f);
        f->owner->on_broken(f);
        return;
    }
    if (stale) {
        f->fresh = true;
        connect_node(f);
        return;
    }
    f->why = why;
    if (f->fallback && why == GATE_CONNECT)
        fallback_refused(f->fallback, &f->host.addr, evloop_now_ms(f->g->loop));
    forward_end_call(f, outcome);
    if (why == GATE_TIMEOUT || why == GATE_REJECTED)
        forward_note_first_byte(f, UINT64_MAX);
    if (f->n_rejected >= REJECTIONS_MAX) {
        give_up(f, 503);
    } else if (forward_may_repeat(f, why)) {
        f->retry.idempotent = 1;
        try_next(f);
    } else {
        give_up(f, status_of(why));
    }
}

/* --- connecting and sending --------------------------------------------------------- */

/* In the middle of a response: the node waits for bytes of the request, which the visitor
 * has not sent. */
static bool visitor_is_slow(const struct forward *f)
{
    return f->has_body && !f->body_complete && !f->deaf &&
           stream_waiting(&f->node->stream) < STREAM_HIGH;
}

/* The node has not taken its step in time. */
static void on_timer(void *arg)
{
    struct forward *f = arg;

    if (!lazy_timer_fired(f->g->loop, &f->timer, on_timer, f))
        return;
    if (f->state == FORWARD_WAITING) {
        gate_loop_count(&f->g->counts.timeouts);
        if (!f->not_its_time)
            forward_note_node(f, gate_loop_now_us());
    }
    if (f->state == FORWARD_RELAYING)
        f->not_its_time = visitor_is_slow(f);
    forward_failed(f, f->state == FORWARD_CONNECTING ? GATE_CONNECT : GATE_TIMEOUT);
}

void forward_set_timer(struct forward *f, uint32_t ms)
{
    lazy_timer_set(f->g->loop, &f->timer, ms, on_timer, f);
}

/* The time that all attempts have left, in ms.  The visitor's time for the body is not
 * theirs.  The library has just computed it when nothing has taken time since. */
static uint32_t left_ms(const struct forward *f)
{
    uint64_t total = f->g->limits->total_ms, used;

    if (f->has_body || (f->retry.n == 1 && f->connect_us == 0))
        return f->retry.left_ms ? f->retry.left_ms : 1;
    used = (gate_loop_now_us() - f->start_us) / 1000;
    return used < total ? (uint32_t)(total - used) : 1;
}

/* After <ms>, or when the time of all attempts is over. */
static void set_timer_of_attempt(struct forward *f, uint32_t ms)
{
    uint32_t left = left_ms(f);

    f->not_its_time = left < ms && f->retry.n > 1;
    forward_set_timer(f, ms < left ? ms : left);
}

/* The node has the next step.  While the visitor sends the body, the visitor has it. */
static void await_head(struct forward *f)
{
    if (f->state == FORWARD_WAITING)
        set_timer_of_attempt(f, f->g->limits->try_ms);
}

/* Send bytes of the request.  When the node takes none, what it has sent before is read:
 * its answer, or the end.  Returns 0; -ENOMEM when the request has ended. */
static int send_bytes(struct forward *f, const void *p, size_t len)
{
    int rc = stream_write(&f->node->stream, p, len);

    if (rc == -ENOMEM) {
        shortage_note(f->g, rc);
        forward_failed(f, GATE_OWN);
        return rc;
    }
    f->deaf = rc < 0;
    return 0;
}

static void send_request(struct forward *f)
{
    f->state = FORWARD_WAITING;
    f->parse = (struct http_parse){0};
    f->sent = true;
    if (send_bytes(f, buf_bytes(&f->request), f->request.len) < 0)
        return;
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

    f->connect_us = (uint32_t)(gate_loop_now_us() - f->start_us);
    f->not_its_time = false; /* no timer has ended it */
    if (rc < 0) {
        shortage_note(f->g, rc);
        forward_failed(f, outcome_why(rc, GATE_CONNECT));
    } else {
        send_request(f);
    }
}

static int take_node(struct forward *f)
{
    bool fresh = f->fresh || !f->idempotent || f->has_body;

    return node_pool_take(f->g->pool, &f->host.addr, fresh, &node_owner, f, &f->node);
}

static void connect_node(struct forward *f)
{
    int rc = take_node(f);

    if (rc < 0 && shortage_note(f->g, rc))
        rc = take_node(f);

    f->sent = f->deaf = f->not_its_time = false;
    f->state = FORWARD_CONNECTING;
    if (rc < 0) {
        forward_failed(f, outcome_why(rc, GATE_CONNECT));
    } else if (f->node->reused) {
        send_request(f);
    } else {
        set_timer_of_attempt(f, f->g->limits->connect_ms);
    }
}

/* A node of the library or, while that has no route of the module, one that the rules
 * name.  Returns as lars_nowait_next(); -EBUSY when each of the latter has as many
 * requests as it may have. */
static int pick(struct forward *f)
{
    struct fallback *rules = modules_fallback(f->g->modules, f->rule->slot);
    int rc = lars_nowait_next(f->g->lars, &f->retry, &f->host), own;

    f->fallback = NULL;
    if (!fallback_is_for(rc))
        return rc;
    own = fallback_next(rules, &f->retry, evloop_now_ms(f->g->loop), &f->host);
    if (own == 0) {
        f->fallback = rules;
        gate_loop_count(&f->g->counts.fallback);
    }
    return own == -ENOENT ? rc : own;
}

/* Pick the node of the next attempt.  Without one the request fails; it waits again when
 * no node has room. */
static void try_next(struct forward *f)
{
    int rc = pick(f);

    if (rc >= 0) {
        f->calling = true;
        f->fresh = false;
        if (f->retry.n == 1)
            gate_loop_count(&f->g->counts.attempts[GATE_FIRST]);
        connect_node(f);
        return;
    }
    if (rc == -EDQUOT)
        gate_loop_count(&f->g->counts.module[f->rule->slot].budget_empty);
    if (rc == -EBUSY && f->retry.n == 0)
        f->why = GATE_REJECTED;
    else if (f->retry.n == 0)
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
    f->n_dropped = 0;
    f->outcome = LARS_WELL;
    f->node = NULL;
    f->start_us = gate_loop_now_us();
    f->retry = (struct lars_retry){.modid = f->rule->modid,
                                   .cmdid = f->rule->cmdid,
                                   .attempts = 1 + f->rule->retries,
                                   .timeout_ms = g->limits->total_ms,
                                   .budget = modules_budget(g->modules, f->rule->slot)};
    atomic_store_explicit(&g->counts.inflight, g->counts.inflight + 1,
                          memory_order_relaxed);
    try_next(f);
}

/* The node takes no more bytes of the body. */
static int drop_bytes(struct forward *f, size_t len)
{
    f->n_dropped += (uint32_t)len;
    return f->n_dropped < FORWARD_DROP_MAX ? 0 : -EAGAIN;
}

int forward_send(struct forward *f, const void *p, size_t len)
{
    if (f->state != FORWARD_WAITING && f->state != FORWARD_RELAYING)
        return -EPIPE;
    if (!f->deaf && send_bytes(f, p, len) < 0)
        return -EPIPE;
    if (f->deaf)
        return drop_bytes(f, len);
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

/* The node takes no more bytes; it may have answered before. */
static void on_error(struct stream *s, int rc)
{
    struct forward *f = ((struct node_conn *)(void *)s)->user;

    (void)rc;
    f->deaf = true;
    if (f->paused && f->state == FORWARD_RELAYING)
        forward_failed(f, GATE_RESET);
    else
        forward_answer_read(s);
}

static const struct stream_owner node_owner = {forward_answer_read, on_drain, on_error,
                                               on_connect};

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
    forward_answer_await(f);
}

void forward_cancel(struct forward *f)
{
    bool head = f->state == FORWARD_RELAYING;

    if (f->state == FORWARD_IDLE) {
        buf_free(&f->request);
    } else {
        drop_node(f);
        forward_end_call(f, outcome_of_cancel(head ? f->outcome : LARS_WELL));
        forward_finish(f);
    }
    if (f->g)
        lazy_timer_fini(f->g->loop, &f->timer);
}
