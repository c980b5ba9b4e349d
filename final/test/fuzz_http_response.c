/* fuzz_http_response -- checks for any input, as the response to each of two methods,
 * that a head in parts has the same result as one at once, and that what a visitor gets
 * of it is read again with the same status and framing. */
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

static ssize_t parse(const char *p, size_t size, size_t step, enum http_method to,
                     struct http_head *h, enum http_why *why)
{
    struct http_parse state = {0};
    size_t n = 0;
    ssize_t rc = -11;

    while (n < size) {
        n = n + step < size ? n + step : size;
        rc = http_parse_response(&state, p, n, to, h, why);
        if (rc != -11) /* -EAGAIN */
            break;
    }
    return rc;
}

static void write_again(const struct http_head *h, enum http_method to)
{
    static struct http_head again;
    struct http_pass pass = {.minor = 1,
                             .keep_alive = true,
                             .framing = h->framing,
                             .length = h->length,
                             .request_id = "0",
                             .extra = ""};
    struct buf out = {0};
    enum http_why why;
    ssize_t rc;

    must(http_write_response(&out, h, &pass) == 0);
    rc = parse(buf_bytes(&out), out.len, out.len, to, &again, &why);
    if (rc < 0 && (why == HTTP_WHY_FIELDS || why == HTTP_WHY_HEAD_LONG)) {
        buf_free(&out);
        return;
    }
    must(rc == (ssize_t)out.len && again.status == h->status);
    must(again.framing == h->framing || again.status == 304);
    must(again.framing != HTTP_LENGTH || again.length == h->length);
    must(!again.at[HTTP_LARS_LOAD] && !again.at[HTTP_CONNECTION]);
    buf_free(&out);
}

static void check(const char *p, size_t size, enum http_method to)
{
    static struct http_head one, parts;
    enum http_why why = HTTP_FINE, why_parts = HTTP_FINE;
    ssize_t rc = parse(p, size, size, to, &one, &why);

    must(parse(p, size, 1, to, &parts, &why_parts) == rc && why_parts == why);
    must(parse(p, size, 5, to, &parts, &why_parts) == rc && why_parts == why);
    if (rc <= 0)
        return;
    must((size_t)rc <= size && one.status >= 100 && one.status <= 999);
    must(one.status >= 200 || one.framing == HTTP_NO_BODY);
    must(to != HTTP_METHOD_HEAD || one.framing == HTTP_NO_BODY);
    write_again(&one, to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((const char *)data, size, HTTP_METHOD_GET);
    check((const char *)data, size, HTTP_METHOD_HEAD);
    return 0;
}
