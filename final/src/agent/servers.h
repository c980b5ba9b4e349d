/* servers -- keeps the agent's clients at servers that work: away from one that is silent
 * (net/pulse.h), back to the own zone's when it is there to stay (net/failback.h).  Only
 * where there is more than one server.  Thread: init; it runs in the clients' loops. */
#ifndef LARS_AGENT_SERVERS_H
#define LARS_AGENT_SERVERS_H

#include "agent/dnscli.h"
#include "agent/exactlink.h"
#include "agent/repcli.h"
#include "net/evloop.h"

struct servers;

struct servers_config {
    struct evloop *dns_loop, *rep_loop; /* all borrowed */
    struct dnscli *dns;
    struct repcli *rep;
    struct exactlink *exact;
    struct net_addr first_dns, first_rep;
    size_t n_dns, n_rep;
};

int servers_create(struct servers **out, const struct servers_config *cfg); /* -ENOMEM */
void servers_destroy(struct servers *s); /* before the clients.  NULL is fine */

#endif
