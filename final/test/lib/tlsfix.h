/* tlsfix.h -- one TLS connection for a test: the server's side is a stream on a loop, the
 * client is a tlspeer at the other end of a socket pair.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_TLSFIX_H
#define LARS_TEST_LIB_TLSFIX_H

#include "net/tls_stream.h"
#include "tlspeer.h"

struct tlsfix {
    char dir[40], cert[60], key[60]; /* paths; the files are there */
    struct evloop *loop;
    struct tls_context *context; /* of the next connection */
    struct stream s;
    struct tlspeer peer;
    int n_input, n_drain, n_error, n_connect, connect_rc, error_rc; /* callbacks */
    ssize_t last; /* of stream_read(); when it was no number, the stream is closed */
    size_t read_size, n_got; /* asked for in a read; bytes in <got> */
    char got[70000], at_once[70000];
    bool close_in; /* close in the next callback */
};

extern struct tlsfix tlsfix;
extern const struct stream_owner tlsfix_owner;

int tlsfix_setup(void **state);
int tlsfix_teardown(void **state);
struct tls_context *tlsfix_new_context(const struct tls_context *before);

/* A connection whose first message waits in the client; one that is ready; its end. */
void tlsfix_begin(const struct tlspeer_options *o);
void tlsfix_open(const struct tlspeer_options *o);
void tlsfix_end(void);

/* One step of the client, and the server's answer to it.  Returns as tlspeer_step(). */
int tlsfix_step(void);

/* Exchange messages until both sides are ready, or the server has refused. */
void tlsfix_shake_hands(void);

/* Read at the client until <n> bytes have come: 1.  Otherwise the result of the last
 * tlspeer_read(). */
int tlsfix_hear(char *buf, size_t n);

#endif
