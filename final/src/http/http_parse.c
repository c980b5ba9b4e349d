/* Guard, parser, framing: three steps over the same bytes, each of which may refuse.
 *
 * The guard remembers how far it has come, so that a head which arrives byte by byte is
 * read once.  llhttp runs when the guard has seen the empty line, over the whole head:
 * each text is then in one piece, and no state of the parser has to be kept in a
 * connection. llhttp decides what a method, a target, a version and a field name are; it
 * is not asked about the body, because its decision depends on its version and its
 * lenient flags.
 *
 * Rejected: to feed llhttp with each piece as it arrives.  Its callbacks then give texts
 * in parts that would have to be copied together. */
#include "http/http_parse.h"

#include <errno.h>
#include <llhttp/llhttp.h>
#include <string.h>

#include "http/http_path.h"

static const struct {
    const char *name;
    uint16_t status;
} whys[HTTP_WHYS] = {[HTTP_FINE] = {"fine", 200},
                     [HTTP_WHY_CONTROL] = {"control_byte", 400},
                     [HTTP_WHY_FOLDED] = {"folded_line", 400},
                     [HTTP_WHY_LINE] = {"first_line", 400},
                     [HTTP_WHY_VERSION] = {"version", 505},
                     [HTTP_WHY_LINE_LONG] = {"line_too_long", 414},
                     [HTTP_WHY_HEAD_LONG] = {"head_too_long", 431},
                     [HTTP_WHY_FIELDS] = {"too_many_fields", 431},
                     [HTTP_WHY_FIELD] = {"field", 400},
                     [HTTP_WHY_HOST] = {"host", 400},
                     [HTTP_WHY_TARGET] = {"target", 400},
                     [HTTP_WHY_PATH] = {"path", 400},
                     [HTTP_WHY_LENGTH] = {"content_length", 400},
                     [HTTP_WHY_BOTH] = {"length_and_coding", 400},
                     [HTTP_WHY_CODING] = {"transfer_coding", 501},
                     [HTTP_WHY_CODING_1_0] = {"coding_in_1_0", 400},
                     [HTTP_WHY_BODY] = {"body_not_allowed", 400},
                     [HTTP_WHY_METHOD] = {"method_refused", 405},
                     [HTTP_WHY_UNKNOWN_METHOD] = {"unknown_method", 501},
                     [HTTP_WHY_EXPECT] = {"expect", 417},
                     [HTTP_WHY_CHUNK] = {"chunk", 400}};

uint16_t http_parse_status(enum http_why why)
{
    return whys[why].status;
}

const char *http_parse_why_name(enum http_why why)
{
    return whys[why].name;
}

/* --- guard -------------------------------------------------------------------------- */

/* The first byte from <i> on that is not printable; <n> when all are. */
static uint32_t skip_printable(const char *p, uint32_t i, uint32_t n)
{
    while (i < n && ((unsigned char)p[i] >= 0x20 && p[i] != 0x7f))
        i++;
    return i;
}

static enum http_why too_long(const struct http_parse *g)
{
    return g->n_lines == 0 ? HTTP_WHY_LINE_LONG : HTTP_WHY_HEAD_LONG;
}

/* Go on reading at g->at.  Returns the length of the head; 0 = not complete; *why. */
static uint32_t guard(struct http_parse *g, const char *p, uint32_t n, enum http_why *why)
{
    uint32_t i = g->at;

    for (;;) {
        if (i == g->line && i < n && (p[i] == ' ' || p[i] == '\t')) {
            *why = HTTP_WHY_FOLDED;
            return 0;
        }
        i = skip_printable(p, i, n);
        g->at = (uint16_t)i;
        if (i > (g->n_lines ? HTTP_HEAD_MAX - 2 : HTTP_LINE_MAX)) { /* 2: CR LF */
            *why = too_long(g);
            return 0;
        }
        if (i == n || (p[i] == '\r' && i + 1 == n))
            return 0;
        if (p[i] == '\t') {
            i++;
            continue;
        }
        if (p[i] != '\r' || p[i + 1] != '\n') {
            *why = HTTP_WHY_CONTROL;
            return 0;
        }
        i += 2;
        g->at = (uint16_t)i;
        if (i - 2 == g->line)
            return i; /* an empty line */
        g->line = (uint16_t)i;
        g->n_lines++;
    }
}

/* --- llhttp ------------------------------------------------------------------------- */

