/* The cache as a request sees it.  A request that a copy may answer asks the cache before
 * a node.  One that another request fetches for waits in VISITOR_LOOKUP with the bytes of
 * its head and is handled again from them, as if it had just come: what it may get may
 * have changed.  A response that is fetched for all is stored while it is passed on.
 *
 * HEAD is answered by the copy of a GET and fetches nothing.  If-None-Match, else
 * If-Modified-Since, are answered by the copy; the request for all goes to the node
 * without them, because 304 is no response for others.
 *
 * Invariant: a fetch ends exactly once, at the latest in visitor_cache_release(), which
 * is called on every way out; so no visitor waits for a request that has gone.
 * Rejected: to end the fetch at once when its visitor leaves.  The work of the node would
 * be lost, and one of those who wait would ask for it again (visitor_gone.c). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/mirror.h"
#include "gateway/visitor_private.h"
#include "http/http_write.h"

#define TOGETHER 16384 /* bytes of a body that go with the head */

static void ask_cache(struct visitor *v, const struct http_head *h,
                      struct http_text bytes, bool may_wait);

static uint64_t now_ms(const struct visitor *v)
{
    return evloop_now_ms(v->g->loop);
}

static void end_fetch(struct visitor *v, enum cache_end how)
{
    struct cache_fetch *f = v->cached.fetch;

    v->cached.fetch = NULL;
    if (f)
        cache_fetch_end(f, how, now_ms(v));
}

static void drop_copy(struct visitor *v)
{
    cache_copy_unref(v->cached.copy);
    v->cached.copy = NULL;
}

void visitor_cache_release(struct visitor *v)
{
    if (v->cached.wait)
        cache_wait_end(v->cached.wait);
    end_fetch(v, CACHE_DROPPED);
    drop_copy(v);
    mirror_unref(v->cached.mirror);
    free(v->cached.head);
    v->cached = (struct visitor_cached){.wait = NULL};
}

/* --- sending a copy ----------------------------------------------------------------- */

/* Write what the socket takes; the copy stays referenced until it has all. */
void visitor_cache_send(struct visitor *v)
{
    const struct visitor_cached *c = &v->cached;

    while (c->sent < c->body_len && stream_waiting(&v->stream) < STREAM_HIGH) {
        size_t n = c->body_len - c->sent;

        if (n > STREAM_HIGH)
            n = STREAM_HIGH;
        if (stream_write(&v->stream, c->body + c->sent, n) < 0) {
            visitor_close(v);
            return;
        }
        v->cached.sent += (uint32_t)n;
    }
    if (c->sent == c->body_len) {
        visitor_answer_done(v, v->cached.result);
    } else {
        v->state = VISITOR_COPY;
        visitor_set_timer(v, v->g->limits->relay_ms);
    }
}

/* The visitor has what the copy has. */
static bool is_known(const struct http_head *h, const struct cache_copy *copy)
{
    struct http_text since;

    if (copy->status != 200)
        return false;
    if (h->at[HTTP_IF_NONE_MATCH])
        return !(h->twice & 1ULL << HTTP_IF_NONE_MATCH) &&
               cache_control_etag_matches(http_head_value(h, HTTP_IF_NONE_MATCH),
                                          copy->etag);
    since = http_head_value(h, HTTP_IF_MODIFIED_SINCE);
    return since.len > 0 && since.len == copy->modified.len &&
           memcmp(since.at, copy->modified.at, since.len) == 0;
}

void visitor_cache_send_copy(struct visitor *v, const struct http_copy *p,
                             const char *body, size_t len)
{
    size_t first = len < TOGETHER ? len : TOGETHER;
    struct buf *out = &v->g->out;
    int rc;

    v->cached.body = body;
    v->cached.body_len = (uint32_t)len;
    v->cached.sent = (uint32_t)first;
    v->status = p->status;
    v->n_body_out = len;
    buf_consume(out, out->len);
    rc = http_write_copy(out, p);
    if (rc == 0)
        rc = buf_append(out, body, first);
    if (rc == 0)
        rc = stream_write(&v->stream, buf_bytes(out), out->len);
    buf_consume(out, out->len); /* the next callback begins with an empty buffer */
    if (rc < 0)
        visitor_close(v);
    else
        visitor_cache_send(v);
}

