/* probe -- does anybody listen there?  A TCP connection that is closed at once, in the
 * loop, with an end.  Thread: loop. */
#ifndef LARS_AGENT_PROBE_H
#define LARS_AGENT_PROBE_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct probe;

/* <ok>: it was accepted. */
typedef void probe_fn(uint64_t id, bool ok, void *arg);

/* Probes run in <l>, each for at most <timeout_ms>.  Borrows <l> and <arg>. */
int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg);
void probe_destroy(struct probe *p);  /* nobody is called.  NULL is fine */

/* Returns 0 and calls later; -EBUSY: this <id> is under way; -ENOBUFS: 256 are. */
int probe_start(struct probe *p, uint64_t id, const struct net_addr *to);

#endif
