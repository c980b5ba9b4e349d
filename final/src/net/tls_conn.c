/* OpenSSL reads and writes the socket itself and says which event it waits for.  Three
 * things differ from a plain socket.  Bytes can be inside OpenSSL while the socket is
 * empty, and then no event would come: so a read that leaves some, and the end of a
 * pause, defer another read.  A read may have to write first (the answer to a KeyUpdate):
 * then it waits for EPOLLOUT.  A write that has returned -EAGAIN must be repeated with
 * the same bytes: the connection keeps them and appends what comes later.
 *
 * Memory.  OpenSSL releases its buffers of 16 KiB when nothing is in them, so only a
 * connection in the middle of a record has one.
 *
 * A server looks at the first byte before OpenSSL does, 0x16 for TLS: so it can tell an
 * operator that the peer does not use TLS, or serve it without when that is allowed.
 * Frames of ours never begin with it, because there is no message 22.
 * Rejected: net/tls_stream with frames over it.  Streams have a buffer each, and conn's
 * promises about closing, draining and limits would have to be written a second time. */
#include "net/tls_conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/role.h"
#include "net/conn_group.h"
#include "net/sock.h"
#include "net/tls_peer.h"
#include "net/tls_waiting.h"

#define TLS_FIRST_BYTE 0x16

struct tls_server {
    struct tls_server_config cfg;
    struct tls_waiting *waiting;
};

struct tls {
    struct tls_waiting_place place; /* first: found by its address */
    struct tls_peer peer;
    struct conn *c;
    SSL *ssl;
    const struct tls_server *server; /* NULL = we are the client */
    bool looked; /* the first byte is one of TLS, or we are the client */
    bool ready; /* the handshake is complete */
    unsigned epoch; /* of the link, when the peer's certificate was last looked up */
    bool broken; /* a fatal error: OpenSSL allows no other call than to free it */
    struct evloop_call input; /* for the bytes that are inside */
    struct evtimer timer; /* of the handshake */
};

static const struct conn_io tls_io;

static struct tls *tls_of(const struct conn *c)
{
    return conn_io_arg(c, &tls_io);
}

/* --- refusals ----------------------------------------------------------------------- */

static void refuse(struct tls *t, enum tls_why why)
{
    char more[TLS_IDENTITY_MACHINE + ROLE_NAMES + 24], roles[ROLE_NAMES];

    more[0] = '\0';
    if (t->peer.id.roles || t->peer.id.machine[0])
        snprintf(more, sizeof(more), " machine=%s roles=\"%s\"", t->peer.id.machine,
                 role_names(t->peer.id.roles, roles));
    t->peer.why = why;
    tls_link_count(t->peer.link, why);
    tls_why_log(why, conn_peer(t->c), more);
}

static enum tls_why why_of(const struct tls *t, int rc)
{
    if (t->peer.why != TLS_WHY_NONE)
        return t->peer.why;
    return rc == -ECONNRESET ? TLS_WHY_BROKEN : tls_why_of_error(ERR_peek_error());
}

/* Before bytes are read or written: the lists of revoked certificates that have come
 * since the handshake.  So a peer whose certificate was revoked sends and receives
 * nothing more, and the reload needs no list of the connections of other threads. */
static bool is_revoked(struct tls *t)
{
    unsigned epoch = tls_link_epoch(t->peer.link);

    if (t->epoch == epoch)
        return false;
    t->epoch = epoch;
    if (tls_link_check_again(t->peer.link, SSL_get0_peer_certificate(t->ssl)) !=
        TLS_WHY_REVOKED)
        return false;
    refuse(t, TLS_WHY_REVOKED);
    return true;
}

/* --- calls of OpenSSL --------------------------------------------------------------- */

static void begin_call(void)
{
    ERR_clear_error(); /* SSL_get_error() looks at what other connections have left */
    errno = 0;
}

/* What a call that has failed means: 0 = the end of the peer's stream. */
static int result_of(struct tls *t)
{
    int saved = errno;

    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        conn_io_wait(t->c, t->ready ? 0 : EPOLLIN);
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        conn_io_wait(t->c, EPOLLOUT);
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        t->broken = true;
        return saved && saved != EPIPE ? -saved : -ECONNRESET;
    default:
        t->broken = true;
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? -ECONNRESET
                   : -EPROTO;
    }
}

static void run_input(void *arg)
{
    conn_io_input(arg);
}

static void defer_input(struct tls *t)
{
    evloop_defer(conn_loop(t->c), &t->input, run_input, t->c);
}

/* --- the handshake ------------------------------------------------------------------ */

static void end_handshake(struct tls *t)
{
    evloop_clear_timer(conn_loop(t->c), &t->timer);
    tls_waiting_leave(&t->place);
}

static void on_slow(void *arg)
{
    struct tls *t = arg;

    refuse(t, TLS_WHY_SLOW);
    conn_close(t->c);
}

static void free_tls(struct tls *t)
{
    end_handshake(t);
    evloop_undefer(conn_loop(t->c), &t->input);
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
}

