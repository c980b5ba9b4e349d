/* Directives are read one by one from all Cache-Control fields, and each number once: a
 * second one that differs makes the response stale, as RFC 9111, 4.2.1 has it.  Quotes
 * matter, because a comma in them separates nothing: private="a, no-store" is one
 * directive.  Numbers that are too large become the largest.
 *
 * Invariant: what cannot be understood never makes a response fresh for longer.
 * Rejected: a heuristic from Last-Modified (RFC 9111, 4.2.2).  A page that changed long
 * ago may change now, and an operator can foresee what the rule's cache_ms does. */
#include "http/cache_control.h"

#include <string.h>
#include <strings.h>

#define ETAG_MAX 200 /* bytes of a tag that is sent back */

#define SECONDS_MAX 0x80000000u /* RFC 9111, 1.2.2 */

/* --- texts -------------------------------------------------------------------------- */

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

/* Where <c> is in <t>, outside quotes; t.len when it is not.  *open: a quote does not
 * end. */
static uint32_t find(struct http_text t, char c, bool *open)
{
    uint32_t i;

    *open = false;
    for (i = 0; i < t.len; i++) {
        if (*open && t.at[i] == '\\')
            i++;
        else if (t.at[i] == '"')
            *open = !*open;
        else if (t.at[i] == c && !*open)
            return i;
    }
    return t.len;
}

/* Cut off what is before the next <c>, or everything.  False: nothing is left. */
static bool cut(struct http_text *rest, char c, struct http_text *out)
{
    bool open;
    uint32_t n = find(*rest, c, &open);

    if (rest->len == 0)
        return false;
    *out = trimmed((struct http_text){rest->at, n});
    n += n < rest->len;
    rest->at += n;
    rest->len -= n;
    return true;
}

/* Digits only, with or without quotes.  False: it is no such number. */
static bool number(struct http_text t, uint64_t *out)
{
    uint64_t n = 0;
    uint32_t i;

    if (t.len >= 2 && t.at[0] == '"' && t.at[t.len - 1] == '"') {
        t.at++;
        t.len -= 2;
    }
    for (i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(t.at[i] - '0');
        if (n > SECONDS_MAX)
            n = SECONDS_MAX;
    }
    *out = n;
    return t.len > 0;
}

/* --- Cache-Control ------------------------------------------------------------------ */

struct seconds {
    bool given;
    uint64_t s;
};

struct directives {
    bool forbidden, revalidate;
    struct seconds s_maxage, max_age, stale, stale_error;
};

/* No number, or another one than before: 0 seconds. */
static void set_seconds(struct seconds *to, struct http_text value)
{
    uint64_t n = 0;

    if (!number(value, &n) || (to->given && to->s != n))
        n = 0;
    to->given = true;
    to->s = n;
}

static void read_directive(struct directives *d, struct http_text one)
{
    struct http_text name, value = one;

    if (!cut(&value, '=', &name))
        return;
    value = trimmed(value);
    if (http_head_text_is(name, "no-store") || http_head_text_is(name, "no-cache") ||
        http_head_text_is(name, "private"))
        d->forbidden = true; /* with a list of fields as well */
    else if (http_head_text_is(name, "must-revalidate") ||
             http_head_text_is(name, "proxy-revalidate"))
        d->revalidate = true;
    else if (http_head_text_is(name, "s-maxage"))
        set_seconds(&d->s_maxage, value);
    else if (http_head_text_is(name, "max-age"))
        set_seconds(&d->max_age, value);
    else if (http_head_text_is(name, "stale-while-revalidate"))
        set_seconds(&d->stale, value);
    else if (http_head_text_is(name, "stale-if-error"))
        set_seconds(&d->stale_error, value);
}

/* A quote without an end might hide a directive that forbids. */
static bool has_open_quote(struct http_text t)
{
    bool open;

    find(t, '\0', &open);
    return open;
}

static void read_directives(const struct http_head *h, struct directives *d)
{
    unsigned i;

    for (i = 0; i < h->n_fields; i++) {
        struct http_text rest = h->field[i].value, one;

        if (h->field[i].id != HTTP_CACHE_CONTROL)
            continue;
        d->forbidden = d->forbidden || has_open_quote(rest);
        while (cut(&rest, ',', &one))
            read_directive(d, one);
    }
}

/* --- requests ----------------------------------------------------------------------- */

/* The weight of a member such as "gzip;q=0.5" in thousandths; its name is cut off. */
static unsigned weight(struct http_text member, struct http_text *name)
{
    struct http_text one;
    unsigned q = 1000, digit = 100, i;

    if (!cut(&member, ';', name))
        *name = member;
    while (cut(&member, ';', &one)) {
        if (one.len < 3 || (one.at[0] | 32) != 'q' || one.at[1] != '=')
            continue;
        q = one.at[2] == '1' ? 1000 : 0;
        for (i = 4; i < one.len && i < 7 && q < 1000; i++, digit /= 10)
            if (one.at[i] >= '0' && one.at[i] <= '9')
                q += (unsigned)(one.at[i] - '0') * digit;
    }
    return q;
}

