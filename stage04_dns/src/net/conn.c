/* One connection: it cuts the received bytes into frames for the handlers and sends the
 * frames that the handlers produce.
 *
 * Memory.  Most connections are idle at any moment, and an idle connection owns no
 * buffer.  The group has one buffer for input and one for output, which the connection
 * whose event is being handled borrows.  A connection allocates its own buffer only for a
 * remainder: half a frame, or output that the socket did not accept.
 *
 * System calls.  Each event causes one read; epoll is level-triggered and reports unread
 * data again.  Output is collected while the frames of that read are handled, and is sent
 * with one write.  EPOLLOUT is armed only when that write was short.  So a request with
 * its reply costs a read, a write and a share of an epoll_wait.
 *
 * Invariant: every connection ends in end(), for any reason, and reap() frees it at
 * the end of that turn, after on_close.
 * Rejected: buffers for each connection, two of 64 KiB each, which for 10,000 connections
 * would be 1.3 GB; unlimited output, with which a client that does not read decides how
 * much memory the server uses. */
#include "net/conn_private.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

#define READ_ROOM 65536                   /* bytes asked for in one read */
#define LOG_GAP_MS 1000
#define LOG_UNKNOWN_GAP_MS 60000

static ssize_t plain_read(struct conn *c, void *buf, size_t len)
{
    return sock_read(c->fd, buf, len);
}

static ssize_t plain_write(struct conn *c, const void *buf, size_t len)
{
    return sock_write(c->fd, buf, len);
}

static const struct conn_io plain = {plain_read, plain_write};

/* --- closing ------------------------------------------------------------------------ */

static void reap(void *arg)
{
    struct conn *c = arg;
    struct conn_group *g = c->g;

    if (g->cfg.on_close)
        g->cfg.on_close(c, c->why, g->cfg.arg);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

static void end(struct conn *c, enum conn_why why)
{
    struct conn_group *g = c->g;

    evloop_assert_owner(g->loop);
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    c->why = why;
    evloop_del_fd(g->loop, c->fd);
    evloop_clear_timer(g->loop, &c->timer);
    evloop_undefer(g->loop, &c->later);
    close(c->fd);
    c->fd = -1;
    buf_free(&c->in);
    buf_free(&c->out);
    g->n_open--;
    g->stat.n_ended[why]++;
    evloop_defer(g->loop, &c->later, reap, c);
}

void conn_close(struct conn *c)
{
    end(c, CONN_WHY_LOCAL);
}

static void end_logged(struct conn *c, enum conn_why why, const char *what, int rc)
{
    char peer[NET_ADDR_STRLEN];

    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "conn.end", "why=%s err=%s peer=%s", what,
              err_str(rc), net_addr_str(&c->peer, peer));
    end(c, why);
}

/* Register the events that the connection waits for, when they have changed. */
static void arm(struct conn *c)
{
    uint32_t want = 0;
    int rc;

    if (!c->eof && !c->paused)
        want |= EPOLLIN;
    if (c->out.len > 0)
        want |= EPOLLOUT;
    if (c->state == CONN_CLOSED || want == c->events)
        return;
    c->events = want;
    rc = evloop_mod_fd(c->g->loop, c->fd, want);
    if (rc < 0)
        end_logged(c, CONN_WHY_ERROR, "epoll", rc);
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    struct conn_group *g = c->g;
    uint64_t idle = evloop_now_ms(g->loop) - c->active_ms;

    if (c->state == CONN_DRAINING) {
        end(c, c->eof ? CONN_WHY_EOF : CONN_WHY_LOCAL);
    } else if (idle >= g->cfg.idle_ms) {
        end(c, CONN_WHY_IDLE);
    } else {                              /* it was active: wait for the rest */
        evloop_set_timer(g->loop, &c->timer, g->cfg.idle_ms - (uint32_t)idle, on_timer,
                         c);
    }
}

/* A draining connection has sent its output: shut down our sending side, and end the
 * connection when the peer has shut down its own. */
static void drained(struct conn *c)
{
    if (c->eof) {
        end(c, CONN_WHY_EOF);
    } else if (!c->shut) {
        c->shut = true;
        shutdown(c->fd, SHUT_WR);
    }
}

void conn_finish(struct conn *c)
{
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_DRAINING;
    c->paused = false;
    buf_free(&c->in);
    if (evloop_set_timer(c->g->loop, &c->timer, c->g->cfg.linger_ms, on_timer, c) < 0) {
        end(c, CONN_WHY_NO_MEMORY);
        return;
    }
    if (c->out.len == 0)
        drained(c);
    arm(c);
}

