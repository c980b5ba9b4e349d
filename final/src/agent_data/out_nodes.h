/* out_nodes -- the nodes of shared memory that get no calls, or few, from this host, in
 * the form that the Report Service receives.  Thread: the data plane's. */
#ifndef LARS_AGENT_DATA_OUT_NODES_H
#define LARS_AGENT_DATA_OUT_NODES_H

#include "agent_data/ejector.h"
#include "proto/msg_state.h"

/* Put at most <max> of them into <out>, in a constant order.  Returns how many. */
size_t out_nodes_list(struct ejector *e, const struct segment *s,
                      struct msg_state_node *out, size_t max);

#endif
