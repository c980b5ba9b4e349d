/* The daemon's values are read in the thread that owns them (mhdloop.h), so no lock is
 * needed.
 *
 * The one thing that can be changed here is the level of the log (docs/decisions/018).
 * PUT is used because a web page in a browser on this host cannot send it to another
 * origin without that origin's consent, as it can POST.
 *
 * What clients send is bounded: a head by the library's memory of a connection, a body by
 * its route.  What is over that is thrown away, and a body that does not end closes its
 * connection, because an answer before its end would not be read.
 *
 * Connections.  A port that refuses when it is full can be filled by clients that never
 * ask.  So the oldest connection is closed for a new one: a scrape that has just
 * connected is the last to lose its own.
 *
 * Rejected: the library's own threads, which would read the counters of others. */
#include "obs/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"
#include "obs/local_peer.h"
#include "obs/loglevel.h"
#include "obs/mhdloop.h"

#define MAX_CONNECTIONS 32u /* with one more, the oldest one is closed */
#define HARD_LIMIT (2 * MAX_CONNECTIONS) /* the library's: it takes no more by itself */
#define HEALTH_MAX 300 /* bytes of a reason */
#define IDLE_S 10u
#define MEMORY ((size_t)16384) /* bytes of a connection; bounds the head of a request */
#define LEVEL_MAX ((size_t)15) /* bytes of a word that is a level */
#define DROPPED_MAX ((size_t)65536) /* bytes of a body, over its limit, that are read */

struct client { /* of a connection; in the order of their begin */
    int fd;
    bool is_closing;
    struct client *next;
};

struct httpd {
    struct client *oldest, *newest;
    unsigned n_client;
    struct evloop *loop;
    struct mhdloop *mhd;
    uint16_t port;
    struct httpd_config cfg; /* its arg: owned */
};

struct request {
    const struct httpd_route
        *route; /* NULL = one of the paths of every daemon, or none */
    const char *allow; /* the method of its path, when <route> is NULL; or NULL */
    size_t max, n, n_dropped; /* bytes of the body */
    char body[]; /* max + 1 bytes */
};

/* <allow>: the field Allow; NULL = none. */
static enum MHD_Result send_all(struct MHD_Connection *c, unsigned status,
                                const char *type, const char *allow, const void *text,
                                size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;

    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (allow)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
    rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status,
                                 const char *type, const void *text, size_t len)
{
    return send_all(c, status, type, NULL, text, len);
}

static enum MHD_Result send_words(struct MHD_Connection *c, unsigned status,
                                  const char *text)
{
    return send_text(c, status, "text/plain", text, strlen(text));
}

static enum MHD_Result send_metrics(struct httpd *h, struct MHD_Connection *c)
{
    struct buf out = {0};
    struct metrics m = {&out, 0};
    enum MHD_Result rc = MHD_NO;

    h->cfg.collect(&m, h->cfg.arg);
    metrics_process(&m);
    if (m.rc == 0)
        rc = send_text(c, MHD_HTTP_OK, "text/plain; version=0.0.4", buf_bytes(&out),
                       out.len);
    buf_free(&out);
    return rc;
}

static enum MHD_Result send_health(struct httpd *h, struct MHD_Connection *c)
{
    const char *why = h->cfg.health(h->cfg.arg);
    char line[HEALTH_MAX];
    int n = snprintf(line, sizeof(line), "%s\n", why ? why : "ok");

    return send_text(c, why ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, "text/plain",
                     line, n < HEALTH_MAX ? (size_t)n : HEALTH_MAX - 1);
}

/* --- the level of the log ----------------------------------------------------------- */

static enum MHD_Result send_level(struct MHD_Connection *c)
{
    char line[80];
    int n = snprintf(line, sizeof(line), "%.60s %s\n", program_invocation_short_name,
                     loglevel_name(loglevel_get()));

    return send_text(c, MHD_HTTP_OK, "text/plain", line, (size_t)n);
}

static enum MHD_Result put_level(struct MHD_Connection *c, struct request *q)
{
    enum log_level level;

