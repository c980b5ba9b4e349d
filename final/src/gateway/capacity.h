/* capacity -- what the nodes of each module can do, from the policy that the operator set
 * and the nodes that are in; the limit of admission and the retry budget follow it.  The
 * parts are borrowed.  Thread: the one that calls admit_tick(); it needs shared memory of
 * the agent and never waits. */
#ifndef LARS_GATEWAY_CAPACITY_H
#define LARS_GATEWAY_CAPACITY_H

#include "api/lars.h"
#include "gateway/modules.h"
#include "gateway/shares.h"

/* After admit_tick(): read the capacity of each module, set its limit, and set its budget
 * so that as many requests as the limit allows can be repeated once.  A module that
 * cannot be read now, or has no node that is in, keeps its capacity.  One without
 * node_inflight is logged once (capacity.unmeasured).  One without a route has the
 * capacity of the nodes that the rules name, if they do; the first and the last such time
 * are logged (gateway.fallback). */
void capacity_update(struct lars_client *lars, struct modules *modules,
                     struct admit *admit, struct shares *shares);

#endif
