/* agentobs -- what lars-agentd shows at /metrics and /healthz.  Thread: the main
 * loop's. */
#ifndef LARS_AGENT_AGENTOBS_H
#define LARS_AGENT_AGENTOBS_H

#include "agent/agent.h"
#include "net/evloop.h"

struct agentobs;

/* At <where>, "" = nowhere (httpd.h).  Borrows <a>: destroy this before it.  Returns as
 * httpd_create(). */
int agentobs_create(struct agentobs **out, struct evloop *l, const char *where,
                    struct agent *a);
void agentobs_destroy(struct agentobs *o); /* NULL is fine */

#endif
