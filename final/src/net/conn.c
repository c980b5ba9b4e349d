/* One connection: its beginning, its output and its end.  conn_input.c cuts the received
 * bytes into frames for the handlers, whose frames are collected here and sent.
 *
 * Memory.  Most connections are idle at any moment, and an idle connection owns no
 * buffer.  The group has one buffer for input and one for output, which the connection
 * whose event is being handled borrows.  A connection allocates its own buffer only for a
 * remainder: half a frame, or output that the socket did not accept.
 *
 * System calls.  Each event causes one read.  Output is collected while the frames of
 * that read are handled, and is sent with one write.  EPOLLOUT is armed only when that
 * write was short.  So a request with its reply costs a read, a write and a share of an
 * epoll_wait.  They are recv() and send(), which reach the socket with less code of the
 * kernel than read() and write().
 *
 * Edges.  A plain connection that waits for input only is watched edge-triggered.  A
 * level-triggered descriptor stays in the kernel's list of ready ones after it has been
 * reported, so that each epoll_wait() asks every socket of the turn before once more and
 * mostly finds it empty, which costs a twentieth of a request.  An edge is reported once.
 * When one read may have left bytes, or the end of the stream, watch_again() has it
 * reported again.  All other connections are watched level-triggered.
 *
 * An io that connects, such as TLS, keeps the connection in CONN_OPENING until it has
 * done so; on_start is called then, and no frame is handled or sent before.
 *
 * Invariant: every connection ends in conn_end(), for any reason, and reap() frees it at
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

#define LOG_GAP_MS 1000

/* What a plain connection that waits for input only is watched for. */
#define INPUT_EDGE ((uint32_t)EPOLLIN | EPOLLRDHUP | EPOLLET)
/* There may be something to read after one read of any length. */
#define ENDS ((uint32_t)EPOLLRDHUP | EPOLLHUP | EPOLLERR)

/* recv() and send() have a shorter way through the kernel than read() and write(), which
 * also serve files: a push to 1,000 agents takes a tenth less processor time. */
