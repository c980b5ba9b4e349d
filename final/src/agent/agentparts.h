/* agentparts -- what the production agent has beside the stage's: reports that are
 * acknowledged, shared memory, updates of routes, several servers.  agent.c calls it at
 * its seams.  Thread: init, unless said otherwise. */
#ifndef LARS_AGENT_AGENTPARTS_H
#define LARS_AGENT_AGENTPARTS_H

#include "agent/agent.h"
#include "agent_report/batch_link.h"
#include "agent_data/dataplane_link.h"
#include "agent/failover.h"
#include "agent/route_sync.h"

struct agentparts {                   /* in struct agent; read-only but for here */
    struct batch_link *exact;
    struct dataplane_link *plane;          /* NULL = none */
    struct failover *servers;
    struct route_sync *updates;
    _Atomic uint64_t n_report_up;
};

/* Before the clients are made.  <plane>, <rep>: threads of <pool>.  <tell_all>: totals of
 * everything, <tell>: these totals; both by message 3, both with <arg>.  Returns 0 or
 * -errno; then agentparts_fini() is to be called all the same. */
int agentparts_init(struct agentparts *p, const struct agent_config *cfg,
                    struct looppool *pool, unsigned plane, unsigned rep,
                    void (*tell_all)(void *arg), dataplane_link_totals_fn *tell,
                    void *arg);

/* After: <sc> has the clients, which run in <dns> and <rep>. */
int agentparts_watch(struct agentparts *p, struct failover_config *sc, struct evloop *dns,
                     struct evloop *rep, const struct agent_config *cfg);
void agentparts_fini_servers(struct agentparts *p); /* before the clients go */
void agentparts_fini(struct agentparts *p); /* after the shards and the clients */

/* Totals of a shard: true when they need not be told. */
bool agentparts_report(struct agentparts *p, const struct module_id *m,
                       const struct msg_result *res, size_t n);
void agentparts_on_up(struct agentparts *p, uint32_t caller);
void agentparts_on_call(struct agentparts *p, unsigned index, const struct msg_call *q);

#endif
