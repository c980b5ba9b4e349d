#include "agent/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/sock.h"

#define PROBES 256

struct one {
    struct probe *p;
    uint64_t id;
    int fd;                           /* -1 = not under way */
    struct evtimer timer;
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

static void on_connect(int fd, uint32_t events, void *arg)
{
    struct one *o = arg;
    bool ok = sock_connect_result(fd) == 0;

    (void)events;
    end(o);
    o->p->fn(o->id, ok, o->p->arg);
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

int probe_start(struct probe *p, uint64_t id, const struct net_addr *to)
{
    struct one *o = NULL;
    int i, rc;

    for (i = 0; i < PROBES; i++) {
        if (p->one[i].fd >= 0 && p->one[i].id == id)
            return -EBUSY;
        if (p->one[i].fd < 0)
            o = &p->one[i];
    }
    if (!o)
        return -ENOBUFS;
    o->id = id;
    o->fd = sock_connect_start(to);
    rc = o->fd < 0 ? -ECONNREFUSED
                   : evloop_add_fd(p->loop, o->fd, EPOLLOUT, on_connect, o);
    if (rc == 0)
        rc = evloop_set_timer(p->loop, &o->timer, p->timeout_ms, on_timeout, o);
    if (rc == 0)
        return 0;
    end(o);
    p->fn(id, false, p->arg);         /* no way there is an answer too */
    return 0;
}
