/* visitor -- a visitor's connection: reads requests, one after the other, has them
 * forwarded, and writes the responses.  Thread: loop. */
#ifndef LARS_GATEWAY_VISITOR_H
#define LARS_GATEWAY_VISITOR_H

#include "base/net_addr.h"
#include "gateway/gate_loop.h"

/* Serve the connection <fd>.  Takes <fd>.  When max_clients are open already, the one of
 * this loop that has waited longest for a request is closed for it.  Without such a one,
 * or without memory, <fd> is closed. */
void visitor_start(struct gate_loop *g, int fd, const struct net_addr *peer);

/* The same with TLS, by g->tls.  The handshake has head_ms; until it has ended, the
 * connection counts as one that waits for a request. */
void visitor_start_tls(struct gate_loop *g, int fd, const struct net_addr *peer);

void visitor_close_all(struct gate_loop *g);

/* Close at most <n> connections that wait for a request, those that have waited longest
 * first.  Returns how many. */
unsigned visitor_idle_close(struct gate_loop *g, unsigned n);

#endif