void visitor_cache_answer(struct visitor *v, bool known, struct cache_copy *copy,
                          enum gate_result result, const char *word, const char *cookie)
{
    bool body = !known && v->forward.method == HTTP_METHOD_GET;
    struct http_copy p = {.fields = copy->fields,
                          .status = known ? 304 : copy->status,
                          .length = copy->body_len,
                          .minor = v->minor,
                          .keep_alive = v->keep_alive,
                          .age_s = (now_ms(v) - copy->born_ms) / 1000,
                          .request_id = v->id,
                          .extra = cookie,
                          .is_private = cookie[0] != 0};

    v->cached.copy = copy;
    v->cached.result = result;
    v->cached.word = word;
    visitor_cache_send_copy(v, &p, copy->body, body ? copy->body_len : 0);
}

/* --- waiting ------------------------------------------------------------------------ */

/* Handle the request again from the bytes of its head. */
static void ask_again(struct visitor *v, bool may_wait)
{
    struct http_head *h = &v->g->head;
    struct http_parse parse = {0};
    char *bytes = v->cached.head;
    struct http_text head = {bytes, v->cached.head_len};
    enum http_why why;

    cache_wait_end(v->cached.wait);
    v->cached.wait = NULL;
    v->cached.head = NULL;
    v->state = VISITOR_FORWARD;
    lazy_timer_clear(&v->timer);
    if (http_parse_request(&parse, head.at, head.len, h, &why) > 0)
        ask_cache(v, h, head, may_wait);
    else
        visitor_close(v);
    free(bytes);
}

static uint32_t wait_left_ms(const struct visitor *v)
{
    int32_t left = (int32_t)(v->cached.wait_end_ms - (uint32_t)now_ms(v));

    return left > 0 ? (uint32_t)left : 0;
}

static void on_wake(void *arg)
{
    struct visitor *v = arg;

    ask_again(v, wait_left_ms(v) > 0);
}

void visitor_cache_timer(struct visitor *v)
{
    ask_again(v, false);
}

/* Keep the head and wait.  False: no memory, and it does not wait. */
static bool await_fetch(struct visitor *v, struct http_text bytes)
{
    struct visitor_cached *c = &v->cached;

    c->head = malloc(bytes.len);
    if (!c->head) {
        cache_wait_end(c->wait);
        c->wait = NULL;
        return false;
    }
    memcpy(c->head, bytes.at, bytes.len);
    c->head_len = bytes.len;
    if (c->wait_end_ms == 0)
        c->wait_end_ms = (uint32_t)(now_ms(v) + CACHE_WAIT_MS) | 1;
    v->state = VISITOR_LOOKUP;
    visitor_set_timer(v, wait_left_ms(v));
    return true;
}

/* --- asking ------------------------------------------------------------------------- */

/* Scheme, encoding, language, what the rule says about copies, host in lower case,
 * target.  The host is the rule's with the port that was sent, which a node may write
 * into links.  A reload that changes the rule's module or its times makes other keys, so
 * that no copy of before is served.  Returns the length. */
static size_t write_key(const struct visitor *v, const struct http_head *h,
                        char out[CACHE_KEY_MAX])
{
    const struct rule *r = v->forward.rule;
    const uint32_t of_rule[] = {r->modid,   r->cmdid,         r->cache_ms,
                                r->stale_s, r->stale_error_s, r->ignore_cookies};
    size_t n = 0;
    uint32_t i;

    if (h->host.len + (size_t)h->target.len + 3 + sizeof(of_rule) > CACHE_KEY_MAX)
        return 0;
    out[n++] = v->tls ? 's' : 'h';
    out[n++] = v->cached.asked.gzip ? 'g' : '-';
    out[n++] = "-zeo"[v->cached.asked.language];
    memcpy(out + n, of_rule, sizeof(of_rule));
    n += sizeof(of_rule);
    for (i = 0; i < h->host.len; i++, n++)
        out[n] = h->host.at[i] >= 'A' && h->host.at[i] <= 'Z' ? (char)(h->host.at[i] | 32)
                                                              : h->host.at[i];
    memcpy(out + n, h->target.at, h->target.len);
    return n + h->target.len;
}

