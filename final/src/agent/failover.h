/* servers -- keeps the agent's clients at servers that work: away from one that is
 * silent (net/liveness.h), back to the own zone's when it is there to stay
 * (net/failback.h).  Only where there is more than one server.  Thread: init; it runs
 * in the clients' loops. */
#ifndef LARS_AGENT_FAILOVER_H
#define LARS_AGENT_FAILOVER_H

#include "agent/dnscli.h"
#include "agent_report/batch_link.h"
#include "agent/repcli.h"
#include "net/evloop.h"

struct failover;

struct failover_config {
    struct evloop *dns_loop, *rep_loop; /* all borrowed */
    struct dnscli *dns;
    struct repcli *rep;
    struct batch_link *exact;
    struct net_addr first_dns, first_rep;
    size_t n_dns, n_rep;
};

/* -ENOMEM */
int failover_create(struct failover **out, const struct failover_config *cfg);
void failover_destroy(struct failover *s); /* before the clients.  NULL is fine */

#endif
