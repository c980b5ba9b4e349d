/* faultproxy.h -- a bad network between two programs, in a thread of the test: one TCP
 * port or one UDP port, forwarded to another, with faults that change at any time.
 * Random faults come from a seed that is printed. */
#ifndef LARS_TEST_FAULTPROXY_H
#define LARS_TEST_FAULTPROXY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "../t.h"

#define FP_MAX 64                     /* TCP connections at once, UDP clients */
#define FP_HELD 16                    /* datagrams kept back for reordering */

struct faultproxy {
    /* faults; set by the test */
    _Atomic int delay_ms;             /* before each piece (TCP), each datagram (UDP) */
    _Atomic bool stall;               /* nothing passes, nothing is closed */
    _Atomic bool one_byte;            /* TCP: a byte a write */
    _Atomic int cut_after;            /* TCP: reset a connection after so many bytes */
    _Atomic bool refuse;              /* TCP: accept, then reset at once */
    _Atomic int drop, dup, reorder;   /* UDP: per cent */
    _Atomic unsigned long long n_pass, n_fault;
    /* the thread's */
    int port;                         /* where it listens */
    int to, lfd, wake[2];
    bool udp;
    pthread_t thread;
    unsigned seed;
    struct fp_pair {
        int a, b;                     /* client's and server's side; a = -1: free */
        struct sockaddr_in peer;      /* UDP: the client */
        int bytes;
    } pair[FP_MAX];
};

/* Listen on a free port of 127.0.0.1, which f->port receives, and forward to the port
 * <to>, by UDP or TCP.  Overwrites <f>.  faultproxy_stop() ends the thread. */
void faultproxy_start(struct faultproxy *f, int to, bool udp);
void faultproxy_stop(struct faultproxy *f);

#endif
