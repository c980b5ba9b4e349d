/* All nodes lie in one array by number, and nodes of equal hash form a chain.  So
 * a look-up reads two places in memory, and giving a number to a node allocates nothing.
 * calloc() of such sizes returns pages that take no memory until they are written.
 *
 * Pages of the shared files are allocated for 256 numbers at once, because four system
 * calls for each node were most of the time of a load.
 *
 * Rejected: uthash, which was here before: a node of 112 bytes on the heap, and chains of
 * up to ten nodes, each of them a cache miss. */
#include "shmem/node_numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK 256                     /* numbers; their counters fill a page */
#define RESERVED 1u                   /* of a chunk: all but what is for IPv6 only */
#define RESERVED6 2u                  /* that, too */

int node_numbers_init(struct node_numbers *p, struct segment *s)
{
    *p = (struct node_numbers){.s = s};
    p->node = calloc(s->max_nodes, sizeof(*p->node));
    p->chain = calloc(s->max_nodes, sizeof(*p->chain));
    p->free_nid = malloc(s->max_nodes * sizeof(*p->free_nid));
    p->reserved = calloc(s->max_nodes / CHUNK + 1, 1);
    return p->node && p->chain && p->free_nid && p->reserved ? 0 : -ENOMEM;
}

void node_numbers_fini(struct node_numbers *p)
{
    free(p->node);
    free(p->chain);
    free(p->free_nid);
    free(p->reserved);
}

static uint32_t *chain_of(const struct node_numbers *p, const struct node_key *k)
{
    uint32_t word[sizeof(*k) / 4], i;
    uint64_t h = 0;

    memcpy(word, k, sizeof(word));
    for (i = 0; i < sizeof(word) / 4; i++) {
        h = (h ^ word[i]) * 0x9e3779b97f4a7c15u; /* 2^64 / the golden ratio */
        h ^= h >> 32;
    }
    return &p->chain[h & (p->s->max_nodes - 1)];
}

struct numbered_node *node_numbers_find(const struct node_numbers *p,
                                        const struct node_key *k)
{
    uint32_t at;

    for (at = *chain_of(p, k); at; at = p->node[at - 1].next)
        if (memcmp(&p->node[at - 1].key, k, sizeof(*k)) == 0)
            return &p->node[at - 1];
    return NULL;
}

struct numbered_node *node_numbers_at(const struct node_numbers *p, uint32_t nid)
{
    return p->node[nid].key.addr.family ? &p->node[nid] : NULL;
}

uint32_t node_numbers_nid(const struct node_numbers *p, const struct numbered_node *n)
{
    return (uint32_t)(n - p->node);
}

struct numbered_node *node_numbers_keep(struct node_numbers *p, const struct node_key *k,
                                        uint32_t nid)
{
    uint32_t *first = chain_of(p, k);

    p->node[nid] = (struct numbered_node){.key = *k, .next = *first};
    *first = nid + 1;
    p->n_node++;
    p->n_ip6 += k->addr.family == AF_INET6;
    return &p->node[nid];
}

void node_numbers_give_back(struct node_numbers *p, struct numbered_node *n)
{
    uint32_t *at = chain_of(p, &n->key), nid = node_numbers_nid(p, n);

    while (*at != nid + 1)
        at = &p->node[*at - 1].next;
    *at = n->next;
    p->n_node--;
    p->n_ip6 -= n->key.addr.family == AF_INET6;
    p->free_nid[p->n_free++] = nid;
    *n = (struct numbered_node){0};
}

static int reserve_nids(struct segment *s, uint32_t nid, uint32_t n)
{
    int rc = segment_reserve(s, (void *)&s->cost[nid], n * sizeof(s->cost[0]));

    if (rc == 0)
        rc = segment_reserve(s, (void *)&s->gen[nid], n * sizeof(s->gen[0]));
    if (rc == 0)
        rc = segment_reserve(s, &s->addr[nid], n * sizeof(s->addr[0]));
    if (rc == 0)
        rc = segment_reserve(s, &s->counters->counter[nid],
                             n * sizeof(struct node_counter));
    return rc;
}

static int reserve_nids6(struct segment *s, uint32_t nid, uint32_t n)
{
    return segment_reserve(s, &s->addr6[nid], n * sizeof(s->addr6[0]));
}

/* Pages of a file are never given back, so each chunk is reserved once.  When there is no
 * room for all of it, there may still be a page for <nid>. */
static int reserve_chunk(struct node_numbers *p, uint32_t nid, unsigned bit,
                         int (*reserve)(struct segment *s, uint32_t nid, uint32_t n))
{
    uint32_t first = nid / CHUNK * CHUNK, left = p->s->max_nodes - first;
    unsigned char *done = &p->reserved[nid / CHUNK];

    if (*done & bit)
        return 0;
    if (reserve(p->s, first, left < CHUNK ? left : CHUNK) < 0)
        return reserve(p->s, nid, 1);
    *done |= (unsigned char)bit;
    return 0;
}

int node_numbers_reserve(struct node_numbers *p, uint32_t nid, uint16_t family)
{
    int rc = reserve_chunk(p, nid, RESERVED, reserve_nids);

    if (rc == 0 && family == AF_INET6)
        rc = reserve_chunk(p, nid, RESERVED6, reserve_nids6);
    return rc;
}
