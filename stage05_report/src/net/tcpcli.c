/* A client is in one of three states: waiting (the timer will start the next attempt),
 * connecting (fd is set, the timer limits the attempt) or up (conn is set).  Every error
 * leads to retry(), which waits and tries the next address.
 *
 * Invariant: at most one of fd and conn is set, and the timer is armed unless the client
 * is up or finished.
 * The back-off is reset only when a connection has lasted LASTED_MS.  Rejected: resetting
 * it when the connection is established, because a server that accepts and closes at once
 * would then be called without a pause. */
#include "net/tcpcli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rnd.h"
#include "net/conn_group.h"
#include "net/sock.h"

#define DEAD_S 15                     /* see sock_keepalive() */
#define LASTED_MS 1000                /* a shorter connection counts as a failure */

struct tcpcli {
    struct evloop *loop;
    struct tcpcli_config cfg;
    struct conn_group *group;
    struct conn *conn;                /* NULL = not up */
    int fd;                           /* while connecting; -1 otherwise */
    size_t turn;                      /* index of the present server in cfg.to */
    struct evtimer timer;
    struct backoff backoff;
    struct rnd rnd;
    uint64_t up_ms;                   /* monotonic; when the connection came up */
    bool finish;                      /* tcpcli_finish(): make no more attempts */
    bool told_down;                   /* on_down() was called for this loss */
};

static void dial(void *arg);

static void tell_down(struct tcpcli *c)
{
    if (!c->told_down && c->cfg.on_down)
        c->cfg.on_down(c, c->cfg.arg);
    c->told_down = true;
}

/* The connection or an attempt failed with <why>: wait, then try the next server. */
static void retry(struct tcpcli *c, int why)
{
    char text[NET_ADDR_STRLEN];
    uint32_t ms = backoff_next(&c->backoff, rnd_u32(&c->rnd));
    int rc;

    if (!c->finish && !c->told_down)
        LOG_WARN("server.down", "server=%s err=%s",
                 net_addr_str(&c->cfg.to[c->turn], text), err_str(why));
    c->turn = (c->turn + 1) % c->cfg.n_to;
    tell_down(c);
    if (c->finish)
        return;
    rc = evloop_set_timer(c->loop, &c->timer, ms, dial, c);
    if (rc < 0)
        LOG_ERROR("server.lost", "err=%s: no timer, no further attempts", err_str(rc));
}

static void give_up_attempt(struct tcpcli *c, int why)
{
    evloop_clear_timer(c->loop, &c->timer);
    evloop_del_fd(c->loop, c->fd);
    close(c->fd);
    c->fd = -1;
    retry(c, why);
}

static void on_slow(void *arg)
{
    give_up_attempt(arg, -ETIMEDOUT);
}

static void on_writable(int fd, uint32_t events, void *arg)
{
    struct tcpcli *c = arg;
    int rc = sock_connect_result(fd);

    (void)events;
    if (rc < 0) {
        give_up_attempt(c, rc);
        return;
    }
    evloop_clear_timer(c->loop, &c->timer);
    evloop_del_fd(c->loop, fd);
    c->fd = -1;
    rc = conn_group_start(c->group, fd, &c->cfg.to[c->turn]);
    if (rc < 0)
        retry(c, rc);
}

static void dial(void *arg)
{
    struct tcpcli *c = arg;
    int rc = sock_connect_start(&c->cfg.to[c->turn]);

    if (rc < 0) {
        retry(c, rc);
        return;
    }
    c->fd = rc;
    rc = evloop_add_fd(c->loop, c->fd, EPOLLOUT, on_writable, c);
    if (rc == 0)
        rc = evloop_set_timer(c->loop, &c->timer, c->cfg.connect_ms, on_slow, c);
    if (rc < 0)
        give_up_attempt(c, rc);
}

