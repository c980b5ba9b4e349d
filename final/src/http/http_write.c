/* Each function reserves room for the longest result first and then writes without
 * another check: a head is assembled with a few copies, whatever number of fields it has.
 * The fields of one connection and those that the proxy writes itself are left out. */
#include "http/http_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VIA "1.1 lars"
#define ROOM_OF_OURS 1024 /* everything that is not from the message */

struct cursor {
    char *at;
};

static void put(struct cursor *c, const char *p, size_t len)
{
    if (len > 0) /* an empty text may be NULL, which memcpy() does not allow */
        memcpy(c->at, p, len);
    c->at += len;
}

#define PUT(c, literal) put((c), (literal), sizeof(literal) - 1)

static void put_s(struct cursor *c, const char *s)
{
    put(c, s, strlen(s));
}

static void put_text(struct cursor *c, struct http_text t)
{
    put(c, t.at, t.len);
}

static void put_number(struct cursor *c, uint64_t n)
{
    char digits[20], *d = digits + sizeof(digits);

    do {
        *--d = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    put(c, d, (size_t)(digits + sizeof(digits) - d));
}

static void put_field(struct cursor *c, const struct http_field *f)
{
    put_text(c, f->name);
    PUT(c, ": ");
    put_text(c, f->value);
    PUT(c, "\r\n");
}

/* The longest that the fields of <in> can become. */
static size_t room_of(const struct http_head *in)
{
    size_t n = ROOM_OF_OURS + in->target.len + in->host.len + in->reason.len;
    unsigned i;

    for (i = 0; i < in->n_fields; i++) {
        n += in->field[i].name.len + in->field[i].value.len + 4;
        if (in->field[i].id == HTTP_COOKIE)
            n += in->field[i].value.len; /* put_cookies(): a blank after each ';' */
    }
    return n;
}

static int begin(struct buf *out, size_t room, struct cursor *c)
{
    int rc = buf_reserve(out, room);

    c->at = rc == 0 ? buf_tail(out) : NULL;
    return rc;
}

static int end(struct buf *out, const struct cursor *c)
{
    buf_added(out, (size_t)(c->at - buf_tail(out)));
    return 0;
}

/* --- to a node ---------------------------------------------------------------------- */

/* The field is the proxy's own or belongs to the visitor's connection. */
static bool is_left_out(const struct http_head *in, const struct http_field *f,
                        bool trusted)
{
    switch (f->id) {
    case HTTP_HOST:
    case HTTP_CONTENT_LENGTH:
    case HTTP_EXPECT:
    case HTTP_X_REQUEST_ID:
    case HTTP_VIA:
    case HTTP_X_FORWARDED_FOR:
    case HTTP_LARS_DRILL:
    case HTTP_LARS_SOURCE:
        return true;
    case HTTP_FORWARDED:
    case HTTP_X_FORWARDED_HOST:
    case HTTP_X_FORWARDED_PROTO:
        return !trusted;
    default:
        return http_head_is_hop(in, f);
    }
}

/* The field is of this visitor only, and the response is for others as well. */
static bool is_replaced(const struct http_field *f, const struct http_forward *how)
{
    if (!how->whole)
        return false;
    return f->id == HTTP_IF_NONE_MATCH || f->id == HTTP_IF_MODIFIED_SINCE ||
           (f->id == HTTP_ACCEPT_ENCODING && how->encoding) ||
           (f->id == HTTP_ACCEPT_LANGUAGE && how->language);
}

static void put_named(struct cursor *c, const char *name, const char *value)
{
    put_s(c, name);
    put_s(c, value);
    PUT(c, "\r\n");
}

static void put_condition(struct cursor *c, const char *name, struct http_text value)
{
    if (value.len == 0)
        return;
    put_s(c, name);
    put_text(c, value);
    PUT(c, "\r\n");
}

/* The pairs of a Cookie field without those named <drop>. */
static void put_cookies(struct cursor *c, struct http_text t, const char *drop)
{
    size_t len = strlen(drop);
    const char *p = t.at, *stop = t.at + t.len;
    bool any = false;

    while (p < stop) {
        const char *semicolon = memchr(p, ';', (size_t)(stop - p));
        const char *e = semicolon ? semicolon : stop;

        while (p < e && (*p == ' ' || *p == '\t'))
            p++;
        if (e > p &&
            !((size_t)(e - p) > len && memcmp(p, drop, len) == 0 && p[len] == '=')) {
            if (any)
                PUT(c, "; ");
            else
                PUT(c, "Cookie: ");
            put(c, p, (size_t)(e - p));
            any = true;
        }
        p = semicolon ? semicolon + 1 : stop;
    }
    if (any)
        PUT(c, "\r\n");
}

static void put_list(struct cursor *c, const struct http_head *in, enum http_id id)
{
    unsigned i;

    for (i = 0; i < in->n_fields; i++)
        if (in->field[i].id == id) {
            put_text(c, in->field[i].value);
            PUT(c, ", ");
        }
}

static void put_forwarded(struct cursor *c, const struct http_head *in,
                          const struct http_forward *f)
{
    PUT(c, "X-Forwarded-For: ");
    if (f->trusted)
        put_list(c, in, HTTP_X_FORWARDED_FOR);
    put_s(c, f->peer);
    if (!f->trusted || !in->at[HTTP_X_FORWARDED_PROTO]) {
        PUT(c, "\r\nX-Forwarded-Proto: ");
        put_s(c, f->tls ? "https" : "http");
    }
    if (!f->trusted || !in->at[HTTP_X_FORWARDED_HOST]) {
        PUT(c, "\r\nX-Forwarded-Host: ");
        put_text(c, in->host);
    }
    PUT(c, "\r\nX-Request-Id: ");
    put_s(c, f->request_id);
    PUT(c, "\r\nVia: ");
    put_list(c, in, HTTP_VIA);
    PUT(c, VIA "\r\n");
}

int http_write_request(struct buf *out, const struct http_head *in,
                       const struct http_forward *f)
{
    struct cursor c;
    unsigned i;

    if (begin(out, room_of(in) + 2 * in->host.len + f->none_match.len + f->modified.len,
              &c) < 0)
        return -ENOMEM;
    put_text(&c, in->method_name);
    PUT(&c, " ");
    put_text(&c, in->target);
    PUT(&c, " HTTP/1.1\r\nHost: ");
    put_text(&c, in->host);
    PUT(&c, "\r\n");
    for (i = 0; i < in->n_fields; i++) {
        const struct http_field *field = &in->field[i];

        if (is_left_out(in, field, f->trusted))
            continue;
        if (field->id == HTTP_COOKIE && f->cookie_drop)
            put_cookies(&c, field->value, f->cookie_drop);
        else if (!is_replaced(field, f))
            put_field(&c, field);
    }
    if (f->whole && f->encoding && f->encoding[0])
        put_named(&c, "Accept-Encoding: ", f->encoding);
    if (f->whole && f->language && f->language[0])
        put_named(&c, "Accept-Language: ", f->language);
    if (f->whole) {
        put_condition(&c, "If-None-Match: ", f->none_match);
        put_condition(&c, "If-Modified-Since: ", f->modified);
    }
    put_forwarded(&c, in, f);
    if (f->source)
        put_named(&c, HTTP_WRITE_SOURCE ": ", f->source);
    if (in->framing == HTTP_CHUNKED)
        PUT(&c, "Transfer-Encoding: chunked\r\n");
    if (in->framing == HTTP_LENGTH) {
        PUT(&c, "Content-Length: ");
        put_number(&c, in->length);
        PUT(&c, "\r\n");
    }
    PUT(&c, "\r\n");
    return end(out, &c);
}

/* --- to a visitor ------------------------------------------------------------------- */

static void put_status(struct cursor *c, uint16_t status, struct http_text reason)
{
    PUT(c, "HTTP/1.1 ");
    put_number(c, status);
    PUT(c, " ");
    put_text(c, reason);
    PUT(c, "\r\n");
}

static void put_connection(struct cursor *c, uint8_t minor, bool keep_alive)
{
    if (!keep_alive)
        PUT(c, "Connection: close\r\n");
    else if (minor == 0)
        PUT(c, "Connection: keep-alive\r\n");
}

int http_write_response(struct buf *out, const struct http_head *in,
                        const struct http_pass *p)
{
    struct cursor c;
    unsigned i;

    if (begin(out, room_of(in) + strlen(p->extra), &c) < 0)
        return -ENOMEM;
    put_status(&c, in->status, in->reason);
    for (i = 0; i < in->n_fields; i++) {
        const struct http_field *f = &in->field[i];

        if (f->id == HTTP_CONTENT_LENGTH || f->id == HTTP_X_REQUEST_ID ||
            f->id == HTTP_LARS_LOAD || (f->id == HTTP_CACHE_CONTROL && p->is_private) ||
            http_head_is_hop(in, f))
            continue;
        put_field(&c, f);
    }
    if (p->is_private)
        PUT(&c, "Cache-Control: private, no-store\r\n");
    if (p->framing == HTTP_CHUNKED)
        PUT(&c, "Transfer-Encoding: chunked\r\n");
    if (p->framing == HTTP_LENGTH) {
        PUT(&c, "Content-Length: ");
        put_number(&c, p->length);
        PUT(&c, "\r\n");
    }
    PUT(&c, "Via: " VIA "\r\nX-Request-Id: ");
    put_s(&c, p->request_id);
    PUT(&c, "\r\n");
    put_connection(&c, p->minor, p->keep_alive);
    put_s(&c, p->extra);
    PUT(&c, "\r\n");
    return end(out, &c);
}

/* --- a response that is kept -------------------------------------------------------- */

int http_write_fields(struct buf *out, const struct http_head *in)
{
    struct cursor c;
    unsigned i;

    if (begin(out, room_of(in), &c) < 0)
        return -ENOMEM;
    for (i = 0; i < in->n_fields; i++) {
        const struct http_field *f = &in->field[i];

        if (f->id != HTTP_CONTENT_LENGTH && f->id != HTTP_X_REQUEST_ID &&
            f->id != HTTP_LARS_LOAD && f->id != HTTP_AGE && !http_head_is_hop(in, f))
            put_field(&c, f);
    }
    PUT(&c, "Via: " VIA "\r\n");
    return end(out, &c);
}

/* What a 304 may change of a response that was kept. */
static bool renews(const struct http_head *in, const struct http_field *f)
{
    static const char *const of_body[] = {"Content-Encoding", "Content-Type",
                                          "Content-Range", "Content-Location"};
    size_t i;

    for (i = 0; i < sizeof(of_body) / sizeof(of_body[0]); i++)
        if (f->name.len == strlen(of_body[i]) &&
            strncasecmp(f->name.at, of_body[i], f->name.len) == 0)
            return false;
    return f->id != HTTP_CONTENT_LENGTH && f->id != HTTP_X_REQUEST_ID &&
           f->id != HTTP_LARS_LOAD && f->id != HTTP_AGE && f->id != HTTP_VIA &&
           !http_head_is_hop(in, f);
}

static bool is_renewed(const struct http_head *in, struct http_text name)
{
    unsigned i;

    for (i = 0; i < in->n_fields; i++)
        if (in->field[i].name.len == name.len &&
            strncasecmp(in->field[i].name.at, name.at, name.len) == 0)
            return renews(in, &in->field[i]);
    return false;
}

int http_write_renewed(struct buf *out, struct http_text fields,
                       const struct http_head *in)
{
    const char *p = fields.at, *stop = fields.at + fields.len;
    struct cursor c;
    unsigned i;

    if (begin(out, room_of(in) + fields.len, &c) < 0)
        return -ENOMEM;
    while (p < stop) {
        const char *lf = memchr(p, '\n', (size_t)(stop - p));
        const char *next = lf ? lf + 1 : stop;
        const char *colon = memchr(p, ':', (size_t)(next - p));

        if (colon && !is_renewed(in, (struct http_text){p, (uint32_t)(colon - p)}))
            put(&c, p, (size_t)(next - p));
        p = next;
    }
    for (i = 0; i < in->n_fields; i++)
        if (renews(in, &in->field[i]))
            put_field(&c, &in->field[i]);
    return end(out, &c);
}

/* All but the field <name>. */
static void put_others(struct cursor *c, struct http_text fields, const char *name)
{
    const char *p = fields.at, *stop = fields.at + fields.len;
    size_t len = strlen(name);

    while (p < stop) {
        const char *lf = memchr(p, '\n', (size_t)(stop - p));
        const char *next = lf ? lf + 1 : stop;

        if ((size_t)(next - p) <= len || p[len] != ':' || strncasecmp(p, name, len) != 0)
            put(c, p, (size_t)(next - p));
        p = next;
    }
}

int http_write_copy(struct buf *out, const struct http_copy *p)
{
    const char *reason = http_write_reason(p->status);
    struct cursor c;

    if (begin(out, ROOM_OF_OURS + p->fields.len + strlen(p->extra), &c) < 0)
        return -ENOMEM;
    put_status(&c, p->status, (struct http_text){reason, (uint32_t)strlen(reason)});
    if (p->is_private) {
        put_others(&c, p->fields, "Cache-Control");
        PUT(&c, "Cache-Control: private, no-store\r\n");
    } else {
        put_text(&c, p->fields);
    }
    if (p->status != 304) {
        PUT(&c, "Content-Length: ");
        put_number(&c, p->length);
        PUT(&c, "\r\n");
    }
    PUT(&c, "Age: ");
    put_number(&c, p->age_s);
    PUT(&c, "\r\nX-Request-Id: ");
    put_s(&c, p->request_id);
    PUT(&c, "\r\n");
    put_connection(&c, p->minor, p->keep_alive);
    put_s(&c, p->extra);
    PUT(&c, "\r\n");
    return end(out, &c);
}

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {{100, "Continue"},
               {200, "OK"},
               {203, "Non-Authoritative Information"},
               {204, "No Content"},
               {301, "Moved Permanently"},
               {302, "Found"},
               {303, "See Other"},
               {304, "Not Modified"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {410, "Gone"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {417, "Expectation Failed"},
               {421, "Misdirected Request"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {502, "Bad Gateway"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"},
               {505, "HTTP Version Not Supported"}};

const char *http_write_reason(uint16_t status)
{
    size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

int http_write_own(struct buf *out, uint16_t status, const char *type, const char *body,
                   size_t len, const char *extra, bool keep_alive, bool no_body)
{
    const char *reason = http_write_reason(status);
    struct cursor c;

    if (begin(out, ROOM_OF_OURS + strlen(type) + strlen(extra) + len, &c) < 0)
        return -ENOMEM;
    put_status(&c, status, (struct http_text){reason, (uint32_t)strlen(reason)});
    PUT(&c, "Content-Type: ");
    put_s(&c, type);
    PUT(&c, "\r\nContent-Length: ");
    put_number(&c, len);
    PUT(&c, "\r\n");
    put_connection(&c, 1, keep_alive);
    put_s(&c, extra);
    PUT(&c, "\r\n");
    if (!no_body)
        put(&c, body, len);
    return end(out, &c);
}

int http_write_chunk(struct buf *out, const char *p, size_t len)
{
    char size[24];
    int n = snprintf(size, sizeof(size), "%zx\r\n", len);
    struct cursor c;

    if (begin(out, len + (size_t)n + 2, &c) < 0)
        return -ENOMEM;
    put(&c, size, (size_t)n);
    put(&c, p, len);
    PUT(&c, "\r\n");
    return end(out, &c);
}

int http_write_last_chunk(struct buf *out)
{
    return buf_append(out, "0\r\n\r\n", 5);
}
