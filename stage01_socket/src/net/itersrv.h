/* itersrv -- an iterative server (the term is from Stevens, UNIX Network Programming): it
 * serves one client to the end before it accepts the next.  It is the simplest correct
 * server; its weakness, that a second client waits for the first, leads to stage 02. */
#ifndef LARS_NET_ITERSRV_H
#define LARS_NET_ITERSRV_H

#include <stdint.h>

#include "base/net_addr.h"

/* Serve one client until it is done.  Borrows <fd>: itersrv_run() closes it. */
typedef void itersrv_fn(int fd, const struct net_addr *peer, void *arg);

struct itersrv_stat {
    uint64_t n_served;                    /* clients served to the end */
    uint64_t n_refused;                   /* accept errors of a single client */
    uint64_t n_wait;                   /* accept errors for lack of descriptors, memory */
};

/* Serve the clients of <lfd> (borrowed, blocking) until the listener itself fails.  When
 * descriptors or memory run out it counts the error, logs at most once a second, waits
 * 50 ms and tries again.  <stat> may be NULL; else it is updated while the server runs.
 * Returns the -errno of the failed listener, -EINVAL after shutdown(lfd).
 * Thread: the caller's, which this function occupies. */
int itersrv_run(int lfd, itersrv_fn *serve, void *arg, struct itersrv_stat *stat);

#endif
