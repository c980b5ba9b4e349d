/* inherited -- listening sockets that another process has opened and that this one got at
 * its start.  portgroup_listen() takes them before it opens new ones, so the code that
 * listens need not know of them.  One list for the process, as for its descriptors.
 * Thread: that of the daemon's loop. */
#ifndef LARS_NET_INHERITED_H
#define LARS_NET_INHERITED_H

#include "base/net_addr.h"

#define INHERITED_MAX 192

/* Add <fd>, in the order in which it was opened, and take it.  Returns 0; -EBADF,
 * -ENOTSOCK, -EINVAL when it is no listening socket of TCP; -ENOBUFS. */
int inherited_add(int fd);

/* How many wait at this address, and the first of them: the caller has it then, or
 * -ENOENT. */
unsigned inherited_n(const struct net_addr *at);
int inherited_take(const struct net_addr *at);

void inherited_close(void); /* those that were not taken */

#endif
