/* What a visitor gets: the response of a node, with its head written anew, or a page of
 * our own; and the line in the log that says so.  What belongs together is sent together:
 * the head and the bytes of the body that came with it wait in the loop's output buffer
 * until on_flush() or on_end(), in the same callback.
 *
 * Invariant: between two callbacks the output buffer is empty, because the next one may
 * be of another visitor. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/own_page.h"
#include "gateway/visitor_private.h"
#include "gateway/waiting_page.h"
#include "http/http_write.h"

#define OUT_MAX 32768 /* bytes put together for one write */
#define NO_STORE "Cache-Control: no-store\r\n"
#define ID_PATH "/lars-id"
#define APOLOGY_S 20 /* until the apology loads itself again */
#define TEXT_HTML "text/html; charset=utf-8"

/* --- the log ------------------------------------------------------------------------ */

static void log_node(const struct forward *f, char *out, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "-";

    if (f->retry.n == 0) {
        snprintf(out, size, "-");
        return;
    }
    inet_ntop(f->host.addr.family, f->host.addr.ip, ip, sizeof(ip));
    snprintf(out, size, "%s:%u", ip, f->host.addr.port);
}

/* A visitor who is refused because of the load is no error that has to be explained. */
static void log_request(struct visitor *v, enum gate_result result, uint64_t us)
{
    static const char *const why[GATE_ATTEMPTS] = {"-",      "stale",    "connect",
                                                   "reset",  "timeout",  "bad_answer",
                                                   "status", "rejected", "own"};
    const struct forward *f = &v->forward;
    char line[900], node[64];
    bool error = v->status >= 500 && result != GATE_WAITING;
    int n;

    if (!v->g->log || (!error && !access_log_wants(v->g->log)))
        return;
    log_node(f, node, sizeof(node));
    n = snprintf(line, sizeof(line),
                 "%s %u %s %s %u %llu %u/%u %s %u %s %s %s %llu %llu %llu %llu %s %s",
                 v->id, v->g->index, v->peer_text, v->line ? v->line : "- - -", v->status,
                 (unsigned long long)v->n_body_out, f->rule ? f->rule->modid : 0,
                 f->rule ? f->rule->cmdid : 0, node, f->retry.n, why[f->why],
                 v->cached.word ? v->cached.word : "-",
                 f->rule ? admit_class_name[v->wait.class] : "-",
                 (unsigned long long)v->queue_us, (unsigned long long)f->connect_us,
                 (unsigned long long)f->first_us, (unsigned long long)us,
                 v->tls ? v->tls : "-", v->g->zone);
    if (n > 0)
        access_log_line(v->g->log, line, (size_t)n < sizeof(line) ? (size_t)n : 899,
                        error);
}

static void count_request(struct visitor *v, enum gate_result result)
{
    uint64_t us = gate_loop_now_us() - v->begin_us;

    if (result == GATE_RESULTS)
        gate_loop_count(&v->g->counts.redirects);
    else
        gate_loop_count(&v->g->counts.requests[result]);
    if (v->forward.rule && result != GATE_RESULTS)
        gate_loop_count_request(v->g, v->forward.rule->slot, result, us);
    log_request(v, result, us);
}

/* --- our own pages ------------------------------------------------------------------ */

static void end_request(struct visitor *v)
{
    visitor_cache_release(v);
    visitor_end_request(v);
    free(v->line);
    v->line = NULL;
    if (!v->keep_alive) {
        visitor_start_closing(v);
        return;
    }
    if (stream_waiting(&v->stream) < STREAM_HIGH) {
        visitor_become_idle(v);
        return;
    }
    v->state = VISITOR_FLUSH;
    stream_read_off(&v->stream);
    visitor_set_timer(v, v->g->limits->relay_ms);
}

void visitor_answer_done(struct visitor *v, enum gate_result result)
{
    count_request(v, result);
    end_request(v);
}

/* False: the connection was closed. */
static bool send_own(struct visitor *v, uint16_t status, const char *type,
                     const char *page, size_t len, const char *extra)
{
    struct buf *out = &v->g->out;
    bool head = v->forward.method == HTTP_METHOD_HEAD;
    int rc;

    v->keep_alive = v->keep_alive && !*v->g->draining && v->minor == 1; /* HTTP/1.1 */
    v->status = status;
    v->n_body_out = len;
    buf_consume(out, out->len);
    rc = http_write_own(out, status, type, page, len, extra, v->keep_alive, head);
    if (rc == 0)
        rc = stream_write(&v->stream, buf_bytes(out), out->len);
    buf_consume(out, out->len); /* the next callback begins with an empty buffer */
    if (rc < 0)
        visitor_close(v);
    return rc == 0;
}

