/* A visitor's connection is a small machine; visitor_private.h has its states.  One
 * request is handled at a time.  Bytes that come early wait in <in>, at most one read;
 * then reading stops until the response is complete.
 *
 * Memory.  A connection that waits for a request owns no buffer: the loop's buffers are
 * used within a callback, and what remains is copied.
 *
 * Invariant: in VISITOR_FORWARD exactly one of forward's functions on_end, on_failed,
 * on_broken or our forward_cancel() comes, and visitor_become_idle() or the end follows.
 * Rejected: to read ahead while a request is in progress.  A client that pipelines would
 * decide how much memory a connection takes. */
#include "gateway/visitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/shortage.h"
#include "gateway/visitor_private.h"
#include "http/http_write.h"
#include "net/tls_stream.h"

#define IN_MAX GATE_SCRATCH
#define DRAIN_MAX 65536 /* bytes that are read and dropped at the end */
#define CLOSING_MS 2000
#define LINE_MAX_LEN 600 /* bytes of host, method and target in the log */

static const struct stream_owner visitor_owner;
static void read_requests(struct visitor *v, const char *p, size_t len);
static void on_timer(void *arg);

static struct visitor *visitor_of(struct stream *s)
{
    return (struct visitor *)(void *)s; /* its first member */
}

/* --- the end ------------------------------------------------------------------------ */

static void free_visitor(void *arg)
{
    free(arg);
}

void visitor_end_request(struct visitor *v)
{
    struct generation *g = v->generation;

    v->generation = NULL;
    v->forward.rule = NULL;
    if (g)
        generation_end(g, v->g->index);
}

void visitor_leave(struct visitor *v)
{
    visitor_idle_leave(v);
    stream_close(&v->stream);
    buf_free(&v->in);
    atomic_fetch_sub_explicit(v->g->n_clients, 1, memory_order_relaxed);
    gate_loop_count(&v->g->counts.closed);
}

void visitor_close(struct visitor *v)
{
    struct gate_loop *g = v->g;

    if (v->state == VISITOR_CLOSED)
        return;
    if (v->state != VISITOR_GONE)
        visitor_leave(v);
    v->state = VISITOR_CLOSED;
    visitor_admit_cancel(v);
    forward_cancel(&v->forward);
    visitor_cache_release(v);
    visitor_end_request(v);
    lazy_timer_fini(g->loop, &v->timer);
    evloop_undefer(g->loop, &v->later);
    free(v->line);
    *v->prev = v->next;
    if (v->next)
        v->next->prev = v->prev;
    evloop_defer(g->loop, &v->later, free_visitor, v);
}

void visitor_set_timer(struct visitor *v, uint32_t ms)
{
    if (lazy_timer_set(v->g->loop, &v->timer, ms, on_timer, v) < 0)
        visitor_close(v);
}

void visitor_start_closing(struct visitor *v)
{
    if (v->state == VISITOR_CLOSED)
        return;
    v->state = VISITOR_CLOSING;
    stream_finish(&v->stream);
    visitor_set_timer(v,
                      stream_waiting(&v->stream) ? v->g->limits->relay_ms : CLOSING_MS);
    if (v->state == VISITOR_CLOSED)
        return;
    stream_read_on(&v->stream);
    if (stream_waiting(&v->stream) == 0 && !v->shut) {
        v->shut = true;
        stream_shutdown(&v->stream);
    }
}

static void drain_input(struct visitor *v)
{
    ssize_t n = stream_read(&v->stream, v->g->scratch, sizeof(v->g->scratch));

    if (n == -EAGAIN)
        return;
    v->n_drained += n > 0 ? (uint32_t)n : 0;
    if (n <= 0 || v->n_drained > DRAIN_MAX)
        visitor_close(v);
}

static void next_request(void *arg)
{
    struct visitor *v = arg;
    struct buf in = v->in;

    if (v->state != VISITOR_IDLE)
        return;
    v->in = (struct buf){0};
    read_requests(v, buf_bytes(&in), in.len);
    buf_free(&in);
}

