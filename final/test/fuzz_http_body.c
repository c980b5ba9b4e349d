/* fuzz_http_body -- checks for any input and each framing that a body in parts has the
 * same bytes, end and error as one at once, and that what is written as chunks is read
 * again.  The first byte is the framing and the second the length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/http_body.h"
#include "http/http_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Returns how many bytes were used; below 0 when they are refused. */
static ssize_t read_body(struct http_body *b, const char *p, size_t size, size_t step,
                         struct buf *out)
{
    size_t at = 0, end = 0;

    while (at < size && !b->done) {
        struct http_text data;
        ssize_t n;

        if (at == end)
            end = end + step < size ? end + step : size;
        n = http_body_read(b, p + at, end - at, &data);
        if (n < 0)
            return n;
        must(n > 0 && (size_t)n <= end - at && data.len <= (size_t)n);
        must(data.len == 0 || (data.at >= p + at && data.at + data.len <= p + at + n));
        must(buf_append(out, data.at, data.len) == 0);
        at += (size_t)n;
    }
    return (ssize_t)at;
}

static void check_chunks(const struct buf *body)
{
    struct buf out = {0}, again = {0};
    struct http_body b;

    if (body->len > 0)
        must(http_write_chunk(&out, buf_bytes(body), body->len) == 0);
    must(http_write_last_chunk(&out) == 0);
    http_body_init(&b, HTTP_CHUNKED, 0);
    must(read_body(&b, buf_bytes(&out), out.len, 3, &again) == (ssize_t)out.len);
    must(b.done && again.len == body->len);
    must(memcmp(buf_bytes(&again), buf_bytes(body), body->len) == 0);
    buf_free(&out);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 5, 64};
    enum http_framing framing =
        size > 0 ? (enum http_framing)(data[0] & 3) : HTTP_CHUNKED;
    uint64_t length = size > 1 ? data[1] : 0;
    const char *p = (const char *)data + (size < 2 ? size : 2);
    struct buf whole = {0};
    struct http_body b;
    ssize_t rc;
    size_t i;

    size -= size < 2 ? size : 2;
    http_body_init(&b, framing, length);
    rc = read_body(&b, p, size, size + 1, &whole);
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct buf out = {0};
        struct http_body parts;

        http_body_init(&parts, framing, length);
        must(read_body(&parts, p, size, steps[i], &out) == rc);
        must(parts.done == b.done && out.len == whole.len);
        must(memcmp(buf_bytes(&out), buf_bytes(&whole), out.len) == 0);
        must(http_body_end(&parts) == (parts.framing == HTTP_TO_END || b.done ? 0 : -32));
        buf_free(&out);
    }
    check_chunks(&whole);
    buf_free(&whole);
    return 0;
}
