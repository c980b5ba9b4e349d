/* The files become two contexts of OpenSSL, one for servers and one for clients, over the
 * same store of authorities.  A reload makes new ones; every connection has a reference
 * to the context that it began with.
 *
 * Sessions.  A server gives each client a ticket and keeps nothing itself.  A client
 * keeps the last ticket of each server, so a reconnect costs no signature.  Tickets are
 * bound to the authorities: when [tls] ca changes, no older session is resumed.
 *
 * Invariant: what the lock guards is replaced as a whole, so a connection never begins
 * with the certificate of one reload and the key of another.
 * Rejected: one context for each thread, as the gateway has.  Daemons connect a few times
 * in an hour, so the lock is free in practice, and a reload has one place.  Rejected:
 * sessions that survive a restart of the server, by ticket keys in a file.  A full
 * handshake of 10,000 agents is seconds of processor time, and the file would be one more
 * secret on each host. */
#include "net/tls_link.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/loopback.h"
#include "net/tls_files.h"
#include "net/tls_peer.h"
#include "net/tls_revoked.h"

#define SECTION "[tls]"
#define PATH_MAX_BYTES 300
#define SESSIONS 64 /* servers whose last ticket is kept */
#define SESSION_S 86400 /* for which a ticket can be used */
#define TICKET_KEYS_MAX 256 /* OpenSSL has 80 bytes of them */
#define CERTS_MAX_BYTES 32768 /* of the certificates that a peer sends */
#define SUITES                                                                           \
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

enum { FILE_CERT, FILE_KEY, FILE_CA, FILE_CRL, N_FILES };

struct stamp { /* of a file; zero = it is not there */
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec at;
};

struct credentials {
    SSL_CTX *server, *client;
    struct tls_revoked revoked;
    int64_t expiry_s;
};

struct kept_session {
    struct net_addr server;
    SSL_SESSION *session; /* owned; NULL = the place is free */
};

struct tls_link {
    char path[N_FILES][PATH_MAX_BYTES];
    bool on_loopback, plain_too;
    struct stamp stamp[N_FILES]; /* that of the thread which reloads */
    pthread_mutex_t lock; /* guards the next two */
    struct credentials now;
    struct kept_session kept[SESSIONS];
    size_t next; /* the place in kept[] that is used next */
    _Atomic unsigned epoch;
    _Atomic uint64_t n_handshakes, n_resumed, n_plain, n_refused[TLS_WHY_COUNT];
};

/* --- sessions of servers that we connect to ----------------------------------------- */

static struct kept_session *find_kept(struct tls_link *l, const struct net_addr *server)
{
    size_t i;

    for (i = 0; i < SESSIONS; i++)
        if (l->kept[i].session && net_addr_equal(&l->kept[i].server, server))
            return &l->kept[i];
    return NULL;
}

static void forget_sessions(struct tls_link *l)
{
    size_t i;

    for (i = 0; i < SESSIONS; i++) {
        SSL_SESSION_free(l->kept[i].session);
        l->kept[i].session = NULL;
    }
}

/* A ticket of a server.  A copy is kept, because an error on its connection, such as a
 * network that fails, makes OpenSSL forbid the original. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    const struct tls_peer *p = SSL_get_app_data(ssl);
    struct tls_link *l = p->link;
    struct kept_session *k;

    if (!copy || !p->server || p->why != TLS_WHY_NONE) {
        SSL_SESSION_free(copy);
        return 0;
    }
    pthread_mutex_lock(&l->lock);
    k = find_kept(l, p->server);
    if (!k)
        k = &l->kept[l->next++ % SESSIONS];
    SSL_SESSION_free(k->session);
    *k = (struct kept_session){*p->server, copy};
    pthread_mutex_unlock(&l->lock);
    return 0;
}

/* --- reading ------------------------------------------------------------------------ */

static void free_credentials(struct credentials *c)
{
    SSL_CTX_free(c->server);
    SSL_CTX_free(c->client);
    tls_revoked_free(&c->revoked);
    *c = (struct credentials){0};
}

static int set_rules(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1); /* one system call for a record, not two */
    SSL_CTX_set_timeout(ssl, SESSION_S);
    SSL_CTX_set_max_cert_list(ssl, CERTS_MAX_BYTES);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_ciphersuites(ssl, SUITES) == 1 &&
                   SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
                   SSL_CTX_set_num_tickets(ssl, 1) == 1
               ? 0
               : -ENOMEM;
}