/* Ready for the next request, which may have arrived. */
void visitor_become_idle(struct visitor *v)
{
    v->state = VISITOR_IDLE;
    visitor_set_timer(v, visitor_idle_ms(v));
    if (v->state == VISITOR_CLOSED)
        return;
    stream_read_on(&v->stream);
    if (v->in.len == 0)
        visitor_idle_enter(v);
    else
        evloop_defer(v->g->loop, &v->later, next_request, v);
}

/* The time of the visitor's step is over. */
static void expire(struct visitor *v)
{
    if (v->state == VISITOR_QUEUE) {
        visitor_admit_timer(v);
    } else if (v->state == VISITOR_LOOKUP) {
        visitor_cache_timer(v);
    } else if (v->state == VISITOR_HEAD ||
               (v->state == VISITOR_FORWARD && !v->head_sent && v->body_left)) {
        if (v->state == VISITOR_HEAD)
            visitor_answer_forget(v);
        forward_cancel(&v->forward);
        visitor_answer_page(v, 408, true, "");
    } else {
        visitor_close(v);
    }
}

static void on_timer(void *arg)
{
    struct visitor *v = arg;

    if (lazy_timer_fired(v->g->loop, &v->timer, on_timer, v))
        expire(v);
}

/* --- the head of a request ---------------------------------------------------------- */

static void describe(struct visitor *v, const struct http_head *h)
{
    size_t size = h->host.len + h->method_name.len + h->target.len + 3;

    if (size > LINE_MAX_LEN)
        size = LINE_MAX_LEN;
    v->line = malloc(size); /* NULL: the line of the log has "-" */
    if (v->line)
        snprintf(v->line, size, "%.*s %.*s %.*s", (int)h->host.len, h->host.at,
                 (int)h->method_name.len, h->method_name.at, (int)h->target.len,
                 h->target.at);
}

static void begin(struct visitor *v, const struct http_head *h)
{
    struct gate_loop *g = v->g;
    bool body = h->framing == HTTP_CHUNKED || (h->framing == HTTP_LENGTH && h->length);

    v->state = VISITOR_FORWARD;
    v->n_requests++;
    v->minor = h->minor;
    v->keep_alive = h->keep_alive && v->n_requests < g->limits->requests_max &&
                    evloop_now_ms(g->loop) < v->end_ms && !*g->draining;
    v->head_sent = v->body_blocked = v->skipped_blank = false;
    v->body_left = body;
    v->wants_continue = body && h->at[HTTP_EXPECT] && h->minor == 1;
    v->n_body_out = v->n_body_in = v->queue_us = 0;
    v->wait.class = ADMIT_CLASS_NEW;
    v->status = 0;
    v->begin_us = gate_loop_now_us();
    v->forward.method = h->method;
    v->forward.idempotent = http_head_is_idempotent(h);
    v->forward.has_body = body;
    v->generation = g->now;
    generation_begin(v->generation, g->index);
    v->forward.rule = rules_find(v->generation->rules, h->host, h->target);
    v->forward.retry.n = 0;
    v->forward.why = GATE_FIRST;
    v->forward.admitted = false;
    v->forward.connect_us = v->forward.first_us = 0;
    http_body_init(&v->body, h->framing, h->length);
    if (g->log)
        describe(v, h);
    lazy_timer_clear(&v->timer);
}

void visitor_forward(struct visitor *v, const struct http_head *h)
{
    static const char *const language[] = {"", "zh", "en", NULL};
    const struct cache_control_request *asked = &v->cached.asked;
    struct http_forward f = {.peer = v->peer_text,
                             .request_id = v->id,
                             .tls = v->tls != NULL,
                             .cookie_drop = VISIT_COOKIE,
                             .whole = v->cached.fetch != NULL,
                             .encoding = asked->gzip ? "gzip" : "",
                             .language = language[asked->language]};

    if (visitor_static_before_nodes(v, h))
        return;
    f.source = visitor_source_word(v, h);
    visitor_confirm_ask(v, &f);
    if (http_write_request(&v->forward.request, h, &f) < 0)
        visitor_close(v);
    else
        visitor_admit_start(v, h);
}

