/* node_check -- tries TCP connections to several nodes at once, for nodes that no agent
 * watches.  Takes at most the given time.  Thread: any. */
#ifndef LARS_REPORT_NODE_CHECK_H
#define LARS_REPORT_NODE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/net_addr.h"

#define NODE_CHECK_MAX 64

/* ok[i] becomes true when node at[i] takes a connection within <ms>.  <n>: at most
 * NODE_CHECK_MAX.  A check that cannot be made, because descriptors are short, counts as
 * passed: it shows nothing about the node. */
void node_check_all(const struct net_addr *at, bool *ok, size_t n, int ms);

#endif
