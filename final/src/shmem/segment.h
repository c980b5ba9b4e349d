/* segment -- the shared files of a host, mapped: made or adopted by the agent, opened by
 * its clients.  A successor of the agent adopts what it finds; files of another ABI, of
 * other sizes, or that make no sense are left for a new segment, and clients follow at
 * their next call.
 * The agent takes the pages that it hands out with segment_reserve(): a full /dev/shm is
 * an error there and not a SIGBUS later. */
#ifndef LARS_SHMEM_SEGMENT_H
#define LARS_SHMEM_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shmem/layout.h"

#define SEGMENT_NAME_MAX 32           /* of a file in the folder */

struct segment {                      /* read it; nobody else's fields are to be set */
    int dir;                          /* descriptor of the folder */
    int lock, fd_routes, fd_counters; /* agent; -1 for clients */
    bool writer, is_new;
    uint32_t g, max_nodes, max_modules, n_index, n_line;
    uint64_t inode;                   /* of meta: another one, another folder */
    struct layout_meta *meta;
    struct layout_routes *routes;     /* and what is in it: */
    struct layout_index *index;
    struct layout_module *module;
    _Atomic uint32_t *cost, *gen;     /* by nid */
    struct layout_addr *addr;         /* by nid */
    char *line;                       /* n_line lines of LAYOUT_LINE bytes */
    struct layout_counters *counters;
};

struct segment_config {
    const char *dir;                  /* made when it is not there */
    uint32_t max_nodes, max_modules;  /* 64 to LAYOUT_MAX_...; powers of two */
};

/* The agent's side.  Returns 0; -EBUSY when another agent has the folder; -ENOSPC,
 * -EACCES, ...  Thread: init. */
int segment_create(struct segment **out, const struct segment_config *cfg);

/* What was adopted makes no sense: begin anew, as the next segment.  0 or -errno. */
int segment_renew(struct segment *s);

/* A client's side.  Returns 0; -ENOENT: no agent was here; -EPROTO: another ABI;
 * -EBADMSG: not what it should be; -EACCES; -ENOMEM.  Thread: any. */
int segment_open(struct segment **out, const char *dir);

/* Is another segment in force than the one that is mapped?  One load. */
static inline bool segment_has_moved(const struct segment *s)
{
    return atomic_load_explicit(&s->meta->segment, memory_order_relaxed) != s->g;
}

/* Is <dir> another folder by now than the one that was opened?  A system call. */
bool segment_was_replaced(const struct segment *s, const char *dir);

bool segment_agent_is_alive(const struct segment *s, uint64_t now_ms);
void segment_beat(struct segment *s, uint64_t now_ms); /* the agent's */

/* Take the pages behind <len> bytes at <p>, which is in one of the two big files.
 * Returns 0 or -ENOSPC.  Thread: the agent's. */
int segment_reserve(struct segment *s, const void *p, size_t len);

/* The name of ledger <i> (L) or of what was taken of it (A). */
const char *segment_name(const struct segment *s, char kind, uint32_t i,
                         char buf[SEGMENT_NAME_MAX]);

/* Map <len> bytes of <name>, whose size must be exactly that.  <fd> stays open and is the
 * caller's, may be NULL.  Returns 0; -EBADMSG; -errno. */
int segment_map(const struct segment *s, const char *name, bool writable, size_t len,
                void **out, int *fd);

void segment_close(struct segment *s); /* the files stay.  NULL is fine */
void segment_remove(const char *dir); /* the files and the folder */

#endif