/* <bytes>: the head <h> as it came. */
static void begin_request(struct visitor *v, const struct http_head *h,
                          struct http_text bytes)
{
    struct gate_loop *g = v->g;

    gate_loop_new_id(g, v->id);
    begin(v, h);
    if (visitor_answer_itself(v, h))
        return;
    gate_loop_count(&g->counts.module[v->forward.rule->slot].arrived);
    if (v->body_left && h->framing == HTTP_LENGTH && h->length > g->limits->body_max) {
        gate_loop_count(&g->counts.too_large);
        visitor_answer_page(v, 413, true, "");
        return;
    }
    visitor_cache_start(v, h, bytes);
}

/* The head at <p> is not complete: keep it and wait for the rest. */
static void keep_head(struct visitor *v, const char *p, size_t len)
{
    if (len == 0)
        return;
    if (buf_append(&v->in, p, len) < 0) {
        visitor_close(v);
        return;
    }
    if (v->state == VISITOR_IDLE) {
        v->state = VISITOR_HEAD;
        visitor_set_timer(v, v->g->limits->head_ms);
    }
}

/* A request begins at <p>.  Its body and what follows are kept until they are wanted. */
static void read_requests(struct visitor *v, const char *p, size_t len)
{
    struct http_head *h = &v->g->head;
    enum http_why why;
    ssize_t n;

    visitor_idle_leave(v);
    n = len ? http_parse_request(&v->parse, p, len, h, &why) : -EAGAIN;
    if (n == 2 && h->target.len == 0 && !v->skipped_blank) {
        v->skipped_blank = true;
        v->parse = (struct http_parse){0};
        p += 2;
        len -= 2;
        n = len ? http_parse_request(&v->parse, p, len, h, &why) : -EAGAIN;
    }
    if (n == -EAGAIN) {
        keep_head(v, p, len);
        return;
    }
    v->parse = (struct http_parse){0};
    if (n < 0 || h->target.len == 0) {
        visitor_answer_forget(v);
        visitor_answer_refusal(v, n < 0 ? why : HTTP_WHY_LINE);
        return;
    }
    if ((size_t)n < len && buf_append(&v->in, p + n, len - (size_t)n) < 0) {
        visitor_close(v);
        return;
    }
    begin_request(v, h, (struct http_text){p, (uint32_t)n});
}

/* --- events ------------------------------------------------------------------------- */

/* Bytes while a request is in progress: of its body, or of the next request. */
static void on_early_bytes(struct visitor *v, const char *p, size_t len)
{
    if (v->body_left && v->in.len == 0 && v->forward.state >= FORWARD_WAITING) {
        if (visitor_body_is_slow(v))
            expire(v);
        else
            visitor_body_read(v, p, len);
        return;
    }
    if (buf_append(&v->in, p, len) < 0)
        visitor_close(v);
    else if (v->in.len >= IN_MAX)
        stream_read_off(&v->stream);
}

static void on_input(struct stream *s)
{
    struct visitor *v = visitor_of(s);
    struct gate_loop *g = v->g;
    struct buf whole;
    ssize_t n;

    if (v->state == VISITOR_CLOSING) {
        drain_input(v);
        return;
    }
    n = stream_read(s, g->scratch, sizeof(g->scratch));
    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        visitor_gone_start(v);
    } else if (v->state > VISITOR_HEAD) {
        on_early_bytes(v, g->scratch, (size_t)n);
    } else if (v->in.len == 0) {
        read_requests(v, g->scratch, (size_t)n);
    } else {
        whole = v->in;
        if (buf_append(&whole, g->scratch, (size_t)n) < 0) {
            visitor_close(v);
            return;
        }
        v->in = (struct buf){0};
        read_requests(v, buf_bytes(&whole), whole.len);
        buf_free(&whole);
    }
}

static void on_drain(struct stream *s)
{
    struct visitor *v = visitor_of(s);

    if (v->state == VISITOR_CLOSING) {
        visitor_start_closing(v);
    } else if (v->state == VISITOR_FLUSH) {
        visitor_become_idle(v);
    } else if (v->state == VISITOR_COPY) {
        visitor_cache_send(v);
    } else if (v->state == VISITOR_FORWARD) {
        lazy_timer_clear(&v->timer);
        forward_resume(&v->forward);
    }
}

