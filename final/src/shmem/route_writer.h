/* route_writer -- the agent's side of the routes in shared memory.  It gives every node a
 * number, writes the nodes of a module beside the copy in force, and puts them in force
 * with one store.  What it has to remember it reads from the files at the start, so a
 * successor continues where its predecessor was killed.  Thread: one, and one process. */
#ifndef LARS_SHMEM_ROUTE_WRITER_H
#define LARS_SHMEM_ROUTE_WRITER_H

#include "base/net_addr.h"
#include "shmem/segment.h"

#define ROUTE_WRITER_MAX 65536        /* nodes of a module */

struct route_writer;

struct route_writer_node {
    struct net_addr addr;
    uint16_t weight;                  /* 1 and more */
    uint8_t zone;                     /* 0 = the zone of this host */
};

/* Borrows <s>.  Returns 0; -EBADMSG when the files make no sense: call segment_renew()
 * and try again; -ENOMEM. */
int route_writer_create(struct route_writer **out, struct segment *s);
void route_writer_destroy(struct route_writer *p); /* the files stay.  NULL is fine */

/* The number of a module, so that its settings can be stored before its nodes come into
 * force.  Returns it; -EMFILE when the module table is full. */
int64_t route_writer_module(struct route_writer *p, uint32_t modid, uint32_t cmdid);

/* Put these nodes in force, at most ROUTE_WRITER_MAX.  A node that the module had keeps
 * its number and its cost; a new node begins with <cost>.  Returns the module's number;
 * -EMFILE when the module table is full, -ENOSPC when there is no room for its nodes: the
 * nodes in force do not change; -ENOMEM. */
int64_t route_writer_nodes(struct route_writer *p, uint32_t modid, uint32_t cmdid,
                           const struct route_writer_node *node, uint32_t n,
                           uint32_t cost);

/* Free the numbers of removed nodes.  Calls <is_unused> for each node that was removed
 * before the last call but one of this function; where it returns true, no call is open
 * on the node and everything counted of it was collected. */
typedef bool route_writer_unused_fn(uint32_t nid, void *arg);
void route_writer_reclaim(struct route_writer *p, route_writer_unused_fn *is_unused,
                          void *arg);

/* Call <fn> for each node that has a number, removed nodes included. */
typedef void route_writer_each_fn(uint32_t nid, uint32_t mid, const struct net_addr *addr,
                                  void *arg);
void route_writer_each(const struct route_writer *p, route_writer_each_fn *fn, void *arg);

struct route_writer_stat {
    uint32_t n_module, n_node;
    uint32_t n_removed;               /* removed nodes that still have their number */
    uint64_t bytes;                   /* in use, of R and C */
};

void route_writer_stat(const struct route_writer *p, struct route_writer_stat *out);

#endif
