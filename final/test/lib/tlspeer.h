/* tlspeer.h -- plays a TLS client for a test.  What it wants to send waits in it, so that
 * a test can send any part of it; nothing is sent or received by itself.
 * A failure fails the test.  Thread: any, one for each peer. */
#ifndef LARS_TEST_LIB_TLSPEER_H
#define LARS_TEST_LIB_TLSPEER_H

#include <openssl/ssl.h>

#include "../peer.h"

struct tlspeer_options {
    int version; /* TLS1_2_VERSION ...; 0 = the best */
    const char *alpn; /* one protocol; NULL = none */
    SSL_SESSION *session; /* to resume; NULL = none */
    const char *cert, *key; /* files in PEM of its own certificate; NULL = none */
};

struct tlspeer {
    int fd; /* connected; -1 = closed */
    SSL *ssl;
    SSL_SESSION *session; /* the last ticket; owned */
};

/* Begin on the connected <fd>, which it takes; the first message waits. */
void tlspeer_open(struct tlspeer *p, int fd, const struct tlspeer_options *o);
void tlspeer_connect(struct tlspeer *p, int port, const struct tlspeer_options *o);

/* End without close_notify; frees all. */
void tlspeer_close(struct tlspeer *p);

/* Bytes of the protocol: those that wait; send up to <most> of them, which the socket
 * must accept (returns how many); receive what is there, without waiting. */
size_t tlspeer_waiting(const struct tlspeer *p);
size_t tlspeer_send(struct tlspeer *p, size_t most);
void tlspeer_receive(struct tlspeer *p);

/* Go on with the handshake and read what has come inside.  tlspeer_step() returns 1 when
 * the handshake has ended, 0 when it has not, -1 when it has failed.  tlspeer_read()
 * returns the number of bytes; -1: none yet; 0: the end by close_notify; -2: an error. */
int tlspeer_step(struct tlspeer *p);
int tlspeer_read(struct tlspeer *p, void *buf, int len);
void tlspeer_write(struct tlspeer *p, const void *buf, int len); /* waits in <p> */

/* --- for a server in another process: these wait, until a deadline ------------------ */

bool tlspeer_handshake(struct tlspeer *p); /* false: refused */
void tlspeer_say(struct tlspeer *p, const void *buf, size_t len);

/* As recv(2) with at most one wait: the number of bytes; 0: close_notify; -1: the end
 * without it, or an error. */
int tlspeer_hear(struct tlspeer *p, void *buf, int len);

#endif
