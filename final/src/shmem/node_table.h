/* node_table -- the nodes of a segment by their number, the <nid>: address, cost and the
 * counter that all processes of the host share.  A node keeps its number while it is in
 * its module; afterwards the agent may give the number to another node, once no call uses
 * it (route_writer_reclaim()).  <nid> must be less than segment_max_nodes().
 * Thread: any. */
#ifndef LARS_SHMEM_NODE_TABLE_H
#define LARS_SHMEM_NODE_TABLE_H

#include "base/net_addr.h"
#include "lb/node.h"
#include "shmem/segment.h"

/* Numbers 0 to this one, exclusive, are or were in use. */
uint32_t node_table_count(const struct segment *s);

/* The number of its module.  It is as the file has it: compare it with
 * segment_max_modules() before it is used as an index. */
uint32_t node_table_module(const struct segment *s, uint32_t nid);

/* Its address; family 0 when the number is free. */
void node_table_addr(const struct segment *s, uint32_t nid, struct net_addr *out);

/* By nid: costs, which the agent alone may write, and counters.  Valid as long as <s> is
 * and no segment_renew() is called. */
_Atomic uint32_t *node_table_costs(const struct segment *s);
struct node_counter *node_table_counters(const struct segment *s);

#endif