/* Sessions are resumed under the same authorities only. */
static int bind_sessions(SSL_CTX *ssl, const char *ca)
{
    unsigned char buf[4096], sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    FILE *f = fopen(ca, "re");
    unsigned n = 0;
    size_t len;
    int ok = md && f && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    while (ok && (len = fread(buf, 1, sizeof(buf), f)) > 0)
        ok = EVP_DigestUpdate(md, buf, len) == 1;
    ok = ok && EVP_DigestFinal_ex(md, sum, &n) == 1 &&
         SSL_CTX_set_session_id_context(ssl, sum, n) == 1;
    if (f)
        fclose(f);
    EVP_MD_CTX_free(md);
    return ok ? 0 : -ENOMEM;
}

static int use_authorities(struct tls_link *l, SSL_CTX *ssl, char err[CONF_ERR_MAX])
{
    int rc = tls_files_check(SECTION, "ca", l->path[FILE_CA], err);

    if (rc < 0)
        return rc;
    if (SSL_CTX_load_verify_locations(ssl, l->path[FILE_CA], NULL) == 1)
        return bind_sessions(ssl, l->path[FILE_CA]);
    snprintf(err, CONF_ERR_MAX,
             SECTION
             " ca: the file %.150s has no certificate in PEM; name the file ca.crt "
             "of the authority that signed the certificates of all hosts",
             l->path[FILE_CA]);
    return -EINVAL;
}

/* Have OpenSSL look at the lists, when there is a file of them. */
static int use_revoked(struct tls_link *l, struct credentials *c, char err[CONF_ERR_MAX])
{
    const char *path = l->path[FILE_CRL];
    int rc = path[0] ? tls_revoked_read(&c->revoked, c->server, SECTION, path, err) : 0;

    if (rc == 0 && path[0]) {
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->server), X509_V_FLAG_CRL_CHECK);
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->client), X509_V_FLAG_CRL_CHECK);
    }
    return rc;
}

static int use_own(struct tls_link *l, struct credentials *c, char err[CONF_ERR_MAX])
{
    const struct tls_files f = {SECTION, l->path[FILE_CERT], l->path[FILE_KEY]};
    int rc = tls_files_use(c->server, &f, err);

    return rc < 0 ? rc : tls_files_use(c->client, &f, err);
}