static void send_page(struct visitor *v, uint16_t status, const char *page, size_t len,
                      const char *extra, enum gate_result result)
{
    if (send_own(v, status, TEXT_HTML, page, len, extra))
        visitor_answer_done(v, result);
}

void visitor_answer_page(struct visitor *v, uint16_t status, bool close,
                         const char *extra)
{
    char page[OWN_PAGE_MAX];
    size_t len = own_page_write(page, status, v->id);

    v->keep_alive = v->keep_alive && !close;
    send_page(v, status, page, len, extra, GATE_ERROR);
}

void visitor_answer_moved(struct visitor *v, const char *extra)
{
    char page[OWN_PAGE_MAX];
    size_t len = own_page_write(page, 308, v->id);

    v->keep_alive = v->keep_alive && !v->body_left;
    send_page(v, 308, page, len, extra, GATE_RESULTS);
}

/* It is asked once a second, so it is neither counted nor in the log. */
static void answer_id(struct visitor *v)
{
    char text[80];
    int n = snprintf(text, sizeof(text), "{\"id\":\"%s\"}\n", v->g->gateway_id);

    if (send_own(v, 200, "application/json", text, (size_t)n, NO_STORE))
        end_request(v);
}

bool visitor_answer_itself(struct visitor *v, const struct http_head *h)
{
    bool get = h->method == HTTP_METHOD_GET || h->method == HTTP_METHOD_HEAD;

    if (get && h->target.len == strlen(ID_PATH) &&
        memcmp(h->target.at, ID_PATH, h->target.len) == 0) {
        answer_id(v);
        return true;
    }
    return visitor_redirect_answer(v, h);
}

/* A page that loads itself again after <refresh_s> +- 30 %.  <wait_s>: 0 = an apology. */
static void answer_later(struct visitor *v, uint16_t status, uint32_t refresh_s,
                         uint32_t wait_s, const char *extra, enum gate_result result)
{
    struct waiting_page p = {.wait_s = wait_s, .request_id = v->id};
    char page[WAITING_PAGE_MAX], fields[VISIT_FIELD_MAX + 80];
    size_t len;

    p.refresh_s = waiting_page_spread(refresh_s, (uint32_t)strtoul(v->id + 8, NULL, 16));
    len = waiting_page_write(page, &p);
    snprintf(fields, sizeof(fields), NO_STORE "Retry-After: %u\r\n%s", p.refresh_s,
             extra);
    v->keep_alive = v->keep_alive && !v->body_left;
    send_page(v, status, page, len, fields, result);
}

void visitor_answer_waiting(struct visitor *v, const char *extra)
{
    struct admit_view now;

    admit_look(v->g->admit, v->wait.module, evloop_now_ms(v->g->loop), &now);
    answer_later(v, 503, now.refresh_s,
                 now.wait_s > now.refresh_s ? now.wait_s : now.refresh_s, extra,
                 GATE_WAITING);
}

/* What is refused is no request with a method, a rule or a node. */
void visitor_answer_forget(struct visitor *v)
{
    v->minor = 1;
    v->body_left = false;
    v->forward.method = HTTP_METHOD_OTHER;
    v->forward.rule = NULL;
    v->forward.retry.n = 0;
    v->forward.why = GATE_FIRST;
    v->queue_us = 0;
    v->begin_us = gate_loop_now_us();
    gate_loop_new_id(v->g, v->id);
}

void visitor_answer_refusal(struct visitor *v, enum http_why why)
{
    gate_loop_count(&v->g->counts.bad[why]);
    visitor_answer_page(v, http_parse_status(why), true,
                        why == HTTP_WHY_METHOD ? NO_STORE
                            "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
                                               : NO_STORE);
}

/* --- the response ------------------------------------------------------------------- */

static int send_out(struct visitor *v)
{
    struct buf *out = &v->g->out;
    int rc = out->len ? stream_write(&v->stream, buf_bytes(out), out->len) : 0;

    buf_consume(out, out->len);
    if (rc < 0) {
        visitor_close(v);
        return rc;
    }
    /* What others wait for is read at the pace of the node, at most CACHE_OBJECT_MAX. */
    if (stream_waiting(&v->stream) >= STREAM_HIGH && !v->cached.fetch) {
        forward_pause(&v->forward);
        visitor_set_timer(v, v->g->limits->relay_ms);
    }
    return v->state == VISITOR_CLOSED ? -EPIPE : 0;
}