    q->body[strcspn(q->body, "\r\n")] = '\0';
    if (!local_peer_is(c))
        return send_words(c, MHD_HTTP_FORBIDDEN,
                          "the log level can be set from this host only\n");
    if (q->n_dropped > 0 || loglevel_parse(q->body, &level) < 0)
        return send_words(c, MHD_HTTP_BAD_REQUEST,
                          "the body must be error, warn, info or debug\n");
    loglevel_set(level, "http");
    return send_level(c);
}

/* --- requests ----------------------------------------------------------------------- */

const char *httpd_field(const struct httpd_request *q, const char *name)
{
    return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

/* GET and HEAD are one: the library leaves the body away. */
static bool is_method(const char *method, const char *wanted)
{
    return strcmp(method, wanted) == 0 ||
           (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 && strcmp(wanted, "GET") == 0);
}

/* A body is kept for the route that takes it, or for the level of the log. */
static struct request *create_request(const struct httpd *h, const char *url,
                                      const char *method)
{
    const struct httpd_route *r = h->cfg.routes, *found = NULL;
    const char *allow = NULL;
    size_t max = LEVEL_MAX;
    struct request *q;

    for (; r && r->path && !found; r++) {
        if (strcmp(r->path, url) != 0)
            continue;
        allow = r->method;
        found = is_method(method, r->method) ? r : NULL;
    }
    if (found)
        max = found->body_max;
    q = calloc(1, sizeof(*q) + max + 1);
    if (q)
        *q = (struct request){.route = found, .allow = allow, .max = max};
    return q;
}

static enum MHD_Result answer_route(struct httpd *h, struct MHD_Connection *c,
                                    const char *url, const char *method,
                                    const struct request *q)
{
    const struct httpd_request in = {method, url, q->body, q->n, c};
    struct httpd_answer out = {.status = MHD_HTTP_OK, .type = "text/plain"};
    enum MHD_Result rc;

    if (q->n_dropped > 0)
        return send_words(c, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too long\n");
    q->route->fn(&in, &out, h->cfg.arg);
    rc = send_text(c, out.status, out.type, buf_bytes(&out.body), out.body.len);
    buf_free(&out.body);
    return rc;
}

static enum MHD_Result send_not_found(struct httpd *h, struct MHD_Connection *c)
{
    const struct httpd_route *r = h->cfg.routes;
    char text[600] = "not found; there are /metrics, /healthz, /log-level";
    size_t n = strlen(text);

    for (; r && r->path && n < sizeof(text) - 100; r++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, ", %.60s", r->path);
    text[n++] = '\n';
    return send_text(c, MHD_HTTP_NOT_FOUND, "text/plain", text, n);
}

static enum MHD_Result send_not_allowed(struct MHD_Connection *c, const char *allow)
{
    char text[80];
    int n =
        snprintf(text, sizeof(text), "this method is not allowed here; use %s\n", allow);

    return send_all(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", allow, text, (size_t)n);
}

static enum MHD_Result answer(struct httpd *h, struct MHD_Connection *c, const char *url,
                              const char *method, struct request *q)
{
    bool is_level = strcmp(url, "/log-level") == 0;
    bool is_metrics = strcmp(url, "/metrics") == 0;

    if (q->route)
        return answer_route(h, c, url, method, q);
    if (q->allow)
        return send_not_allowed(c, q->allow);
    if (!is_level && !is_metrics && strcmp(url, "/healthz") != 0)
        return send_not_found(h, c);
    if (is_level && strcmp(method, MHD_HTTP_METHOD_PUT) == 0)
        return put_level(c, q);
    if (!is_method(method, MHD_HTTP_METHOD_GET))
        return send_not_allowed(c, is_level ? "GET, HEAD, PUT" : "GET, HEAD");
    if (is_level)
        return send_level(c);
    return is_metrics ? send_metrics(h, c) : send_health(h, c);
}

/* Keep a piece of the body.  Returns MHD_NO, which closes the connection, when too much
 * of it had to be thrown away. */
static enum MHD_Result take_body(struct request *q, const char *data, size_t n)
{
    size_t kept = n < q->max - q->n ? n : q->max - q->n;

    memcpy(q->body + q->n, data, kept);
    q->n += kept;
    q->n_dropped += n - kept;
    return q->n_dropped <= DROPPED_MAX ? MHD_YES : MHD_NO;
}

/* libmicrohttpd calls this for the headers, for each piece of the body, and once more. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *n_data, void **state)
{
    enum MHD_Result rc;

    (void)version;
    if (!*state) {
        *state = create_request(arg, url, method);
        return *state ? MHD_YES : MHD_NO;
    }
    if (*n_data == 0)
        return answer(arg, c, url, method, *state);
    rc = take_body(*state, data, *n_data);
    *n_data = 0; /* all of it has been taken */
    return rc;
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)c;
    (void)why;
    free(*state);
    *state = NULL;
}

/* --- connections -------------------------------------------------------------------- */

static void add_client(struct httpd *h, int fd)
{
    struct client *c = malloc(sizeof(*c));

    if (!c)
        return; /* the library closes it when it is idle */
    *c = (struct client){fd, false, NULL};
    *(h->newest ? &h->newest->next : &h->oldest) = c;
    h->newest = c;
    if (++h->n_client <= MAX_CONNECTIONS)
        return;
    for (c = h->oldest; c->is_closing; c = c->next)
        continue;
    c->is_closing = true;
    shutdown(c->fd, SHUT_RDWR); /* the library closes it at its next run */
}

static void remove_client(struct httpd *h, int fd)
{
    struct client **at = &h->oldest, *c, *before = NULL;

    for (; *at && (*at)->fd != fd; at = &(*at)->next)
        before = *at;
    c = *at;
    if (!c)
        return;
    *at = c->next;
    if (h->newest == c)
        h->newest = before;
    h->n_client--;
    free(c);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    (void)state;
    if (!info)
        return;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        add_client(arg, info->connect_fd);
    else
        remove_client(arg, info->connect_fd);
}

static int start_mhd(struct httpd *h, int lfd)
{
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
                         MHD_OPTION_LISTEN_SOCKET, lfd, MHD_OPTION_CONNECTION_LIMIT,
                         HARD_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY,
                         MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);

    if (!d) {
        close(lfd);
        return -EIO;
    }
    return mhdloop_create(&h->mhd, h->loop, d);
}

