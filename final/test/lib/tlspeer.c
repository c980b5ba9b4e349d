/* The client is OpenSSL's over two buffers in memory.  So a test decides which bytes go
 * to the server and when, down to a single one. */
#include "tlspeer.h"

#include <openssl/err.h>

/* --- beginning and end -------------------------------------------------------------- */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tlspeer *p = SSL_get_app_data(ssl);

    SSL_SESSION_free(p->session);
    p->session = session;
    return 1; /* takes the reference */
}

void tlspeer_open(struct tlspeer *p, int fd, const struct tlspeer_options *o)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    unsigned char name[40] = {0};

    assert_true(ctx && in && out);
    memset(p, 0, sizeof(*p));
    p->fd = fd;
    SSL_CTX_set_session_cache_mode(ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    SSL_CTX_set_security_level(ctx, 0); /* so that it can offer what is too old */
    if (o && o->cert) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, o->cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM), 1);
    }
    p->ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    assert_non_null(p->ssl);
    SSL_set_app_data(p->ssl, p);
    SSL_set_bio(p->ssl, in, out);
    if (o && o->version) {
        SSL_set_min_proto_version(p->ssl, o->version);
        SSL_set_max_proto_version(p->ssl, o->version);
    }
    if (o && o->alpn) {
        name[0] =
            (unsigned char)snprintf((char *)name + 1, sizeof(name) - 1, "%s", o->alpn);
        SSL_set_alpn_protos(p->ssl, name, name[0] + 1u);
    }
    if (o && o->session)
        SSL_set_session(p->ssl, o->session);
    SSL_set_connect_state(p->ssl);
    tlspeer_step(p);
}

void tlspeer_connect(struct tlspeer *p, int port, const struct tlspeer_options *o)
{
    tlspeer_open(p, peer_connect(port), o);
}

void tlspeer_close(struct tlspeer *p)
{
    SSL_SESSION_free(p->session);
    if (p->ssl) /* otherwise OpenSSL would forget the session */
        SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(p->ssl);
    if (p->fd >= 0)
        close(p->fd);
    memset(p, 0, sizeof(*p));
    p->fd = -1;
    ERR_clear_error();
}

/* --- bytes of the protocol ---------------------------------------------------------- */

size_t tlspeer_waiting(const struct tlspeer *p)
{
    return BIO_ctrl_pending(SSL_get_wbio(p->ssl));
}

size_t tlspeer_send(struct tlspeer *p, size_t most)
{
    char out[4096];
    size_t n = 0;

    while (n < most && tlspeer_waiting(p) > 0) {
        size_t want = most - n < sizeof(out) ? most - n : sizeof(out);
        int len = BIO_read(SSL_get_wbio(p->ssl), out, (int)want), at = 0;

        assert_true(len > 0);
        while (at < len) {
            ssize_t sent = send(p->fd, out + at, (size_t)(len - at), MSG_NOSIGNAL);

            if (sent < 0)
                return n + (size_t)at; /* the server has gone */
            at += (int)sent;
        }
        n += (size_t)len;
    }
    return n;
}

void tlspeer_receive(struct tlspeer *p)
{
    char in[16384];
    ssize_t n;

    while ((n = recv(p->fd, in, sizeof(in), MSG_DONTWAIT)) > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(p->ssl), in, (int)n), n);
    if (n == 0)
        BIO_set_mem_eof_return(SSL_get_rbio(p->ssl), 0);
}

int tlspeer_step(struct tlspeer *p)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(p->ssl);
    if (rc == 1)
        return 1;
    return SSL_get_error(p->ssl, rc) == SSL_ERROR_WANT_READ ? 0 : -1;
}

int tlspeer_read(struct tlspeer *p, void *buf, int len)
{
    int n;

    ERR_clear_error();
    n = SSL_read(p->ssl, buf, len);
    if (n > 0)
        return n;
    switch (SSL_get_error(p->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -2;
    }
}

void tlspeer_write(struct tlspeer *p, const void *buf, int len)
{
    ERR_clear_error();
    assert_int_equal(SSL_write(p->ssl, buf, len), len);
}

/* --- waiting ------------------------------------------------------------------------ */

/* Wait for bytes and take them.  False: the server has closed, or the deadline. */
static bool await_bytes(struct tlspeer *p)
{
    struct pollfd pf = {.fd = p->fd, .events = POLLIN};
    char c;

    if (poll(&pf, 1, T_DEADLINE_MS) <= 0)
        return false;
    if (recv(p->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
        BIO_set_mem_eof_return(SSL_get_rbio(p->ssl), 0);
        return false;
    }
    tlspeer_receive(p);
    return true;
}

bool tlspeer_handshake(struct tlspeer *p)
{
    int rc;

    do {
        rc = tlspeer_step(p);
        tlspeer_send(p, SIZE_MAX);
    } while (rc == 0 && await_bytes(p));
    return rc == 1;
}

void tlspeer_say(struct tlspeer *p, const void *buf, size_t len)
{
    const char *at = buf;

    while (len > 0) {
        size_t n = len < 16384 ? len : 16384;

        tlspeer_write(p, at, (int)n);
        tlspeer_send(p, SIZE_MAX);
        at += n;
        len -= n;
    }
}

int tlspeer_hear(struct tlspeer *p, void *buf, int len)
{
    int n;

    do {
        n = tlspeer_read(p, buf, len);
        tlspeer_send(p, SIZE_MAX); /* answers of the protocol */
    } while (n == -1 && await_bytes(p));
    return n < 0 ? -1 : n;
}
