/* A request is answered at once with what is in memory; the library sends it as fast as
 * the visitor takes it.  A request counts as in flight from its headers to the last byte
 * of its answer.  Above twice the configured number the node refuses with 503 and
 * Lars-Load, by which a gateway knows that the node is full and not broken.
 *
 * A drill (POST /load) delays answers and makes some of them errors, to show what the
 * rest of the system does then.  Only this host may ask for it.
 *
 * Invariant: a request has a reference of the content that it answers from.
 * Rejected: a thread for each visitor.  Slow visitors would hold them all. */
#include "site/site_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rnd.h"
#include "obs/local_peer.h"
#include "obs/mhdloop.h"
#include "site/site_answer.h"

#define CONNECTIONS 4096u
#define IDLE_S 75u
#define MEMORY ((size_t)16384) /* bytes of a connection; bounds the request */
#define DRAIN_POLL_MS 20
#define DELAY_MAX_MS 60000u

struct visitor { /* one request */
    struct site_server *owner;
    struct MHD_Connection *con;
    struct site_content *content; /* a reference; NULL: there is none */
    char path[SITE_BODIES_PATH_MAX]; /* as it was sent; "" = too long */
    bool is_begun, is_delayed, is_suspended;
    struct evtimer delay;
    struct visitor *next, *before; /* among those that are delayed */
};

struct site_server {
    struct evloop *loop;
    struct mhdloop *mhd;
    struct MHD_Daemon *daemon; /* of <mhd> */
    struct site_server_config cfg;
    struct site_content *content;
    struct visitor *delayed;
    uint32_t n_inflight, delay_ms, err_pct;
    struct evtimer drain;
    uint64_t accept_until_ms, all_until_ms;
    bool is_draining, is_quiet; /* quiet: it accepts no connections any more */
    uint64_t n_answers[6], n_refused, n_visits_lost; /* answers by the first digit */
    struct rnd rnd;
};

/* --- answers ------------------------------------------------------------------------ */

/* Takes <r>, which may be NULL. */
static enum MHD_Result answer(struct visitor *v, unsigned status, struct MHD_Response *r)
{
    if (!r)
        return MHD_NO;
    v->owner->n_answers[status / 100]++;
    return site_answer_send(v->con, status, r, v->owner->is_draining);
}

static enum MHD_Result answer_text(struct visitor *v, unsigned status, const char *text)
{
    return answer(v, status,
                  site_answer_make(text, strlen(text), "text/plain", SITE_ANSWER_NEVER));
}

/* The node is full, or has nothing to show. */
static enum MHD_Result answer_unavailable(struct visitor *v, bool is_full)
{
    const char *page = v->owner->cfg.unavailable;
    struct MHD_Response *r =
        site_answer_make(page, strlen(page), "text/html; charset=utf-8",
                         SITE_ANSWER_NEVER);
    char load[40];

    snprintf(load, sizeof(load), "%u/%u", v->owner->n_inflight,
             2 * v->owner->cfg.inflight);
    if (r && is_full)
        MHD_add_response_header(r, "Lars-Load", load);
    if (r)
        MHD_add_response_header(r, "Retry-After", "2");
    return answer(v, MHD_HTTP_SERVICE_UNAVAILABLE, r);
}

static enum MHD_Result answer_redirect(struct visitor *v, unsigned status, const char *to)
{
    struct MHD_Response *r = site_answer_make("", 0, NULL, SITE_ANSWER_PAGE);

    if (r) {
        MHD_add_response_header(r, "Location", to);
        MHD_add_response_header(r, "Vary", "Accept-Language");
    }
    return answer(v, status, r);
}

static enum MHD_Result answer_body(struct visitor *v, unsigned status,
                                   const struct site_body *b)
{
    struct MHD_Response *r = site_answer_body(v->con, b, &status);

    return answer(v, status, r);
}

/* --- pages -------------------------------------------------------------------------- */

static enum MHD_Result answer_search(struct visitor *v, enum catalogue_language lang)
{
    const char *q = MHD_lookup_connection_value(v->con, MHD_GET_ARGUMENT_KIND, "q");
    struct buf b = {0};
    struct MHD_Response *r;

