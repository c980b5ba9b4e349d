/* A parser that keeps a position between calls must give one result for all the ways in
 * which a message can be cut.  The parts are copied to fresh memory each time, so that a
 * tool finds a read behind the bytes that have arrived and a text that was kept. */
#include "httpcase.h"

#include <strings.h>

ssize_t httpcase_parse(const char *text, size_t len, size_t first, size_t step,
                       const enum http_method *to, struct http_head *out,
                       enum http_why *why)
{
    struct http_parse p = {0};
    size_t n = first;
    ssize_t rc;

    for (;;) {
        char *part = malloc(n + (n == 0));

        assert_non_null(part);
        memcpy(part, text, n);
        rc = to ? http_parse_response(&p, part, n, *to, out, why)
                : http_parse_request(&p, part, n, out, why);
        free(part);
        if (rc != -EAGAIN || n == len)
            return rc;
        n = n + step < len ? n + step : len;
    }
}

static void check_refused(const struct httpcase *c, size_t first, size_t step,
                          const enum http_method *to)
{
    static struct http_head h;
    enum http_why why = HTTP_FINE;
    ssize_t rc = httpcase_parse(c->text, c->len, first, step, to, &h, &why);

    if (rc != -EBADMSG || why != c->why)
        fail_msg("%s, cut at %zu, then every %zu: %zd, %s and not %s", c->what, first,
                 step, rc, http_parse_why_name(why), http_parse_why_name(c->why));
    assert_int_equal(http_parse_status(why), c->status);
}

void httpcase_check_bad(const struct httpcase *c, const enum http_method *to)
{
    size_t first, stride = c->len > 2000 ? 97 : 1;

    for (first = 0; first <= c->len; first += stride)
        check_refused(c, first, c->len + 1, to);
    check_refused(c, 0, stride, to);
    check_refused(c, 1, 7, to);
    check_refused(c, c->len, 1, to);
}

void httpcase_check_good(const char *text, size_t len, const enum http_method *to,
                         struct http_head *out)
{
    struct http_parse p = {0};
    size_t first, stride = len > 2000 ? 97 : 1;
    enum http_why why;
    ssize_t rc;

    for (first = 0; first <= len; first += stride) {
        rc = httpcase_parse(text, len, first, len + 1, to, out, &why);
        if (rc != (ssize_t)len)
            fail_msg("cut at %zu: %zd, %s: %.60s", first, rc, http_parse_why_name(why),
                     text);
    }
    rc = httpcase_parse(text, len, 0, stride, to, out, &why);
    assert_int_equal(rc, len);
    rc = to ? http_parse_response(&p, text, len, *to, out, &why)
            : http_parse_request(&p, text, len, out, &why);
    assert_int_equal(rc, len);
    assert_int_equal(why, HTTP_FINE);
}

static unsigned n_named(const struct http_head *h, const char *name, unsigned *at)
{
    unsigned i, n = 0;

    for (i = 0; i < h->n_fields; i++)
        if (http_head_text_is(h->field[i].name, name)) {
            *at = i;
            n++;
        }
    return n;
}

const char *httpcase_value(const struct http_head *h, const char *name)
{
    static char text[HTTP_HEAD_MAX + 1];
    unsigned at = 0, n = n_named(h, name, &at);

    if (n != 1)
        fail_msg("%u fields %s", n, name);
    snprintf(text, sizeof(text), "%.*s", (int)h->field[at].value.len,
             h->field[at].value.at);
    return text;
}

bool httpcase_has(const struct http_head *h, const char *name)
{
    unsigned at;

    return n_named(h, name, &at) > 0;
}
