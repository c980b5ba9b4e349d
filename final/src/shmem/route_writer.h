/* publish -- the agent's side of the routes in shared memory: gives every node a number
 * for life, writes a module's nodes beside those in force, and puts them in force with
 * one store.  Its own books are made from the files at the start: a successor goes on
 * where it was killed.  Thread: one, and no other process. */
#ifndef LARS_SHMEM_ROUTE_WRITER_H
#define LARS_SHMEM_ROUTE_WRITER_H

#include "base/net_addr.h"
#include "shmem/segment.h"

struct route_writer;

struct route_writer_node {
    struct net_addr addr;
    uint16_t weight;                  /* 1 and more */
    uint8_t zone;                     /* 0 = ours */
};

/* Reads what is in <s>.  Borrows it.  Returns 0; -EBADMSG when it makes no sense:
 * segment_renew() and again; -ENOMEM. */
int route_writer_create(struct route_writer **out, struct segment *s);
void route_writer_destroy(struct route_writer *p); /* the files stay.  NULL is fine */

/* The module's index, for what else stands in its line: to be set before its nodes are.
 * Returns it; -EMFILE when there is no room. */
int64_t route_writer_module(struct route_writer *p, uint32_t modid, uint32_t cmdid);

/* The module's nodes are these, at most 65,536.  A node that stays keeps its number; a
 * new one begins with <cost>.  Returns the module's index; -ENOSPC when there is no room
 * for its nodes, or -EMFILE for the module: nothing has changed; -ENOMEM. */
int64_t route_writer_nodes(struct route_writer *p, uint32_t modid, uint32_t cmdid,
                      const struct route_writer_node *node, uint32_t n, uint32_t cost);

/* Numbers of removed nodes may be given away again when nobody uses them: calls
 * <is_unused> for each that was removed two calls of this before, or earlier. */
typedef bool route_writer_unused_fn(uint32_t nid, void *arg);
void route_writer_reclaim(struct route_writer *p, route_writer_unused_fn *is_unused,
                          void *arg);

/* For each node that is or was there and has its number still. */
typedef void route_writer_each_fn(uint32_t nid, uint32_t mid, const struct net_addr *addr,
                             void *arg);
void route_writer_each(const struct route_writer *p, route_writer_each_fn *fn, void *arg);

struct route_writer_stat {
    uint32_t n_module, n_node, n_removed; /* removed ones that have their number still */
    uint64_t bytes;                   /* of R and C that are in use */
};

void route_writer_stat(const struct route_writer *p, struct route_writer_stat *out);

#endif
