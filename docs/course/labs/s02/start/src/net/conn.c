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
    /* 1. Assert the owner.  Closed already: return, so that a second call changes
     *    nothing.
     * 2. State and reason.  Unwatch the fd, clear the timer, undefer c->later; close
     *    the fd and set it to -1; free both buffers.
     * 3. Count: one open connection less, one ended for this reason.
     * 4. Defer reap(): callers further up the stack still hold <c> in this turn. */
    /* begin end */
    (void)c;
    (void)why;
    (void)reap;
    /* end end */
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
    /* One timer serves two purposes; <arg> is the connection.
     * 1. Draining: linger_ms have passed.  End it: CONN_WHY_EOF when the peer has
     *    closed its side, else CONN_WHY_LOCAL.
     * 2. Open, and active_ms is at least idle_ms ago: end it, CONN_WHY_IDLE.
     * 3. Else it was active in between: set the timer again, for the rest of idle_ms. */
    /* begin on_timer */
    (void)arg;
    /* end on_timer */
}

/* A draining connection has sent its output: shut down our sending side, and end the
 * connection when the peer has shut down its own. */
static void drained(struct conn *c)
{
    /* 1. The peer has closed its side as well: end it, CONN_WHY_EOF.
     * 2. Else shut down our sending side, once (c->shut): the peer then sees our end. */
    /* begin drained */
    (void)c;
    /* end drained */
}

void conn_finish(struct conn *c)
{
    /* 1. Only an open connection: any other returns at once.
     * 2. State draining, no longer paused; the input that is not handled is discarded.
     * 3. The timer: linger_ms.  When it cannot be set: end, CONN_WHY_NO_MEMORY.
     * 4. No output waits: drained() now.  In any case arm() for what it waits for. */
    /* begin conn_finish */
    (void)c;
    (void)drained;
    /* end conn_finish */
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
    /* 1. One write through c->io of all that waits.  -EAGAIN is no error: nothing was
     *    sent.  Any other error ends the connection, CONN_WHY_ERROR, and nothing else
     *    happens.
     * 2. Consume what was sent, and note the time in active_ms.
     * 3. All was sent: give_back() the buffer.  If EPOLLOUT was armed before, call
     *    on_drain.  If it is draining and still has no output, drained().
     * 4. arm(): EPOLLOUT is armed while output waits, and only then. */
    /* begin flush */
    (void)drained;
    (void)give_back;
    buf_free(&c->out);
    /* end flush */
}

int conn_send(struct conn *c, int32_t msgid, const void *body, size_t len)
{
    /* 1. Assert the owner; -EPIPE unless it is open; -EINVAL for an empty or too long
     *    body.
     * 2. Header and body would exceed max_out: end it, CONN_WHY_OUT_FULL, and
     *    -ENOBUFS.
     * 3. No buffer yet: borrow the group's spare one.  Reserve the room; on -ENOMEM
     *    end it.
     * 4. Write header and body at the end of the buffer, count them.
     * 5. While its own frames are handled (g->busy) collect, up to READ_ROOM; else
     *    flush(), unless EPOLLOUT is armed.  -EPIPE when the flush has ended it. */
    /* begin conn_send */
    (void)c;
    (void)msgid;
    (void)body;
    (void)len;
    return -ENOSYS;
    /* end conn_send */
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
    /* 1. g->busy is <c> while frames are handled: conn_send() then collects.
     * 2. While the connection is open and not paused: frame_parse() the rest; a
     *    complete frame goes to handle_frame().  Look at the state again for each
     *    frame: a handler may have closed or paused the connection.
     * 3. Frames were handled: note the time in active_ms.
     * 4. A bad frame ends an open connection, CONN_WHY_BAD_FRAME, with end_logged().
     * 5. Output was collected and EPOLLOUT is not armed: flush().  Return the bytes
     *    used. */
    /* begin handle_frames */
    (void)c;
    (void)p;
    (void)len;
    (void)handle_frame;
    return 0;
    /* end handle_frames */
}

/* The group's input buffer holds the remainder of earlier reads and the new bytes: handle
 * their frames and keep the new remainder in the connection's own buffer. */
static void handle_input(struct conn *c)
{
    /* 1. handle_frames() for all bytes of the group's input buffer; consume what it
     *    used.
     * 2. An open connection keeps the rest: append it to c->in.  No memory: end it.
     * 3. Empty the group's buffer: the next event belongs to another connection. */
    /* begin handle_input */
    (void)c;
    (void)handle_frames;
    /* end handle_input */
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
    /* 1. Set c->eof.
     * 2. Open: conn_finish(), because the peer may still read.  Else, without output:
     *    end it.
     * 3. arm(): without EPOLLIN, else epoll reports the end in every turn. */
    /* begin got_eof */
    (void)c;
    /* end got_eof */
}

static void on_readable(struct conn *c)
{
    /* 1. copy_leftover(); -ENOMEM ends it.
     * 2. One read through c->io, READ_ROOM bytes, behind the copy.
     * 3. Bytes, and open: count them, free c->in (its content is in the copy),
     *    handle_input().
     * 4. Else drop the copy.  0 is got_eof(); -EAGAIN is nothing; another error ends
     *    it. */
    /* begin on_readable */
    (void)copy_leftover;
    (void)got_eof;
    end(c, CONN_WHY_LOCAL);
    /* end on_readable */
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
    /* 1. Allocate the connection and fill it: group, fd, &plain, EPOLLIN as armed,
     *    active_ms, the peer if there is one.
     * 2. evloop_add_fd() with on_event; when idle_ms is set, the timer with on_timer.
     * 3. TCP_NODELAY: output is collected, so waiting for more could only delay it.
     *    The call fails on AF_UNIX; that is no error.
     * 4. Link it as g->first (prev points to the pointer that points to it); count it
     *    as open and as started; on_start.
     * 5. On an error undo in reverse order.  The fd was taken: close it in every case. */
    /* begin conn_open */
    (void)g;
    (void)peer;
    (void)plain;
    (void)on_event;
    (void)on_timer;
    close(fd);
    return -ENOSYS;
    /* end conn_open */
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
