#include "agent_data/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/sock.h"

#define PROBES 256
#define REQUEST_MAX 160
#define STATUS_LEN 12                 /* "HTTP/1.1 200" */

struct one {
    struct probe *p;
    uint64_t id;
    int fd;                           /* -1 = not under way */
    struct evtimer timer;
    char request[REQUEST_MAX];        /* "" = the connection will do */
    bool asked;
    char answer[STATUS_LEN];
    size_t got;                       /* of it */
};

struct probe {
    struct evloop *loop;
    uint32_t timeout_ms;
    probe_fn *fn;
    void *arg;
    struct one one[PROBES];
};

static void end(struct one *o)
{
    evloop_clear_timer(o->p->loop, &o->timer);
    if (o->fd >= 0) {
        evloop_del_fd(o->p->loop, o->fd);
        close(o->fd);
    }
    o->fd = -1;
}

static void tell(struct one *o, bool ok)
{
    end(o);
    o->p->fn(o->id, ok, o->p->arg);
}

static bool is_well(const char *status)
{
    return memcmp(status, "HTTP/1.", 7) == 0 && status[8] == ' ' &&
           (status[9] == '2' || status[9] == '3');
}

static void on_answer(struct one *o, int fd)
{
    ssize_t n = sock_read(fd, o->answer + o->got, STATUS_LEN - o->got);

    if (n == -EAGAIN)
        return;
    o->got += n > 0 ? (size_t)n : 0;
    if (n <= 0 || o->got == STATUS_LEN)
        tell(o, o->got == STATUS_LEN && is_well(o->answer));
}

static void on_connect(struct one *o, int fd)
{
    size_t len = strlen(o->request);
    bool ok = sock_connect_result(fd) == 0;

    if (ok && len > 0) {              /* a few bytes: a new connection takes them all */
        ok = sock_write(fd, o->request, len) == (ssize_t)len &&
             evloop_mod_fd(o->p->loop, fd, EPOLLIN) == 0;
        o->asked = ok;
        if (ok)
            return;
    }
    tell(o, ok);
}

static void on_ready(int fd, uint32_t events, void *arg)
{
    struct one *o = arg;

    (void)events;
    if (o->asked)
        on_answer(o, fd);
    else
        on_connect(o, fd);
}

static void on_timeout(void *arg)
{
    struct one *o = arg;

    end(o);
    o->p->fn(o->id, false, o->p->arg);
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
    for (i = 0; i < PROBES; i++) {
        p->one[i].p = p;
        p->one[i].fd = -1;
    }
    *out = p;
    return 0;
}

void probe_destroy(struct probe *p)
{
    int i;

    for (i = 0; p && i < PROBES; i++)
        end(&p->one[i]);
    free(p);
}

int probe_start(struct probe *p, uint64_t id, const struct net_addr *to, const char *path)
{
    struct one *o = NULL;
    char text[NET_ADDR_STRLEN];
    int i, rc;

    for (i = 0; i < PROBES; i++) {
        if (p->one[i].fd >= 0 && p->one[i].id == id)
            return -EBUSY;
        if (p->one[i].fd < 0)
            o = &p->one[i];
    }
    if (!o)
        return -ENOBUFS;
    rc = 0;
    o->request[0] = '\0';
    if (path[0])
        rc = snprintf(o->request, REQUEST_MAX,
                      "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
                      net_addr_str(to, text));
    if (rc >= REQUEST_MAX)
        return -E2BIG;
    o->id = id;
    o->got = 0;
    o->asked = false;
    o->fd = sock_connect_start(to);
    rc = o->fd < 0 ? -ECONNREFUSED : evloop_add_fd(p->loop, o->fd, EPOLLOUT, on_ready, o);
    if (rc == 0)
        rc = evloop_set_timer(p->loop, &o->timer, p->timeout_ms, on_timeout, o);
    if (rc == 0)
        return 0;
    end(o);
    p->fn(id, false, p->arg);         /* no way there is an answer too */
    return 0;
}
