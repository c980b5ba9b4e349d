/* udp_calls -- lets clients that ask the agent by UDP take part in the data plane: the
 * agent's shards choose nodes from shared memory for them and count their calls there,
 * just as a client with shared memory does for itself.  Each shard has a picker and a
 * call log of its own, made at its first question. */
#ifndef LARS_AGENT_DATA_UDP_CALLS_H
#define LARS_AGENT_DATA_UDP_CALLS_H

#include <stdbool.h>

#include "proto/msg_host.h"
#include "route/route.h"

struct udp_calls;

/* For <n_shard> shards and the shared memory in <dir>.  Copies <dir>.  Returns 0; -EINVAL
 * for more shards than the agent has call logs for; -ENAMETOOLONG; -ENOMEM.  Thread:
 * init. */
int udp_calls_create(struct udp_calls **out, const char *dir, unsigned n_shard);
/* When the shards' threads have ended.  NULL is fine.  Thread: init. */
void udp_calls_destroy(struct udp_calls *u);

/* Chooses a node of module <m> for a call that is reported by udp_calls_count().  Returns
 * 0; -EAGAIN when all of its nodes are down; -ESRCH when shared memory does not have the
 * module, or cannot be used now.  Thread: shard <index>'s. */
int udp_calls_pick(struct udp_calls *u, unsigned index, const struct module_id *m,
                   struct route_node *out);

/* Counts a call that a client reported.  Returns true when it was counted; false when
 * shared memory cannot take it.  Thread: shard <index>'s. */
bool udp_calls_count(struct udp_calls *u, unsigned index, const struct msg_call *q);

#endif