/* --- output ------------------------------------------------------------------------- */

/* Return an empty buffer to the group; free it when the group has one or it is large. */
static void give_back(struct conn_group *g, struct buf *b)
{
    if (g->out.data || b->cap > 2 * READ_ROOM)
        buf_free(b);
    else
        g->out = *b;
    *b = (struct buf){0};
}

static void flush(struct conn *c)
{
    bool waited = c->events & EPOLLOUT;
    ssize_t n;

    n = c->io->write(c, buf_bytes(&c->out), c->out.len);
    if (n < 0 && n != -EAGAIN) {
        end_logged(c, CONN_WHY_ERROR, "write", (int)n);
        return;
    }
    if (n > 0) {
        buf_consume(&c->out, (size_t)n);
        c->active_ms = evloop_now_ms(c->g->loop);
    }
    if (c->out.len == 0)
        give_back(c->g, &c->out);
    if (c->out.len == 0) {
        if (waited && c->g->cfg.on_drain)
            c->g->cfg.on_drain(c, c->g->cfg.arg);
        if (c->state == CONN_DRAINING && c->out.len == 0)
            drained(c);
    }
    arm(c);
}

int conn_send(struct conn *c, int32_t msgid, const void *body, size_t len)
{
    struct conn_group *g = c->g;
    char *at;
    int rc;

    evloop_assert_owner(g->loop);
    if (c->state != CONN_OPEN)
        return -EPIPE;
    if (len == 0 || len > FRAME_MAX_BODY)
        return -EINVAL;
    if (c->out.len + FRAME_HEAD + len > g->cfg.max_out) {
        end_logged(c, CONN_WHY_OUT_FULL, "out_full", -ENOBUFS);
        return -ENOBUFS;
    }
    if (!c->out.data) {
        c->out = g->out;
        g->out = (struct buf){0};
    }
    rc = buf_reserve(&c->out, FRAME_HEAD + len);
    if (rc < 0) {
        end_logged(c, CONN_WHY_NO_MEMORY, "memory", rc);
        return rc;
    }
    at = buf_tail(&c->out);
    frame_put_head((uint8_t *)at, msgid, (uint32_t)len);
    memcpy(at + FRAME_HEAD, body, len);
    buf_added(&c->out, FRAME_HEAD + len);
    if ((g->busy != c || c->out.len >= READ_ROOM) && !(c->events & EPOLLOUT))
        flush(c);
    return c->state == CONN_CLOSED ? -EPIPE : 0;
}

size_t conn_out_bytes(const struct conn *c)
{
    return c->out.len;
}

/* --- input -------------------------------------------------------------------------- */

static void handle_frame(struct conn *c, const struct frame *f)
{
    char peer[NET_ADDR_STRLEN];
    struct conn_group *g = c->g;

    g->stat.n_frames++;
    if (dispatch_call(g->cfg.dispatch, c, f))
        return;
    g->stat.n_unknown++;
    LOG_EVERY(LOG_UNKNOWN_GAP_MS, LOG_LEVEL_WARN, "conn.unknown", "msgid=%d peer=%s",
              f->msgid, net_addr_str(&c->peer, peer));
}

/* Handle the complete frames among the <len> bytes at <p>.  Returns their total size. */
static size_t handle_frames(struct conn *c, const char *p, size_t len)
{
    struct conn_group *g = c->g;
    size_t used = 0;
    ssize_t n = 1;

    g->busy = c;
    while (c->state == CONN_OPEN && !c->paused && n > 0) {
        struct frame f;

        n = frame_parse(p + used, len - used, g->cfg.max_body, &f);
        if (n > 0) {
            used += (size_t)n;
            handle_frame(c, &f);
        }
    }
    g->busy = NULL;
    if (used > 0)
        c->active_ms = evloop_now_ms(g->loop);
    if (c->state == CONN_OPEN && n < 0)
        end_logged(c, CONN_WHY_BAD_FRAME, "bad_frame", (int)n);
    if (c->state != CONN_CLOSED && c->out.len > 0 && !(c->events & EPOLLOUT))
        flush(c);
    return used;
}

/* The group's input buffer holds the remainder of earlier reads and the new bytes: handle
 * their frames and keep the new remainder in the connection's own buffer. */
static void handle_input(struct conn *c)
{
    struct buf *in = &c->g->in;
    size_t used = handle_frames(c, buf_bytes(in), in->len);

    buf_consume(in, used);
    if (c->state == CONN_OPEN && in->len > 0 &&
        buf_append(&c->in, buf_bytes(in), in->len) < 0)
        end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
    buf_consume(in, in->len);
}