    if (site_render_search(v->owner->cfg.render, v->content->catalogue,
                           v->content->search, lang, q ? q : "", &b) < 0) {
        buf_free(&b);
        return MHD_NO;
    }
    r = MHD_create_response_from_buffer(b.len, b.data, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        buf_free(&b);
        return MHD_NO;
    }
    MHD_add_response_header(r, "Content-Type", "text/html; charset=utf-8");
    MHD_add_response_header(r, "Cache-Control", SITE_ANSWER_PAGE);
    return answer(v, MHD_HTTP_OK, r);
}

/* The page of this path when a '/' is added to it. */
static const struct site_body *with_slash(const struct visitor *v)
{
    char path[SITE_BODIES_PATH_MAX + 1];

    snprintf(path, sizeof(path), "%s/", v->path);
    return site_bodies_find(v->content->bodies, path);
}

static enum MHD_Result answer_other(struct visitor *v)
{
    const struct site_body *b = v->path[0] ? with_slash(v) : NULL;

    if (b)
        return answer_redirect(v, MHD_HTTP_MOVED_PERMANENTLY, b->path);
    return answer_body(v, MHD_HTTP_NOT_FOUND,
                       site_bodies_find(v->content->bodies, SITE_RENDER_MISSING));
}

/* A gateway sends this field for a drill, and when it copies the site.  It passes on
 * none of a visitor. */
static bool is_visit(struct visitor *v)
{
    return !MHD_lookup_connection_value(v->con, MHD_HEADER_KIND, "Lars-Source");
}

static void count_visit(struct visitor *v, const struct catalogue_exhibit *x)
{
    if (!is_visit(v))
        return;
    if (site_visits_add(v->owner->cfg.visits, x->edition->year, x->id, 1) < 0)
        v->owner->n_visits_lost++;
}

static enum MHD_Result answer_page(struct visitor *v, bool is_get)
{
    const struct site_body *b;

    if (!v->content)
        return answer_unavailable(v, false);
    if (strcmp(v->path, "/") == 0)
        return answer_redirect(v, MHD_HTTP_FOUND,
                               site_answer_prefers_english(v->con) ? "/en/" : "/zh/");
    if (strcmp(v->path, "/zh/search") == 0)
        return answer_search(v, CATALOGUE_ZH);
    if (strcmp(v->path, "/en/search") == 0)
        return answer_search(v, CATALOGUE_EN);
    b = v->path[0] == '/' ? site_bodies_find(v->content->bodies, v->path) : NULL;
    if (!b)
        return answer_other(v);
    if (b->exhibit && is_get)
        count_visit(v, b->exhibit);
    return answer_body(v, MHD_HTTP_OK, b);
}

/* --- drills ------------------------------------------------------------------------- */

static bool take_number(struct visitor *v, const char *name, uint32_t max, uint32_t *out)
{
    const char *text = MHD_lookup_connection_value(v->con, MHD_GET_ARGUMENT_KIND, name);
    unsigned long n;

    if (!text)
        return true;
    n = strtoul(text, NULL, 10);
    if (!text[0] || text[strspn(text, "0123456789")] || strlen(text) > 6 || n > max)
        return false;
    *out = (uint32_t)n;
    return true;
}

static enum MHD_Result answer_load(struct visitor *v, bool is_post)
{
    struct site_server *s = v->owner;
    uint32_t delay_ms = s->delay_ms, err_pct = s->err_pct;
    char text[64];
    struct MHD_Response *r;

    if (!local_peer_is(v->con))
        return answer_text(v, MHD_HTTP_FORBIDDEN,
                           "the load can be changed from this host only\n");
    if (is_post && (!take_number(v, "delay_ms", DELAY_MAX_MS, &delay_ms) ||
                    !take_number(v, "err_pct", 100, &err_pct)))
        return answer_text(v, MHD_HTTP_BAD_REQUEST,
                           "write /load?delay_ms=0..60000&err_pct=0..100\n");
    s->delay_ms = delay_ms;
    s->err_pct = err_pct;
    snprintf(text, sizeof(text), "delay_ms=%u err_pct=%u inflight=%u\n", delay_ms,
             err_pct, s->n_inflight);
    r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    return answer(v, MHD_HTTP_OK, r);
}

