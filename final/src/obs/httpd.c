/* libmicrohttpd has an epoll of its own; that descriptor is in our loop, readable when
 * there is anything to do, and its next time-out is a timer of ours. */
#include "obs/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

#define MAX_CONNECTIONS 32u
#define IDLE_S 10u
#define MEMORY ((size_t)16384)        /* of a connection: the longest request */

struct httpd {
    struct evloop *loop;
    struct evtimer timer;
    struct MHD_Daemon *mhd;
    int epfd;                         /* -1 = not in the loop */
    uint16_t port;
    struct httpd_config cfg;
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
    char why[HTTPD_WHY_MAX] = "ok", line[HTTPD_WHY_MAX + 1];
    bool ok = h->cfg.health(why, h->cfg.arg) == 0;
    int n = snprintf(line, sizeof(line), "%s\n", why);

    return send_text(c, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                     line, (size_t)n);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *data, size_t *n_data, void **state)
{
    static const char none[] = "not found; there are /metrics and /healthz\n";
    static const char wrong[] = "only GET\n";
    static int seen;

    (void)version;
    (void)data;
    if (!*state) {                    /* the headers: the body, if any, comes after */
        *state = &seen;
        return MHD_YES;
    }
    if (*n_data > 0) {
        *n_data = 0; /* whatever it is */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", wrong,
                         sizeof(wrong) - 1);
    if (strcmp(url, "/metrics") == 0)
        return send_metrics(arg, c);
    if (strcmp(url, "/healthz") == 0)
        return send_health(arg, c);
    return send_text(c, MHD_HTTP_NOT_FOUND, "text/plain", none, sizeof(none) - 1);
}

static void run(void *arg)
{
    struct httpd *h = arg;
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(h->mhd);
    if (MHD_get_timeout(h->mhd, &ms) == MHD_YES)
        evloop_set_timer(h->loop, &h->timer,
                         ms > IDLE_S * 1000 ? IDLE_S * 1000 : (uint32_t)ms, run, h);
    else
        evloop_clear_timer(h->loop, &h->timer);
}

static void on_ready(int fd, uint32_t events, void *arg)
{
    (void)fd;
    (void)events;
    run(arg);
}

static int start(struct httpd *h, int lfd)
{
    const union MHD_DaemonInfo *info;
    int rc;

    h->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h,
                              MHD_OPTION_LISTEN_SOCKET, lfd, MHD_OPTION_CONNECTION_LIMIT,
                              MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY, MHD_OPTION_END);
    if (!h->mhd) {
        close(lfd);
        return -EIO;
    }
    info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    rc = info ? evloop_add_fd(h->loop, info->epoll_fd, EPOLLIN, on_ready, h) : -EIO;
    if (rc == 0)
        h->epfd = info->epoll_fd;
    return rc;
}

/* Takes <lfd>. */
static int create(struct httpd **out, struct evloop *l, int lfd,
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
    *h = (struct httpd){.loop = l, .epfd = -1, .port = at.port, .cfg = *cfg};
    rc = start(h, lfd);
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
        rc = create(out, l, rc, cfg);
    if (rc < 0)
        LOG_ERROR("http.listen", "at=%s err=%s: see [http] listen, and `ss -ltnp`", where,
                  err_str(rc));
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
    if (h->epfd != -1)
        evloop_del_fd(h->loop, h->epfd);
    evloop_clear_timer(h->loop, &h->timer);
    if (h->mhd)
        MHD_stop_daemon(h->mhd);      /* closes the listening socket */
    free(h);
}
