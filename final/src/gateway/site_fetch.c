/* libcurl makes one request at a time and stops at bounds: of the head, of the body, of
 * the time.  It follows no redirect, because the crawl decides where to go, and asks for
 * no compression, because the copy compresses itself.
 *
 * Of the fields of an answer the copy keeps those that belong to the page.  Others, such
 * as cookies, belong to one visitor.
 *
 * A node that says by Lars-Load that it is full is asked again later: visitors come first
 * and a copy has time. */
#include "gateway/site_fetch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/lars_retry.h"
#include "base/mono.h"
#include "http/http_write.h"

#define ATTEMPTS 3u
#define REQUEST_MS 10000u /* of one attempt */
#define CONNECT_MS 1000L
#define ALL_MS 40000u /* of a path */
#define FIELDS_MAX (MIRROR_FIELDS_MAX - 64) /* one more is added at the end */
#define FULL_PAUSE_MS 200u
#define FULL_MAX 50u /* pauses for one path */
#define LOOK_MS 20

struct site_fetch {
    struct site_fetch_config cfg;
    CURL *curl;
    struct curl_slist *head;
    /* the request */
    struct site_answer *to;
    bool is_full, is_encoded, is_bad, is_immutable;
};

int site_fetch_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void site_fetch_fini(void)
{
    curl_global_cleanup();
}