static int copy_arg(struct httpd *h)
{
    void *copy = malloc(h->cfg.arg_size + 1);

    if (copy && h->cfg.arg_size > 0)
        memcpy(copy, h->cfg.arg, h->cfg.arg_size);
    h->cfg.arg = copy;
    return copy ? 0 : -ENOMEM;
}

/* Takes <lfd>. */
static int create_on(struct httpd **out, struct evloop *l, int lfd,
                     const struct httpd_config *cfg)
{
    struct httpd *h = calloc(1, sizeof(*h));
    struct net_addr at;
    int rc;

    if (!h) {
        close(lfd);
        return -ENOMEM;
    }
    sock_local_addr(lfd, &at);
    *h = (struct httpd){.loop = l, .port = at.port, .cfg = *cfg};
    rc = copy_arg(h);
    if (rc < 0)
        close(lfd);
    else
        rc = start_mhd(h, lfd);
    if (rc < 0)
        httpd_destroy(h);
    else
        *out = h;
    return rc;
}

int httpd_create(struct httpd **out, struct evloop *l, const char *where,
                 const struct httpd_config *cfg)
{
    struct net_addr at;
    int rc;

    *out = NULL;
    if (!where[0])
        return 0;
    rc = net_addr_parse(&at, where);
    if (rc == 0)
        rc = sock_listen(&at, (int)MAX_CONNECTIONS, SOCK_NONBLOCK);
    if (rc >= 0)
        rc = create_on(out, l, rc, cfg);
    if (rc < 0)
        LOG_ERROR("http.listen",
                  "at=%s err=%s: correct %s; `ss -ltnp` shows which program has the port",
                  where, err_str(rc), cfg->key ? cfg->key : "[http] listen");
    else
        LOG_INFO("http.listen", "at=%s port=%u", where, (*out)->port);
    return rc;
}

uint16_t httpd_port(const struct httpd *h)
{
    return h->port;
}

void httpd_destroy(struct httpd *h)
{
    if (!h)
        return;
    mhdloop_destroy(h->mhd); /* closes the listening socket */
    while (h->oldest)
        remove_client(h, h->oldest->fd);
    free((void *)(uintptr_t)h->cfg.arg);
    free(h);
}
