/* The way of a response back from the node: its head decides whether another node is
 * tried (outcome.h), and the body is handed out as it comes.  What a node sends before
 * the request is complete is read in the same way; the request ends with the response.
 *
 * Invariant: after a function that may end the request, only its result is looked at.
 * Rejected: to keep a connection with a part of a request that was not sent.  The node
 * would take the next request for that part. */
#include <errno.h>

#include "gateway/forward_private.h"

#define ANSWER_MAX (2 * HTTP_HEAD_MAX)

/* The response has been read to its end; <extra>: the node sent more than that. */
static void complete(struct forward *f, bool extra)
{
    bool keep = f->node_keeps && !extra && !f->deaf &&
                (!f->has_body || f->body_complete) &&
                stream_waiting(&f->node->stream) == 0;

    if (keep)
        node_pool_keep(f->node, f->node_closes_s);
    else
        node_pool_drop(f->node);
    f->node = NULL;
    forward_end_call(f, f->outcome);
    forward_finish(f);
    f->owner->on_end(f);
}

/* Hand out <len> bytes of the body.  False: the request has ended. */
static bool relay(struct forward *f, const char *p, size_t len)
{
    struct http_text data;

    while (len > 0 && !f->body.done) {
        ssize_t n = http_body_read(&f->body, p, len, &data);

        if (n < 0) {
            forward_failed(f, GATE_BAD_ANSWER);
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

/* The head with which a node ends a connection that has waited too long: it answers no
 * request. */
static bool is_farewell(const struct forward *f, const struct http_head *h)
{
    return h->status == 408 && !h->keep_alive && f->node->reused;
}

/* Whether the answer asks for another attempt, which is then made: the node is over its
 * own limit, or it has failed in a way in which another might not. */
static bool another_attempt(struct forward *f, const struct http_head *h)
{
    enum gate_attempt why;

    f->outcome = outcome_of_head(h);
    why = f->outcome == LARS_REJECTED ? GATE_REJECTED : GATE_STATUS;
    if (is_farewell(f, h))
        why = GATE_RESET;
    else if (f->outcome == LARS_WELL || !forward_may_repeat(f, why) ||
             (why == GATE_STATUS && f->retry.n >= f->retry.attempts))
        return false;
    if (why == GATE_REJECTED)
        f->n_rejected++;
    forward_failed(f, why);
    return true;
}

/* Read a head at <p>.  Returns its length; 0 = more is needed; below 0 = the request has
 * ended. */
static ssize_t read_head(struct forward *f, const char *p, size_t len)
{
    struct http_head *h = &f->g->head;
    enum http_why why;
    uint64_t now_us;
    ssize_t n = http_parse_response(&f->parse, p, len, f->method, h, &why);

    if (n == -EAGAIN)
        return 0;
    if (n < 0 || h->status == 101) {
        forward_failed(f, GATE_BAD_ANSWER);
        return -EBADMSG;
    }
    f->parse = (struct http_parse){0};
    if (h->status < 200) /* an interim response is not passed on */
        return n;
    lazy_timer_clear(&f->timer);
    now_us = gate_loop_now_us();
    f->first_us = (uint32_t)(now_us - f->start_us);
    if (another_attempt(f, h))
        return -ECANCELED;
    if (f->outcome == LARS_WELL)
        forward_note_node(f, now_us);
    forward_note_first_byte(f, f->outcome == LARS_REJECTED ? UINT64_MAX : f->first_us);
    f->node_keeps = h->keep_alive && h->framing != HTTP_TO_END;
    f->node_closes_s = http_head_keep_alive_s(h);
    http_body_init(&f->body, h->framing, h->length);
    f->state = FORWARD_RELAYING;
    return f->owner->on_head(f, h) < 0 ? -ECANCELED : n;
}

/* Keep the bytes of a head that is not complete. */
static void keep_rest(struct forward *f, const char *p, size_t len)
{
    struct buf *in = &f->node->in;

    if (buf_append(in, p, len) < 0)
        forward_failed(f, GATE_OWN);
    else if (in->len > ANSWER_MAX)
        forward_failed(f, GATE_BAD_ANSWER);
}

void forward_answer_await(struct forward *f)
{
    if (!f->paused)
        forward_set_timer(f, f->g->limits->relay_ms);
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
        forward_answer_await(f);
}

/* As on_bytes(), with what was kept before. */
static void on_more_bytes(struct forward *f, const char *p, size_t len)
{
    struct buf whole = f->node->in;

    if (buf_append(&whole, p, len) < 0) {
        forward_failed(f, GATE_OWN);
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
        forward_failed(f, GATE_RESET);
}

void forward_answer_read(struct stream *s)
{
    struct node_conn *n = (struct node_conn *)(void *)s;
    struct forward *f = n->user;
    ssize_t got = stream_read(s, f->g->scratch, sizeof(f->g->scratch));

    if (got == -EAGAIN)
        return;
    if (got == 0)
        on_node_end(f);
    else if (got < 0)
        forward_failed(f, GATE_RESET);
    else if (n->in.len > 0)
        on_more_bytes(f, f->g->scratch, (size_t)got);
    else
        on_bytes(f, f->g->scratch, (size_t)got);
}