static void on_start(struct conn *conn, void *arg)
{
    struct tcpcli *c = arg;
    char text[NET_ADDR_STRLEN];

    sock_keepalive(conn_fd(conn), DEAD_S);
    c->conn = conn;
    c->up_ms = evloop_now_ms(c->loop);
    c->told_down = false;
    LOG_INFO("server.up", "server=%s", net_addr_str(conn_peer(conn), text));
    if (c->cfg.on_up)
        c->cfg.on_up(c, c->cfg.arg);
}

static void on_close(struct conn *conn, enum conn_why why, void *arg)
{
    struct tcpcli *c = arg;

    (void)conn;
    c->conn = NULL;
    if (evloop_now_ms(c->loop) - c->up_ms >= LASTED_MS)
        backoff_reset(&c->backoff);
    retry(c, why == CONN_WHY_OUT_FULL ? -ENOBUFS : -ECONNRESET);
}

static uint32_t or_else(uint32_t value, uint32_t preset)
{
    return value ? value : preset;
}

int tcpcli_create(struct tcpcli **out, struct evloop *l, const struct tcpcli_config *cfg)
{
    struct tcpcli *c;
    struct conn_config cc = {.dispatch = cfg->dispatch,
                             .max_out = cfg->max_out,
                             .on_start = on_start,
                             .on_close = on_close};
    int rc;

    if (cfg->n_to < 1 || cfg->n_to > TCPCLI_MAX_ADDRS)
        return -EINVAL;
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct tcpcli){.loop = l, .cfg = *cfg, .fd = -1};
    c->cfg.connect_ms = or_else(cfg->connect_ms, 3000);
    c->backoff.min_ms = or_else(cfg->min_ms, 100);
    c->backoff.max_ms = or_else(cfg->max_ms, 5000);
    rnd_init_any(&c->rnd);
    cc.arg = c;
    rc = conn_group_create(&c->group, l, &cc);
    if (rc == 0)
        rc = evloop_set_timer(l, &c->timer, 0, dial, c);
    if (rc < 0)
        tcpcli_destroy(c);
    else
        *out = c;
    return rc;
}

void tcpcli_destroy(struct tcpcli *c)
{
    if (!c)
        return;
    c->cfg.on_up = c->cfg.on_down = NULL;
    c->finish = true;
    conn_group_destroy(c->group);     /* calls on_close(), which does not retry */
    evloop_clear_timer(c->loop, &c->timer);
    if (c->fd >= 0) {
        evloop_del_fd(c->loop, c->fd);
        close(c->fd);
    }
    free(c);
}

int tcpcli_send(struct tcpcli *c, int32_t msgid, const void *body, size_t len)
{
    return c->conn ? conn_send(c->conn, msgid, body, len) : -ENOTCONN;
}

void tcpcli_finish(struct tcpcli *c)
{
    c->finish = true;
    if (c->conn) {
        conn_finish(c->conn);
        return;
    }
    evloop_clear_timer(c->loop, &c->timer);
    c->told_down = false;             /* report the end, even after a loss */
    if (c->fd >= 0)
        give_up_attempt(c, -ECANCELED);
    else
        tell_down(c);
}

bool tcpcli_is_first(const struct tcpcli *c)
{
    return !c->conn || c->turn == 0;
}

void tcpcli_go_first(struct tcpcli *c)
{
    if (tcpcli_is_first(c))
        return;
    c->turn = c->cfg.n_to - 1;        /* retry() advances to the first */
    conn_close(c->conn);
}

void tcpcli_go_next(struct tcpcli *c)
{
    if (c->conn)
        conn_close(c->conn);
}

uint64_t tcpcli_n_frames(const struct tcpcli *c)
{
    return conn_group_stat(c->group)->n_frames;
}

int tcpcli_local_addr(const struct tcpcli *c, struct net_addr *out)
{
    return c->conn ? sock_local_addr(conn_fd(c->conn), out) : -ENOTCONN;
}
