/* portgroup -- several listeners of one TCP port, one for each loop, so that no loop
 * waits for another's accept: the kernel gives each connection to one of them
 * (SO_REUSEPORT). Thread: any. */
#ifndef LARS_NET_PORTGROUP_H
#define LARS_NET_PORTGROUP_H

#include "base/net_addr.h"

/* Open one more listener of <at>, non-blocking.  With port 0 the kernel chooses a port
 * for the first one; the others are opened with sock_local_addr() of that.  Returns the
 * fd; -EADDRINUSE when another program, or another user, has the port; another -errno. */
int portgroup_listen(const struct net_addr *at, int backlog);

#endif
