/* portgroup -- several listeners of one TCP port, one for each loop, so that no loop
 * waits for another's accept: the kernel gives each connection to one of them
 * (SO_REUSEPORT). Thread: any. */
#ifndef LARS_NET_PORTGROUP_H
#define LARS_NET_PORTGROUP_H

#include "base/net_addr.h"

/* Open one more listener of <at>, non-blocking.  With port 0 the kernel chooses a port
 * for the first one; the others are opened with sock_local_addr() of that.  Returns the
 * fd, which may be one of net/inherited.h; -EADDRINUSE when another program, or another
 * user, has the port; another -errno. */
int portgroup_listen(const struct net_addr *at, int backlog);

/* Which listener gets a new connection.  The listeners of the port are numbered in the
 * order in which they were opened; when one is closed, the last one gets its number.
 * Each function takes the fd of any of them and returns 0 or -errno.
 *     among   one of the first <n>, by chance
 *     only    the one with number <i>
 *     all     any of them, by a hash of the addresses, as without a call
 * A number that no listener has means "all". */
int portgroup_select_among(int lfd, unsigned n);
int portgroup_select_only(int lfd, unsigned i);
int portgroup_select_all(int lfd);

#endif
