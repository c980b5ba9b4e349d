/* fallback -- replaces a dead agent: the heartbeat shows that the agent is dead, and the
 * file has the last routes.  Nodes are taken in turn, because only the agent has call
 * results.  Thread: one at a time for each struct fallback. */
#ifndef LARS_API_FALLBACK_H
#define LARS_API_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

#define FALLBACK_HEARTBEAT "heartbeat" /* files in the folder of the agent */
#define FALLBACK_ROUTES "routes"

struct fallback;

/* Copies <dir>.  Returns 0; -EINVAL when its name is too long; -ENOMEM. */
int fallback_create(struct fallback **out, const char *dir);
void fallback_destroy(struct fallback *f); /* NULL is fine */

/* Whether the agent is dead.  Returns false also when there is no heartbeat file, because
 * the agent of the public Lars has none. */
bool fallback_agent_is_dead(struct fallback *f, uint64_t now_ms);

/* Pick a node of the module.  Returns 0; -ENOENT when the file does not have the
 * module. */
int fallback_pick(struct fallback *f, const struct module_id *m, struct msg_host *out,
                  uint64_t now_ms);

/* Get all nodes of the module, at most <max>; their number goes to <n>.  Returns 0;
 * -ENOENT. */
int fallback_route(struct fallback *f, const struct module_id *m, struct msg_host *out,
                   size_t max, size_t *n, uint64_t now_ms);

#endif
