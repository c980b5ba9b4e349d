/* publish -- the agent's side of the routes in shared memory: gives every node a number
 * for life, writes a module's nodes beside those in force, and puts them in force with
 * one store.  Its own books are made from the files at the start: a successor goes on
 * where it was killed.  Thread: one, and no other process. */
#ifndef LARS_SHMTAB_PUBLISH_H
#define LARS_SHMTAB_PUBLISH_H

#include "base/net_addr.h"
#include "shmtab/segment.h"

struct publish;

struct publish_node {
    struct net_addr addr;
    uint16_t weight;                  /* 1 and more */
    uint8_t zone;                     /* 0 = ours */
};

/* Reads what is in <s>.  Borrows it.  Returns 0; -EBADMSG when it makes no sense:
 * segment_renew() and again; -ENOMEM. */
int publish_create(struct publish **out, struct segment *s);
void publish_destroy(struct publish *p); /* the files stay.  NULL is fine */

/* The module's index, for what else stands in its line: to be set before its nodes are.
 * Returns it; -EMFILE when there is no room. */
int64_t publish_module(struct publish *p, uint32_t modid, uint32_t cmdid);

/* The module's nodes are these, at most 65,536.  A node that stays keeps its number; a
 * new one begins with <cost>.  Returns the module's index; -ENOSPC when there is no room
 * for its nodes, or -EMFILE for the module: nothing has changed; -ENOMEM. */
int64_t publish_nodes(struct publish *p, uint32_t modid, uint32_t cmdid,
                      const struct publish_node *node, uint32_t n, uint32_t cost);

/* Numbers of removed nodes may be given away again when nobody uses them: calls
 * <is_unused> for each that was removed two calls of this before, or earlier. */
typedef bool publish_unused_fn(uint32_t nid, void *arg);
void publish_reclaim(struct publish *p, publish_unused_fn *is_unused, void *arg);

/* For each node that is or was there and has its number still. */
typedef void publish_each_fn(uint32_t nid, uint32_t mid, const struct net_addr *addr,
                             void *arg);
void publish_each(const struct publish *p, publish_each_fn *fn, void *arg);

struct publish_stat {
    uint32_t n_module, n_node, n_removed; /* removed ones that have their number still */
    uint64_t bytes;                   /* of R and C that are in use */
};

void publish_stat(const struct publish *p, struct publish_stat *out);

#endif
