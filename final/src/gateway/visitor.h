/* visitor -- a visitor's connection: reads requests, one after the other, has them
 * forwarded, and writes the responses.  Thread: loop. */
#ifndef LARS_GATEWAY_VISITOR_H
#define LARS_GATEWAY_VISITOR_H

#include "base/net_addr.h"
#include "gateway/gate_loop.h"

/* Serve the connection <fd>.  Takes <fd>.  Too many visitors, no memory: closes it. */
void visitor_start(struct gate_loop *g, int fd, const struct net_addr *peer);

void visitor_close_all(struct gate_loop *g);

/* Close the connections that wait for a request, for descriptors; at most <n>. */
void visitor_close_idle(struct gate_loop *g, unsigned n);

#endif
