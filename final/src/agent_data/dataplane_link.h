/* planelink -- connects the plane with the agent's threads: its own, which publishes and
 * harvests, and the shards, which choose from it for those who speak UDP.  Without a
 * folder there is no plane: every function here takes NULL and does nothing. */
#ifndef LARS_AGENT_DATA_DATAPLANE_LINK_H
#define LARS_AGENT_DATA_DATAPLANE_LINK_H

#include <stdbool.h>

#include "agent_report/batch_link.h"
#include "agent_data/dataplane.h"

struct dataplane_link;

/* The plane runs in thread <thread> of <pool>; its counts go into side <thread> of
 * <exact>, or by <totals> when the Report Service does not acknowledge.  An empty
 * cfg->dir: <out> is NULL.  Borrows all.  Returns 0; as dataplane_create().  Thread:
 * init. */
typedef int dataplane_link_totals_fn(const struct module_id *m,
                                     const struct msg_result *res, size_t n, void *arg);
int dataplane_link_create(struct dataplane_link **out, struct looppool *pool,
                          unsigned thread, struct batch_link *exact,
                          const struct dataplane_config *cfg,
                          dataplane_link_totals_fn *totals, void *arg);

/* After the threads have ended: the last counts are brought in by
 * dataplane_link_flush(). */
void dataplane_link_destroy(struct dataplane_link *x);

/* A module's nodes.  <running>: the threads run; else called before.  Thread: any. */
void dataplane_link_route(struct dataplane_link *x, const struct module_id *m,
                     const struct route_node *node, size_t n, bool running);

/* What the database says of a module besides.  The threads run.  Thread: any. */
void dataplane_link_info(struct dataplane_link *x, const struct msg_module_meta *m);

/* A node for somebody who asked by UDP.  Returns 0; -ESRCH: not known here.  Thread:
 * shard <index>'s, as the next one. */
int dataplane_link_pick(struct dataplane_link *x, unsigned index,
                        const struct module_id *m, struct route_node *out);

/* A call that was reported by UDP.  True when it was counted here. */
bool dataplane_link_call(struct dataplane_link *x, unsigned index,
                         const struct msg_call *q);

/* Bring everything in and ship it.  Thread: any; returns when it was asked for. */
void dataplane_link_flush(struct dataplane_link *x);

/* Thread: any */
void dataplane_link_stat(const struct dataplane_link *x, struct dataplane_stat *out);

#endif
