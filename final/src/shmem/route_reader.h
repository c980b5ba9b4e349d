/* route_reader -- a reader's private copy of the nodes of a module.  The copy in force in
 * shared memory is never written: the agent fills another one and then moves <where>.  A
 * reader that sees the same <where> before and after has read a whole copy.  An agent
 * that dies leaves the old copy in force, and no reader ever waits.  Thread: the
 * owner's. */
#ifndef LARS_SHMEM_ROUTE_READER_H
#define LARS_SHMEM_ROUTE_READER_H

#include "lb/node.h"
#include "shmem/segment.h"

struct route_reader {                 /* zeroed = nothing has been read */
    uint64_t where;                   /* of the copy that was read */
    uint32_t n, n_own, cap;           /* nodes, those of zone 0, room */
    struct node_member *member;       /* owned; n of them, zone 0 first */
    uint32_t *gen;                    /* owned; the generation of each node's number */
};

/* Is the copy that was read still in force?  False when none was read.  One load. */
bool route_reader_is_current(const struct segment *s, uint32_t mid,
                             const struct route_reader *snap);

/* Read the nodes of module <mid>.  Returns 0; -ENOENT when the agent has not yet given it
 * nodes; -EAGAIN when a new copy came into force at each try; -EBADMSG when the file
 * makes no sense; -ENOMEM.  <snap> changes only on success. */
int route_reader_read(const struct segment *s, uint32_t mid, struct route_reader *snap);
void route_reader_free(struct route_reader *snap);

/* The checksum of a copy; the writer stores it and the reader compares it. */
uint32_t route_reader_sum(uint32_t gen, uint32_t n_own, const struct node_member *m,
                          uint32_t n);

#endif
