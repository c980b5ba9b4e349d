/* nodes_answer -- what a gateway answers to POST /nodes (gateway/gateway_nodes.h): for
 * each node, how many of its answers began within which time.  Pure.  Thread: any. */
#ifndef LARS_SCALE_NODES_ANSWER_H
#define LARS_SCALE_NODES_ANSWER_H

#include <jansson.h>
#include <stdint.h>

#include "base/latency.h"
#include "base/module_id.h"

#define NODES_ANSWER_MAX 600 /* nodes of an answer; a longer one is refused */
#define NODES_ANSWER_EPOCH 33 /* bytes of an epoch with its 0 */

struct nodes_answer_row {
    struct module_id id;
    uint32_t ip, port; /* host byte order */
    uint64_t n[LATENCY_BUCKETS + 1]; /* index: bucket; growing counters */
};

struct nodes_answer {
    char epoch[NODES_ANSWER_EPOCH]; /* of the gateway's process */
    uint64_t ms; /* of its clock */
    size_t n;
    struct nodes_answer_row at[NODES_ANSWER_MAX];
};

/* Returns 0, or -EPROTO: a member is missing or wrong, and <out> is not to be used. */
int nodes_answer_read(struct nodes_answer *out, const json_t *o);

#endif