static bool accepts_gzip(const struct http_head *h)
{
    struct http_text rest, one, name;
    bool yes = false;
    unsigned i;

    for (i = 0; i < h->n_fields; i++) {
        if (h->field[i].id != HTTP_ACCEPT_ENCODING)
            continue;
        rest = h->field[i].value;
        while (cut(&rest, ',', &one)) {
            unsigned q = weight(one, &name);

            if (http_head_text_is(name, "gzip"))
                yes = q > 0;
        }
    }
    return yes;
}

/* <name> is the language <tag> of two letters, or one of its regions. */
static bool is_language(struct http_text name, const char *tag)
{
    return name.len >= 2 && strncasecmp(name.at, tag, 2) == 0 &&
           (name.len == 2 || name.at[2] == '-');
}

/* The one of the two that is preferred; of equal ones the first. */
static enum cache_control_language language_of(const struct http_head *h)
{
    enum cache_control_language best = CACHE_CONTROL_OTHER;
    struct http_text rest, one, name;
    unsigned i, best_q = 0;

    if (!h->at[HTTP_ACCEPT_LANGUAGE])
        return CACHE_CONTROL_NONE;
    for (i = 0; i < h->n_fields; i++) {
        if (h->field[i].id != HTTP_ACCEPT_LANGUAGE)
            continue;
        rest = h->field[i].value;
        while (cut(&rest, ',', &one)) {
            unsigned q = weight(one, &name);
            bool zh = is_language(name, "zh");

            if (q > best_q && (zh || is_language(name, "en"))) {
                best_q = q;
                best = zh ? CACHE_CONTROL_ZH : CACHE_CONTROL_EN;
            }
        }
    }
    return best;
}

/* The visitor sends a cookie besides <own>. */
static bool has_cookie(const struct http_head *h, const char *own)
{
    size_t len = own ? strlen(own) : 0;
    struct http_text rest, one;
    unsigned i;

    for (i = 0; i < h->n_fields; i++) {
        if (h->field[i].id != HTTP_COOKIE)
            continue;
        rest = h->field[i].value;
        while (cut(&rest, ';', &one))
            if (one.len > 0 && !(own && one.len > len && one.at[len] == '=' &&
                                 memcmp(one.at, own, len) == 0))
                return true;
    }
    return false;
}

static bool request_forbids(const struct http_head *h)
{
    return h->at[HTTP_CACHE_CONTROL] &&
           http_head_has_token(h, HTTP_CACHE_CONTROL, "no-store");
}

void cache_control_read_request(const struct http_head *h, bool cookies_ignored,
                                const char *own_cookie, struct cache_control_request *out)
{
    bool get = h->method == HTTP_METHOD_GET || h->method == HTTP_METHOD_HEAD;

    *out = (struct cache_control_request){.may_use = false};
    if (!get || h->at[HTTP_AUTHORIZATION] || h->at[HTTP_RANGE] || h->at[HTTP_IF_RANGE] ||
        h->at[HTTP_IF_MATCH] || h->at[HTTP_IF_UNMODIFIED_SINCE] || request_forbids(h) ||
        (h->at[HTTP_COOKIE] && !cookies_ignored && has_cookie(h, own_cookie)))
        return;
    out->may_use = true;
    out->gzip = h->at[HTTP_ACCEPT_ENCODING] && accepts_gzip(h);
    out->language = language_of(h);
}

/* --- responses ---------------------------------------------------------------------- */

static bool status_is_kept(uint16_t status)
{
    return status == 200 || status == 203 || status == 301 || status == 404 ||
           status == 410;
}

static bool vary_allows(const struct http_head *h, const struct cache_control_request *r)
{
    unsigned i;

    for (i = 0; i < h->n_fields; i++) {
        struct http_text rest = h->field[i].value, one;

        if (h->field[i].id != HTTP_VARY)
            continue;
        while (cut(&rest, ',', &one)) {
            if (one.len == 0 || http_head_text_is(one, "accept-encoding"))
                continue;
            if (!http_head_text_is(one, "accept-language") ||
                r->language == CACHE_CONTROL_OTHER)
                return false;
        }
    }
    return true;
}

/* A visitor without gzip must not get it, and one with gzip nothing but that. */
static bool encoding_fits(const struct http_head *h,
                          const struct cache_control_request *r)
{
    struct http_text coding = http_head_value(h, HTTP_CONTENT_ENCODING);

    if (h->twice & 1ULL << HTTP_CONTENT_ENCODING)
        return false;
    return coding.len == 0 || http_head_text_is(coding, "identity") ||
           (r->gzip && http_head_text_is(coding, "gzip"));
}