/* Returns 0: it is TLS; 1: it is not, and may be served so; -EAGAIN; -errno. */
static int look(struct tls *t)
{
    unsigned char byte;
    ssize_t n;

    do {
        n = recv(conn_fd(t->c), &byte, 1, MSG_PEEK);
    } while (n == -1 && errno == EINTR);
    if (n == -1 && errno == EAGAIN) {
        conn_io_wait(t->c, EPOLLIN);
        return -EAGAIN;
    }
    t->looked = n == 1 && byte == TLS_FIRST_BYTE;
    if (t->looked)
        return 0;
    if (n == 1 && tls_link_plain_too(t->peer.link))
        return 1;
    if (n == 1) /* without a byte it was a check of the port */
        refuse(t, TLS_WHY_PLAIN);
    return -EPROTO;
}

static int go_plain(struct conn *c, struct tls *t)
{
    tls_link_count_plain(t->peer.link);
    free_tls(t);
    conn_set_io_arg(c, NULL);
    conn_set_io(c, NULL);
    return 0;
}

static int tls_connect(struct conn *c)
{
    struct tls *t = tls_of(c);
    int rc = t->looked ? 0 : look(t);

    if (rc == 1)
        return go_plain(c, t);
    if (rc < 0)
        return rc;
    begin_call();
    if (SSL_do_handshake(t->ssl) != 1) {
        rc = result_of(t);
        if (rc == 0)
            rc = -ECONNRESET;
        if (rc != -EAGAIN)
            refuse(t, why_of(t, rc));
        return rc;
    }
    if (tls_peer_check(&t->peer, t->ssl) != TLS_WHY_NONE) {
        refuse(t, t->peer.why);
        return -EACCES;
    }
    t->ready = true;
    end_handshake(t);
    tls_link_count_ready(t->peer.link, SSL_session_reused(t->ssl));
    if (SSL_has_pending(t->ssl)) /* a frame came with the last message */
        defer_input(t);
    return 0;
}

/* --- bytes -------------------------------------------------------------------------- */

/* The peer of a client completes its side of the handshake later: so its refusal comes
 * with the first read. */
static void tell_refusal(struct tls *t)
{
    if (why_of(t, -EPROTO) == TLS_WHY_BY_PEER)
        refuse(t, TLS_WHY_BY_PEER);
}

static ssize_t tls_read(struct conn *c, void *buf, size_t len)
{
    struct tls *t = tls_of(c);
    size_t n = 0, got;
    int rc = -EAGAIN;

    if (t->broken)
        return -EPROTO;
    if (is_revoked(t))
        return -EACCES;
    conn_io_wait(c, 0);
    begin_call();
    do {
        if (SSL_read_ex(t->ssl, (char *)buf + n, len - n, &got) != 1) {
            rc = result_of(t);
            break;
        }
        n += got;
    } while (n < len && SSL_has_pending(t->ssl));
    if (rc == -EPROTO)
        tell_refusal(t);
    if (n == 0)
        return rc;
    if (rc != -EAGAIN || (n == len && SSL_has_pending(t->ssl)))
        defer_input(t); /* more bytes, the end or an error: the next read returns it */
    return (ssize_t)n;
}

static ssize_t tls_write(struct conn *c, const void *buf, size_t len)
{
    struct tls *t = tls_of(c);
    size_t n = 0, got;
    int rc = 0;

    if (t->broken)
        return -EPIPE;
    if (is_revoked(t))
        return -EACCES;
    begin_call();
    while (n < len && rc == 0) {
        if (SSL_write_ex(t->ssl, (const char *)buf + n, len - n, &got) == 1)
            n += got;
        else if (SSL_get_error(t->ssl, 0) == SSL_ERROR_WANT_WRITE)
            rc = -EAGAIN; /* the connection waits for EPOLLOUT while bytes wait */
        else
            rc = -EPIPE;
    }
    if (rc == -EPIPE)
        t->broken = true;
    return n > 0 ? (ssize_t)n : rc;
}

static int tls_shutdown(struct conn *c)
{
    struct tls *t = tls_of(c);

    if (t->broken)
        return 0;
    begin_call();
    if (SSL_shutdown(t->ssl) >= 0)
        return 0;
    if (SSL_get_error(t->ssl, -1) == SSL_ERROR_WANT_WRITE)
        return -EAGAIN;
    t->broken = true;
    return -EPIPE;
}

static void tls_wanted(struct conn *c)
{
    struct tls *t = tls_of(c);

    if (t->broken || SSL_has_pending(t->ssl) ||
        (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN))
        defer_input(t);
}

static bool tls_allow(struct conn *c, int32_t msgid)
{
    struct tls *t = tls_of(c);

    if (!t->server || (t->server->cfg.may_send(msgid) & t->peer.id.roles))
        return true;
    refuse(t, TLS_WHY_MESSAGE);
    conn_close(c);
    return false;
}

