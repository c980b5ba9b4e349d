/* A byte stream: write first, and arm EPOLLOUT only for a remainder.
 * Reading stays armed while the owner wants bytes; epoll is level-triggered, so a read
 * that leaves bytes in the socket is reported again.  So a request and its answer cost a
 * read and a write on each of the two connections of a proxy.
 *
 * Invariant: after stream_close() no callback comes, because evloop_del_fd() forgets the
 * events of this turn as well.
 * Rejected: to reuse net/conn, whose frames, end of input and drain belong together. */
#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"

/* recv() and send() have a shorter way through the kernel than read() and write(). */
static ssize_t plain_read(struct stream *s, void *buf, size_t len)
{
    ssize_t n;

    do {
        n = recv(s->fd, buf, len, 0);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

static ssize_t plain_write(struct stream *s, const void *buf, size_t len)
{
    ssize_t n;

    do {
        n = send(s->fd, buf, len, MSG_NOSIGNAL);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

static int plain_connect(struct stream *s)
{
    return sock_connect_result(s->fd);
}

static const struct stream_io plain = {.read = plain_read,
                                       .write = plain_write,
                                       .connect = plain_connect};

static void arm(struct stream *s)
{
    uint32_t want = 0;

    if (s->reading || s->connecting)
        want |= s->io_events;
    if (!s->connecting && (s->out.len > 0 || s->shutting))
        want |= EPOLLOUT;
    if (!s->connecting && s->reading)
        want |= EPOLLIN;
    if (s->fd == -1 || want == s->events)
        return;
    s->events = want;
    evloop_mod_fd(s->loop, s->fd, want);
}

/* Send what waits.  Returns 0 or -errno. */
static int flush(struct stream *s)
{
    while (s->out.len > 0) {
        ssize_t n = s->io->write(s, buf_bytes(&s->out), s->out.len);

        if (n == -EAGAIN)
            break;
        if (n < 0)
            return (int)n;
        buf_consume(&s->out, (size_t)n);
    }
    if (s->out.len == 0)
        buf_free(&s->out);
    arm(s);
    return 0;
}

/* Call on_drain when what waits has become little enough. */
static void tell_drained(struct stream *s)
{
    if (s->finishing ? s->out.len > 0 : !s->high || s->out.len > STREAM_LOW)
        return;
    s->high = s->finishing = false;
    s->owner->on_drain(s);
}

static void on_connected(struct stream *s)
{
    int rc = s->io->connect(s);

    if (rc == -EAGAIN)
        return;
    s->connecting = false;
    s->io_events = 0;
    if (rc == 0)
        rc = flush(s);
    s->owner->on_connect(s, rc);
    if (rc == 0 && s->fd != -1)
        tell_drained(s); /* what was written before the connection was there */
}

static void on_output(struct stream *s)
{
    int rc = flush(s);

    if (rc < 0)
        s->owner->on_error(s, rc);
    else
        tell_drained(s);
}

static void on_event(int fd, uint32_t events, void *arg)
{
    struct stream *s = arg;

    (void)fd;
    if (s->connecting) {
        on_connected(s);
        return;
    }
    if ((events & EPOLLOUT) && s->out.len > 0)
        on_output(s);
    if ((events & EPOLLOUT) && s->shutting)
        stream_shutdown(s);
    if (s->fd == -1)
        return;
    if (events & (EPOLLIN | s->io_events) && s->reading)
        s->owner->on_input(s);
    else if (events & (EPOLLERR | EPOLLHUP))
        s->owner->on_error(s, -ECONNRESET);
}

static int open_fd(struct stream *s, struct evloop *l, int fd,
                   const struct stream_owner *owner, const struct stream_io *io,
                   uint32_t events)
{
    int one = 1, rc;

    *s = (struct stream){.loop = l,
                         .owner = owner,
                         .io = io,
                         .fd = fd,
                         .events = events ? events : EPOLLIN,
                         .io_events = events,
                         .reading = true,
                         .connecting = events != 0};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    rc = evloop_add_fd(l, fd, s->events, on_event, s);
    if (rc < 0) {
        close(fd);
        s->fd = -1;
    }
    return rc;
}

int stream_open(struct stream *s, struct evloop *l, int fd,
                const struct stream_owner *owner)
{
    return open_fd(s, l, fd, owner, &plain, 0);
}

int stream_open_connecting(struct stream *s, struct evloop *l, int fd,
                           const struct stream_owner *owner)
{
    return open_fd(s, l, fd, owner, &plain, EPOLLOUT);
}

int stream_open_io(struct stream *s, struct evloop *l, int fd,
                   const struct stream_owner *owner, const struct stream_io *io,
                   void *io_arg, uint32_t events)
{
    int rc = open_fd(s, l, fd, owner, io, events);

    if (rc == 0)
        s->io_arg = io_arg;
    return rc;
}

void stream_close(struct stream *s)
{
    if (s->fd == -1)
        return;
    if (s->io->close)
        s->io->close(s);
    evloop_del_fd(s->loop, s->fd);
    close(s->fd);
    s->fd = -1;
    buf_free(&s->out);
}

bool stream_is_open(const struct stream *s)
{
    return s->fd != -1;
}

ssize_t stream_read(struct stream *s, void *buf, size_t len)
{
    return s->fd == -1 ? 0 : s->io->read(s, buf, len);
}

static int keep(struct stream *s, const char *p, size_t len)
{
    int rc = buf_append(&s->out, p, len);

    if (rc < 0)
        return rc;
    if (s->out.len >= STREAM_HIGH)
        s->high = true;
    arm(s);
    return 0;
}

int stream_write(struct stream *s, const void *p, size_t len)
{
    ssize_t n = 0;

    if (s->fd == -1)
        return -EPIPE;
    if (!s->connecting && s->out.len == 0) {
        n = s->io->write(s, p, len);
        if (n == -EAGAIN)
            n = 0;
        if (n < 0)
            return (int)n;
    }
    return (size_t)n == len ? 0 : keep(s, (const char *)p + n, len - (size_t)n);
}

size_t stream_waiting(const struct stream *s)
{
    return s->out.len;
}

void stream_finish(struct stream *s)
{
    s->finishing = s->out.len > 0;
}

void stream_shutdown(struct stream *s)
{
    int rc = s->io->shutdown ? s->io->shutdown(s) : 0;

    s->shutting = rc == -EAGAIN;
    arm(s);
    if (!s->shutting && s->fd != -1)
        shutdown(s->fd, SHUT_WR);
}

void stream_read_on(struct stream *s)
{
    s->reading = true;
    arm(s);
    if (s->io->wanted && s->fd != -1 && !s->connecting)
        s->io->wanted(s);
}

void stream_read_off(struct stream *s)
{
    s->reading = false;
    arm(s);
}

void stream_set_owner(struct stream *s, const struct stream_owner *owner)
{
    s->owner = owner;
}

void stream_io_wait(struct stream *s, uint32_t events)
{
    s->io_events = events;
    arm(s);
}

void stream_io_input(struct stream *s)
{
    if (s->fd != -1 && s->reading && !s->connecting)
        s->owner->on_input(s);
}
