/* tls_conn -- TLS as the io of a connection that carries frames (net/conn.h), for both
 * sides.  on_start of the connection is called when the handshake is complete and the
 * peer was accepted (net/tls_peer.h); a refusal is logged, counted and ends the
 * connection.  So does a certificate that a later list of the link revokes, before the
 * next byte is read or written.  A peer that ends without the alert close_notify is an
 * error, because bytes may be missing.  The process must ignore SIGPIPE.
 * Thread: that of the connection, except where a function names another. */
#ifndef LARS_NET_TLS_CONN_H
#define LARS_NET_TLS_CONN_H

#include "net/conn.h"
#include "net/tls_identity.h"
#include "net/tls_link.h"

#define TLS_CONN_HANDSHAKE_MS 10000 /* the longest handshake, at a server */
#define TLS_CONN_CONNECT_MS 3000 /* and at a client, which has other servers to try */
#define TLS_CONN_HANDSHAKES 256 /* at a time, in each thread of a server */

/* --- a client ----------------------------------------------------------------------- */

struct tls_client {
    struct tls_link *link; /* NULL = every connection is plain */
    unsigned wanted; /* the role of the server, a set of enum role */
    uint32_t handshake_ms; /* 0 = TLS_CONN_CONNECT_MS */
};

/* The choose_io of a client's group: TLS, or plain when tls_link_covers() is false.
 * <client> is a struct tls_client, borrowed until the connection has ended. */
int tls_conn_connect(struct conn *c, void *client);

/* --- a server ----------------------------------------------------------------------- */

struct tls_server;

struct tls_server_config {
    struct tls_link *link; /* borrowed until tls_server_destroy() */
    unsigned n_threads; /* of the server */
    unsigned wanted; /* the roles of clients, a set of enum role */
    unsigned (*may_send)(int32_t msgid); /* the roles that may send a message */
    uint32_t handshake_ms; /* 0 = TLS_CONN_HANDSHAKE_MS */
    unsigned max_handshakes; /* in each thread; 0 = TLS_CONN_HANDSHAKES */
};

/* Copies <cfg>.  Returns 0 or -ENOMEM.  Thread: init, as the next one. */
int tls_conn_server_create(struct tls_server **out, const struct tls_server_config *cfg);
void tls_conn_server_destroy(struct tls_server *s); /* after the connections */

/* How many connections may be in their handshakes, which no other limit counts. */
unsigned tls_conn_spare(const struct tls_server *s); /* <s> NULL: 0.  Thread: any */

/* The choose_io of a server's groups; <server> is a struct tls_server.  Connections to a
 * loopback address of this host are plain, as tls_link_covers() says. */
int tls_conn_accept(struct conn *c, void *server);

/* --- for handlers ------------------------------------------------------------------- */

/* What the certificate of the peer says; NULL = the connection is plain. */
const struct tls_identity *tls_conn_identity(const struct conn *c);

/* May the peer send for the host <ip>, an IPv4 address in host order, 0 = not told?  A
 * plain one may send for every host.  False: it was logged and counted, and <c> ends. */
bool tls_conn_is_host(struct conn *c, uint32_t ip);

/* "TLSv1.3": a static string.  NULL = plain. */
const char *tls_conn_version(const struct conn *c);
bool tls_conn_is_resumed(const struct conn *c);

#endif