static int read_credentials(struct tls_link *l, struct credentials *c,
                            char err[CONF_ERR_MAX])
{
    int rc = -ENOMEM;

    *c = (struct credentials){.server = SSL_CTX_new(TLS_server_method()),
                              .client = SSL_CTX_new(TLS_client_method())};
    snprintf(err, CONF_ERR_MAX, SECTION " cert: no memory for TLS");
    if (c->server && c->client)
        rc = set_rules(c->server);
    if (rc == 0)
        rc = set_rules(c->client);
    if (rc == 0)
        rc = use_own(l, c, err);
    if (rc == 0)
        rc = use_authorities(l, c->server, err);
    if (rc == 0) {
        SSL_CTX_set1_cert_store(c->client, SSL_CTX_get_cert_store(c->server));
        rc = use_revoked(l, c, err);
    }
    ERR_clear_error();
    if (rc < 0) {
        free_credentials(c);
        return rc;
    }
    SSL_CTX_set_session_cache_mode(c->server, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_cache_mode(c->client,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->client, on_session);
    c->expiry_s =
        tls_files_seconds(X509_get0_notAfter(SSL_CTX_get0_certificate(c->server)));
    return 0;
}

/* Tickets of <before> are accepted: a new certificate causes no full handshakes. */
static void take_ticket_keys(SSL_CTX *ssl, SSL_CTX *before)
{
    unsigned char keys[TICKET_KEYS_MAX];
    long n = SSL_CTX_get_tlsext_ticket_keys(before, NULL, 0);

    if (n > 0 && n <= TICKET_KEYS_MAX &&
        SSL_CTX_get_tlsext_ticket_keys(before, keys, n) == 1)
        SSL_CTX_set_tlsext_ticket_keys(ssl, keys, n);
    OPENSSL_cleanse(keys, sizeof(keys));
}

static struct stamp stamp_of(const char *path)
{
    struct stat st;

    if (!path[0] || stat(path, &st) == -1)
        return (struct stamp){0};
    return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->at.tv_sec == b->at.tv_sec && a->at.tv_nsec == b->at.tv_nsec;
}

/* Before the files are read, so that a change during the reading is seen as one. */
static void take_stamps(struct tls_link *l)
{
    size_t i;

    for (i = 0; i < N_FILES; i++)
        l->stamp[i] = stamp_of(l->path[i]);
}

bool tls_link_is_changed(const struct tls_link *l)
{
    size_t i;

    for (i = 0; i < N_FILES; i++) {
        struct stamp s = stamp_of(l->path[i]);

        if (!is_same(&s, &l->stamp[i]))
            return true;
    }
    return false;
}

/* --- beginning and end -------------------------------------------------------------- */

int tls_link_create(struct tls_link **out, const struct tls_link_config *c,
                    char err[CONF_ERR_MAX])
{
    struct tls_link *l = calloc(1, sizeof(*l));
    int rc;

    snprintf(err, CONF_ERR_MAX, SECTION " cert: no memory for TLS");
    if (!l)
        return -ENOMEM;
    snprintf(l->path[FILE_CERT], PATH_MAX_BYTES, "%s", c->cert);
    snprintf(l->path[FILE_KEY], PATH_MAX_BYTES, "%s", c->key);
    snprintf(l->path[FILE_CA], PATH_MAX_BYTES, "%s", c->ca);
    snprintf(l->path[FILE_CRL], PATH_MAX_BYTES, "%s", c->crl);
    l->on_loopback = c->on_loopback;
    l->plain_too = c->plain_too;
    l->epoch = 1;
    pthread_mutex_init(&l->lock, NULL); /* cannot fail with default attributes */
    take_stamps(l);
    rc = read_credentials(l, &l->now, err);
    if (rc < 0)
        tls_link_destroy(l);
    else
        *out = l;
    return rc;
}

void tls_link_destroy(struct tls_link *l)
{
    if (!l)
        return;
    forget_sessions(l);
    free_credentials(&l->now);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int tls_link_reload(struct tls_link *l, char err[CONF_ERR_MAX])
{
    struct credentials fresh, old;
    int rc;

    take_stamps(l);
    rc = read_credentials(l, &fresh, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&l->lock);
    old = l->now;
    take_ticket_keys(fresh.server, old.server);
    l->now = fresh;
    forget_sessions(l);
    l->epoch++;
    pthread_mutex_unlock(&l->lock);
    free_credentials(&old);
    return 0;
}

/* --- for a connection --------------------------------------------------------------- */

bool tls_link_covers(const struct tls_link *l, const struct net_addr *at)
{
    return at->family != 0 && (l->on_loopback || !loopback_is(at));
}

bool tls_link_plain_too(const struct tls_link *l)
{
    return l->plain_too;
}

SSL *tls_link_accept(struct tls_link *l)
{
    SSL *ssl;

    pthread_mutex_lock(&l->lock);
    ssl = SSL_new(l->now.server);
    pthread_mutex_unlock(&l->lock);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

SSL *tls_link_connect(struct tls_link *l, const struct net_addr *server)
{
    struct kept_session *k;
    SSL_SESSION *session;
    SSL *ssl;

    pthread_mutex_lock(&l->lock);
    ssl = SSL_new(l->now.client);
    k = find_kept(l, server);
    session = ssl && k ? SSL_SESSION_dup(k->session) : NULL;
    if (session) /* kept for the next attempt, too: this one may be cut or refused */
        SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
    pthread_mutex_unlock(&l->lock);
    if (ssl)
        SSL_set_connect_state(ssl);
    return ssl;
}

void tls_link_forget(struct tls_link *l, const struct net_addr *server)
{
    struct kept_session *k;

    pthread_mutex_lock(&l->lock);
    k = find_kept(l, server);
    if (k) {
        SSL_SESSION_free(k->session);
        k->session = NULL;
    }
    pthread_mutex_unlock(&l->lock);
}

enum tls_why tls_link_check_again(struct tls_link *l, X509 *cert)
{
    bool is_revoked;

    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
        return TLS_WHY_EXPIRED;
    pthread_mutex_lock(&l->lock);
    is_revoked = tls_revoked_has(&l->now.revoked, cert);
    pthread_mutex_unlock(&l->lock);
    return is_revoked ? TLS_WHY_REVOKED : TLS_WHY_NONE;
}

unsigned tls_link_epoch(const struct tls_link *l)
{
    return l->epoch;
}

int64_t tls_link_expiry_s(struct tls_link *l)
{
    int64_t s;

    pthread_mutex_lock(&l->lock);
    s = l->now.expiry_s;
    pthread_mutex_unlock(&l->lock);
    return s;
}

int64_t tls_link_crl_until_s(struct tls_link *l)
{
    int64_t s;

    pthread_mutex_lock(&l->lock);
    s = l->now.revoked.until_s;
    pthread_mutex_unlock(&l->lock);
    return s;
}

void tls_link_count(struct tls_link *l, enum tls_why why)
{
    l->n_refused[why]++;
}

void tls_link_count_ready(struct tls_link *l, bool resumed)
{
    l->n_handshakes++;
    l->n_resumed += resumed;
}

void tls_link_count_plain(struct tls_link *l)
{
    l->n_plain++;
}

void tls_link_stat(struct tls_link *l, struct tls_link_stat *out)
{
    size_t i;

    *out = (struct tls_link_stat){.n_handshakes = l->n_handshakes,
                                  .n_resumed = l->n_resumed,
                                  .n_plain = l->n_plain};
    for (i = 0; i < TLS_WHY_COUNT; i++)
        out->n_refused[i] = l->n_refused[i];
}
