/* agentobs -- what lars-agentd shows at /metrics and /healthz.  Thread: the main
 * loop's. */
#ifndef LARS_AGENT_AGENT_METRICS_H
#define LARS_AGENT_AGENT_METRICS_H

#include "agent/agent.h"
#include "net/evloop.h"

struct agent_metrics;

/* At <where>, "" = nowhere (httpd.h).  Borrows <a>: destroy this before it.  Returns as
 * httpd_create(). */
int agent_metrics_create(struct agent_metrics **out, struct evloop *l, const char *where,
                    struct agent *a);
void agent_metrics_destroy(struct agent_metrics *o); /* NULL is fine */

#endif
