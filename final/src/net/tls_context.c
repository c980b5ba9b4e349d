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
 * Rejected: to stop at the first sentence of OpenSSL.  It names neither the file nor the
 * key of the configuration, so each file is looked at by itself first. */
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

/* --- the files ---------------------------------------------------------------------- */

/* There is no terminal to ask for a password. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static int check_readable(const struct tls_context_files *f, const char *key,
                          const char *path, char err[CONF_ERR_MAX])
{
    int rc;

    if (path[0] && access(path, R_OK) == 0)
        return 0;
    rc = path[0] ? -errno : -EINVAL;
    if (!path[0])
        snprintf(err, CONF_ERR_MAX, "%s %s is empty; name a file in PEM there",
                 f->section, key);
    else
        snprintf(err, CONF_ERR_MAX,
                 "%s %s: the file %.150s cannot be read: %s; correct the path, or give "
                 "the user of the program the right to read it",
                 f->section, key, path, strerror(-rc));
    return rc;
}

/* Returns 0; -EXDEV when it belongs to another certificate; -EINVAL.  A key of another
 * kind than the certificate is accepted at first, as one of a second pair. */
static int use_key(SSL_CTX *ssl, const char *path)
{
    if (SSL_CTX_use_PrivateKey_file(ssl, path, SSL_FILETYPE_PEM) != 1)
        return ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 ? -EXDEV : -EINVAL;
    return SSL_CTX_check_private_key(ssl) == 1 ? 0 : -EXDEV;
}

static int use_files(SSL_CTX *ssl, const struct tls_context_files *f,
                     char err[CONF_ERR_MAX])
{
    int rc = check_readable(f, "cert", f->cert, err);

    if (rc == 0)
        rc = check_readable(f, "key", f->key, err);
    if (rc < 0)
        return rc;
    if (SSL_CTX_use_certificate_chain_file(ssl, f->cert) != 1)
        snprintf(
            err, CONF_ERR_MAX,
            "%s cert: the file %.150s has no usable certificate in PEM, which begins "
            "with \"-----BEGIN CERTIFICATE-----\" and has RSA with 2048 bits or "
            "more, or ECDSA; `openssl x509 -in FILE -text` shows it",
            f->section, f->cert);
    else if ((rc = use_key(ssl, f->key)) == 0)
        return 0;
    else if (rc == -EXDEV)
        snprintf(
            err, CONF_ERR_MAX,
            "%s key: the file %.150s is not the private key of the first certificate "
            "of cert; configure a pair, and put the certificate of this host before "
            "those of its issuers",
            f->section, f->key);
    else
        snprintf(err, CONF_ERR_MAX,
                 "%s key: the file %.150s has no private key in PEM without a password; "
                 "`openssl pkey -in FILE -out NEW` removes the password",
                 f->section, f->key);
    return -EINVAL;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

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
    SSL_CTX_set_default_passwd_cb(ssl, no_password);
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

int tls_context_create(struct tls_context **out, const struct tls_context_files *f,
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
        rc = use_files(t->ssl, f, err);
    ERR_clear_error();
    if (rc < 0) {
        tls_context_unref(t);
        return rc;
    }
    cert = SSL_CTX_get0_certificate(t->ssl);
    t->start_s = seconds_of(X509_get0_notBefore(cert));
    t->expiry_s = seconds_of(X509_get0_notAfter(cert));
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

static const char *date(int64_t s, char to[40])
{
    time_t at = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&at, &tm) || strftime(to, 40, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(to, 40, "%lld s after 1970", (long long)s);
    return to;
}

int tls_context_check_time(const struct tls_context *t, int64_t now_s,
                           char err[CONF_ERR_MAX])
{
    char at[40];

    if (t->expiry_s <= now_s)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s expired on %s, so browsers warn "
                 "their users; replace cert and key",
                 t->section, t->cert, date(t->expiry_s, at));
    else if (t->start_s > now_s)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s is not valid before %s; correct the "
                 "clock of this host (`timedatectl`), or replace cert and key",
                 t->section, t->cert, date(t->start_s, at));
    else if (t->expiry_s - now_s < SOON_S)
        snprintf(err, CONF_ERR_MAX,
                 "%s cert: the certificate in %.150s expires on %s; replace cert and key "
                 "before",
                 t->section, t->cert, date(t->expiry_s, at));
    else
        return 0;
    return -EINVAL;
}
