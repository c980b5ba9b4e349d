/* A fixed table of probes, each a non-blocking socket and a timer in the loop.  A probe
 * ends in one of four ways: the connection fails, the connection succeeds and no request
 * is wanted, 12 bytes of an answer have arrived, or its time is over.  Every way goes
 * through finish_probe(), so the callback is called exactly once.
 *
 * Rejected: an HTTP client library.  It would bring name resolution, TLS, redirects and
 * sockets of its own, for a single line that is read here. */
#include "agent_data/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/sock.h"

#define MAX_PROBES 256
#define REQUEST_MAX 160
#define STATUS_LEN 12 /* "HTTP/1.1 200" */

struct slot {
    struct probe *p;
    uint64_t id;
    int fd;                           /* -1 = the slot is free */
    struct evtimer timer;
    char request[REQUEST_MAX]; /* "" = the connection suffices */
    bool asked;                       /* the request was sent */
    char answer[STATUS_LEN];
    size_t got;                       /* bytes of answer */
};

struct probe {
    struct evloop *loop;
    uint32_t timeout_ms;
    probe_fn *fn;
    void *arg;
    struct slot slot[MAX_PROBES];
};

static void close_slot(struct slot *s)
{
    evloop_clear_timer(s->p->loop, &s->timer);
    if (s->fd >= 0) {
        evloop_del_fd(s->p->loop, s->fd);
        close(s->fd);
    }
    s->fd = -1;
}

static void finish_probe(struct slot *s, bool ok)
{
    close_slot(s);
    s->p->fn(s->id, ok, s->p->arg);
}

static bool is_status_good(const char *status)
{
    return memcmp(status, "HTTP/1.", 7) == 0 && status[8] == ' ' &&
           (status[9] == '2' || status[9] == '3');
}

static void on_answer(struct slot *s, int fd)
{
    ssize_t n = sock_read(fd, s->answer + s->got, STATUS_LEN - s->got);

    if (n == -EAGAIN)
        return;
    s->got += n > 0 ? (size_t)n : 0;
    if (n <= 0 || s->got == STATUS_LEN)
        finish_probe(s, s->got == STATUS_LEN && is_status_good(s->answer));
}

static void on_connect(struct slot *s, int fd)
{
    size_t len = strlen(s->request);
    bool ok = sock_connect_result(fd) == 0;

    if (ok && len > 0) {              /* a new connection takes a few bytes at once */
        ok = sock_write(fd, s->request, len) == (ssize_t)len &&
             evloop_mod_fd(s->p->loop, fd, EPOLLIN) == 0;
        s->asked = ok;
        if (ok)
            return;
    }
    finish_probe(s, ok);
}

static void on_ready(int fd, uint32_t events, void *arg)
{
    struct slot *s = arg;

    (void)events;
    if (s->asked)
        on_answer(s, fd);
    else
        on_connect(s, fd);
}

static void on_timeout(void *arg)
{
    finish_probe(arg, false);
}

int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg)
{
    struct probe *p = calloc(1, sizeof(*p));
    int i;

    if (!p)
        return -ENOMEM;
    p->loop = l;
    p->timeout_ms = timeout_ms;
    p->fn = fn;
    p->arg = arg;
    for (i = 0; i < MAX_PROBES; i++) {
        p->slot[i].p = p;
        p->slot[i].fd = -1;
    }
    *out = p;
    return 0;
}

void probe_destroy(struct probe *p)
{
    int i;

    for (i = 0; p && i < MAX_PROBES; i++)
        close_slot(&p->slot[i]);
    free(p);
}

int probe_start(struct probe *p, uint64_t id, const struct net_addr *to, const char *path)
{
    struct slot *s = NULL;
    char text[NET_ADDR_STRLEN];
    int i, rc;

    for (i = 0; i < MAX_PROBES; i++) {
        if (p->slot[i].fd >= 0 && p->slot[i].id == id)
            return -EBUSY;
        if (p->slot[i].fd < 0)
            s = &p->slot[i];
    }
    if (!s)
        return -ENOBUFS;
    rc = 0;
    s->request[0] = '\0';
    if (path[0])
        rc = snprintf(s->request, REQUEST_MAX,
                      "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
                      net_addr_str(to, text));
    if (rc >= REQUEST_MAX)
        return -E2BIG;
    s->id = id;
    s->got = 0;
    s->asked = false;
    s->fd = sock_connect_start(to);
    rc = s->fd < 0 ? -ECONNREFUSED : evloop_add_fd(p->loop, s->fd, EPOLLOUT, on_ready, s);
    if (rc == 0)
        rc = evloop_set_timer(p->loop, &s->timer, p->timeout_ms, on_timeout, s);
    if (rc == 0)
        return 0;
    finish_probe(s, false);           /* a connect that fails at once fails the probe */
    return 0;
}
