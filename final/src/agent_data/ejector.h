/* ejector -- decides for this host which nodes get no calls.  From what all clients
 * counted, and from active checks, it makes for each module: the cost and the state of
 * each node, how many failures in a row eject a node, and which share of the calls stays
 * in the own zone.  The results go into shared memory, where the clients choose by them.
 * The rules themselves are lb/controller, lb/node_state and lb/health.
 * Thread: loop, unless said otherwise.
 *
 * mid and nid are the numbers of a module and of a node in shared memory. */
#ifndef LARS_AGENT_DATA_EJECTOR_H
#define LARS_AGENT_DATA_EJECTOR_H

#include "agent_data/client_logs.h"
#include "agent_data/module_policy.h"
#include "base/net_addr.h"
#include "lb/health.h"
#include "net/evloop.h"

struct ejector;

/* Node <nid> of module <mid> is out (down, ejected or on trial) from now on, or up.  The
 * ejector has logged it. */
typedef void ejector_changed_fn(uint32_t mid, uint32_t nid, bool out, void *arg);

/* Nodes that the shared memory has as down or ejected, by a predecessor, stay so until
 * checks readmit them.  Borrows <l>, <s>, <logs>, <policy> and <arg>; copies <health>.
 * Returns 0; -ENOMEM. */
int ejector_create(struct ejector **out, struct evloop *l, struct segment *s,
                   struct client_logs *logs, const struct module_policy *policy,
                   const struct health_config *health, ejector_changed_fn *changed,
                   void *arg);
void ejector_destroy(struct ejector *e); /* NULL is fine */

/* Module <mid> has got other nodes in shared memory.  Its new nodes warm up (slow start),
 * unless the module had no nodes before. */
void ejector_set_nodes(struct ejector *e, uint32_t mid);

/* Other hosts have ejected this node of module <mid>.  When it is up here it is checked:
 * a failed check takes it down, after a good one its next failed call ejects it. */
void ejector_suspect(struct ejector *e, uint32_t mid, const struct net_addr *addr);

/* Calls <fn> for each node that is not up now. */
void ejector_each_out(struct ejector *e,
                      void (*fn)(uint32_t mid, uint32_t nid, enum node_status status,
                                 void *arg),
                      void *arg);

/* Evaluates the modules whose clients counted something since the last call, and those
 * whose costs change with time.  Returns true when there was one.  <now_ms>:
 * monotonic. */
bool ejector_tick(struct ejector *e, uint64_t now_ms);

/* To be called once a second: lists the modules whose costs change with time alone. */
void ejector_second(struct ejector *e);

struct ejector_stat {
    uint64_t n_ejected, n_returned;   /* nodes that went out and came back, so far */
    uint64_t n_vetoed;                /* ejections that would have left too few nodes */
    uint64_t n_out;                   /* nodes that are not up now */
    uint64_t n_down;                  /* of these, nodes whose checks fail */
    uint64_t n_checks, n_check_failed; /* checks, so far */
};

void ejector_stat(const struct ejector *e, struct ejector_stat *out); /* Thread: any */

#endif
