/* OpenSSL reads and writes the socket itself and says which event it waits for; the
 * stream waits for it.  Two things differ from a plain socket.  Bytes can be inside
 * OpenSSL while the socket is empty, and then no event would come: so a read that leaves
 * some, and the end of a pause, defer a call of on_input.  A read may have to write first
 * (the answer to a KeyUpdate): then it waits for EPOLLOUT.
 *
 * A write that has returned -EAGAIN must be repeated with the same bytes.  The stream
 * does so: it keeps them and appends what comes later.
 *
 * Memory.  OpenSSL releases its buffers of 16 KiB when nothing is in them
 * (SSL_MODE_RELEASE_BUFFERS), so only a client that is in the middle of a record has one.
 * Rejected: BIO pairs in memory, which would need two buffers and a copy more for each
 * connection. */
#include "net/tls_stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct tls {
    SSL *ssl;
    bool broken; /* a fatal error: OpenSSL allows no other call than to free it */
    struct evloop_call input; /* for the bytes that are inside */
};

static void run_input(void *arg)
{
    stream_io_input(arg);
}

static void defer_input(struct stream *s)
{
    struct tls *t = s->io_arg;

    evloop_defer(s->loop, &t->input, run_input, s);
}

/* What a call of OpenSSL that has failed means: 0 = the end of the peer's stream. */
static int result_of(struct stream *s)
{
    struct tls *t = s->io_arg;
    int saved = errno;

    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        stream_io_wait(s, s->connecting ? EPOLLIN : 0);
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream_io_wait(s, EPOLLOUT);
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        t->broken = true;
        return saved ? -saved : -ECONNRESET;
    default:
        t->broken = true;
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? -ECONNRESET
                   : -EPROTO;
    }
}

static void begin_call(void)
{
    ERR_clear_error(); /* SSL_get_error() looks at what other connections have left */
    errno = 0;
}

static int tls_connect(struct stream *s)
{
    struct tls *t = s->io_arg;
    int rc;

    begin_call();
    if (SSL_do_handshake(t->ssl) != 1) {
        rc = result_of(s);
        return rc == 0 ? -ECONNRESET : rc;
    }
    if (SSL_has_pending(t->ssl)) /* a request came with the last message */
        defer_input(s);
    return 0;
}

static ssize_t tls_read(struct stream *s, void *buf, size_t len)
{
    struct tls *t = s->io_arg;
    size_t n = 0, got;
    int rc = -EAGAIN;

    if (t->broken)
        return -EPROTO;
    if (s->io_events)
        stream_io_wait(s, 0);
    begin_call();
    do {
        if (SSL_read_ex(t->ssl, (char *)buf + n, len - n, &got) != 1) {
            rc = result_of(s);
            break;
        }
        n += got;
    } while (n < len && SSL_has_pending(t->ssl));
    if (n == 0)
        return rc;
    if (rc != -EAGAIN || (n == len && SSL_has_pending(t->ssl)))
        defer_input(s); /* more bytes, the end or an error: the next read returns it */
    return (ssize_t)n;
}

static ssize_t tls_write(struct stream *s, const void *buf, size_t len)
{
    struct tls *t = s->io_arg;
    size_t n = 0, got;
    int rc = 0;

    if (t->broken)
        return -EPIPE;
    begin_call();
    while (n < len && rc == 0) {
        if (SSL_write_ex(t->ssl, (const char *)buf + n, len - n, &got) == 1)
            n += got;
        else if (SSL_get_error(t->ssl, 0) == SSL_ERROR_WANT_WRITE)
            rc = -EAGAIN; /* the stream waits for EPOLLOUT while bytes wait */
        else
            rc = -EPIPE;
    }
    if (rc == -EPIPE)
        t->broken = true;
    return n > 0 ? (ssize_t)n : rc;
}

static int tls_shutdown(struct stream *s)
{
    struct tls *t = s->io_arg;

    if (t->broken)
        return 0;
    begin_call();
    return SSL_shutdown(t->ssl) < 0 ? result_of(s) : 0;
}

static void tls_wanted(struct stream *s)
{
    struct tls *t = s->io_arg;

    if (t->broken || SSL_has_pending(t->ssl) ||
        (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN))
        defer_input(s);
}

static void tls_close(struct stream *s)
{
    struct tls *t = s->io_arg;

    evloop_undefer(s->loop, &t->input);
    begin_call();
    if (!t->broken && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl); /* close_notify, if the socket takes it at once */
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
    s->io_arg = NULL;
}

static const struct stream_io tls_io = {.read = tls_read,
                                        .write = tls_write,
                                        .connect = tls_connect,
                                        .shutdown = tls_shutdown,
                                        .wanted = tls_wanted,
                                        .close = tls_close};

int tls_stream_open(struct stream *s, struct evloop *l, int fd,
                    const struct stream_owner *owner, const struct tls_context *c)
{
    struct tls *t = calloc(1, sizeof(*t));
    int rc;

    if (t)
        t->ssl = SSL_new(tls_context_ssl(c));
    if (!t || !t->ssl || SSL_set_fd(t->ssl, fd) != 1) {
        close(fd);
        s->fd = -1;
        rc = -ENOMEM;
    } else {
        SSL_set_accept_state(t->ssl);
        rc = stream_open_io(s, l, fd, owner, &tls_io, t, EPOLLIN);
    }
    ERR_clear_error();
    if (rc == 0)
        return 0;
    if (t)
        SSL_free(t->ssl);
    free(t);
    return rc;
}

const char *tls_stream_version(const struct stream *s)
{
    const struct tls *t = s->io_arg;

    return s->io == &tls_io && t ? SSL_get_version(t->ssl) : NULL;
}

bool tls_stream_is_resumed(const struct stream *s)
{
    const struct tls *t = s->io_arg;

    return s->io == &tls_io && t && SSL_session_reused(t->ssl);
}