/* Copy the connection's remainder to the group's input buffer and make room for one read
 * behind it.  Returns 0 or -ENOMEM. */
static int copy_leftover(struct conn *c)
{
    int rc = buf_append(&c->g->in, buf_bytes(&c->in), c->in.len);

    return rc < 0 ? rc : buf_reserve(&c->g->in, READ_ROOM);
}

static void got_eof(struct conn *c)
{
    c->eof = true;
    if (c->state == CONN_OPEN)
        conn_finish(c);                   /* half close: the peer may still read */
    else if (c->out.len == 0)
        end(c, CONN_WHY_EOF);
    arm(c);                               /* else epoll reports EPOLLIN in every turn */
}

static void on_readable(struct conn *c)
{
    struct buf *in = &c->g->in;
    ssize_t n;

    if (copy_leftover(c) < 0) {
        end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
        return;
    }
    n = c->io->read(c, buf_tail(in), READ_ROOM);
    if (n > 0 && c->state == CONN_OPEN) {
        buf_added(in, (size_t)n);
        buf_free(&c->in);
        handle_input(c);
        return;
    }
    buf_consume(in, in->len);             /* drop the copy: c->in has the remainder */
    if (n == 0)
        got_eof(c);
    else if (n < 0 && n != -EAGAIN)
        end_logged(c, CONN_WHY_ERROR, "read", (int)n);
}

static void on_event(int fd, uint32_t events, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    if ((events & EPOLLOUT) && c->out.len > 0)
        flush(c);
    if (c->state == CONN_CLOSED)
        return;
    if (c->events & EPOLLIN) {
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            on_readable(c);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        end(c, CONN_WHY_ERROR);          /* reads nothing, and the peer is gone */
    }
}

void conn_pause_read(struct conn *c)
{
    if (c->state != CONN_OPEN)
        return;
    c->paused = true;
    evloop_undefer(c->g->loop, &c->later);
    arm(c);
}

static void go_on(void *arg)
{
    struct conn *c = arg;

    if (copy_leftover(c) < 0) {
        end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
        return;
    }
    buf_free(&c->in);
    handle_input(c);
}

void conn_resume_read(struct conn *c)
{
    if (c->state != CONN_OPEN || !c->paused)
        return;
    c->paused = false;
    arm(c);
    if (c->state == CONN_OPEN)          /* deferred: a handler of c may be calling */
        evloop_defer(c->g->loop, &c->later, go_on, c);
}

/* --- starting, and attributes ------------------------------------------------------- */

int conn_open(struct conn_group *g, int fd, const struct net_addr *peer)
{
    struct conn *c = calloc(1, sizeof(*c));
    int one = 1, rc = -ENOMEM;

    if (!c)
        goto close_fd;
    *c = (struct conn){.g = g, .fd = fd, .io = &plain, .events = EPOLLIN};
    c->active_ms = evloop_now_ms(g->loop);
    if (peer)
        c->peer = *peer;
    rc = evloop_add_fd(g->loop, fd, EPOLLIN, on_event, c);
    if (rc < 0)
        goto free_conn;
    if (g->cfg.idle_ms > 0)
        rc = evloop_set_timer(g->loop, &c->timer, g->cfg.idle_ms, on_timer, c);
    if (rc < 0)
        goto del_fd;
    /* Output is collected before it is written, so Nagle's algorithm could only delay a
     * reply, by up to 40 ms.  The call fails on AF_UNIX, which has no such delay. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->next = g->first;
    c->prev = &g->first;
    if (c->next)
        c->next->prev = &c->next;
    g->first = c;
    g->n_open++;
    g->stat.n_started++;
    if (g->cfg.on_start)
        g->cfg.on_start(c, g->cfg.arg);
    return 0;
del_fd:
    evloop_del_fd(g->loop, fd);
free_conn:
    free(c);
close_fd:
    close(fd);
    return rc;
}

void conn_kill(struct conn *c)
{
    end(c, CONN_WHY_LOCAL);
    evloop_undefer(c->g->loop, &c->later);
    reap(c);
}

struct conn_group *conn_owner(const struct conn *c)
{
    return c->g;
}

int conn_fd(const struct conn *c)
{
    return c->fd;
}

const struct net_addr *conn_peer(const struct conn *c)
{
    return &c->peer;
}

void conn_set_io(struct conn *c, const struct conn_io *io)
{
    c->io = io;
}

void conn_set_user(struct conn *c, void *user)
{
    c->user = user;
}

void *conn_user(const struct conn *c)
{
    return c->user;
}
