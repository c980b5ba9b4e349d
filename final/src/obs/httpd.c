/* The daemon's values are read in the thread that owns them (mhdloop.h), so no lock is
 * needed.
 *
 * The one thing that can be changed here is the level of the log (docs/decisions/018).
 * PUT is used because a web page in a browser on this host cannot send it to another
 * origin without that origin's consent, as it can POST.
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
#define MEMORY ((size_t)16384) /* bytes of a connection; bounds the request */

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
    char body[16]; /* longer than any word that is accepted */
    size_t n;
    bool is_long; /* more than fits came, and was thrown away */
};

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status,
                                 const char *type, const void *text, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;

    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
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
    if (q->is_long || loglevel_parse(q->body, &level) < 0)
        return send_words(c, MHD_HTTP_BAD_REQUEST,
                          "the body must be error, warn, info or debug\n");
    loglevel_set(level, "http");
    return send_level(c);
}

/* --- requests ----------------------------------------------------------------------- */

static enum MHD_Result answer(struct httpd *h, struct MHD_Connection *c, const char *url,
                              const char *method, struct request *q)
{
    bool is_level = strcmp(url, "/log-level") == 0;

    if (is_level && strcmp(method, MHD_HTTP_METHOD_PUT) == 0)
        return put_level(c, q);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_words(c, MHD_HTTP_METHOD_NOT_ALLOWED,
                          "this method is not allowed here; use GET\n");
    if (is_level)
        return send_level(c);
    if (strcmp(url, "/metrics") == 0)
        return send_metrics(h, c);
    if (strcmp(url, "/healthz") == 0)
        return send_health(h, c);
    return send_words(c, MHD_HTTP_NOT_FOUND,
                      "not found; there are /metrics, /healthz and /log-level\n");
}

/* libmicrohttpd calls this for the headers, for each piece of the body, and once more. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *n_data, void **state)
{
    struct request *q = *state;

    (void)version;
    if (!q) {
        *state = calloc(1, sizeof(*q));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*n_data == 0)
        return answer(arg, c, url, method, q);
    if (*n_data < sizeof(q->body) - q->n)
        memcpy(q->body + q->n, data, *n_data);
    else
        q->is_long = true;
    q->n += q->is_long ? 0 : *n_data;
    *n_data = 0; /* all of it has been taken */
    return MHD_YES;
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
                  "at=%s err=%s: correct [http] listen; `ss -ltnp` shows which program "
                  "has the port",
                  where, err_str(rc));
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
