/* larsshm -- lars.h by shared memory: an answer as lars_get_host() gives it.  Thread:
 * any. */
#ifndef LARS_API_SHM_CALLS_H
#define LARS_API_SHM_CALLS_H

#include <stdbool.h>

#include "api/lars.h"
#include "api/shm_client.h"

int shm_calls_open(struct shm_client **out, const char *dir); /* the agent's folder */
int shm_calls_get(struct shm_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct lars_host *out);
/* This thread's next choices are others than these, while there are others; <n> 0: any.
 * Borrowed until then. */
void shm_calls_avoid(const struct lars_addr *addr, unsigned n);
/* this thread: -EINPROGRESS where it would wait */
void shm_calls_only(bool on);

bool shm_calls_has(const struct lars_host *h); /* was it begun there? */
int shm_calls_report(struct shm_client *c, const struct lars_host *h, bool ok);
int shm_calls_route(struct shm_client *c, uint32_t modid, uint32_t cmdid,
                    struct lars_addr *out, unsigned max); /* 0 nodes: -ENOENT */

#endif
