/* shm_client -- the way of the client library through shared memory.  Each thread that
 * calls has a picker of its own; it is replaced when another segment comes into force and
 * after fork().  When shared memory cannot serve a call (no agent has created it, no
 * right, no free call log), the functions return an error at once, the caller asks by
 * UDP, and the thread tries again after a second.  Thread: any. */
#ifndef LARS_API_SHM_CLIENT_H
#define LARS_API_SHM_CLIENT_H

#include <stdbool.h>

#include "api/counts.h"
#include "shmem/module_capacity.h"

struct shm_client;

/* <dir>: the agent's folder; it need not exist.  Copies it.  Returns 0; -ENOMEM;
 * -ENAMETOOLONG; -EAGAIN when the process has no thread-specific key left. */
int shm_client_create(struct shm_client **out, const char *dir);

/* No other thread may be in a call.  NULL is fine. */
void shm_client_destroy(struct shm_client *c);

/* Is this process a child of the one that created <c>?  One load. */
bool shm_client_has_forked(const struct shm_client *c);

/* In the child, before any other function: one thread begins the renewal, which is true,
 * makes everything of the client anew, and ends it.  In the other threads it is false,
 * and the renewal has been made. */
bool shm_client_begin_renewal(struct shm_client *c);
void shm_client_after_fork(struct shm_client *c);
void shm_client_end_renewal(struct shm_client *c);

/* A node for a call, as lars_get_host_key(), but none of <avoid> while there are others.
 * It is counted.  Returns 0; -ENOENT when the module has no nodes; -EBUSY when all are
 * down; any other error: not by shared memory now, -ENOTCONN when this thread cannot use
 * it at all, -ESRCH when the module is not in it. */
int shm_client_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                   const struct lars_addr *avoid, unsigned n_avoid,
                   struct lars_host *out);

/* Is <h> from shm_client_get()? */
static inline bool shm_client_began(const struct lars_host *h)
{
    return h->opaque[2] != 0;
}

/* End a call that any thread of this process began.  It is counted, and <took_us> becomes
 * how long it took.  In a segment that is no longer in force it is counted as long as an
 * agent collects that segment; then -ESTALE, and nothing was counted.  Returns 0;
 * -EALREADY; -EPERM when another process began it, such as the parent before fork();
 * -EUSERS when this thread has no call log; -EINVAL; -ENOSPC; -ENOMEM. */
int shm_client_end(struct shm_client *c, const struct lars_host *h,
                   enum lars_outcome outcome, uint64_t *took_us);

/* The nodes of a module, at most <max>.  Returns 1 or more: how many; -ENOENT; -E2BIG;
 * any other error: not by shared memory now. */
int shm_client_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                     struct lars_addr *out, unsigned max);

/* What a module can do.  Returns 0; -ENOENT when it has no nodes; other errors as
 * shm_client_get(). */
int shm_client_module(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                      struct module_capacity *out);

/* Tries again at once if this thread cannot use shared memory.  Returns 0, or why not. */
int shm_client_try(struct shm_client *c);

/* Why this thread cannot use shared memory; 0 = it can.  Does not try again. */
int shm_client_error(struct shm_client *c);

/* What this thread counts of calls that take another way; NULL when there is no
 * memory. */
struct counts *shm_client_counts(struct shm_client *c);

/* Adds the counts of all threads to <out>. */
void shm_client_sum(struct shm_client *c, struct lars_status *out);

#endif
