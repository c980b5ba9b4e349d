/* node_numbers -- which node has which number, the nid, as the agent remembers it,
 * and the pages that are allocated for it in the shared files.  Only route_writer.c
 * uses it: it keeps the marks of a node and decides when a number is free.  Internal
 * to shmem/. Thread: the agent's. */
#ifndef LARS_SHMEM_NODE_NUMBERS_H
#define LARS_SHMEM_NODE_NUMBERS_H

#include "base/net_addr.h"
#include "shmem/segment_private.h"

struct node_key {                     /* hashed as words: it has no padding */
    uint32_t mid;
    struct net_addr addr;             /* family 0 = no node has the number */
};

struct numbered_node {
    struct node_key key;
    uint32_t next;                    /* in its chain, as node_numbers.chain */
    uint32_t seen;                    /* <mark> of the last update that has this node */
    uint32_t made;                    /* <mark> of the update that gave it its number */
    uint32_t removed;                 /* 0 = in force; else 1 + reclaims since then */
};

struct node_numbers {
    struct segment *s;                /* borrowed */
    struct numbered_node *node;       /* by nid; max_nodes, as the two that follow */
    uint32_t *chain;                  /* by hash: 1 + nid of the first node; 0 = none */
    uint32_t *free_nid;               /* numbers that were given back; n_free */
    unsigned char *reserved;          /* bits for each chunk of numbers */
    uint32_t n_node, n_free;
    uint32_t n_ip6;                   /* nodes with an IPv6 address */
};

/* Borrows <s>.  Returns 0 or -ENOMEM; then, too, node_numbers_fini() is needed. */
int node_numbers_init(struct node_numbers *p, struct segment *s);
void node_numbers_fini(struct node_numbers *p);

/* NULL = there is none. */
struct numbered_node *node_numbers_find(const struct node_numbers *p,
                                        const struct node_key *k);
struct numbered_node *node_numbers_at(const struct node_numbers *p, uint32_t nid);

uint32_t node_numbers_nid(const struct node_numbers *p, const struct numbered_node *n);

/* The node <k>, which has no number, gets <nid>, which no node has. */
struct numbered_node *node_numbers_keep(struct node_numbers *p, const struct node_key *k,
                                        uint32_t nid);

/* The number of <n> joins free_nid; <n> is no node any more. */
void node_numbers_give_back(struct node_numbers *p, struct numbered_node *n);

/* Allocate the pages that a node of <family> with number <nid> needs.  Returns 0 or
 * -ENOSPC. */
int node_numbers_reserve(struct node_numbers *p, uint32_t nid, uint16_t family);

#endif
