/* route_sync -- the extension of the protocol with DNSService by which routes arrive as
 * updates: a whole route in pages, or what has changed in it.  It also receives what the
 * database has on a module besides its nodes (module meta).  It is a part of a dnscli,
 * which asks for whole routes when an update does not fit.
 * Thread: the dnscli's loop, unless said otherwise. */
#ifndef LARS_AGENT_ROUTE_SYNC_H
#define LARS_AGENT_ROUTE_SYNC_H

#include "agent/dnscli.h"
#include "proto/msg_module_meta.h"

struct route_sync;

/* The meta of a wanted module has arrived.  Borrows <m> for the call. */
typedef void route_sync_meta_fn(const struct msg_module_meta *m, void *arg);

/* Borrows <arg>.  Returns 0 or -ENOMEM.  Thread: init. */
int route_sync_create(struct route_sync **out, route_sync_meta_fn *fn, void *arg);
void route_sync_destroy(struct route_sync *s); /* after the dnscli.  NULL is fine */

/* When a server last said that it is a Report Service, monotonic; 0 = never, or a
 * DNSService has answered since.  Thread: any. */
uint64_t route_sync_wrong_ms(const struct route_sync *s);

/* The hooks <more> and <on_up> of struct dnscli_config; <arg> is the route_sync. */
int route_sync_more(struct dispatch *d, struct dnscli *c, void *arg);
void route_sync_on_up(struct tcpcli *c, void *arg);

#endif
