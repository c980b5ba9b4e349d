/* checks -- the schedule of active checks.  A node that is watched is checked about once
 * a second, and again after 250 ms when the result is not confirmed yet.  Nodes of
 * several modules with the same address and the same probe are checked together, and each
 * gets the result.  At most 256 checks run at once; the others wait for their turn.
 * Thread: loop. */
#ifndef LARS_AGENT_DATA_CHECKS_H
#define LARS_AGENT_DATA_CHECKS_H

#include "base/net_addr.h"
#include "lb/node_state.h"
#include "net/evloop.h"

struct checks;

/* A check of node <nid>, which is watched, has ended.  It may not watch or unwatch. */
typedef void checks_fn(uint32_t nid, enum node_check kind, bool ok, void *arg);

/* For nodes 0 to <max_nodes> - 1.  A check fails after <timeout_ms>, or twice that when
 * an answer is wanted.  Borrows <l> and <arg>.  Returns 0 or -ENOMEM.  Thread: init. */
int checks_create(struct checks **out, struct evloop *l, uint32_t max_nodes,
                  uint32_t timeout_ms, checks_fn *fn, void *arg);
void checks_destroy(struct checks *c); /* NULL is fine */

/* Node <nid>, at <at>, is checked from now on by <probe> (net/probe.h).  Watched
 * already: the address and the probe of then are replaced.  Copies both.  Returns 0;
 * -ENOMEM: it is not watched. */
int checks_watch(struct checks *c, uint32_t nid, const struct net_addr *at,
                 const char *probe);

/* Its next check begins as soon as 200 ms have passed since the last one ended. */
void checks_hurry(struct checks *c, uint32_t nid);

/* No result arrives any more.  Not watched: fine. */
void checks_unwatch(struct checks *c, uint32_t nid);

#endif
