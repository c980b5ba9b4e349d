/* failover -- keeps the agent's two clients at servers that work: a server that is
 * connected but silent is left (net/liveness.h), and the first one, which is the own
 * zone's, is gone back to when it works again (net/failback.h).  A client with a single
 * server is left alone.
 * Thread: init; afterwards it runs in the clients' loops. */
#ifndef LARS_AGENT_FAILOVER_H
#define LARS_AGENT_FAILOVER_H

#include "agent/dnscli.h"
#include "agent/repcli.h"
#include "agent_report/batch_sender.h"
#include "net/evloop.h"

#define FAILOVER_PERIOD_MS 1000 /* between two questions to a server */

struct failover;

struct failover_config {              /* every pointer is borrowed */
    struct evloop *dns_loop, *rep_loop; /* the clients' */
    struct dnscli *dns;
    struct repcli *rep;
    struct batch_sender *batches;
    struct net_addr first_dns, first_rep; /* the servers to go back to */
    size_t n_dns, n_rep;              /* servers of each client */
};

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int failover_create(struct failover **out, const struct failover_config *cfg);
void failover_destroy(struct failover *f); /* before the clients.  NULL is fine */

#endif
