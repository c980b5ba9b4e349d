/* gateway_nodes -- how long each node took to begin its answers to this gateway, for the
 * autoscaler: the signed question POST /nodes, with any JSON object as its body.
 *     {"epoch": "9f86d081884c7d65", "ms": 81234, "nodes": [{"modid": 10, "cmdid": 1,
 *      "at": "10.0.0.7:8001", "us": [[17, 120], [18, 4031]]}]}
 * "us" has pairs of a bucket (base/latency.h) and its counter, those that are not 0.  The
 * counters grow from the start of the process, which has a random <epoch>; those of a
 * node that got no request for ten minutes may begin again.  <ms> is monotonic.  At most
 * GATEWAY_NODES_MAX nodes are in it.  Thread: the daemon's loop. */
#ifndef LARS_GATEWAY_GATEWAY_NODES_H
#define LARS_GATEWAY_GATEWAY_NODES_H

#include "gateway/gateway.h"

#define GATEWAY_NODES_MAX 600

/* Append the answer to <out>.  Returns 0; -EINVAL: the body is not a JSON object;
 * -ENOMEM. */
int gateway_nodes_answer(struct gateway *g, const char *body, struct buf *out);

#endif