static ssize_t plain_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n;

    do {
        n = recv(c->fd, buf, len, 0);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

static ssize_t plain_write(struct conn *c, const void *buf, size_t len)
{
    ssize_t n;

    do {
        n = send(c->fd, buf, len, MSG_NOSIGNAL);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

static const struct conn_io plain = {.read = plain_read, .write = plain_write};

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

void conn_end(struct conn *c, enum conn_why why)
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
    if (c->io->close)
        c->io->close(c);
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
    conn_end(c, CONN_WHY_LOCAL);
}

void conn_end_logged(struct conn *c, enum conn_why why, const char *what, int rc)
{
    char peer[NET_ADDR_STRLEN];

    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "conn.end", "why=%s err=%s peer=%s", what,
              err_str(rc), net_addr_str(&c->peer, peer));
    conn_end(c, why);
}

/* Also has epoll report again what is there already. */
static void watch(struct conn *c, uint32_t events)
{
    int rc;

    c->events = events;
    rc = evloop_mod_fd(c->g->loop, c->fd, events);
    if (rc < 0)
        conn_end_logged(c, CONN_WHY_ERROR, "epoll", rc);
}

/* Register the events that the connection waits for, when they have changed. */
void conn_arm(struct conn *c)
{
    uint32_t want = c->io_events;

    if (want == 0 && !c->eof && !c->paused)
        want = EPOLLIN;
    if (c->out.len > 0 || c->shutting)
        want |= EPOLLOUT;
    if (want == EPOLLIN && c->io == &plain)
        want = INPUT_EDGE;
    if (c->state != CONN_CLOSED && want != c->events)
        watch(c, want);
}

/* After a read for <events>: an edge is reported again when that read may not have
 * emptied the socket. */
static void watch_again(struct conn *c, uint32_t events, bool filled)
{
    if ((filled || (events & ENDS)) && (c->events & EPOLLET) && c->state != CONN_CLOSED)
        watch(c, c->events);
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    struct conn_group *g = c->g;
    uint64_t idle = evloop_now_ms(g->loop) - c->active_ms;

    if (c->state == CONN_DRAINING) {
        conn_end(c, c->eof ? CONN_WHY_EOF : CONN_WHY_LOCAL);
    } else if (idle >= g->cfg.idle_ms) {
        conn_end(c, CONN_WHY_IDLE);
    } else { /* it was active: wait for the rest */
        evloop_set_timer(g->loop, &c->timer, g->cfg.idle_ms - (uint32_t)idle, on_timer,
                         c);
    }
}

/* A draining connection has sent its output: shut down our sending side, and end the
 * connection when the peer has shut down its own. */
static void drained(struct conn *c)
{
    int rc = 0;

    if (c->eof) {
        conn_end(c, CONN_WHY_EOF);
    } else if (!c->shut) {
        if (c->io->shutdown)
            rc = c->io->shutdown(c);
        c->shutting = rc == -EAGAIN; /* called again at EPOLLOUT */
        c->shut = rc != -EAGAIN;
        if (c->shut)
            shutdown(c->fd, SHUT_WR);
        conn_arm(c);
    }
}

void conn_finish(struct conn *c)
{
    if (c->state == CONN_OPENING)
        conn_end(c, CONN_WHY_LOCAL);
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_DRAINING;
    c->paused = false;
    buf_free(&c->in);
    if (evloop_set_timer(c->g->loop, &c->timer, c->g->cfg.linger_ms, on_timer, c) < 0) {
        conn_end(c, CONN_WHY_NO_MEMORY);
        return;
    }
    if (c->out.len == 0)
        drained(c);
    conn_arm(c);
}

/* --- output ------------------------------------------------------------------------- */

/* Return an empty buffer to the group; free it when the group has one or it is large. */
static void give_back(struct conn_group *g, struct buf *b)
{
    if (g->out.data || b->cap > 2 * CONN_READ_ROOM)
        buf_free(b);
    else
        g->out = *b;
    *b = (struct buf){0};
}

void conn_flush(struct conn *c)
{
    bool waited = c->events & EPOLLOUT;
    ssize_t n;

    n = c->io->write(c, buf_bytes(&c->out), c->out.len);
    if (n < 0 && n != -EAGAIN) {
        conn_end_logged(c, CONN_WHY_ERROR, "write", (int)n);
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
    conn_arm(c);
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
        conn_end_logged(c, CONN_WHY_OUT_FULL, "out_full", -ENOBUFS);
        return -ENOBUFS;
    }
    if (!c->out.data) {
        c->out = g->out;
        g->out = (struct buf){0};
    }
    rc = buf_reserve(&c->out, FRAME_HEAD + len);
    if (rc < 0) {
        conn_end_logged(c, CONN_WHY_NO_MEMORY, "memory", rc);
        return rc;
    }
    at = buf_tail(&c->out);
    frame_put_head((uint8_t *)at, msgid, (uint32_t)len);
    memcpy(at + FRAME_HEAD, body, len);
    buf_added(&c->out, FRAME_HEAD + len);
    if ((g->busy != c || c->out.len >= CONN_READ_ROOM) && !(c->events & EPOLLOUT))
        conn_flush(c);
    return c->state == CONN_CLOSED ? -EPIPE : 0;
}

size_t conn_out_bytes(const struct conn *c)
{
    return c->out.len;
}

/* --- events ------------------------------------------------------------------------- */

static void start_open(struct conn *c)
{
    c->state = CONN_OPEN;
    c->active_ms = evloop_now_ms(c->g->loop);
    if (c->g->cfg.on_start)
        c->g->cfg.on_start(c, c->g->cfg.arg);
    conn_arm(c); /* its io may have been replaced */
}

static void on_opening(struct conn *c)
{
    int rc = c->io->connect(c);

    if (rc == 0) {
        c->io_events = 0;
        start_open(c);
    } else if (rc != -EAGAIN) { /* the io has logged it */
        conn_end(c, CONN_WHY_ERROR);
    }
    conn_arm(c);
}

static void on_event(int fd, uint32_t events, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    if (c->state == CONN_OPENING) {
        on_opening(c);
        return;
    }
    if ((events & EPOLLOUT) && c->out.len > 0)
        conn_flush(c);
    else if ((events & EPOLLOUT) && c->state == CONN_DRAINING)
        drained(c); /* the io can send the last bytes */
    if (c->state == CONN_CLOSED)
        return;
    if ((c->events & EPOLLIN) || c->io_events) {
        if (events & (c->io_events | EPOLLIN | ENDS))
            watch_again(c, events, conn_input_read(c));
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        conn_end(c, CONN_WHY_ERROR); /* reads nothing, and the peer is gone */
    }
}

void conn_pause_read(struct conn *c)
{
    if (c->state != CONN_OPEN)
        return;
    c->paused = true;
    evloop_undefer(c->g->loop, &c->later);
    conn_arm(c);
}

static void go_on(void *arg)
{
    conn_input_again(arg);
}

void conn_resume_read(struct conn *c)
{
    if (c->state != CONN_OPEN || !c->paused)
        return;
    c->paused = false;
    conn_arm(c);
    if (c->state == CONN_OPEN) /* deferred: a handler of c may be calling */
        evloop_defer(c->g->loop, &c->later, go_on, c);
    if (c->state == CONN_OPEN && c->io->wanted)
        c->io->wanted(c);
}

void conn_io_wait(struct conn *c, uint32_t events)
{
    c->io_events = events;
    conn_arm(c);
}

void conn_io_input(struct conn *c)
{
    if (c->state == CONN_OPENING)
        on_opening(c);
    else if (c->state != CONN_CLOSED && !c->paused && !c->eof)
        conn_input_read(c);
}

/* --- starting, and attributes ------------------------------------------------------- */

int conn_open(struct conn_group *g, int fd, const struct net_addr *peer)
{
    struct conn *c = calloc(1, sizeof(*c));
    int one = 1, rc = -ENOMEM;

    if (!c)
        goto close_fd;
    *c = (struct conn){.g = g, .fd = fd, .io = &plain, .events = INPUT_EDGE};
    if (peer)
        c->peer = *peer;
    rc = evloop_add_fd(g->loop, fd, INPUT_EDGE, on_event, c);
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
    if (g->cfg.choose_io && g->cfg.choose_io(c, g->cfg.io_arg) < 0) {
        conn_end(c, CONN_WHY_ERROR);
        return 0;
    }
    if (c->io->connect)
        on_opening(c);
    else
        start_open(c);
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
    conn_end(c, CONN_WHY_LOCAL);
    evloop_undefer(c->g->loop, &c->later);
    reap(c);
}

struct conn_group *conn_owner(const struct conn *c)
{
    return c->g;
}

struct evloop *conn_loop(const struct conn *c)
{
    return c->g->loop;
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
    c->io = io ? io : &plain;
    if (c->state == CONN_OPEN)
        conn_arm(c);
}

void conn_set_io_arg(struct conn *c, void *arg)
{
    c->io_arg = arg;
}

void *conn_io_arg(const struct conn *c, const struct conn_io *io)
{
    return c->io == io ? c->io_arg : NULL;
}

void conn_set_user(struct conn *c, void *user)
{
    c->user = user;
}

void *conn_user(const struct conn *c)
{
    return c->user;
}

void conn_set_peer_entry(struct conn *c, void *e)
{
    c->peer_entry = e;
}

void *conn_peer_entry(const struct conn *c)
{
    return c->peer_entry;
}