static void resume(struct visitor *v)
{
    evloop_clear_timer(v->owner->loop, &v->delay);
    if (v->before)
        v->before->next = v->next;
    else
        v->owner->delayed = v->next;
    if (v->next)
        v->next->before = v->before;
    v->is_suspended = false;
    MHD_resume_connection(v->con);
}

static void on_delay(void *arg)
{
    struct visitor *v = arg;

    resume(v);
    mhdloop_wake(v->owner->mhd);
}

/* True: the request is answered later. */
static bool delay(struct visitor *v)
{
    struct site_server *s = v->owner;

    if (s->delay_ms == 0 || v->is_delayed)
        return false;
    v->is_delayed = true;
    if (evloop_set_timer(s->loop, &v->delay, s->delay_ms, on_delay, v) < 0)
        return false;
    v->before = NULL;
    v->next = s->delayed;
    if (s->delayed)
        s->delayed->before = v;
    s->delayed = v;
    v->is_suspended = true;
    MHD_suspend_connection(v->con);
    return true;
}

/* --- requests ----------------------------------------------------------------------- */

static enum MHD_Result answer_request(struct visitor *v, const char *method)
{
    struct site_server *s = v->owner;
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    const char *why;

    if (strcmp(v->path, "/load") == 0)
        return answer_load(v, strcmp(method, MHD_HTTP_METHOD_POST) == 0);
    if (strcmp(v->path, "/healthz") == 0) {
        why = site_server_health(s);
        return answer_text(v, why ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                           why ? why : "ok\n");
    }
    if (!v->is_delayed && s->n_inflight > 2 * s->cfg.inflight) {
        s->n_refused++;
        return answer_unavailable(v, true);
    }
    if (delay(v))
        return MHD_YES;
    if (s->err_pct > 0 && rnd_u32(&s->rnd) % 100 < s->err_pct)
        return answer_text(v, MHD_HTTP_INTERNAL_SERVER_ERROR,
                           "this error is a part of a drill\n");
    return answer_page(v, is_get);
}

/* The library calls this with the address as it was sent, before it decodes it. */
static void *on_address(void *arg, const char *uri, struct MHD_Connection *con)
{
    struct visitor *v = calloc(1, sizeof(*v));
    size_t n = strcspn(uri, "?#");

    if (!v)
        return NULL;
    v->owner = arg;
    v->con = con;
    if (n < sizeof(v->path))
        snprintf(v->path, sizeof(v->path), "%.*s", (int)n, uri);
    return v;
}

static void begin(struct visitor *v)
{
    v->is_begun = true;
    v->owner->n_inflight++;
    v->content = v->owner->content;
    if (v->content)
        v->content->refs++;
}

static bool is_allowed(const struct visitor *v, const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
           strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ||
           (strcmp(method, MHD_HTTP_METHOD_POST) == 0 && strcmp(v->path, "/load") == 0);
}

static enum MHD_Result refuse_method(struct visitor *v)
{
    static const char words[] = "this method is not allowed here; use GET\n";
    struct MHD_Response *r =
        site_answer_make(words, sizeof(words) - 1, "text/plain", SITE_ANSWER_NEVER);

    if (r)
        MHD_add_response_header(r, "Allow", "GET, HEAD");
    return answer(v, MHD_HTTP_METHOD_NOT_ALLOWED, r);
}

/* Called for the headers, for each piece of a body, at its end, and after a delay. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *con, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *n, void **state)
{
    struct visitor *v = *state;

    (void)arg;
    (void)con;
    (void)url;
    (void)version;
    (void)data;
    if (!v)
        return MHD_NO; /* no memory */
    if (!v->is_begun) {
        begin(v);
        return is_allowed(v, method) ? MHD_YES : refuse_method(v);
    }
    if (*n > 0) { /* the body of a GET has no meaning */
        *n = 0;
        return MHD_YES;
    }
    return answer_request(v, method);
}

