#include "net/failback.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "net/sock.h"

struct failback {
    struct evloop *loop;
    struct tcpcli *cli;
    struct net_addr first;
    uint32_t period_ms;
    struct evtimer timer;
    int fd;                           /* of the look under way; -1 = none */
    int good;                         /* looks in a row */
};

static void end_look(struct failback *f, bool good)
{
    char text[NET_ADDR_STRLEN];

    if (f->fd >= 0) {
        evloop_del_fd(f->loop, f->fd);
        close(f->fd);
        f->fd = -1;
    }
    f->good = good ? f->good + 1 : 0;
    if (f->good < FAILBACK_LOOKS)
        return;
    f->good = 0;
    LOG_INFO("server.first", "server=%s: back to it", net_addr_str(&f->first, text));
    tcpcli_go_first(f->cli);
}

static void on_writable(int fd, uint32_t events, void *arg)
{
    (void)events;
    end_look(arg, sock_connect_result(fd) == 0);
}

static void look(struct failback *f)
{
    f->fd = sock_connect_start(&f->first);
    if (f->fd < 0 || evloop_add_fd(f->loop, f->fd, EPOLLOUT, on_writable, f) < 0)
        end_look(f, false);
}

static void on_time(void *arg)
{
    struct failback *f = arg;

    if (f->fd >= 0)
        end_look(f, false);           /* no answer for a whole period */
    if (tcpcli_is_first(f->cli))
        f->good = 0;
    else
        look(f);
    evloop_set_timer(f->loop, &f->timer, f->period_ms, on_time, f);
}

int failback_create(struct failback **out, struct evloop *l, struct tcpcli *c,
                    const struct net_addr *first, uint32_t period_ms)
{
    struct failback *f = calloc(1, sizeof(*f));
    int rc;

    if (!f)
        return -ENOMEM;
    *f = (struct failback){
        .loop = l, .cli = c, .first = *first, .period_ms = period_ms, .fd = -1};
    rc = evloop_set_timer(l, &f->timer, period_ms, on_time, f);
    if (rc < 0)
        free(f);
    else
        *out = f;
    return rc;
}

void failback_destroy(struct failback *f)
{
    if (!f)
        return;
    evloop_clear_timer(f->loop, &f->timer);
    if (f->fd >= 0) {
        evloop_del_fd(f->loop, f->fd);
        close(f->fd);
    }
    free(f);
}