static bool may_keep(const struct visitor *v, const struct http_head *h)
{
    bool ends_by_close =
        v->minor == 0 && h->framing != HTTP_LENGTH && h->framing != HTTP_NO_BODY;

    return v->keep_alive && !*v->g->draining && !v->body_left && !ends_by_close;
}

static int on_head(struct forward *f, const struct http_head *h)
{
    struct visitor *v = visitor_of_forward(f);
    char cookie[VISIT_FIELD_MAX];
    struct http_pass p = {.minor = v->minor,
                          .framing = h->framing,
                          .length = h->length,
                          .request_id = v->id,
                          .extra = cookie};

    visitor_static_node_answered(v);
    if (visitor_cache_head(v, h) < 0)
        return -ECANCELED;
    if (v->cached.confirmed) {
        v->keep_alive = may_keep(v, h);
        return 0;
    }
    visitor_admit_cookie(v, v->forward.admitted, cookie);
    p.is_private = cookie[0] != 0;
    v->keep_alive = p.keep_alive = may_keep(v, h);
    v->status = h->status;
    v->head_sent = true;
    if (h->framing == HTTP_TO_END || h->framing == HTTP_CHUNKED)
        p.framing = v->minor == 0 ? HTTP_TO_END : HTTP_CHUNKED;
    if (h->framing == HTTP_NO_BODY && h->at[HTTP_CONTENT_LENGTH] && h->status != 204) {
        p.framing = HTTP_LENGTH; /* the answer to HEAD, or 304 */
        p.length = h->length;
    }
    v->chunked = p.framing == HTTP_CHUNKED;
    buf_consume(&v->g->out, v->g->out.len);
    if (http_write_response(&v->g->out, h, &p) < 0) {
        visitor_close(v);
        return -ENOMEM;
    }
    return 0;
}

static int on_body(struct forward *f, struct http_text data)
{
    struct visitor *v = visitor_of_forward(f);
    struct buf *out = &v->g->out;
    int rc = v->chunked ? http_write_chunk(out, data.at, data.len)
                        : buf_append(out, data.at, data.len);

    v->n_body_out += data.len;
    visitor_cache_body(v, data);
    if (rc < 0) {
        buf_consume(out, out->len);
        visitor_close(v);
        return rc;
    }
    return out->len < OUT_MAX ? 0 : send_out(v);
}

static int on_flush(struct forward *f)
{
    return send_out(visitor_of_forward(f));
}

static void on_end(struct forward *f)
{
    struct visitor *v = visitor_of_forward(f);

    if (v->cached.confirmed) {
        visitor_confirm_answer(v);
        return;
    }
    visitor_cache_complete(v);
    if (v->chunked && http_write_last_chunk(&v->g->out) < 0) {
        buf_consume(&v->g->out, v->g->out.len);
        visitor_close(v);
    } else if (send_out(v) == 0)
        visitor_answer_done(v, GATE_NODE);
}

static void on_broken(struct forward *f)
{
    struct visitor *v = visitor_of_forward(f);

    visitor_cache_failed(v, CACHE_FAILED);
    buf_consume(&v->g->out, v->g->out.len); /* what on_body() has put there */
    gate_loop_count(&v->g->counts.broken);
    count_request(v, GATE_ERROR);
    visitor_close(v);
}

/* A page that a visitor looks at loads itself again.  After a request that may have
 * changed something it does not, because the request would be sent again. */
static void on_failed(struct forward *f, uint16_t status)
{
    struct visitor *v = visitor_of_forward(f);

    if (visitor_static_after_nodes(v))
        return;
    if (f->method == HTTP_METHOD_GET || f->method == HTTP_METHOD_HEAD)
        answer_later(v, status, APOLOGY_S, 0, "", GATE_ERROR);
    else
        visitor_answer_page(v, status, v->body_left, NO_STORE "Retry-After: 2\r\n");
}

const struct forward_owner visitor_answer_owner = {.on_head = on_head,
                                                   .on_body = on_body,
                                                   .on_flush = on_flush,
                                                   .on_end = on_end,
                                                   .on_broken = on_broken,
                                                   .on_failed = on_failed,
                                                   .on_rejected = visitor_admit_rejected,
                                                   .on_body_wanted = visitor_body_wanted};