static void on_done(void *arg, struct MHD_Connection *con, void **state,
                    enum MHD_RequestTerminationCode why)
{
    struct visitor *v = *state;

    (void)arg;
    (void)con;
    (void)why;
    *state = NULL;
    if (!v)
        return;
    if (v->is_begun)
        v->owner->n_inflight--;
    site_content_unref(v->content);
    free(v);
}

/* --- start and end ------------------------------------------------------------------ */

int site_server_create(struct site_server **out, struct evloop *l, int lfd,
                       const struct site_server_config *cfg)
{
    struct site_server *s = calloc(1, sizeof(*s));
    int rc = s ? -EIO : -ENOMEM;

    if (s) {
        s->loop = l;
        s->cfg = *cfg;
        rnd_init_any(&s->rnd);
        s->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
            on_request, s, MHD_OPTION_LISTEN_SOCKET, lfd, MHD_OPTION_CONNECTION_LIMIT,
            CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY, MHD_OPTION_URI_LOG_CALLBACK,
            on_address, s, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    }
    if (!s || !s->daemon) {
        close(lfd);
        free(s);
        return rc;
    }
    rc = mhdloop_create(&s->mhd, l, s->daemon);
    if (rc < 0)
        free(s);
    else
        *out = s;
    return rc;
}

void site_server_destroy(struct site_server *s)
{
    if (!s)
        return;
    evloop_clear_timer(s->loop, &s->drain);
    while (s->delayed)
        resume(s->delayed);
    mhdloop_destroy(s->mhd);
    site_content_unref(s->content);
    free(s);
}

void site_server_set_content(struct site_server *s, struct site_content *c)
{
    site_content_unref(s->content);
    s->content = c;
}

static void on_drain(void *arg)
{
    struct site_server *s = arg;
    uint64_t now_ms = evloop_now_ms(s->loop);

    if (!s->is_quiet && now_ms >= s->accept_until_ms) {
        int lfd = MHD_quiesce_daemon(s->daemon);

        s->is_quiet = true;
        if (lfd >= 0)
            close(lfd);
    }
    if ((s->is_quiet && s->n_inflight == 0) || now_ms >= s->all_until_ms)
        evloop_stop(s->loop);
    else
        evloop_set_timer(s->loop, &s->drain, DRAIN_POLL_MS, on_drain, s);
}

void site_server_drain(struct site_server *s, uint32_t accept_ms, uint32_t all_ms)
{
    uint64_t now_ms = evloop_now_ms(s->loop);

    s->is_draining = true;
    s->accept_until_ms = now_ms + accept_ms;
    s->all_until_ms = now_ms + all_ms;
    evloop_set_timer(s->loop, &s->drain, 0, on_drain, s);
}

void site_server_collect(const struct site_server *s, struct metrics *m)
{
    static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
    struct metrics_part part[4];
    size_t i;

    for (i = 0; i < 4; i++)
        part[i] = (struct metrics_part){classes[i], (double)s->n_answers[i + 2]};
    metrics_counter_parts(m, "lars_site_answers_total", "Answers by status.", "status",
                          part, 4);
    metrics_counter(m, "lars_site_refused_total",
                    "Requests that were refused because the node was full.",
                    (double)s->n_refused);
    metrics_counter(m, "lars_site_visits_lost_total",
                    "Visits that were not counted for want of memory.",
                    (double)s->n_visits_lost);
    metrics_gauge(m, "lars_site_inflight", "Requests that are being answered.",
                  s->n_inflight);
    metrics_gauge(m, "lars_site_exhibits", "Exhibits that are shown, of all editions.",
                  s->content ? (double)catalogue_n_exhibits(s->content->catalogue) : 0);
    metrics_gauge(m, "lars_site_revision", "The revision of the content.",
                  s->content ? (double)s->content->revision : 0);
}

const char *site_server_health(const struct site_server *s)
{
    if (s->is_draining)
        return "the node is being stopped";
    return s->content ? NULL
                      : "no catalogue is loaded: there is no snapshot file and the "
                        "database has not been read; see the log";
}
