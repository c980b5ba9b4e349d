/* segment_private -- what the modules of shmem/ share with each other: the mapped tables
 * of a segment, and the loads and stores that all of them use.  Internal to shmem/. */
#ifndef LARS_SHMEM_SEGMENT_PRIVATE_H
#define LARS_SHMEM_SEGMENT_PRIVATE_H

#include <stdatomic.h>

#include "shmem/layout.h"
#include "shmem/segment.h"

#define SEGMENT_NAME_MAX 32           /* of a file's name in the folder */

struct segment {
    int dir;                          /* descriptor of the folder */
    int lock;                         /* agent only, else -1: flock() on agent.lock */
    int fd_routes, fd_counters;       /* agent only, else -1 */
    bool writer, is_new;
    bool is_old;                      /* opened to be collected: segment_open_old() */
    uint32_t number, max_nodes, max_modules, n_index, n_block;
    uint64_t inode;                   /* of meta; another inode means another folder */
    struct layout_meta *meta;
    struct layout_routes *routes;     /* the file R; the tables in it: */
    struct layout_index *index;
    struct layout_module *module;     /* by mid */
    _Atomic uint32_t *cost, *gen;     /* by nid */
    struct layout_addr *addr;         /* by nid */
    struct layout_addr6 *addr6;       /* by nid; only where addr[nid] is of IPv6 */
    struct layout_old_addr *old_addr; /* instead of both; NULL but in a segment of
                                       * LAYOUT_OLD_MAJOR */
    char *block;
    struct layout_counters *counters; /* the file C */
};

/* Allocate the pages behind <len> bytes at <p>, which lies in R or in C: a full file
 * system is an error here, and not a SIGBUS at the first store.  Returns 0 or -ENOSPC.
 * Thread: the agent's. */
int segment_reserve(struct segment *s, const void *p, size_t len);

/* The name of a file: <kind> R or C (<i> is not used), L or A (of call log <i>). */
const char *segment_file_name(const struct segment *s, char kind, uint32_t i,
                              char buf[SEGMENT_NAME_MAX]);

static inline uint32_t segment_load(const _Atomic uint32_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static inline void segment_store(_Atomic uint32_t *p, uint32_t value)
{
    atomic_store_explicit(p, value, memory_order_relaxed);
}

static inline uint64_t segment_load64(const _Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

/* The copy in force of module <mid>: what is loaded after it belongs to it. */
static inline uint64_t segment_where(const struct segment *s, uint32_t mid)
{
    return atomic_load_explicit(&s->module[mid].where, memory_order_acquire);
}

static inline struct layout_copy *segment_copy(const struct segment *s, uint32_t block)
{
    return (struct layout_copy *)(void *)(s->block + (size_t)block * LAYOUT_BLOCK);
}

/* A client that has opened its call log needs no descriptor of the folder: a number that
 * is not kept cannot be closed, or taken over, by the program. */
void segment_drop_folder(struct segment *s);

#endif
