/* The body of a request on its way to the node: decoded, counted, and written with the
 * framing that the head announced.  It is read when the node is connected, and not while
 * the node takes no more, so that at most one read of it waits in this process. */
#include <errno.h>

#include "gateway/visitor_private.h"
#include "http/http_parse.h"
#include "http/http_write.h"

#define BODY_RATE 1024 /* bytes a second: a body has to come as fast */

/* The body cannot be passed on: answer with <status>, or as <why> says.  A response that
 * has begun can only be broken off, because a page would become a part of it. */
static void refuse(struct visitor *v, uint16_t status, enum http_why why)
{
    forward_cancel(&v->forward);
    if (v->head_sent)
        visitor_close(v);
    else if (why != HTTP_FINE)
        visitor_answer_refusal(v, why);
    else
        visitor_answer_page(v, status, true, "");
}

/* Hand <data> to the node, with the framing that its head announces. */
static int send_body(struct visitor *v, struct http_text data)
{
    struct buf *out = &v->g->out;
    int rc;

    v->n_body_in += data.len; /* body_max is 1 GiB at most */
    if (v->n_body_in > v->g->limits->body_max) {
        gate_loop_count(&v->g->counts.too_large);
        refuse(v, 413, HTTP_FINE);
        return -EMSGSIZE;
    }
    if (v->body.framing != HTTP_CHUNKED)
        return forward_send(&v->forward, data.at, data.len);
    buf_consume(out, out->len);
    if (http_write_chunk(out, data.at, data.len) < 0) {
        visitor_close(v);
        return -ENOMEM;
    }
    rc = forward_send(&v->forward, buf_bytes(out), out->len);
    buf_consume(out, out->len); /* the next callback begins with an empty buffer */
    return rc;
}

static void body_complete(struct visitor *v)
{
    v->body_left = false;
    lazy_timer_clear(&v->timer);
    if (v->body.framing == HTTP_CHUNKED)
        forward_send(&v->forward, "0\r\n\r\n", 5);
    forward_body_complete(&v->forward);
}

/* Read the body at <p>; what is left of the bytes is kept for the next request. */
void visitor_body_read(struct visitor *v, const char *p, size_t len)
{
    struct http_text data;

    while (v->state == VISITOR_FORWARD && v->body_left && len > 0) {
        ssize_t n = http_body_read(&v->body, p, len, &data);
        int rc = 0;

        if (n < 0) {
            refuse(v, 0, HTTP_WHY_CHUNK);
            return;
        }
        p += n;
        len -= (size_t)n;
        if (data.len > 0)
            rc = send_body(v, data);
        if (rc < 0 && rc != -EAGAIN)
            return;
        v->body_blocked = rc == -EAGAIN;
        if (v->body.done)
            body_complete(v);
    }
    if (v->state != VISITOR_CLOSED && len > 0 && buf_append(&v->in, p, len) < 0)
        visitor_close(v);
    if (v->state == VISITOR_FORWARD && v->body_blocked) {
        stream_read_off(&v->stream);
        lazy_timer_clear(&v->timer); /* the node is slow, not the visitor */
    }
}

/* The node takes bytes of the body: those that have come, then those that will. */
void visitor_body_wanted(struct forward *f)
{
    struct visitor *v = visitor_of_forward(f);
    struct buf in = v->in;

    v->body_blocked = false;
    if (!v->body_left)
        return;
    if (v->wants_continue)
        stream_write(&v->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    v->wants_continue = false;
    v->in = (struct buf){0};
    stream_read_on(&v->stream);
    visitor_set_timer(v, v->g->limits->body_ms);
    if (in.len > 0)
        visitor_body_read(v, buf_bytes(&in), in.len);
    buf_free(&in);
}

/* The body has body_ms, and a second more for each BODY_RATE bytes that have come. */
bool visitor_body_is_slow(struct visitor *v)
{
    uint64_t ms = (gate_loop_now_us() - v->begin_us) / 1000;

    visitor_set_timer(v, v->g->limits->body_ms);
    return ms > v->g->limits->body_ms + v->n_body_in * 1000ull / BODY_RATE;
}