int site_fetch_create(struct site_fetch **out, const struct site_fetch_config *c)
{
    struct site_fetch *f = calloc(1, sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->cfg = *c;
    f->curl = curl_easy_init();
    if (!f->curl) {
        free(f);
        return -ENOMEM;
    }
    *out = f;
    return 0;
}

void site_fetch_destroy(struct site_fetch *f)
{
    if (!f)
        return;
    curl_easy_cleanup(f->curl);
    curl_slist_free_all(f->head);
    free(f);
}

/* --- the answer --------------------------------------------------------------------- */

static bool field_is(struct http_text line, const char *name, struct http_text *value)
{
    size_t n = strlen(name);

    if (line.len <= n || line.at[n] != ':' || strncasecmp(line.at, name, n) != 0)
        return false;
    *value = (struct http_text){line.at + n + 1, line.len - (uint32_t)n - 1};
    while (value->len > 0 && (value->at[0] == ' ' || value->at[0] == '\t'))
        value->at++, value->len--;
    return true;
}

static bool has(struct http_text value, const char *word)
{
    size_t i, n = strlen(word);

    for (i = 0; i + n <= value.len; i++)
        if (strncasecmp(value.at + i, word, n) == 0)
            return true;
    return false;
}

static void keep_field(struct site_fetch *f, struct http_text line)
{
    struct buf *to = &f->to->fields;
    uint32_t i;

    for (i = 0; i < line.len; i++)
        if ((unsigned char)line.at[i] < ' ' || line.at[i] == 127)
            return;
    if (to->len + line.len + 2 > FIELDS_MAX || buf_append(to, line.at, line.len) < 0 ||
        buf_append(to, "\r\n", 2) < 0)
        f->is_bad = true;
}

static void keep_type(struct site_answer *a, struct http_text value)
{
    uint32_t i;

    for (i = 0; i < value.len && i + 1 < sizeof(a->type); i++) {
        if (strchr("; \t", value.at[i]))
            break;
        a->type[i] = (char)tolower((unsigned char)value.at[i]);
    }
    a->type[i] = '\0';
}

/* A field of the answer, without its end of line. */
static void on_field(struct site_fetch *f, struct http_text line)
{
    static const char *const kept[] = {"Content-Type", "Content-Language",
                                       "Content-Security-Policy",
                                       "X-Content-Type-Options", "Referrer-Policy"};
    struct http_text value;
    size_t i;

    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (field_is(line, kept[i], &value))
            keep_field(f, line);
    if (field_is(line, "Content-Type", &value))
        keep_type(f->to, value);
    else if (field_is(line, "Location", &value))
        snprintf(f->to->location, sizeof(f->to->location), "%.*s", (int)value.len,
                 value.at);
    else if (field_is(line, "Vary", &value))
        f->to->varies |= has(value, "Accept-Language");
    else if (field_is(line, "Cache-Control", &value))
        f->is_immutable = has(value, "immutable") && !has(value, "private");
    else if (field_is(line, "Content-Encoding", &value))
        f->is_encoded = !has(value, "identity");
    else if (field_is(line, "Lars-Load", &value))
        f->is_full = true;
}

static size_t on_line(char *p, size_t size, size_t n, void *arg)
{
    struct site_fetch *f = arg;
    struct http_text line = {p, (uint32_t)(size * n)};

    while (line.len > 0 &&
           (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    on_field(f, line);
    return f->is_bad ? 0 : size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct site_fetch *f = arg;

    if (size * n > CRAWL_BODY_MAX - f->to->body.len ||
        buf_append(&f->to->body, p, size * n) < 0)
        return 0;
    return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct site_fetch *f = arg;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return f->cfg.is_stopping && f->cfg.is_stopping(f->cfg.arg);
}

/* --- a request ---------------------------------------------------------------------- */

static void clear_answer(struct site_fetch *f)
{
    buf_free(&f->to->fields);
    buf_free(&f->to->body);
    *f->to = (struct site_answer){.status = 0};
    f->is_full = f->is_encoded = f->is_bad = f->is_immutable = false;
}

static int set_head(struct site_fetch *f, const char *language)
{
    char line[320];
    struct curl_slist *more;

    curl_slist_free_all(f->head);
    snprintf(line, sizeof(line), "Accept-Language: %s", language);
    f->head = curl_slist_append(NULL, line);
    more = f->head ? curl_slist_append(f->head, HTTP_WRITE_SOURCE ": copy") : NULL;
    snprintf(line, sizeof(line), "Host: %.255s", f->cfg.host);
    if (more && f->cfg.host[0])
        more = curl_slist_append(f->head, line);
    return more ? 0 : -ENOMEM;
}

static void set_url(struct site_fetch *f, const struct lars_addr *at, const char *path)
{
    char ip[INET6_ADDRSTRLEN] = "", url[MIRROR_PATH_MAX + 100];
    bool six = at->family == AF_INET6;

    inet_ntop(at->family, at->ip, ip, sizeof(ip));
    snprintf(url, sizeof(url), "http://%s%s%s:%u%s", six ? "[" : "", ip, six ? "]" : "",
             at->port, path);
    curl_easy_setopt(f->curl, CURLOPT_URL, url);
}

static CURLcode request(struct site_fetch *f, const struct lars_addr *at,
                        const char *path)
{
    long status = 0;
    CURLcode rc;

    clear_answer(f);
    curl_easy_reset(f->curl); /* keeps its connections */
    set_url(f, at, path);
    curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->head);
    curl_easy_setopt(f->curl, CURLOPT_USERAGENT, "lars-gateway");
    curl_easy_setopt(f->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(f->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(f->curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(f->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(f->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(f->curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(f->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(f->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(f->curl, CURLOPT_XFERINFODATA, f);
    rc = curl_easy_perform(f->curl);
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    f->to->status = (uint16_t)status;
    return rc;
}

static void pause_for(const struct site_fetch *f, uint32_t ms)
{
    uint64_t end_ms = mono_ms() + ms;

    while (mono_ms() < end_ms && !(f->cfg.is_stopping && f->cfg.is_stopping(f->cfg.arg)))
        poll(NULL, 0, LOOK_MS);
}

/* How the node did, and why there is no answer.  -EAGAIN: try again. */
static int judge(struct site_fetch *f, CURLcode rc, enum lars_outcome *outcome,
                 char why[CRAWL_WHY])
{
    *outcome = LARS_FAILED;
    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        *outcome = LARS_CANCELLED;
        return -ECANCELED;
    }
    if (rc != CURLE_OK) {
        snprintf(why, CRAWL_WHY, "%s",
                 rc == CURLE_WRITE_ERROR ? "the answer is larger than 8 MiB, its head "
                                           "than 4 KiB, or there is no memory"
                                         : curl_easy_strerror(rc));
        return rc == CURLE_WRITE_ERROR ? -E2BIG : -EAGAIN;
    }
    if (f->is_full && f->to->status == 503) {
        *outcome = LARS_REJECTED;
        return -EBUSY;
    }
    if (f->to->status >= 502 && f->to->status <= 504) {
        snprintf(why, CRAWL_WHY, "the node answered status %u", f->to->status);
        return -EAGAIN;
    }
    *outcome = LARS_WELL;
    if (!f->is_encoded)
        return 0;
    snprintf(why, CRAWL_WHY, "the answer has a Content-Encoding that was not asked for");
    return -EPROTO;
}

static int ask(struct site_fetch *f, const char *path, char why[CRAWL_WHY])
{
    struct lars_retry r = {.modid = f->cfg.modid,
                           .cmdid = f->cfg.cmdid,
                           .attempts = ATTEMPTS,
                           .timeout_ms = ALL_MS,
                           .idempotent = 1};
    enum lars_outcome outcome;
    struct lars_host h;
    int rc = -EAGAIN, next = 0;

    while (rc == -EAGAIN && (next = lars_retry_next(f->cfg.lars, &r, &h)) >= 0) {
        rc = judge(f, request(f, &h.addr, path), &outcome, why);
        lars_end(f->cfg.lars, &h, outcome);
    }
    if (next < 0 && r.n == 0)
        snprintf(why, CRAWL_WHY, "no node can be asked: %s", lars_strerror(next));
    return rc == -EAGAIN ? -EHOSTUNREACH : rc;
}

/* Pages are asked for again each time; what does not change is kept for ever. */
static int add_cache_control(const struct site_fetch *f, struct site_answer *a)
{
    static const char forever[] =
        "Cache-Control: public, max-age=31536000, immutable\r\n";
    static const char never[] = "Cache-Control: no-cache\r\n";

    return f->is_immutable ? buf_append(&a->fields, forever, sizeof(forever) - 1)
                           : buf_append(&a->fields, never, sizeof(never) - 1);
}

int site_fetch_get(void *arg, const char *path, const char *language,
                   struct site_answer *out, char why[CRAWL_WHY])
{
    struct site_fetch *f = arg;
    unsigned n_full = 0;
    int rc;

    f->to = out;
    rc = set_head(f, language);
    while (rc == 0 && (rc = ask(f, path, why)) == -EBUSY && n_full++ < FULL_MAX) {
        pause_for(f, FULL_PAUSE_MS);
        rc = 0;
    }
    if (rc == -EBUSY)
        snprintf(why, CRAWL_WHY, "the nodes are too busy for a copy now");
    return rc < 0 ? rc : add_cache_control(f, out);
}
