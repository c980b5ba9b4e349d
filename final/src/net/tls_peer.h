/* tls_peer -- the other side of a TLS connection between daemons, and the rules by which
 * it is accepted: its certificate is of our authority, valid now and not revoked; it has
 * one of the wanted roles; that of a server names the address that we connect to.
 * Thread: that of the connection. */
#ifndef LARS_NET_TLS_PEER_H
#define LARS_NET_TLS_PEER_H

#include "net/tls_identity.h"
#include "net/tls_link.h"

struct x509_store_ctx_st;

struct tls_peer { /* the app data of the SSL; the caller's storage */
    struct tls_link *link;
    const struct net_addr *server; /* that we connect to; NULL = the peer is a client */
    unsigned wanted; /* it needs one of these roles */
    enum tls_why why; /* the first reason against it */
    struct tls_identity id; /* valid after the handshake */
};

/* Make OpenSSL apply the rules to <ssl>.  Borrows <p> until <ssl> is freed. */
void tls_peer_attach(struct tls_peer *p, struct ssl_st *ssl);

/* The handshake is complete.  The rules are applied again when the session was resumed,
 * because then no certificate was sent.  Returns p->why. */
enum tls_why tls_peer_check(struct tls_peer *p, struct ssl_st *ssl);

#endif
