/* faultproxy.h -- a bad network between two programs: one TCP or UDP port, forwarded to
 * another by a thread, with faults that the test may change at any time.  Random faults
 * come from a seed, which the test prints.
 *
 * struct faultproxy is the caller's storage and must not move while the proxy runs. */
#ifndef LARS_TEST_LIB_FAULTPROXY_H
#define LARS_TEST_LIB_FAULTPROXY_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define FAULTPROXY_MAX 64             /* TCP connections at once, or UDP clients */

struct faultproxy {
    /* The faults, which the test sets.  Thread: any. */
    _Atomic int delay_ms;             /* before each piece (TCP) or datagram (UDP) */
    _Atomic bool stall;               /* nothing passes and nothing is closed */
    _Atomic bool one_byte;            /* TCP: write single bytes */
    _Atomic int cut_after;            /* TCP: reset a connection after so many bytes */
    _Atomic bool refuse;              /* TCP: accept connections and reset them */
    _Atomic int drop, dup, reorder;   /* UDP: per cent of the datagrams */
    _Atomic unsigned long long n_pass; /* TCP: bytes forwarded; UDP: datagrams */
    _Atomic unsigned long long n_fault; /* resets, or datagrams that met a fault */
    int port;                         /* where it listens; 0 = not started */
    unsigned seed;                    /* set at the start; then of the thread */
    /* Of the thread. */
    int to, lfd, wake[2];
    bool udp;
    pthread_t thread;
    struct faultproxy_pair {
        int a, b;                     /* sockets to the client and the server; -1: none */
        struct sockaddr_in peer;      /* UDP: the client */
        int bytes;
    } pair[FAULTPROXY_MAX];
};

/* Forwards a free port of 127.0.0.1, stored in <f->port>, to its port <to>. */
void faultproxy_start(struct faultproxy *f, int to, bool udp);

/* Closes all connections.  A proxy that was not started is fine. */
void faultproxy_stop(struct faultproxy *f);

#endif
