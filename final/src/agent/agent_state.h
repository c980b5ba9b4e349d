/* agent_state -- tells the Report Service what this agent has in force: which nodes each
 * module has, and which of them get no calls (message 38).  All of it after connecting,
 * what changes within 100 ms, and a sign of life every 2 s.
 * Thread: the report thread, unless said otherwise. */
#ifndef LARS_AGENT_AGENT_STATE_H
#define LARS_AGENT_AGENT_STATE_H

#include "agent/repcli.h"
#include "agent_report/batch_sender.h"
#include "net/looppool.h"
#include "proto/msg_state.h"

#define AGENT_STATE_BEAT_MS 2000 /* between two signs of life */

struct agent_state;

struct agent_state_config {
    struct looppool *pool; /* borrowed, as the next ones */
    unsigned report_thread, data_thread; /* threads of <pool> */
    struct repcli *rep;
    struct batch_sender *batches;
    struct dataplane *dataplane; /* NULL: no shared memory */
    const char *name, *zone; /* of this agent; copied */
};

/* Returns 0; -ENOMEM.  Thread: init. */
int agent_state_create(struct agent_state **out, const struct agent_state_config *cfg);
void agent_state_destroy(struct agent_state *s); /* NULL is fine.  Thread: init */

/* The module's nodes are now those of <version> (0: not known) and have this checksum.
 * Checksum 0: it is no longer used, and its policy is forgotten.  Thread: any. */
void agent_state_set_route(struct agent_state *s, const struct module_id *m,
                           uint64_t version, uint64_t sum);

/* The module's policy has this checksum now (msg_module_meta_policy_sum()).  Ignored for
 * a module without a route.  Thread: any. */
void agent_state_set_policy(struct agent_state *s, const struct module_id *m,
                            uint64_t policy);

/* There is a new connection: everything is sent again. */
void agent_state_on_up(struct agent_state *s);

#endif
