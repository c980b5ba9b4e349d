/* failback -- brings a client back to its first server, the one of its own zone.  While
 * it is connected to another one, the first is tried beside it: connected and asked
 * something; when it has answered two looks in a row, the client goes back.  One look is
 * not enough: a server that comes and goes would take its clients with it; nor is a
 * connection, which the kernel makes for a process that is stopped.  Thread: loop. */
#ifndef LARS_NET_FAILBACK_H
#define LARS_NET_FAILBACK_H

#include "net/tcpcli.h"

#define FAILBACK_LOOKS 2              /* in a row */

struct failback;

struct failback_config {
    struct net_addr first;
    uint32_t period_ms;               /* a look takes no longer, either */
    int32_t msgid;                    /* a question that is always answered */
    const void *body;                 /* copied */
    size_t len;                       /* at most 64 */
};

/* Borrows <l> and <c>; copies <cfg>.  Returns 0; -EMSGSIZE; -ENOMEM.  Thread: init. */
int failback_create(struct failback **out, struct evloop *l, struct tcpcli *c,
                    const struct failback_config *cfg);
void failback_destroy(struct failback *f); /* before the client.  NULL is fine */

#endif