struct run {
    llhttp_t parser;
    struct http_head *head;
    struct http_text name;
    bool full;
};

static int on_method(llhttp_t *l, const char *at, size_t len)
{
    ((struct run *)l->data)->head->method_name = (struct http_text){at, (uint32_t)len};
    return 0;
}

static int on_url(llhttp_t *l, const char *at, size_t len)
{
    ((struct run *)l->data)->head->target = (struct http_text){at, (uint32_t)len};
    return 0;
}

static int on_status(llhttp_t *l, const char *at, size_t len)
{
    ((struct run *)l->data)->head->reason = (struct http_text){at, (uint32_t)len};
    return 0;
}

static int on_name(llhttp_t *l, const char *at, size_t len)
{
    ((struct run *)l->data)->name = (struct http_text){at, (uint32_t)len};
    return 0;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
    struct run *r = l->data;

    int rc = http_head_add(r->head, r->name, (struct http_text){at, (uint32_t)len});

    r->full = rc == -E2BIG;
    return rc < 0 ? HPE_USER : 0;
}

static int on_head(llhttp_t *l)
{
    (void)l;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {.on_method = on_method,
                                           .on_url = on_url,
                                           .on_status = on_status,
                                           .on_header_field = on_name,
                                           .on_header_value = on_value,
                                           .on_headers_complete = on_head};

/* What the error <e> of llhttp is in our terms. */
static enum http_why why_of(llhttp_errno_t e, const struct run *r)
{
    switch (e) {
    case HPE_USER:
        return r->full ? HTTP_WHY_FIELDS : HTTP_WHY_FIELD;
    case HPE_INVALID_VERSION:
        return HTTP_WHY_VERSION;
    case HPE_INVALID_METHOD:
        return HTTP_WHY_UNKNOWN_METHOD;
    case HPE_INVALID_URL:
        return HTTP_WHY_TARGET;
    case HPE_INVALID_CONTENT_LENGTH:
        return HTTP_WHY_LENGTH;
    case HPE_UNEXPECTED_CONTENT_LENGTH: /* after another one, or after a coding */
        return r->head->at[HTTP_TRANSFER_ENCODING] ? HTTP_WHY_BOTH : HTTP_WHY_LENGTH;
    case HPE_INVALID_TRANSFER_ENCODING:
        return HTTP_WHY_CODING;
    case HPE_INVALID_HEADER_TOKEN:
        return HTTP_WHY_FIELD;
    default:
        return HTTP_WHY_LINE;
    }
}

/* The first line is METHOD TARGET HTTP/1.x with one blank between: llhttp takes more. */
static bool is_one_line(const struct http_head *h)
{
    const char *method = h->method_name.at, *target = h->target.at;
    const char *version = target + h->target.len + 1;

    return target == method + h->method_name.len + 1 && version[-1] == ' ' &&
           memcmp(version, "HTTP/1.", 7) == 0 && version[8] == '\r';
}

static enum http_why run_llhttp(llhttp_type_t type, const char *p, size_t n,
                                struct http_head *out)
{
    struct run r = {.head = out};
    llhttp_errno_t e;

    llhttp_init(&r.parser, type, &settings);
    r.parser.data = &r;
    e = llhttp_execute(&r.parser, p, n);
    if (e != HPE_PAUSED)
        return e == HPE_OK ? HTTP_WHY_LINE : why_of(e, &r);
    if (r.parser.http_major != 1 || r.parser.http_minor > 1)
        return HTTP_WHY_VERSION;
    out->minor = r.parser.http_minor;
    out->status = r.parser.status_code;
    if (type == HTTP_RESPONSE)
        return out->status < 100 || out->status > 999 ? HTTP_WHY_LINE : HTTP_FINE;
    return is_one_line(out) ? HTTP_FINE : HTTP_WHY_LINE;
}

/* --- what the fields mean ----------------------------------------------------------- */

static bool is_twice(const struct http_head *h, enum http_id id)
{
    return h->twice & 1ULL << id;
}

/* Digits only, and no more than 18 of them, so that the number cannot overflow. */
static bool parse_length(struct http_text t, uint64_t *out)
{
    uint32_t i;

    *out = 0;
    for (i = 0; i < t.len && t.at[i] >= '0' && t.at[i] <= '9'; i++)
        *out = *out * 10 + (uint64_t)(t.at[i] - '0');
    return t.len > 0 && i == t.len && t.len <= 18;
}

/* Decide the framing from Transfer-Encoding and Content-Length; <none> when there is
 * neither. */
static enum http_why decide_framing(struct http_head *h, enum http_framing none)
{
    bool coded = h->at[HTTP_TRANSFER_ENCODING] != 0;
    bool counted = h->at[HTTP_CONTENT_LENGTH] != 0;

    h->framing = none;
    if (coded && counted)
        return HTTP_WHY_BOTH;
    if (coded) {
        if (h->minor == 0)
            return HTTP_WHY_CODING_1_0;
        if (is_twice(h, HTTP_TRANSFER_ENCODING) ||
            !http_head_text_is(http_head_value(h, HTTP_TRANSFER_ENCODING), "chunked"))
            return HTTP_WHY_CODING;
        h->framing = HTTP_CHUNKED;
    } else if (counted) {
        if (is_twice(h, HTTP_CONTENT_LENGTH) ||
            !parse_length(http_head_value(h, HTTP_CONTENT_LENGTH), &h->length))
            return HTTP_WHY_LENGTH;
        h->framing = HTTP_LENGTH;
    }
    return HTTP_FINE;
}

static void decide_keep_alive(struct http_head *h)
{
    h->keep_alive = h->minor == 1;
    if (!h->at[HTTP_CONNECTION])
        return;
    if (http_head_has_token(h, HTTP_CONNECTION, "close"))
        h->keep_alive = false;
    else if (http_head_has_token(h, HTTP_CONNECTION, "keep-alive"))
        h->keep_alive = true;
}

static enum http_method method_of(struct http_text t)
{
    static const char *const name[] = {
        [HTTP_METHOD_GET] = "GET",       [HTTP_METHOD_HEAD] = "HEAD",
        [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
        [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
        [HTTP_METHOD_PATCH] = "PATCH",   [HTTP_METHOD_CONNECT] = "CONNECT",
        [HTTP_METHOD_TRACE] = "TRACE"};
    unsigned i;

    for (i = HTTP_METHOD_GET; i <= HTTP_METHOD_TRACE; i++)
        if (t.len == strlen(name[i]) && memcmp(t.at, name[i], t.len) == 0)
            return (enum http_method)i;
    return HTTP_METHOD_OTHER;
}

/* Only digits, letters up to <last>, in both cases, and the characters of <extra>. */
static bool has_only(struct http_text t, char last, const char *extra)
{
    uint32_t i;

    for (i = 0; i < t.len; i++) {
        char c = t.at[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= last) ||
              memchr(extra, c, strlen(extra))))
            return false;
    }
    return t.len > 0;
}

/* Cut ":PORT" off.  Returns the number of its digits. */
static uint32_t cut_port(struct http_text *t)
{
    uint32_t n = 0;

    while (n < t->len && t->at[t->len - 1 - n] >= '0' && t->at[t->len - 1 - n] <= '9')
        n++;
    if (n == t->len || t->at[t->len - 1 - n] != ':')
        return 0;
    t->len -= n + 1;
    return n;
}

/* A name or an IPv4 address, or an IPv6 address in brackets; a port may follow. */
static bool is_host(struct http_text t)
{
    if (t.len > 255 || cut_port(&t) > 5)
        return false;
    if (t.len < 2 || t.at[0] != '[' || t.at[t.len - 1] != ']')
        return has_only(t, 'z', ".-_");
    t.at++;
    t.len -= 2;
    return has_only(t, 'f', ":.") && memchr(t.at, ':', t.len);
}

/* Reduce "http://host/path" to its path; its host must be that of the field Host. */
static bool origin_form(struct http_head *h)
{
    struct http_text *t = &h->target;
    uint32_t scheme;

    if (t->len > 7 && strncasecmp(t->at, "http://", 7) == 0)
        scheme = 7;
    else if (t->len > 8 && strncasecmp(t->at, "https://", 8) == 0)
        scheme = 8;
    else
        return false;
    t->at += scheme;
    t->len -= scheme;
    if (t->len < h->host.len || strncasecmp(t->at, h->host.at, h->host.len) != 0)
        return false;
    t->at += h->host.len;
    t->len -= h->host.len;
    return t->len > 0 && t->at[0] == '/';
}

static bool is_visible(struct http_text t)
{
    uint32_t i;

    for (i = 0; i < t.len; i++)
        if ((unsigned char)t.at[i] <= 0x20 || (unsigned char)t.at[i] >= 0x7f)
            return false;
    return true;
}

static enum http_why check_target(struct http_head *h)
{
    struct http_text *t = &h->target;

    if (!is_visible(*t) || memchr(t->at, '#', t->len))
        return HTTP_WHY_TARGET;
    if (t->len == 1 && t->at[0] == '*' && h->method == HTTP_METHOD_OPTIONS)
        return HTTP_FINE;
    if (t->at[0] != '/' && !origin_form(h))
        return HTTP_WHY_TARGET;
    return http_path_is_clear(*t) ? HTTP_FINE : HTTP_WHY_PATH;
}

static enum http_why check_request(struct http_head *h)
{
    enum http_why why;

    h->method = method_of(h->method_name);
    if (h->method == HTTP_METHOD_OTHER)
        return HTTP_WHY_UNKNOWN_METHOD;
    if (h->method == HTTP_METHOD_CONNECT || h->method == HTTP_METHOD_TRACE)
        return HTTP_WHY_METHOD;
    h->host = http_head_value(h, HTTP_HOST);
    if (is_twice(h, HTTP_HOST) || !is_host(h->host))
        return HTTP_WHY_HOST;
    why = check_target(h);
    if (why == HTTP_FINE)
        why = decide_framing(h, HTTP_NO_BODY);
    if (why != HTTP_FINE)
        return why;
    if (h->framing != HTTP_NO_BODY && (h->framing == HTTP_CHUNKED || h->length > 0) &&
        (h->method == HTTP_METHOD_GET || h->method == HTTP_METHOD_HEAD ||
         h->method == HTTP_METHOD_OPTIONS))
        return HTTP_WHY_BODY;
    if (h->at[HTTP_EXPECT] &&
        (is_twice(h, HTTP_EXPECT) ||
         !http_head_text_is(http_head_value(h, HTTP_EXPECT), "100-continue")))
        return HTTP_WHY_EXPECT;
    decide_keep_alive(h);
    return HTTP_FINE;
}

static enum http_why check_response(struct http_head *h, enum http_method to)
{
    enum http_why why = decide_framing(h, HTTP_TO_END);

    if (why != HTTP_FINE)
        return why;
    if (h->status < 200 || h->status == 204 || h->status == 304 ||
        to == HTTP_METHOD_HEAD) {
        if (h->framing == HTTP_CHUNKED && (h->status < 200 || h->status == 204))
            return HTTP_WHY_BODY; /* RFC 9112, 6.1: not in 1xx and 204 */
        h->framing = HTTP_NO_BODY;
    }
    decide_keep_alive(h);
    return HTTP_FINE;
}

/* Clear what a parse fills, and not the whole table. */
static void clear(struct http_head *h)
{
    memset(h, 0, offsetof(struct http_head, field));
    memset(h->at, 0, sizeof(h->at));
    h->twice = 0;
}

ssize_t http_parse_request(struct http_parse *p, const char *buf, size_t len,
                           struct http_head *out, enum http_why *why)
{
    uint32_t n;

    *why = HTTP_FINE;
    n = guard(p, buf, (uint32_t)(len > 2 * HTTP_HEAD_MAX ? 2 * HTTP_HEAD_MAX : len), why);
    if (*why != HTTP_FINE)
        return -EBADMSG;
    if (n == 0)
        return -EAGAIN;
    clear(out);
    if (n == 2)
        return 2;
    *why = run_llhttp(HTTP_REQUEST, buf, n, out);
    if (*why == HTTP_FINE)
        *why = check_request(out);
    return *why == HTTP_FINE ? (ssize_t)n : -EBADMSG;
}

ssize_t http_parse_response(struct http_parse *p, const char *buf, size_t len,
                            enum http_method to, struct http_head *out,
                            enum http_why *why)
{
    uint32_t n;

    *why = HTTP_FINE;
    n = guard(p, buf, (uint32_t)(len > 2 * HTTP_HEAD_MAX ? 2 * HTTP_HEAD_MAX : len), why);
    if (*why != HTTP_FINE)
        return -EBADMSG;
    if (n == 0)
        return -EAGAIN;
    clear(out);
    *why = n == 2 ? HTTP_WHY_LINE : run_llhttp(HTTP_RESPONSE, buf, n, out);
    if (*why == HTTP_FINE)
        *why = check_response(out, to);
    return *why == HTTP_FINE ? (ssize_t)n : -EBADMSG;
}
