/* shmcli -- the client library's way through shared memory: a chooser for each thread
 * that calls, new ones when other files come into force or after fork().  When there is
 * no agent, no room or no right, it says so and the caller goes by UDP; it looks again
 * once a second.  Thread: any. */
#ifndef LARS_API_SHM_CLIENT_H
#define LARS_API_SHM_CLIENT_H

#include "shmem/picker.h"

struct shm_client;

/* <dir>: the folder of the shared files; need not be there.  Copies it.  Returns 0;
 * -ENOMEM; -EAGAIN: no thread-specific storage is left. */
int shm_client_create(struct shm_client **out, const char *dir);
/* no thread may be in a call.  NULL is fine */
void shm_client_destroy(struct shm_client *c);

/* Is this another process than the one that created it?  One load. */
bool shm_client_has_forked(const struct shm_client *c);
void shm_client_after_fork(struct shm_client *c); /* in the child, before anything else */

/* As picker_get(); whatever is not 0 or -ENOENT means: not by this way now. */
int shm_client_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct picker_pick *out);

/* As picker_report(), for a call that any thread of this process began; -ESTALE: it was
 * begun in files that are not in force any more, nobody counts it; -EPERM: another
 * process began it, such as the parent before fork(). */
int shm_client_report(struct shm_client *c, const struct picker_pick *p, bool ok);

int shm_client_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                     struct net_addr *out, unsigned max);

#endif