/* Two digits; 100 = they are not. */
static unsigned two(const char *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return 100;
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* Days from 1 March of the year 0, so that the day of a leap year is the last one. */
static int64_t days(unsigned year, unsigned month, unsigned day)
{
    unsigned m = month < 3 ? month + 9 : month - 3, y = month < 3 ? year - 1 : year;

    return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" as seconds from a fixed day.  False: another form. */
static bool date(struct http_text t, int64_t *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned day, year, hour, minute, second, m = 0;

    if (t.len != 29 || memcmp(t.at + 25, " GMT", 4) != 0)
        return false;
    while (m < 12 && memcmp(months + (size_t)3 * m, t.at + 8, 3) != 0)
        m++;
    day = two(t.at + 5);
    year = two(t.at + 12) * 100 + two(t.at + 14);
    hour = two(t.at + 17);
    minute = two(t.at + 20);
    second = two(t.at + 23);
    if (m == 12 || day < 1 || day > 31 || year < 1 || year > 9999 || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    *out = days(year, m + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

/* Expires counts from Date, the clock of the node.  Without both nothing is fresh. */
static uint64_t until_expires(const struct http_head *h)
{
    const uint64_t both = 1ULL << HTTP_EXPIRES | 1ULL << HTTP_DATE;
    int64_t from, to;

    if ((h->twice & both) || !date(http_head_value(h, HTTP_EXPIRES), &to) ||
        !date(http_head_value(h, HTTP_DATE), &from) || to <= from)
        return 0;
    return to - from > SECONDS_MAX ? SECONDS_MAX : (uint64_t)(to - from);
}

uint64_t cache_control_age_s(const struct http_head *h)
{
    struct http_text rest = http_head_value(h, HTTP_AGE), one;
    uint64_t age = 0;

    return cut(&rest, ',', &one) && number(one, &age) ? age : 0;
}

static void set_times(const struct http_head *h, const struct directives *d,
                      struct cache_control_times *t)
{
    uint64_t age = cache_control_age_s(h), life;

    if (d->s_maxage.given || d->max_age.given || h->at[HTTP_EXPIRES]) {
        life = d->s_maxage.given  ? d->s_maxage.s
               : d->max_age.given ? d->max_age.s
                                  : until_expires(h);
        t->fresh_ms = life > age ? (life - age) * 1000 : 0;
    }
    if (d->s_maxage.given || d->revalidate)
        t->stale_ms = t->stale_error_ms = 0;
    if (d->stale.given && !d->revalidate)
        t->stale_ms = d->stale.s * 1000;
    if (d->stale_error.given && !d->revalidate)
        t->stale_error_ms = d->stale_error.s * 1000;
}

enum cache_control_why cache_control_read_response(const struct http_head *h,
                                                   const struct cache_control_request *r,
                                                   struct cache_control_times *t)
{
    struct directives d = {.forbidden = false};

    if (!status_is_kept(h->status))
        return CACHE_CONTROL_STATUS;
    if (h->framing != HTTP_LENGTH && h->framing != HTTP_CHUNKED)
        return CACHE_CONTROL_FRAMING;
    if (h->at[HTTP_SET_COOKIE])
        return CACHE_CONTROL_COOKIE;
    read_directives(h, &d);
    if (d.forbidden || (!h->at[HTTP_CACHE_CONTROL] && h->at[HTTP_PRAGMA] &&
                        http_head_has_token(h, HTTP_PRAGMA, "no-cache")))
        return CACHE_CONTROL_FORBIDDEN;
    if (!vary_allows(h, r))
        return CACHE_CONTROL_VARY;
    if (!encoding_fits(h, r))
        return CACHE_CONTROL_ENCODING;
    set_times(h, &d, t);
    return t->fresh_ms > 0 ? CACHE_CONTROL_KEEP : CACHE_CONTROL_EXPIRED;
}

/* --- ETag --------------------------------------------------------------------------- */

static struct http_text without_weak(struct http_text tag)
{
    if (tag.len > 2 && tag.at[0] == 'W' && tag.at[1] == '/') {
        tag.at += 2;
        tag.len -= 2;
    }
    return tag;
}

bool cache_control_etag_usable(struct http_text etag)
{
    struct http_text t = without_weak(etag);
    uint32_t i;

    if (t.len < 2 || t.len > ETAG_MAX || t.at[0] != '"' || t.at[t.len - 1] != '"')
        return false;
    for (i = 1; i + 1 < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == '"' || t.at[i] == ',')
            return false;
    return true;
}

bool cache_control_etag_matches(struct http_text if_none_match, struct http_text etag)
{
    struct http_text one;

    if (etag.len == 0)
        return false;
    etag = without_weak(etag);
    while (cut(&if_none_match, ',', &one)) {
        one = without_weak(one);
        if ((one.len == 1 && one.at[0] == '*') ||
            (one.len == etag.len && memcmp(one.at, etag.at, one.len) == 0))
            return true;
    }
    return false;
}
