/* The input of a connection.  The bytes of one read are put behind the remainder of the
 * read before, in the group's buffer; complete frames go to their handlers, and only a
 * new remainder is copied to the connection's own buffer.
 *
 * Invariant: c->in has bytes only between two reads, and it is empty or begins a frame.
 * Rejected: a buffer of its own for each connection (conn.c). */
#include <errno.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/log.h"
#include "net/conn_private.h"

#define LOG_UNKNOWN_GAP_MS 60000

static void handle_frame(struct conn *c, const struct frame *f)
{
    char peer[NET_ADDR_STRLEN];
    struct conn_group *g = c->g;

    g->stat.n_frames++;
    if (c->io->allow && !c->io->allow(c, f->msgid))
        return;
    if (dispatch_call(g->cfg.dispatch, c, f))
        return;
    g->stat.n_unknown++;
    LOG_EVERY(LOG_UNKNOWN_GAP_MS, LOG_LEVEL_WARN, "conn.unknown", "msgid=%d peer=%s",
              f->msgid, net_addr_str(&c->peer, peer));
}

/* The bytes that a client of TLS begins with.  As a frame they are message 66,326 or
 * above, and mostly one that is never complete. */
static bool is_tls(const char *p, size_t len)
{
    return len >= 3 && p[0] == 0x16 && p[1] == 3 && p[2] >= 1 && p[2] <= 4;
}

static void end_bad(struct conn *c, bool tls, int rc)
{
    conn_end_logged(c, CONN_WHY_BAD_FRAME,
                    tls ? "bad_frame: the peer uses TLS, and this program does not; see "
                          "[tls] in both configurations"
                        : "bad_frame",
                    rc);
}

/* Handle the complete frames among the <len> bytes at <p>.  Returns their total size. */
static size_t handle_frames(struct conn *c, const char *p, size_t len)
{
    struct conn_group *g = c->g;
    size_t used = 0;
    ssize_t n = 1;
    bool tls;

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
    tls = c->state == CONN_OPEN && is_tls(p + used, len - used);
    if (c->state == CONN_OPEN && (n < 0 || tls))
        end_bad(c, tls, n < 0 ? (int)n : -EPROTO);
    if (c->state != CONN_CLOSED && c->out.len > 0 && !(c->events & EPOLLOUT))
        conn_flush(c);
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
        conn_end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
    buf_consume(in, in->len);
}

/* Copy the connection's remainder to the group's input buffer and make room for one read
 * behind it.  Returns 0 or -ENOMEM. */
static int copy_leftover(struct conn *c)
{
    int rc = buf_append(&c->g->in, buf_bytes(&c->in), c->in.len);

    return rc < 0 ? rc : buf_reserve(&c->g->in, CONN_READ_ROOM);
}

static void got_eof(struct conn *c)
{
    c->eof = true;
    if (c->state == CONN_OPEN)
        conn_finish(c); /* half close: the peer may still read */
    else if (c->out.len == 0)
        conn_end(c, CONN_WHY_EOF);
    conn_arm(c); /* else epoll reports EPOLLIN in every turn */
}

bool conn_input_read(struct conn *c)
{
    struct buf *in = &c->g->in;
    ssize_t n;

    if (copy_leftover(c) < 0) {
        conn_end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
        return false;
    }
    n = c->io->read(c, buf_tail(in), CONN_READ_ROOM);
    if (n > 0 && c->state == CONN_OPEN) {
        buf_added(in, (size_t)n);
        buf_free(&c->in);
        handle_input(c);
        return n == CONN_READ_ROOM;
    }
    buf_consume(in, in->len); /* drop the copy: c->in has the remainder */
    if (n == 0)
        got_eof(c);
    else if (n < 0 && n != -EAGAIN)
        conn_end_logged(c, CONN_WHY_ERROR, "read", (int)n);
    return n == CONN_READ_ROOM;
}

void conn_input_again(struct conn *c)
{
    if (copy_leftover(c) < 0) {
        conn_end_logged(c, CONN_WHY_NO_MEMORY, "memory", -ENOMEM);
        return;
    }
    buf_free(&c->in);
    handle_input(c);
}
