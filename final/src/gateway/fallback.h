/* fallback -- the nodes of a module that the rules themselves name.  They serve while the
 * library has no route of the module at all, as in a gateway that was started while no
 * agent was there.  The library knows their health and their load; here they are used in
 * turn, each with at most FALLBACK_INFLIGHT requests at once, and one that could not be
 * connected to is left out for FALLBACK_PAUSE_MS while there are others.  All loops of
 * the process share the counts.  Thread: any, after fallback_init(). */
#ifndef LARS_GATEWAY_FALLBACK_H
#define LARS_GATEWAY_FALLBACK_H

#include <errno.h>
#include <pthread.h>

#include "api/lars_retry.h"
#include "gateway/rules.h"

#define FALLBACK_NODES_MAX RULES_NODES_MAX
#define FALLBACK_INFLIGHT 32 /* requests at one node, of all loops together */
#define FALLBACK_PAUSE_MS 1000

struct fallback_node {
    struct lars_addr addr;
    uint32_t inflight;
    uint64_t pause_ms; /* until then; monotonic */
};

struct fallback { /* of fallback.c; a part of its owner's memory */
    pthread_mutex_t lock; /* guards all of it */
    unsigned n, turn;
    bool used;
    struct fallback_node node[FALLBACK_NODES_MAX];
};

void fallback_init(struct fallback *f); /* no nodes.  Thread: init */
void fallback_fini(struct fallback *f);

/* These nodes, at most FALLBACK_NODES_MAX, from now on.  A node that was named before
 * keeps its count. */
void fallback_set(struct fallback *f, const struct net_addr *node, unsigned n);
unsigned fallback_n(struct fallback *f);

/* Does this error of lars_nowait_next() or lars_nowait_module() mean that there is no
 * route at all?  A module without nodes, or whose nodes are all down, has one. */
static inline bool fallback_is_for(int rc)
{
    return rc == -EINPROGRESS || rc == -ENOTCONN;
}

/* The node of the attempt that lars_nowait_next() allowed but had no route for: one that
 * <r> has not tried, while there are others.  fallback_end() ends it.  Returns 0; -ENOENT
 * when there are no nodes; -EBUSY when each has FALLBACK_INFLIGHT requests. */
int fallback_next(struct fallback *f, struct lars_retry *r, uint64_t now_ms,
                  struct lars_host *out);
void fallback_end(struct fallback *f, const struct lars_addr *a);

/* The node could not be connected to. */
void fallback_refused(struct fallback *f, const struct lars_addr *a, uint64_t now_ms);

/* Whether the module is served by these nodes, as operators see it: note it, and return
 * true when that has changed. */
bool fallback_note(struct fallback *f, bool used);
bool fallback_is_used(struct fallback *f);

#endif
