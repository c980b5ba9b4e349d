/* tls_link -- what the TLS connections of a daemon to other daemons have in common: its
 * certificate and key, the authority that it trusts, the certificates that this one has
 * revoked, the sessions that can be resumed, and counters.  TLS 1.3 only; both sides show
 * a certificate (net/tls_peer.h says which are accepted).  One for each process.
 * Thread: any, except where a function names another. */
#ifndef LARS_NET_TLS_LINK_H
#define LARS_NET_TLS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/net_addr.h"
#include "net/tls_why.h"

struct tls_link;
struct ssl_st;
struct x509_st;

struct tls_link_config { /* paths of files in PEM */
    const char *cert; /* the certificate, then its issuers without the last one */
    const char *key; /* without a password */
    const char *ca; /* the authorities that are trusted */
    const char *crl; /* their lists of revoked certificates; "" = none is revoked */
    bool on_loopback; /* TLS for loopback addresses too */
    bool plain_too; /* a server accepts peers without TLS as well */
};

/* Read the files.  Copies <c> and its texts.  Returns 0; -ENOENT, -EACCES ... or -EINVAL
 * with a sentence in <err> that names the key of the configuration, the file and what to
 * do; -ENOMEM.  Thread: init. */
int tls_link_create(struct tls_link **out, const struct tls_link_config *c,
                    char err[CONF_ERR_MAX]);

/* After every connection has ended.  NULL is fine.  Thread: init. */
void tls_link_destroy(struct tls_link *l);

/* Read the files again, for connections that begin from now on.  One that is open stays,
 * unless the certificate of its peer is revoked now (net/tls_conn).
 * Returns as tls_link_create(); on failure what was in force stays.  Thread: one. */
int tls_link_reload(struct tls_link *l, char err[CONF_ERR_MAX]);

/* Have the files changed since they were read?  Thread: one, that of the reload. */
bool tls_link_is_changed(const struct tls_link *l);

/* Does the connection whose address at the server is <at> need TLS? */
bool tls_link_covers(const struct tls_link *l, const struct net_addr *at);
bool tls_link_plain_too(const struct tls_link *l);

/* A new connection that accepts, or one that connects to <server> and resumes the last
 * session with it.  NULL = there is no memory. */
struct ssl_st *tls_link_accept(struct tls_link *l);
struct ssl_st *tls_link_connect(struct tls_link *l, const struct net_addr *server);

/* The next connection to <server> resumes nothing. */
void tls_link_forget(struct tls_link *l, const struct net_addr *server);

/* A certificate that was verified when the session began: is it still valid?  Returns
 * TLS_WHY_NONE, _EXPIRED or _REVOKED. */
enum tls_why tls_link_check_again(struct tls_link *l, struct x509_st *cert);

/* Another number after each reload, never 0. */
unsigned tls_link_epoch(const struct tls_link *l);

/* The end of our certificate's time, in seconds of the wall clock; that until which the
 * list of revoked certificates was to be replaced, 0 = there is none. */
int64_t tls_link_expiry_s(struct tls_link *l);
int64_t tls_link_crl_until_s(struct tls_link *l);

struct tls_link_stat {
    uint64_t n_handshakes, n_resumed; /* those that ended well; of these, resumed */
    uint64_t n_plain; /* accepted without TLS: plain_too */
    uint64_t n_refused[TLS_WHY_COUNT];
};

void tls_link_count(struct tls_link *l, enum tls_why why);
void tls_link_count_ready(struct tls_link *l, bool resumed);
void tls_link_count_plain(struct tls_link *l);
void tls_link_stat(struct tls_link *l, struct tls_link_stat *out);

#endif
