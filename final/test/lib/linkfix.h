/* linkfix -- TLS between daemons for a test: a server of frames on 127.0.0.1 with TLS,
 * whose clients are connections of ours, or a tlspeer that sends what a test wants.  All
 * of it is in the thread of the test.
 *
 * Messages: 1 is echoed; 2 pauses the connection; 3 is echoed and finishes it; 4 is only
 * counted; 5 is allowed to slots alone; 6 is for a host, in its 4 bytes. */
#ifndef LARS_TEST_LIB_LINKFIX_H
#define LARS_TEST_LIB_LINKFIX_H

#include "certauthority.h"
#include "net/conn_group.h"
#include "net/tls_conn.h"
#include "tlspeer.h"

#define LINKFIX_DNSD "URI:urn:lars:role:dnsd,IP:127.0.0.1"
#define LINKFIX_AGENT                                                                    \
    "URI:urn:lars:role:agent,URI:urn:lars:machine:7,IP:127.0.0.1,IP:10.0.0.7"

struct linkfix {
    char dir[40];
    struct certauthority ca;
    struct evloop *loop;
    struct dispatch *d, *of_client;
    struct tls_link *link; /* of the server */
    struct tls_server *server;
    struct tls_server_config sc; /* for linkfix_serve() */
    struct conn_config cc; /* likewise: max_out */
    struct conn_group *group;
    struct net_addr at; /* where the server listens */
    int lfd, n_start, n_close, n_frames; /* of the server's connections */
    size_t n_bytes; /* in the bodies of its frames */
    struct conn *last; /* its last connection after on_start; NULL = closed */
    enum conn_why why;
    bool is_foreign; /* the last message 6 was for another host */
    struct tls_link *own; /* of our client */
    bool own_crl; /* it looks at crl.pem, for linkfix_dial() */
    struct tls_client client;
    struct conn_group *clients;
    struct conn *c; /* our client, after on_start; NULL = closed */
    int n_up, n_down, n_echo;
    enum conn_why down_why;
    struct tlspeer peer;
};

extern struct linkfix linkfix;

/* ca.crt, and certificates "dnsd" and "agent" of it, are there; nothing runs. */
int linkfix_setup(void **state);
int linkfix_teardown(void **state);

/* <dir>/<name><suffix>; valid until eight more calls. */
const char *linkfix_file(const char *name, const char *suffix);

/* Sign <name>.crt and <name>.key.  Returns the serial. */
long linkfix_sign(const char *name, const char *san);

/* A link with the certificate <name>, ca.crt and crl.pem; <crl> false: without a list. */
struct tls_link *linkfix_link(const char *name, bool crl);

void linkfix_serve(const char *name, bool crl);

/* Our client with the certificate <name>, which wants a server of role <wanted>; and
 * again, on a new connection. */
void linkfix_dial(const char *name, unsigned wanted);
void linkfix_dial_again(void);

/* linkfix.peer connects with the certificate <name>, NULL = none; nothing is sent yet. */
void linkfix_peer(const char *name, const struct tlspeer_options *more);

/* A step of the peer and a turn of the loop.  Returns as tlspeer_step(). */
int linkfix_step(void);

/* Until the server has the peer's connection, or it has refused it. */
void linkfix_shake_hands(void);

/* The peer sends a frame. */
void linkfix_say(int32_t msgid, const void *body, size_t len);

/* Read at the peer until <n> bytes have come: 1.  Else as tlspeer_read(). */
int linkfix_hear(void *buf, size_t n);

/* How often the server has refused a connection for <why>. */
uint64_t linkfix_refused(enum tls_why why);

#endif
