/* itersrv -- an iterative server: it serves one client, and only then looks at the next
 * (the term is Stevens', UNIX Network Programming).  The simplest server that is correct,
 * and the reason for stage 02: whoever comes second waits. */
#ifndef LARS_NET_ITERSRV_H
#define LARS_NET_ITERSRV_H

#include <stdint.h>

#include "base/net_addr.h"

/* Hold the conversation with one client.  Borrows <fd>: itersrv_run() closes it. */
typedef void itersrv_fn(int fd, const struct net_addr *peer, void *arg);

struct itersrv_stat {
    uint64_t n_served;                    /* conversations that ended */
    uint64_t n_refused;                   /* accept failed for one client */
    uint64_t n_wait;                   /* accept failed for want of descriptors, memory */
};

/* Serve the clients of <lfd> (borrowed, blocking) for as long as the listener works.
 * Out of descriptors: counts, logs once a second, waits 50 ms, goes on.  <stat> may be
 * NULL.  Returns the -errno of a broken listener (-EINVAL after shutdown(lfd)). */
int itersrv_run(int lfd, itersrv_fn *serve, void *arg, struct itersrv_stat *stat);

#endif
