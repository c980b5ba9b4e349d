/* probe -- checks whether a node works: connects by TCP and closes at once, or sends one
 * HTTP request and wants a status of 200 to 399.
 * Thread: loop. */
#ifndef LARS_AGENT_DATA_PROBE_H
#define LARS_AGENT_DATA_PROBE_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct probe;

/* Probe <id> has ended.  <ok>: the node accepted the connection and, when a path was
 * given, answered with a good status in time.  It may start another probe. */
typedef void probe_fn(uint64_t id, bool ok, void *arg);

/* Probes run in <l>; each ends after at most <timeout_ms>, then as failed.  Borrows <l>
 * and <arg>.  Returns 0 or -ENOMEM.  Thread: init. */
int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg);
void probe_destroy(struct probe *p);  /* running probes end without <fn>.  NULL is fine */

/* Starts a probe.  <path>: sends "GET <path>"; "" = the connection suffices.  Copies <to>
 * and <path>.  Returns 0, and then calls <fn> once: later, or before it returns when the
 * connection fails at once.  -EBUSY: a probe with this <id> is running; -ENOBUFS: 256
 * probes are running; -E2BIG: the path is too long.  Then <fn> is not called. */
int probe_start(struct probe *p, uint64_t id, const struct net_addr *to,
                const char *path);

#endif
