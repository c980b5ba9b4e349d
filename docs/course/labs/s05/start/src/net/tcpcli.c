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
    /* begin tell_down */
    /* Call on_down(), when there is one, once for each loss: told_down remembers it. */
    (void)c;
    /* end tell_down */
}

/* The connection or an attempt failed with <why>: wait, then try the next server. */
static void retry(struct tcpcli *c, int why)
{
    /* begin retry */
    /* 1. Log server.down with the present address and <why>, once for each loss and
     *    not while finishing.
     * 2. Choose the next address in turn; after the last comes the first.
     * 3. Tell the owner that the connection is down.
     * 4. Unless c->finish is set, start the timer with dial(); the wait comes from
     *    backoff_next() and rnd_u32().  When the timer cannot be set, log it: no
     *    attempt follows. */
    (void)c;
    (void)why;
    (void)dial;
    (void)tell_down;
    /* end retry */
}

static void give_up_attempt(struct tcpcli *c, int why)
{
    /* begin give_up_attempt */
    /* Undo what dial() did, in reverse order: the timer, the registration of the fd,
     * the fd itself.  Then c->fd is -1 again, and retry() follows. */
    (void)c;
    (void)why;
    (void)retry;
    /* end give_up_attempt */
}

static void on_slow(void *arg)
{
    /* begin on_slow */
    /* The attempt took connect_ms: give it up with -ETIMEDOUT. */
    (void)arg;
    (void)give_up_attempt;
    /* end on_slow */
}

static void on_writable(int fd, uint32_t events, void *arg)
{
    /* begin on_writable */
    /* The attempt is over: sock_connect_result() says how.
     * 1. After a failure give the attempt up.
     * 2. After a success take the timer and the registration away (a connection
     *    registers the fd itself), set c->fd to -1 and pass the fd to
     *    conn_group_start(), which takes it on failure too; then retry() follows a
     *    failure. */
    (void)fd;
    (void)events;
    (void)arg;
    /* end on_writable */
}

static void dial(void *arg)
{
    /* begin dial */
    /* Start one attempt to reach cfg.to[turn]. This function never waits.
     * 1. sock_connect_start(); after a failure retry().
     * 2. Store the fd in c->fd and watch it for EPOLLOUT with on_writable().
     * 3. Set the timer: after connect_ms on_slow() ends the attempt.
     * 4. When step 2 or 3 fails, give the attempt up. */
    (void)arg;
    (void)on_writable;
    (void)on_slow;
    /* end dial */
}

static void on_start(struct conn *conn, void *arg)
{
    /* begin on_start */
    /* The connection is established; conn_group calls this.
     * 1. Turn keepalive on (DEAD_S).
     * 2. Remember the connection and the time (evloop_now_ms()); the loss after this
     *    one is a new one for tell_down().
     * 3. Log server.up, then call on_up(), when there is one: it may send already. */
    (void)conn;
    (void)arg;
    /* end on_start */
}

static void on_close(struct conn *conn, enum conn_why why, void *arg)
{
    /* begin on_close */
    /* The connection is closed and will be freed; conn_group calls this.
     * 1. Forget it.
     * 2. Reset the back-off when it lasted LASTED_MS or longer.
     * 3. retry() with -ENOBUFS when too many bytes waited (CONN_WHY_OUT_FULL), else
     *    with -ECONNRESET. */
    (void)conn;
    (void)why;
    (void)arg;
    /* end on_close */
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
    /* begin tcpcli_send */
    /* Send through the connection; without one return -ENOTCONN and keep nothing. */
    (void)c;
    (void)msgid;
    (void)body;
    (void)len;
    return -ENOSYS;
    /* end tcpcli_send */
}

void tcpcli_finish(struct tcpcli *c)
{
    /* begin tcpcli_finish */
    /* 1. Set c->finish: from now on no attempt is made.
     * 2. With a connection: conn_finish() sends what waits and closes; on_close() does
     *    the rest.
     * 3. Without one: stop the timer; give up an attempt that runs (-ECANCELED).
     *    on_down() is called in any case, also when this loss has called it before. */
    (void)c;
    /* end tcpcli_finish */
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
