/* node_times -- how long the nodes took to begin their answers to one loop: a histogram
 * for each node, in the buckets of base/latency.h.  Counters grow; their reader takes
 * differences.  Nodes of IPv4 only, at most NODE_TIMES_MAX; a node that gets no
 * request for ten minutes leaves its place to another one, and beyond that a node is not
 * counted.  Thread: loop, except where a function names another. */
#ifndef LARS_GATEWAY_NODE_TIMES_H
#define LARS_GATEWAY_NODE_TIMES_H

#include "api/lars.h"
#include "base/latency.h"

#define NODE_TIMES_MAX 512 /* nodes of one loop */

struct node_times;

int node_times_create(struct node_times **out); /* 0, -ENOMEM */
void node_times_destroy(struct node_times *t); /* NULL is fine */

/* The node <a> of the module of <slot> (gateway/modules.h) took <us>. */
void node_times_count(struct node_times *t, unsigned slot, const struct lars_addr *a,
                      uint64_t us, uint64_t now_ms);

struct node_times_row {
    uint64_t key; /* the order of slot, address and port */
    unsigned slot;
    uint32_t ip, port; /* host byte order */
    uint64_t n[LATENCY_BUCKETS + 1];
};

typedef void node_times_fn(const struct node_times_row *row, void *arg);

/* Call <fn> for each node, in any order; NULL has none.  Thread: any,
 * while the loop counts. */
void node_times_each(const struct node_times *t, node_times_fn *fn, void *arg);

#endif
