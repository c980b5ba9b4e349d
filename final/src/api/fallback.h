/* fallback -- what a client can do when its agent is dead: the heartbeat shows that it
 * is, and the file of routes that it wrote last has the nodes.  The client takes them in
 * turn, because the health of the nodes is not known.  Both files are looked at no more
 * often than once a second.  Thread: one at a time. */
#ifndef LARS_API_FALLBACK_H
#define LARS_API_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

#define FALLBACK_DIR "/run/lars" /* the agent's folder unless one is named */
#define FALLBACK_HEARTBEAT "heartbeat" /* the agent's files, in its folder */
#define FALLBACK_ROUTES "routes"
#define FALLBACK_SHM "shm" /* a link to its shared memory */

struct fallback;

/* <dir>: the agent's folder; it need not exist.  Copies it.  Returns 0; -ENOMEM; -EINVAL
 * when the name is too long. */
int fallback_create(struct fallback **out, const char *dir);
void fallback_destroy(struct fallback *f); /* NULL is fine */

/* True only when there is a heartbeat and it has stopped.  Without the file nothing is
 * known, since the agent of the original Lars writes none.  <now_ms>: monotonic. */
bool fallback_agent_is_dead(struct fallback *f, uint64_t now_ms);

/* The next node of the module.  Returns 0; -ENOENT. */
int fallback_pick(struct fallback *f, const struct module_id *m, struct msg_host *out,
                  uint64_t now_ms);

/* All nodes of the module, at most <max>; *n becomes how many.  Returns 0; -ENOENT. */
int fallback_route(struct fallback *f, const struct module_id *m, struct msg_host *out,
                   size_t max, size_t *n, uint64_t now_ms);

#endif
