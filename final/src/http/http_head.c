/* The table of a head.  A field gets the number of its name once, when it is parsed; what
 * comes later compares numbers.  The names are sorted by length, so that a name is
 * compared with the few that are as long as it is.
 * Rejected: a hash map, because 39 names in at most 64 fields are found faster by their
 * length. */
#include "http/http_head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 19

static const struct name {
    const char *text;
    uint8_t len;
    enum http_id id;
} names[] = {
#define NAME(text, id)                                                                   \
    {                                                                                    \
        text, sizeof(text) - 1, id                                                       \
    }
    NAME("te", HTTP_TE),
    NAME("age", HTTP_AGE),
    NAME("via", HTTP_VIA),
    NAME("date", HTTP_DATE),
    NAME("etag", HTTP_ETAG),
    NAME("host", HTTP_HOST),
    NAME("vary", HTTP_VARY),
    NAME("range", HTTP_RANGE),
    NAME("cookie", HTTP_COOKIE),
    NAME("expect", HTTP_EXPECT),
    NAME("pragma", HTTP_PRAGMA),
    NAME("expires", HTTP_EXPIRES),
    NAME("trailer", HTTP_TRAILER),
    NAME("upgrade", HTTP_UPGRADE),
    NAME("if-match", HTTP_IF_MATCH),
    NAME("if-range", HTTP_IF_RANGE),
    NAME("forwarded", HTTP_FORWARDED),
    NAME("lars-load", HTTP_LARS_LOAD),
    NAME("connection", HTTP_CONNECTION),
    NAME("keep-alive", HTTP_KEEP_ALIVE),
    NAME("lars-drill", HTTP_LARS_DRILL),
    NAME("set-cookie", HTTP_SET_COOKIE),
    NAME("lars-source", HTTP_LARS_SOURCE),
    NAME("x-request-id", HTTP_X_REQUEST_ID),
    NAME("authorization", HTTP_AUTHORIZATION),
    NAME("cache-control", HTTP_CACHE_CONTROL),
    NAME("if-none-match", HTTP_IF_NONE_MATCH),
    NAME("last-modified", HTTP_LAST_MODIFIED),
    NAME("content-length", HTTP_CONTENT_LENGTH),
    NAME("accept-encoding", HTTP_ACCEPT_ENCODING),
    NAME("accept-language", HTTP_ACCEPT_LANGUAGE),
    NAME("x-forwarded-for", HTTP_X_FORWARDED_FOR),
    NAME("proxy-connection", HTTP_PROXY_CONNECTION),
    NAME("x-forwarded-host", HTTP_X_FORWARDED_HOST),
    NAME("content-encoding", HTTP_CONTENT_ENCODING),
    NAME("transfer-encoding", HTTP_TRANSFER_ENCODING),
    NAME("x-forwarded-proto", HTTP_X_FORWARDED_PROTO),
    NAME("if-modified-since", HTTP_IF_MODIFIED_SINCE),
    NAME("if-unmodified-since", HTTP_IF_UNMODIFIED_SINCE),
#undef NAME
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* names[first[len]] is the first that is <len> long or longer. */
static const uint8_t first[NAME_MAX_LEN + 2] = {0,  0,  0,  1,  3,  7,  8,
                                                11, 14, 16, 18, 22, 23, 24,
                                                28, 29, 32, 35, 38, 38, 39};

static enum http_id id_of(struct http_text t)
{
    unsigned i;

    if (t.len > NAME_MAX_LEN)
        return HTTP_UNKNOWN;
    for (i = first[t.len]; i < first[t.len + 1]; i++)
        if (((t.at[0] ^ names[i].text[0]) & ~0x20) == 0 &&
            strncasecmp(t.at, names[i].text, t.len) == 0)
            return names[i].id;
    return HTTP_UNKNOWN;
}

static struct http_text trimmed(struct http_text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* The characters of a token: RFC 9110, 5.6.2. */
static const char is_token_char[256] = {
    ['!'] = 1,         ['#' ... '\''] = 1, ['*'] = 1,         ['+'] = 1,
    ['-'] = 1,         ['.'] = 1,          ['0' ... '9'] = 1, ['A' ... 'Z'] = 1,
    ['^' ... 'z'] = 1, ['|'] = 1,          ['~'] = 1};

static bool is_token(struct http_text t)
{
    uint32_t i;

    for (i = 0; i < t.len; i++)
        if (!is_token_char[(unsigned char)t.at[i]])
            return false;
    return t.len > 0;
}

int http_head_add(struct http_head *h, struct http_text name, struct http_text value)
{
    enum http_id id = id_of(name);
    struct http_field *f;

    if (h->n_fields == HTTP_FIELDS_MAX)
        return -E2BIG;
    if (!is_token(name))
        return -EINVAL;
    f = &h->field[h->n_fields++];
    f->name = name;
    f->value = trimmed(value);
    f->id = id;
    if (h->at[id])
        h->twice |= 1ULL << id;
    else
        h->at[id] = (uint8_t)h->n_fields;
    return 0;
}

struct http_text http_head_value(const struct http_head *h, enum http_id id)
{
    struct http_text none = {NULL, 0};

    return h->at[id] ? h->field[h->at[id] - 1].value : none;
}

bool http_head_text_is(struct http_text t, const char *s)
{
    return t.len == strlen(s) && strncasecmp(t.at, s, t.len) == 0;
}

/* Cut the next member off the comma-separated list <rest>.  False: none is left. */
static bool next_member(struct http_text *rest, struct http_text *out)
{
    const char *comma;

    if (rest->len == 0)
        return false;
    comma = memchr(rest->at, ',', rest->len);
    out->at = rest->at;
    out->len = comma ? (uint32_t)(comma - rest->at) : rest->len;
    rest->at += out->len + (comma != NULL);
    rest->len -= out->len + (comma != NULL);
    *out = trimmed(*out);
    return true;
}

static bool list_has(struct http_text list, struct http_text token)
{
    struct http_text one;

    while (next_member(&list, &one))
        if (one.len == token.len && strncasecmp(one.at, token.at, one.len) == 0)
            return true;
    return false;
}

static bool any_list_has(const struct http_head *h, enum http_id id,
                         struct http_text token)
{
    unsigned i = h->at[id];

    for (i = i ? i - 1 : h->n_fields; i < h->n_fields; i++)
        if (h->field[i].id == id && list_has(h->field[i].value, token))
            return true;
    return false;
}

bool http_head_has_token(const struct http_head *h, enum http_id id, const char *token)
{
    return any_list_has(h, id, (struct http_text){token, (uint32_t)strlen(token)});
}

/* The digits at the start of <t>; UINT32_MAX when there is none. */
static uint32_t number_of(struct http_text t)
{
    uint64_t n = 0;
    uint32_t i;

    for (i = 0; i < t.len && t.at[i] >= '0' && t.at[i] <= '9' && n < UINT32_MAX; i++)
        n = n * 10 + (uint64_t)(t.at[i] - '0');
    return i == 0 || n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

uint32_t http_head_keep_alive_s(const struct http_head *h)
{
    unsigned i = h->at[HTTP_KEEP_ALIVE];
    uint32_t least = UINT32_MAX, n;
    struct http_text rest, one;

    for (i = i ? i - 1 : h->n_fields; i < h->n_fields; i++) {
        if (h->field[i].id != HTTP_KEEP_ALIVE)
            continue;
        rest = h->field[i].value;
        while (next_member(&rest, &one)) {
            if (one.len < 8 || strncasecmp(one.at, "timeout=", 8) != 0)
                continue;
            n = number_of((struct http_text){one.at + 8, one.len - 8});
            least = n < least ? n : least;
        }
    }
    return least;
}

bool http_head_is_idempotent(const struct http_head *h)
{
    return h->method == HTTP_METHOD_GET || h->method == HTTP_METHOD_HEAD ||
           h->method == HTTP_METHOD_PUT || h->method == HTTP_METHOD_DELETE ||
           h->method == HTTP_METHOD_OPTIONS;
}

bool http_head_is_hop(const struct http_head *h, const struct http_field *f)
{
    switch (f->id) {
    case HTTP_CONNECTION:
    case HTTP_KEEP_ALIVE:
    case HTTP_PROXY_CONNECTION:
    case HTTP_TE:
    case HTTP_TRAILER:
    case HTTP_TRANSFER_ENCODING:
    case HTTP_UPGRADE:
        return true;
    default:
        return h->at[HTTP_CONNECTION] && any_list_has(h, HTTP_CONNECTION, f->name);
    }
}
