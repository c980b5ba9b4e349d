/* shmcli -- the client library's way through shared memory: a chooser for each thread
 * that calls, new ones when other files come into force or after fork().  When there is
 * no agent, no room or no right, it says so and the caller goes by UDP; it looks again
 * once a second.  Thread: any. */
#ifndef LARS_API_SHMCLI_H
#define LARS_API_SHMCLI_H

#include "shmtab/chooser.h"

struct shmcli;

/* <dir>: the folder of the shared files; need not be there.  Copies it.  Returns 0;
 * -ENOMEM; -EAGAIN: no thread-specific storage is left. */
int shmcli_create(struct shmcli **out, const char *dir);
void shmcli_destroy(struct shmcli *c); /* no thread may be in a call.  NULL is fine */

/* Is this another process than the one that created it?  One load. */
bool shmcli_has_forked(const struct shmcli *c);
void shmcli_after_fork(struct shmcli *c); /* in the child, before anything else */

/* As chooser_get(); whatever is not 0 or -ENOENT means: not by this way now. */
int shmcli_get(struct shmcli *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct chooser_pick *out);

/* As chooser_report(), for a call that any thread of this process began; -ESTALE: it was
 * begun in files that are not in force any more, nobody counts it; -EPERM: another
 * process began it, such as the parent before fork(). */
int shmcli_report(struct shmcli *c, const struct chooser_pick *p, bool ok);

int shmcli_route(struct shmcli *c, uint32_t modid, uint32_t cmdid, struct net_addr *out,
                 unsigned max);

#endif
