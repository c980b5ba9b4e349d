/* OpenSSL's context, set up for a public server: TLS 1.2 and 1.3, ciphers with forward
 * secrecy, no renegotiation, no compression, no early data (a replayed request would be
 * a second one), key exchange on three curves, because an attacker can make a server
 * compute the slow groups.
 *
 * Sessions are resumed by tickets alone.  The server keeps nothing for a client, and
 * every loop of the process can resume every session, because they share the context.
 *
 * An expired certificate is no error: the clock of a host that has just started may be
 * wrong, and a browser still shows the page after a warning, which a gateway that refuses
 * to start does not.
 * Rejected: one context for browsers and for our own daemons (tls_link).  A visitor has
 * no certificate and may speak TLS 1.2; a daemon has to show one. */
#include "net/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICKET_KEYS_MAX 256 /* OpenSSL has 80 bytes of them */
#define SESSION_S 3600 /* for which a session can be resumed */
#define SOON_S (14 * 86400)
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2; those of 1.3 are all fine */

struct tls_context {
    _Atomic uint32_t n_refs;
    SSL_CTX *ssl;
    int64_t start_s, expiry_s;
    char cert[200], section[40]; /* for messages */
};

/* --- the rules ---------------------------------------------------------------------- */

/* A client that names protocols and not HTTP/1.1 would speak something else to us. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *len,
                           const unsigned char *in, unsigned int in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *found;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&found, len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

static int set_rules(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1); /* one system call for a record, not two */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ssl, SESSION_S);
    SSL_CTX_set_alpn_select_cb(ssl, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(ssl, CIPHERS) == 1 &&
                   SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
                   SSL_CTX_set_num_tickets(ssl, 1) == 1 &&
                   SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"lars",
                                                  4) == 1
               ? 0
               : -ENOMEM;
}

/* Tickets of <before> are accepted: a new certificate causes no full handshakes. */
static void take_tickets(SSL_CTX *ssl, SSL_CTX *before)
{
    unsigned char keys[TICKET_KEYS_MAX];
    long n = SSL_CTX_get_tlsext_ticket_keys(before, NULL, 0);

    if (n > 0 && n <= TICKET_KEYS_MAX &&
        SSL_CTX_get_tlsext_ticket_keys(before, keys, n) == 1)
        SSL_CTX_set_tlsext_ticket_keys(ssl, keys, n);
    OPENSSL_cleanse(keys, sizeof(keys));
}

/* --- beginning and end -------------------------------------------------------------- */

int tls_context_create(struct tls_context **out, const struct tls_files *f,
                       const struct tls_context *before, char err[CONF_ERR_MAX])
{
    struct tls_context *t = calloc(1, sizeof(*t));
    const X509 *cert;
    int rc = -ENOMEM;

    snprintf(err, CONF_ERR_MAX, "%s cert: no memory for TLS", f->section);
    if (!t)
        return -ENOMEM;
    t->n_refs = 1;
    snprintf(t->cert, sizeof(t->cert), "%s", f->cert);
    snprintf(t->section, sizeof(t->section), "%s", f->section);
    t->ssl = SSL_CTX_new(TLS_server_method());
    if (t->ssl)
        rc = set_rules(t->ssl);
    if (rc == 0)
        rc = tls_files_use(t->ssl, f, err);
    ERR_clear_error();
    if (rc < 0) {
        tls_context_unref(t);
        return rc;
    }
    cert = SSL_CTX_get0_certificate(t->ssl);
    t->start_s = tls_files_seconds(X509_get0_notBefore(cert));
    t->expiry_s = tls_files_seconds(X509_get0_notAfter(cert));
    if (before)
        take_tickets(t->ssl, before->ssl);
    *out = t;
    return 0;
}

struct tls_context *tls_context_ref(struct tls_context *t)
{
    atomic_fetch_add_explicit(&t->n_refs, 1, memory_order_relaxed);
    return t;
}

void tls_context_unref(struct tls_context *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->n_refs, 1, memory_order_acq_rel) > 1)
        return;
    SSL_CTX_free(t->ssl);
    free(t);
}

struct ssl_ctx_st *tls_context_ssl(const struct tls_context *t)
{
    return t->ssl;
}

/* --- its time ----------------------------------------------------------------------- */

int64_t tls_context_expiry_s(const struct tls_context *t)
{
    return t->expiry_s;
}

int tls_context_check_time(const struct tls_context *t, int64_t now_s,
                           char err[CONF_ERR_MAX])
{
    char at[TLS_FILES_DATE];

    if (t->expiry_s <= now_s)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s expired on %s, so browsers warn "
                 "their users; replace cert and key",
                 t->section, t->cert, tls_files_date(t->expiry_s, at));
    else if (t->start_s > now_s)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s is not valid before %s; correct the "
                 "clock of this host (`timedatectl`), or replace cert and key",
                 t->section, t->cert, tls_files_date(t->start_s, at));
    else if (t->expiry_s - now_s < SOON_S)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s expires on %s; replace cert and key "
                 "before",
                 t->section, t->cert, tls_files_date(t->expiry_s, at));
    else
        return 0;
    return -EINVAL;
}
