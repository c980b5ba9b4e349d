/* drain -- the end of a gateway that serves visitors.  (An operator's drain, which can be
 * taken back, is gateway_drain().)
 *
 * From drain_start() on /healthz is 503 and each response closes its connection.  New
 * connections are accepted for accept_ms more, so that whatever stands before the gateway
 * can notice; then the listeners are closed one after another.  Connections that wait for
 * a request stay until their next request or until idle_ms, because to close them would
 * race with a request that is on its way.  The loop is stopped when no visitor is left,
 * or after drain_ms.
 * Thread: the daemon's loop. */
#ifndef LARS_GATEWAY_DRAIN_H
#define LARS_GATEWAY_DRAIN_H

#include "gateway/gateway.h"

struct drain { /* only drain.c uses the fields */
    struct evloop *loop;
    struct gateway *gateway;
    uint64_t begin_ms;
    uint32_t accept_ms, drain_ms;
    struct evtimer timer;
};

/* Begin; evloop_stop() of <l> follows.  Borrows all three. */
void drain_start(struct drain *d, struct evloop *l, struct gateway *g, uint32_t accept_ms,
                 uint32_t drain_ms);

#endif
