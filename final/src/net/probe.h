/* probe -- checks once whether a node works.  What is asked is the module's probe, a
 * text:
 *     ""        connects by TCP, closes its half, and waits for the node's: a kernel
 *               accepts connections also for a process that is stopped, but does not
 *               close them
 *     "/path"   sends "GET /path" by HTTP and wants a status of 200 to 399
 *     "echo"    sends message 100 and wants message 101 with the same body, as services
 *               that speak our frames answer (net/frame.h)
 * Thread: loop. */
#ifndef LARS_NET_PROBE_H
#define LARS_NET_PROBE_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct probe;

#define PROBE_ECHO "echo"

/* What a successful probe has shown. */
enum probe_shows {
    PROBE_SHOWS_PORT,                 /* a connection is accepted, which a kernel does
                                       * also for a process that is stopped */
    PROBE_SHOWS_PROCESS,              /* and the process closed it when we did */
    PROBE_SHOWS_SERVICE,              /* the service answered a request */
};

/* Probe <id> has ended.  <ok>: the node accepted the connection and, when something was
 * asked, gave the wanted answer in time; <shows>: what that shows.  It may start another
 * probe. */
typedef void probe_fn(uint64_t id, bool ok, enum probe_shows shows, void *arg);

/* Probes run in <l>; each ends after at most <timeout_ms>, or twice that when an answer
 * is wanted, then as failed.  Borrows <l> and <arg>.  Returns 0 or -ENOMEM.  Thread:
 * init. */
int probe_create(struct probe **out, struct evloop *l, uint32_t timeout_ms, probe_fn *fn,
                 void *arg);
void probe_destroy(struct probe *p);  /* running probes end without <fn>.  NULL is fine */

/* Starts a probe.  Copies <to> and <what>.  Returns 0, and then calls <fn> once: later,
 * or before it returns when the connection fails at once.  -EBUSY: a probe with this <id>
 * is running; -ENOBUFS: 256 probes are running; -E2BIG: <what> is too long; -EINVAL: it
 * is none of the above; -EMFILE, -ENOMEM, -EADDRNOTAVAIL and alike: this host lacks
 * descriptors, memory or local ports.  Then <fn> is not called. */
int probe_start(struct probe *p, uint64_t id, const struct net_addr *to,
                const char *what);

#endif
