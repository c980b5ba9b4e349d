/* planelink -- connects the plane with the agent's threads: its own, which publishes and
 * harvests, and the shards, which choose from it for those who speak UDP.  Without a
 * folder there is no plane: every function here takes NULL and does nothing. */
#ifndef LARS_AGENT_PLANELINK_H
#define LARS_AGENT_PLANELINK_H

#include <stdbool.h>

#include "agent/exactlink.h"
#include "agent/plane.h"

struct planelink;

/* The plane runs in thread <thread> of <pool>; its counts go into side <thread> of
 * <exact>, or by <totals> when the Report Service does not acknowledge.  An empty
 * cfg->dir: <out> is NULL.  Borrows all.  Returns 0; as plane_create().  Thread: init. */
typedef int planelink_totals_fn(const struct module_id *m, const struct msg_result *res,
                                size_t n, void *arg);
int planelink_create(struct planelink **out, struct looppool *pool, unsigned thread,
                     struct exactlink *exact, const struct plane_config *cfg,
                     planelink_totals_fn *totals, void *arg);

/* After the threads have ended: the last counts are brought in by planelink_flush(). */
void planelink_destroy(struct planelink *x);

/* A module's nodes.  <running>: the threads run; else called before.  Thread: any. */
void planelink_route(struct planelink *x, const struct module_id *m,
                     const struct route_node *node, size_t n, bool running);

/* What the database says of a module besides.  The threads run.  Thread: any. */
void planelink_info(struct planelink *x, const struct msg_info *m);

/* A node for somebody who asked by UDP.  Returns 0; -ESRCH: not known here.  Thread:
 * shard <index>'s, as the next one. */
int planelink_pick(struct planelink *x, unsigned index, const struct module_id *m,
                   struct route_node *out);

/* A call that was reported by UDP.  True when it was counted here. */
bool planelink_call(struct planelink *x, unsigned index, const struct msg_call *q);

/* Bring everything in and ship it.  Thread: any; returns when it was asked for. */
void planelink_flush(struct planelink *x);

void planelink_stat(const struct planelink *x, struct plane_stat *out); /* Thread: any */

#endif
