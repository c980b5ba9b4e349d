/* probe -- is it well again?  A TCP connection that is closed at once, or one HTTP
 * request whose answer begins with a status of 200 to 399; in the loop, with an end.
 * Our own few lines: a client library for HTTP would bring DNS, TLS, redirects and its
 * own sockets for one line that is read.  Thread: loop. */
#ifndef LARS_AGENT_DATA_PROBE_H
#define LARS_AGENT_DATA_PROBE_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct probe;

/* <ok>: it was accepted, and answered well when it was asked something. */
typedef void probe_fn(uint64_t id, bool ok, void *arg);

/* Probes run in <l>, each for at most <timeout_ms>.  Borrows <l> and <arg>. */
int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg);
void probe_destroy(struct probe *p);  /* nobody is called.  NULL is fine */

/* <path>: GET this by HTTP; "" = the connection will do.  Copies both.  Returns 0 and
 * calls later; -EBUSY: this <id> is under way; -ENOBUFS: 256 are; -E2BIG: the path. */
int probe_start(struct probe *p, uint64_t id, const struct net_addr *to,
                const char *path);

#endif
