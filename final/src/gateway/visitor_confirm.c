/* Revalidation (RFC 9111, 4.3).  A request that fetches for all asks the node with the
 * ETag and the Last-Modified of the copy that is no longer fresh.  Its 304 makes a new
 * copy: the old body, and the old fields with those of the 304 in place of theirs.
 * Whether it may be kept, and for how long, is decided anew from these fields.
 *
 * A 304 with another ETag is about a response that the gateway does not have.  Nothing is
 * answered with it: the key is not kept, so the next request asks without conditions.
 * Invariant: no visitor gets a 304 for a condition that another one has sent.
 * Rejected: to change the old copy.  It is being sent to other visitors meanwhile. */
#include <errno.h>
#include <stdio.h>

#include "gateway/visitor_private.h"
#include "http/http_write.h"

static uint64_t now_ms(const struct visitor *v)
{
    return evloop_now_ms(v->g->loop);
}

void visitor_confirm_ask(const struct visitor *v, struct http_forward *f)
{
    const struct cache_copy *old =
        v->cached.fetch ? cache_fetch_old(v->cached.fetch) : NULL;

    if (!old)
        return;
    if (cache_control_etag_usable(old->etag))
        f->none_match = old->etag;
    f->modified = old->modified;
}

static bool is_about(const struct cache_copy *old, const struct http_head *h)
{
    return !h->at[HTTP_ETAG] || !cache_control_etag_usable(old->etag) ||
           (!(h->twice & 1ULL << HTTP_ETAG) &&
            cache_control_etag_usable(http_head_value(h, HTTP_ETAG)) &&
            cache_control_etag_matches(http_head_value(h, HTTP_ETAG), old->etag));
}

/* The head that a node would have sent with the body, in <text> and read into <out>. */
static int make_head(const struct cache_copy *old, const struct http_head *h,
                     struct buf *text, struct http_text *fields, struct http_head *out)
{
    static const char line[] = "HTTP/1.1 200 OK\r\n";
    struct http_parse parse = {0};
    enum http_why why;
    char more[80];
    size_t len; /* of the fields */
    int n = snprintf(more, sizeof(more), "Age: %llu\r\nContent-Length: %zu\r\n\r\n",
                     (unsigned long long)cache_control_age_s(h), old->body_len);

    if (buf_append(text, line, sizeof(line) - 1) < 0 ||
        http_write_renewed(text, old->fields, h) < 0)
        return -ENOMEM;
    len = text->len - (sizeof(line) - 1);
    if (buf_append(text, more, (size_t)n) < 0)
        return -ENOMEM;
    /* From the end: there is an allocation now, and buf_bytes() allows for none. */
    *fields = (struct http_text){buf_tail(text) - (size_t)n - len, (uint32_t)len};
    return http_parse_response(&parse, buf_bytes(text), text->len, HTTP_METHOD_GET, out,
                               &why) > 0
               ? 0
               : -EBADMSG;
}

/* End the fetch with the old body under the new fields, as v->cached.copy. */
static int renew(struct visitor *v, const struct http_head *h, struct buf *text)
{
    struct cache_fetch *f = v->cached.fetch;
    const struct cache_copy *old = cache_fetch_old(f);
    const struct rule *rule = v->forward.rule;
    struct cache_control_times t = {.fresh_ms = rule->cache_ms,
                                    .stale_ms = rule->stale_s * 1000ull,
                                    .stale_error_ms = rule->stale_error_s * 1000ull};
    struct http_text fields;
    struct http_head whole;
    bool kept;
    int rc = is_about(old, h) ? make_head(old, h, text, &fields, &whole) : -EBADMSG;

    if (rc < 0)
        return rc;
    kept =
        cache_control_read_response(&whole, &v->cached.asked, &t) == CACHE_CONTROL_KEEP;
    rc = cache_fetch_head(f, &whole, fields, &t, now_ms(v));
    if (rc == 0)
        rc = cache_fetch_body(f, old->body, old->body_len);
    if (rc < 0)
        return rc;
    cache_copy_unref(v->cached.copy);
    v->cached.fetch = NULL;
    v->cached.copy = cache_fetch_take(f, kept, now_ms(v));
    return v->cached.copy ? 0 : -ENOMEM;
}

/* No answer can be made of the 304: an older copy that may serve does, or an apology. */
static void give_up(struct visitor *v)
{
    gate_loop_count(&v->g->counts.attempts[GATE_BAD_ANSWER]);
    v->forward.why = GATE_BAD_ANSWER;
    forward_cancel(&v->forward);
    if (visitor_cache_failed(v, CACHE_NOT_KEPT))
        return;
    visitor_answer_page(v, 502, v->body_left, "Cache-Control: no-store\r\n");
}

int visitor_confirm_head(struct visitor *v, const struct http_head *h)
{
    struct buf text = {0};
    int rc = renew(v, h, &text);

    buf_free(&text);
    v->cached.confirmed = rc == 0;
    v->cached.admitted = v->forward.admitted;
    if (rc == 0)
        return 0;
    if (v->state == VISITOR_GONE) /* visitor_gone.c closes it */
        return rc;
    give_up(v);
    return rc;
}

/* The visitor was admitted, so this is the response with the cookie of the visit, as one
 * of the node would be.  A 304 has none: the visitor's own copy would become private. */
void visitor_confirm_answer(struct visitor *v)
{
    struct cache_copy *copy = v->cached.copy;
    char cookie[VISIT_FIELD_MAX];

    v->cached.copy = NULL;
    visitor_admit_cookie(v, v->cached.admitted && !v->cached.known, cookie);
    visitor_cache_answer(v, v->cached.known, copy, GATE_NODE, "confirmed", cookie);
}
