/* inflight_audit -- repairs the counters of calls in flight.  A client that is killed
 * between two stores can leave a node's counter off by one; the call logs have the true
 * number.  A counter is compared with the logs 20 times within 100 ms, and corrected by
 * the median difference when at least 18 of the differences have the same sign.  One
 * comparison is not enough: clients count while it is made.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_AGENT_DATA_INFLIGHT_AUDIT_H
#define LARS_AGENT_DATA_INFLIGHT_AUDIT_H

#include "agent_data/client_logs.h"
#include "net/evloop.h"

struct inflight_audit;

/* Borrows <l>, <s> and <logs>.  Returns 0 or -ENOMEM.  Thread: init. */
int inflight_audit_create(struct inflight_audit **out, struct evloop *l,
                          struct segment *s, struct client_logs *logs);
void inflight_audit_destroy(struct inflight_audit *a);  /* NULL is fine */

/* Begins an audit of all nodes; does nothing while one is in progress. */
void inflight_audit_start(struct inflight_audit *a);

/* How many counters were corrected so far.  Thread: any. */
uint64_t inflight_audit_n_corrected(const struct inflight_audit *a);

#endif
