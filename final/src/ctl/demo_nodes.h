/* demo_nodes -- the smallest nodes that can be called: processes that answer a byte with
 * a byte.  They are children of this process and end with it, also when it is killed.
 * Thread: the main one. */
#ifndef LARS_CTL_DEMO_NODES_H
#define LARS_CTL_DEMO_NODES_H

#include <sys/types.h>

#include "base/net_addr.h"

struct demo_node {
    struct net_addr at;                   /* port 0 before the first start */
    unsigned zone;                        /* its number, 0 or 1 */
    pid_t pid;                            /* 0 = it does not run */
};

/* Let it listen at <at> and answer.  Returns 0 or -errno. */
int demo_nodes_start(struct demo_node *n);

/* End it with SIGKILL and wait for that; one that does not run is fine. */
void demo_nodes_kill(struct demo_node *n);

/* Call a node: a connection, a byte, the answer.  Returns 0 or -errno.  Thread: any. */
int demo_nodes_call(const struct net_addr *at, uint32_t timeout_ms);

#endif
