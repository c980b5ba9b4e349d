/* updatecli -- the agent's side of route updates: says hello to DNSService, puts pages
 * together, applies what changed to what it has, and asks again when in doubt.  It lives
 * inside a dnscli.  Thread: loop. */
#ifndef LARS_AGENT_ROUTE_SYNC_H
#define LARS_AGENT_ROUTE_SYNC_H

#include "agent/dnscli.h"
#include "proto/msg_module_meta.h"

struct route_sync;

/* What there is to know of a module besides its nodes. */
typedef void route_sync_info_fn(const struct msg_module_meta *m, void *arg);

int route_sync_create(struct route_sync **out, route_sync_info_fn *fn,
                     void *arg);      /* 0 or -ENOMEM */
void route_sync_destroy(struct route_sync *u); /* after the dnscli.  NULL is fine */

/* For dnscli_config: more, on_up; <arg> is the updatecli. */
int route_sync_more(struct dispatch *d, struct dnscli *c, void *arg);
void route_sync_on_up(struct tcpcli *c, void *arg);

#endif
