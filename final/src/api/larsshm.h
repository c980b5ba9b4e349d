/* larsshm -- lars.h by shared memory: an answer as lars_get_host() gives it.  Thread:
 * any. */
#ifndef LARS_API_LARSSHM_H
#define LARS_API_LARSSHM_H

#include <stdbool.h>

#include "api/lars.h"
#include "api/shmcli.h"

int larsshm_open(struct shmcli **out, const char *dir); /* the agent's folder */
int larsshm_get(struct shmcli *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                struct lars_host *out);
/* This thread's next choices are others than these, while there are others; <n> 0: any.
 * Borrowed until then. */
void larsshm_avoid(const struct lars_addr *addr, unsigned n);
void larsshm_only(bool on);           /* this thread: -EINPROGRESS where it would wait */

bool larsshm_has(const struct lars_host *h); /* was it begun there? */
int larsshm_report(struct shmcli *c, const struct lars_host *h, bool ok);
int larsshm_route(struct shmcli *c, uint32_t modid, uint32_t cmdid, struct lars_addr *out,
                  unsigned max);      /* 0 nodes: -ENOENT */

#endif
