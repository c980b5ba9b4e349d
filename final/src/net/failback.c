/* A probe is a connection, a request and a frame that answers it.  The connection is made
 * as the client makes its own, with TLS when that has it.
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
#include "net/conn_group.h"
#include "net/sock.h"

#define BODY_MAX 64

struct failback {
    struct evloop *loop;
    struct tcpcli *cli;
    struct failback_config cfg;
    char body[BODY_MAX];
    struct dispatch *dispatch;
    struct conn_group *group;
    struct evtimer timer;
    int fd;                           /* of a probe that connects; -1 = none */
    struct conn *conn;                /* of a probe that waits for its answer; or NULL */
    int good;                         /* answered probes in a row */
};

static void end_probe(struct failback *f, bool good)
{
    char text[NET_ADDR_STRLEN];
    struct conn *c = f->conn;

    f->conn = NULL;
    if (c)
        conn_close(c);
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

/* Any frame proves that the server's program works. */
static void on_answer(struct conn *c, const struct frame *fr, void *arg)
{
    struct failback *f = arg;

    (void)fr;
    if (f->conn == c)
        end_probe(f, true);
}

static int on_new(struct conn *c, void *arg)
{
    struct failback *f = arg;

    f->conn = c;
    return tcpcli_choose_io(c, f->cli);
}

static void on_start(struct conn *c, void *arg)
{
    struct failback *f = arg;

    conn_send(c, f->cfg.msgid, f->body, f->cfg.len);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct failback *f = arg;

    (void)why;
    if (f->conn == c)                 /* else end_probe() has closed it */
        end_probe(f, false);
}

static void on_writable(int fd, uint32_t events, void *arg)
{
    struct failback *f = arg;

    (void)events;
    if (sock_connect_result(fd) < 0) {
        end_probe(f, false);
        return;
    }
    evloop_del_fd(f->loop, fd);
    f->fd = -1;
    if (conn_group_start(f->group, fd, &f->cfg.first) < 0)
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

    if (f->fd >= 0 || f->conn)
        end_probe(f, false);           /* no answer for a whole period */
    if (tcpcli_is_first(f->cli))
        f->good = 0;
    else
        start_probe(f);
    evloop_set_timer(f->loop, &f->timer, f->cfg.period_ms, on_period, f);
}

static int create_group(struct failback *f)
{
    const struct conn_config cc = {.dispatch = f->dispatch,
                                   .choose_io = on_new,
                                   .io_arg = f,
                                   .on_start = on_start,
                                   .on_close = on_close,
                                   .arg = f};
    int rc = 0;
    int32_t id;

    for (id = 0; id < DISPATCH_IDS && rc == 0; id++)
        rc = dispatch_set(f->dispatch, id, on_answer, f);
    return rc < 0 ? rc : conn_group_create(&f->group, f->loop, &cc);
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
    if (cfg->len > 0)
        memcpy(f->body, cfg->body, cfg->len);
    f->cfg.body = NULL;               /* the caller's; not used any more */
    rc = dispatch_create(&f->dispatch);
    if (rc == 0)
        rc = create_group(f);
    if (rc == 0)
        rc = evloop_set_timer(l, &f->timer, cfg->period_ms, on_period, f);
    if (rc < 0)
        failback_destroy(f);
    else
        *out = f;
    return rc;
}

void failback_destroy(struct failback *f)
{
    if (!f)
        return;
    evloop_clear_timer(f->loop, &f->timer);
    f->conn = NULL;                   /* its end does not count */
    conn_group_destroy(f->group);
    dispatch_destroy(f->dispatch);
    if (f->fd >= 0) {
        evloop_del_fd(f->loop, f->fd);
        close(f->fd);
    }
    free(f);
}
