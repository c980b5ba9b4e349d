/* snapshot -- a reader's copy of a module's nodes.  The copy in force is never written:
 * the agent fills another one and then moves <where>; a reader that saw <where> unmoved
 * before and after has read what was whole.  A writer that dies leaves the old copy in
 * force, whatever it was doing; nobody waits for it.  Thread: the owner's. */
#ifndef LARS_SHMEM_ROUTE_READER_H
#define LARS_SHMEM_ROUTE_READER_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "shmem/segment.h"

struct route_reader {                     /* zeroed = nothing read yet */
    uint64_t where;                   /* that it was read at */
    uint32_t n, n_own, cap;
    struct node_member *member;       /* owned; n of them, zone 0 first */
    uint32_t *gen;                    /* owned; of each node, as it was then */
};

/* The index of a module's line.  Returns it; -ENOENT. */
int64_t route_reader_find(const struct segment *s, uint32_t modid, uint32_t cmdid);

/* Is what was read still in force?  What was never read is not.  One load. */
static inline bool route_reader_is_current(const struct segment *s, uint32_t mid,
                                       const struct route_reader *snap)
{
    return atomic_load_explicit(&s->module[mid].where, memory_order_acquire) ==
               snap->where &&
           snap->where != 0;
}

/* Read module <mid>.  Returns 0; -EAGAIN when the agent kept publishing, -EBADMSG when it
 * makes no sense, -ENOMEM: <snap> is as it was. */
int route_reader_read(const struct segment *s, uint32_t mid, struct route_reader *snap);
void route_reader_free(struct route_reader *snap);

/* Is it still the node that <snap> names?  After the call was counted: snapshot.c. */
static inline bool route_reader_has_node(const struct segment *s,
                                         const struct route_reader *snap, uint32_t i)
{
    return atomic_load(&s->gen[snap->member[i].nid]) == snap->gen[i];
}

void route_reader_addr(const struct segment *s, uint32_t nid, struct net_addr *out);

/* Checksum of a copy, the writer's and the reader's. */
uint32_t route_reader_sum(uint32_t gen, uint32_t n_own, const struct node_member *m,
                      uint32_t n);

/* where the index is looked at */
uint32_t route_reader_hash(uint32_t modid, uint32_t cmdid);

#endif
