/* fallback -- what a client still knows when its agent is dead: the heartbeat says that
 * it is, the file has the last routes.  Nodes are taken in turn: nobody knows any more
 * which are overloaded.  Thread: one at a time. */
#ifndef LARS_API_FALLBACK_H
#define LARS_API_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

#define FALLBACK_HEARTBEAT "heartbeat" /* the agent's files, in its folder */
#define FALLBACK_ROUTES "routes"
#define FALLBACK_SHM "shm"            /* a link to its shared memory */

struct fallback;

int fallback_create(struct fallback **out, const char *dir); /* 0; -ENOMEM; -EINVAL */
void fallback_destroy(struct fallback *f); /* NULL is fine */

/* True only when the heartbeat says so: no heartbeat, no verdict (the agent of the public
 * Lars has none). */
bool fallback_agent_is_dead(struct fallback *f, uint64_t now_ms);

/* A node of the module.  Returns 0; -ENOENT. */
int fallback_pick(struct fallback *f, const struct module_id *m, struct msg_host *out,
                  uint64_t now_ms);

/* All of them, at most <max>.  Returns 0; -ENOENT. */
int fallback_route(struct fallback *f, const struct module_id *m, struct msg_host *out,
                   size_t max, size_t *n, uint64_t now_ms);

#endif