static void ask_cache(struct visitor *v, const struct http_head *h,
                      struct http_text bytes, bool may_wait)
{
    char key[CACHE_KEY_MAX];
    struct cache_ask ask = {.key = key,
                            .len = write_key(v, h, key),
                            .now_ms = now_ms(v),
                            .may_fetch = h->method == HTTP_METHOD_GET,
                            .may_wait = may_wait,
                            .loop = v->g->index,
                            .wake = on_wake,
                            .arg = v};
    struct cache_found found = {.result = CACHE_PASS};
    const struct cache_copy *old;

    if (ask.len > 0)
        cache_find(v->g->cache, &ask, &found);
    if (found.result == CACHE_HIT) {
        visitor_cache_answer(v, is_known(h, found.copy), found.copy, GATE_CACHE,
                             v->cached.wait_end_ms ? "wait" : "hit", "");
        return;
    }
    if (found.result == CACHE_STALE) {
        visitor_cache_answer(v, is_known(h, found.copy), found.copy, GATE_STALE, "stale",
                             "");
        return;
    }
    v->cached.copy = found.copy;
    v->cached.fetch = found.fetch;
    v->cached.wait = found.wait;
    v->cached.word = found.fetch ? "miss" : "pass";
    if (found.fetch) {
        gate_loop_count(&v->g->counts.cache_misses);
        old = cache_fetch_old(found.fetch);
        v->cached.known = old && is_known(h, old);
    }
    if (found.result != CACHE_WAIT || !await_fetch(v, bytes))
        visitor_forward(v, h);
}

void visitor_cache_start(struct visitor *v, const struct http_head *h,
                         struct http_text bytes)
{
    cache_control_read_request(h, v->forward.rule->ignore_cookies, VISIT_COOKIE,
                               &v->cached.asked);
    v->cached.word = "pass";
    if (visitor_static_switched_on(v, h))
        return;
    if (v->g->cache && v->cached.asked.may_use)
        ask_cache(v, h, bytes, true);
    else
        visitor_forward(v, h);
}

/* --- storing ------------------------------------------------------------------------ */

static bool is_failure(uint16_t status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

bool visitor_cache_failed(struct visitor *v, enum cache_end how)
{
    struct cache_copy *copy = v->cached.copy;

    end_fetch(v, how);
    if (!copy || v->head_sent)
        return false;
    visitor_cache_answer(v, false, copy, GATE_STALE, "stale", "");
    return true;
}

/* Store the head, when the response may be kept; otherwise those who wait are woken. */
static void store_head(struct visitor *v, const struct http_head *h)
{
    const struct rule *rule = v->forward.rule;
    struct cache_control_times t = {.fresh_ms = rule->cache_ms,
                                    .stale_ms = rule->stale_s * 1000ull,
                                    .stale_error_ms = rule->stale_error_s * 1000ull};
    struct buf *out = &v->g->out;
    int rc;

    buf_consume(out, out->len);
    if (cache_control_read_response(h, &v->cached.asked, &t) == CACHE_CONTROL_KEEP &&
        http_write_fields(out, h) == 0) {
        rc = cache_fetch_head(v->cached.fetch, h,
                              (struct http_text){buf_bytes(out), (uint32_t)out->len}, &t,
                              now_ms(v));
        if (rc == 0)
            return;
    }
    end_fetch(v, CACHE_NOT_KEPT);
}

int visitor_cache_head(struct visitor *v, const struct http_head *h)
{
    if (h->status == 304 && v->cached.fetch && cache_fetch_old(v->cached.fetch))
        return visitor_confirm_head(v, h);
    if (is_failure(h->status)) {
        if (!v->cached.copy) {
            end_fetch(v, CACHE_FAILED);
            return 0;
        }
        forward_cancel(&v->forward);
        visitor_cache_failed(v, CACHE_FAILED);
        return -ECANCELED;
    }
    drop_copy(v);
    if (v->cached.fetch)
        store_head(v, h);
    return 0;
}

void visitor_cache_body(struct visitor *v, struct http_text data)
{
    if (v->cached.fetch && cache_fetch_body(v->cached.fetch, data.at, data.len) < 0)
        end_fetch(v, CACHE_NOT_KEPT);
}

void visitor_cache_complete(struct visitor *v)
{
    end_fetch(v, CACHE_KEPT);
}
