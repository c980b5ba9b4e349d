/* failback -- brings a client back to its first server, the one of its own zone.  While
 * it is connected to another one, the first is tried beside it; when it has been there
 * for two looks in a row, the client goes back.  One look is not enough: a server that
 * comes and goes would take its clients with it.  Thread: loop. */
#ifndef LARS_NET_FAILBACK_H
#define LARS_NET_FAILBACK_H

#include "net/tcpcli.h"

#define FAILBACK_LOOKS 2              /* in a row */

struct failback;

/* Looks every <period_ms>.  Borrows <l> and <c>; copies <first>.  Returns 0; -ENOMEM.
 * Thread: init. */
int failback_create(struct failback **out, struct evloop *l, struct tcpcli *c,
                    const struct net_addr *first, uint32_t period_ms);
void failback_destroy(struct failback *f); /* before the client.  NULL is fine */

#endif
