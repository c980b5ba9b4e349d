/* fuzz_http_request -- checks three properties for any input: a head that arrives in
 * parts has the same result as one at once; its texts lie within it; and what a node gets
 * of an accepted request is accepted again, as the same request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_parse.h"
#include "http/http_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static ssize_t parse(const char *p, size_t size, size_t step, struct http_head *h,
                     enum http_why *why)
{
    struct http_parse state = {0};
    size_t n = 0;
    ssize_t rc = -11;

    while (n < size) {
        n = n + step < size ? n + step : size;
        rc = http_parse_request(&state, p, n, h, why);
        if (rc != -11) /* -EAGAIN */
            break;
    }
    return rc;
}

static void within(struct http_text t, const char *p, size_t len)
{
    must(t.len == 0 || (t.at >= p && t.at + t.len <= p + len));
}

static int same(struct http_text a, struct http_text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static void write_again(const struct http_head *h)
{
    static struct http_head again;
    struct http_forward f = {
        .peer = "::1", .request_id = "0", .cookie_drop = "lars_v", .trusted = h->minor};
    struct buf out = {0};
    enum http_why why;
    ssize_t rc;

    must(http_write_request(&out, h, &f) == 0);
    rc = parse(buf_bytes(&out), out.len, out.len, &again, &why);
    /* the fields that are added may be too many, or make it too long */
    if (rc < 0 && (why == HTTP_WHY_FIELDS || why == HTTP_WHY_HEAD_LONG)) {
        buf_free(&out);
        return;
    }
    must(rc == (ssize_t)out.len);
    must(again.method == h->method && again.framing == h->framing);
    must(again.length == h->length && same(again.target, h->target));
    must(same(again.host, h->host) && !again.at[HTTP_EXPECT]);
    must(!again.at[HTTP_CONNECTION] && !again.at[HTTP_UPGRADE]);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head one, parts;
    enum http_why why = HTTP_FINE, why_parts = HTTP_FINE;
    const char *p = (const char *)data;
    ssize_t rc = parse(p, size, size, &one, &why);
    unsigned i;

    must(parse(p, size, 1, &parts, &why_parts) == rc && why_parts == why);
    must(parse(p, size, 7, &parts, &why_parts) == rc && why_parts == why);
    must((rc == -74) == (why != HTTP_FINE) || rc == -11); /* -EBADMSG */
    if (rc <= 2)
        return 0;
    must((size_t)rc <= size && rc <= HTTP_HEAD_MAX);
    must(one.n_fields == parts.n_fields && one.framing == parts.framing);
    within(one.target, p, (size_t)rc);
    within(one.host, p, (size_t)rc);
    within(one.method_name, p, (size_t)rc);
    for (i = 0; i < one.n_fields; i++) {
        within(one.field[i].name, p, (size_t)rc);
        within(one.field[i].value, p, (size_t)rc);
    }
    write_again(&one);
    return 0;
}