static void on_error(struct stream *s, int rc)
{
    (void)rc;
    visitor_gone_start(visitor_of(s));
}

/* The handshake has ended. */
static void on_connect(struct stream *s, int rc)
{
    struct visitor *v = visitor_of(s);
    struct gate_counts *n = &v->g->counts;

    if (rc < 0) {
        gate_loop_count(&n->tls_failed);
        visitor_close(v);
        return;
    }
    gate_loop_count(tls_stream_is_resumed(s) ? &n->tls_resumed : &n->tls_full);
    v->tls = tls_stream_version(s);
    visitor_idle_leave(v);
    visitor_become_idle(v);
}

static const struct stream_owner visitor_owner = {.on_input = on_input,
                                                  .on_drain = on_drain,
                                                  .on_error = on_error,
                                                  .on_connect = on_connect};

/* --- the beginning ------------------------------------------------------------------ */

static uint64_t life_ms(struct gate_loop *g)
{
    uint32_t life = g->limits->life_ms, part = life / 5;

    return life - part + (part ? (g->id_seed ^ g->n_ids * 2654435761u) % (2 * part) : 0);
}

static bool has_room(struct gate_loop *g)
{
    return atomic_fetch_add_explicit(g->n_clients, 1, memory_order_relaxed) <
               g->limits->max_clients ||
           visitor_idle_close(g, 1) > 0;
}

/* NULL: no memory, and <fd> is closed. */
static struct visitor *new_visitor(int fd, const struct net_addr *peer)
{
    char text[INET6_ADDRSTRLEN] = "-";
    struct visitor *v;

    inet_ntop(peer->family, peer->ip, text, sizeof(text));
    v = calloc(1, sizeof(*v) + strlen(text) + 1);
    if (v)
        memcpy(v->peer_text, text, strlen(text) + 1);
    else
        close(fd);
    return v;
}

/* <v> has a stream: it is one of the visitors from now on, until visitor_close(). */
static void begin_visit(struct gate_loop *g, struct visitor *v)
{
    bool fits = has_room(g);

    v->g = g;
    v->end_ms = evloop_now_ms(g->loop) + life_ms(g);
    v->forward.g = g;
    gate_loop_count(&g->counts.accepted);
    v->next = g->visitors;
    v->prev = &g->visitors;
    if (g->visitors)
        g->visitors->prev = &v->next;
    g->visitors = v;
    if (!fits) {
        gate_loop_count(&g->counts.refused_clients);
        visitor_close(v);
        return;
    }
    visitor_set_timer(v, visitor_idle_ms(v));
    if (v->state != VISITOR_CLOSED)
        visitor_idle_enter(v);
}

static void not_started(struct gate_loop *g, struct visitor *v, int rc)
{
    free(v);
    gate_loop_count(&g->counts.refused_short);
    shortage_note(g, rc);
}

void visitor_start(struct gate_loop *g, int fd, const struct net_addr *peer)
{
    struct visitor *v = new_visitor(fd, peer);
    int rc = v ? stream_open(&v->stream, g->loop, fd, &visitor_owner) : -ENOMEM;

    if (rc < 0) {
        not_started(g, v, rc);
        return;
    }
    v->state = VISITOR_IDLE;
    begin_visit(g, v);
}

void visitor_start_tls(struct gate_loop *g, int fd, const struct net_addr *peer)
{
    struct visitor *v = new_visitor(fd, peer);
    int rc =
        v ? tls_stream_open(&v->stream, g->loop, fd, &visitor_owner, g->tls) : -ENOMEM;

    if (rc < 0) {
        not_started(g, v, rc);
        return;
    }
    v->state = VISITOR_HANDSHAKE;
    begin_visit(g, v);
}

void visitor_close_all(struct gate_loop *g)
{
    while (g->visitors)
        visitor_close(g->visitors);
}
