/* failback -- brings a client back to its first server, the one of its own zone.  While
 * the client is connected to another server, the first one is probed on a connection of
 * its own: it is asked something, and after two answered probes in a row the client goes
 * back.  Thread: loop. */
#ifndef LARS_NET_FAILBACK_H
#define LARS_NET_FAILBACK_H

#include "net/tcpcli.h"

#define FAILBACK_PROBES 2             /* answered in a row */

struct failback;

struct failback_config {
    struct net_addr first;
    uint32_t period_ms;               /* between two probes; a probe takes no longer */
    int32_t msgid;                    /* of a request that is always answered */
    const void *body;                 /* copied */
    size_t len;                       /* 1 to 64 */
};

/* Borrows <l> and <c>; copies <cfg>.  Returns 0; -EMSGSIZE; -ENOMEM.  Thread: init. */
int failback_create(struct failback **out, struct evloop *l, struct tcpcli *c,
                    const struct failback_config *cfg);
void failback_destroy(struct failback *f); /* before the client.  NULL is fine */

#endif
