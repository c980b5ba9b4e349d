/* host_alive -- is a host there?  Asked by ping and by TCP: a port that refuses a
 * connection shows that the host lives as well as one that accepts it.  The questions of
 * a round are asked at once.  Thread: the caller's, which it keeps waiting. */
#ifndef LARS_NET_HOST_ALIVE_H
#define LARS_NET_HOST_ALIVE_H

#include <stddef.h>

#include "base/net_addr.h"

#define HOST_ALIVE_MAX 192 /* questions of a call */

enum host_alive_answer {
    HOST_ALIVE_SILENT, /* no answer came */
    HOST_ALIVE_ANSWERED, /* it lives */
    HOST_ALIVE_NOT_ASKED, /* this host could not ask: no route, or no right */
};

struct host_alive {
    struct net_addr at; /* port 0: by ping, IPv4 only; otherwise by TCP */
    enum host_alive_answer answer; /* set */
    int err; /* set: NOT_ASKED: the reason, -errno */
};

/* Ask up to <rounds> times, each for <round_ms>, those that have not answered yet.
 * Returns 0; -E2BIG when <n> is above HOST_ALIVE_MAX. */
int host_alive_ask(struct host_alive *q, size_t n, unsigned rounds, unsigned round_ms);

#endif
