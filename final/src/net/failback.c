/* A probe is a connection, a request and the first byte of an answer.
 *
 * One probe is not enough: a server that restarts again and again would draw its clients
 * back each time.  A connection alone is not enough either: the kernel accepts it for a
 * process that is stopped. */
#include "net/failback.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "net/frame.h"
#include "net/sock.h"

#define BODY_MAX 64

struct failback {
    struct evloop *loop;
    struct tcpcli *cli;
    struct failback_config cfg;
    uint8_t question[FRAME_HEAD + BODY_MAX];
    struct evtimer timer;
    int fd;                           /* of the probe in progress; -1 = none */
    int good;                         /* answered probes in a row */
};

static void end_probe(struct failback *f, bool good)
{
    char text[NET_ADDR_STRLEN];

    if (f->fd >= 0) {
        evloop_del_fd(f->loop, f->fd);
        close(f->fd);
        f->fd = -1;
    }
    f->good = good ? f->good + 1 : 0;
    if (f->good < FAILBACK_PROBES)
        return;
    f->good = 0;
    LOG_INFO("server.first", "server=%s: answers again, going back to it",
             net_addr_str(&f->cfg.first, text));
    tcpcli_go_first(f->cli);
}

/* Any byte proves that the server's program works. */
static void on_readable(int fd, uint32_t events, void *arg)
{
    char byte;

    (void)events;
    end_probe(arg, sock_read(fd, &byte, 1) == 1);
}

static void on_writable(int fd, uint32_t events, void *arg)
{
    struct failback *f = arg;
    size_t len = FRAME_HEAD + f->cfg.len;

    (void)events;
    if (sock_connect_result(fd) < 0 || sock_write(fd, f->question, len) != (ssize_t)len) {
        end_probe(f, false);
        return;
    }
    evloop_del_fd(f->loop, fd);
    if (evloop_add_fd(f->loop, fd, EPOLLIN, on_readable, f) < 0)
        end_probe(f, false);
}

static void start_probe(struct failback *f)
{
    f->fd = sock_connect_start(&f->cfg.first);
    if (f->fd < 0 || evloop_add_fd(f->loop, f->fd, EPOLLOUT, on_writable, f) < 0)
        end_probe(f, false);
}

static void on_period(void *arg)
{
    struct failback *f = arg;

    if (f->fd >= 0)
        end_probe(f, false);           /* no answer for a whole period */
    if (tcpcli_is_first(f->cli))
        f->good = 0;
    else
        start_probe(f);
    evloop_set_timer(f->loop, &f->timer, f->cfg.period_ms, on_period, f);
}

int failback_create(struct failback **out, struct evloop *l, struct tcpcli *c,
                    const struct failback_config *cfg)
{
    struct failback *f;
    int rc;

    if (cfg->len > BODY_MAX)
        return -EMSGSIZE;
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    *f = (struct failback){.loop = l, .cli = c, .cfg = *cfg, .fd = -1};
    frame_put_head(f->question, cfg->msgid, (uint32_t)cfg->len);
    if (cfg->len > 0)
        memcpy(f->question + FRAME_HEAD, cfg->body, cfg->len);
    rc = evloop_set_timer(l, &f->timer, cfg->period_ms, on_period, f);
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