static void tls_close(struct conn *c)
{
    struct tls *t = tls_of(c);

    begin_call();
    if (t->ready && !t->broken)
        SSL_shutdown(t->ssl); /* close_notify, if the socket takes it at once */
    free_tls(t);
    conn_set_io_arg(c, NULL);
}

static const struct conn_io tls_io = {.read = tls_read,
                                      .write = tls_write,
                                      .connect = tls_connect,
                                      .shutdown = tls_shutdown,
                                      .wanted = tls_wanted,
                                      .allow = tls_allow,
                                      .close = tls_close};

/* --- beginning ---------------------------------------------------------------------- */

/* Takes <ssl>, which may be NULL.  Returns 0 or -ENOMEM. */
static int begin(struct tls **out, struct conn *c, SSL *ssl, struct tls_link *link,
                 unsigned wanted, uint32_t handshake_ms)
{
    struct tls *t = calloc(1, sizeof(*t));

    if (!t || !ssl || SSL_set_fd(ssl, conn_fd(c)) != 1) {
        SSL_free(ssl);
        free(t);
        return -ENOMEM;
    }
    t->c = c;
    t->ssl = ssl;
    t->peer.link = link;
    t->peer.wanted = wanted;
    tls_peer_attach(&t->peer, ssl);
    if (evloop_set_timer(conn_loop(c), &t->timer, handshake_ms, on_slow, t) < 0) {
        free_tls(t);
        return -ENOMEM;
    }
    conn_set_io_arg(c, t);
    conn_set_io(c, &tls_io);
    *out = t;
    return 0;
}

int tls_conn_connect(struct conn *c, void *client)
{
    const struct tls_client *cl = client;
    struct tls *t;
    int rc;

    if (!cl || !cl->link || !tls_link_covers(cl->link, conn_peer(c)))
        return 0;
    rc = begin(&t, c, tls_link_connect(cl->link, conn_peer(c)), cl->link, cl->wanted,
               cl->handshake_ms ? cl->handshake_ms : TLS_CONN_CONNECT_MS);
    if (rc < 0)
        return rc;
    t->peer.server = conn_peer(c);
    t->looked = true;
    return 0;
}

/* The handshake that has waited longest ends for a new one. */
static void displace(struct tls_waiting_place *p)
{
    struct tls *t = (struct tls *)(void *)p;

    refuse(t, TLS_WHY_MANY);
    conn_close(t->c);
}

int tls_conn_accept(struct conn *c, void *server)
{
    const struct tls_server *s = server;
    struct tls_waiting_place *oldest;
    struct net_addr at;
    struct tls *t;
    int rc;

    if (!s || sock_local_addr(conn_fd(c), &at) < 0 || !tls_link_covers(s->cfg.link, &at))
        return 0;
    rc = begin(&t, c, tls_link_accept(s->cfg.link), s->cfg.link, s->cfg.wanted,
               s->cfg.handshake_ms);
    if (rc < 0)
        return rc;
    t->server = s;
    if (!tls_waiting_enter(s->waiting, conn_owner(c), &t->place,
                           evloop_now_ms(conn_loop(c)), &oldest)) {
        refuse(t, TLS_WHY_MANY);
        return -EBUSY;
    }
    if (oldest)
        displace(oldest);
    return 0;
}

int tls_conn_server_create(struct tls_server **out, const struct tls_server_config *cfg)
{
    struct tls_server *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->cfg = *cfg;
    if (s->cfg.handshake_ms == 0)
        s->cfg.handshake_ms = TLS_CONN_HANDSHAKE_MS;
    if (s->cfg.max_handshakes == 0)
        s->cfg.max_handshakes = TLS_CONN_HANDSHAKES;
    rc = tls_waiting_create(&s->waiting, cfg->n_threads, s->cfg.max_handshakes);
    if (rc < 0)
        free(s);
    else
        *out = s;
    return rc;
}

void tls_conn_server_destroy(struct tls_server *s)
{
    if (!s)
        return;
    tls_waiting_destroy(s->waiting);
    free(s);
}

unsigned tls_conn_spare(const struct tls_server *s)
{
    return s ? s->cfg.max_handshakes * s->cfg.n_threads : 0;
}

/* --- for handlers ------------------------------------------------------------------- */

const struct tls_identity *tls_conn_identity(const struct conn *c)
{
    const struct tls *t = tls_of(c);

    return t && t->ready ? &t->peer.id : NULL;
}

bool tls_conn_is_host(struct conn *c, uint32_t ip)
{
    struct tls *t = tls_of(c);

    if (!t || ip == 0 || tls_identity_has_ip(&t->peer.id, ip))
        return true;
    refuse(t, TLS_WHY_HOST);
    conn_close(c);
    return false;
}

const char *tls_conn_version(const struct conn *c)
{
    const struct tls *t = tls_of(c);

    return t ? SSL_get_version(t->ssl) : NULL;
}

bool tls_conn_is_resumed(const struct conn *c)
{
    const struct tls *t = tls_of(c);

    return t && SSL_session_reused(t->ssl);
}
