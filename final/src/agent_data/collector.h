/* collector -- brings what clients counted in their call logs into the outbox that is
 * reported from, each call exactly once, even when the agent is killed in between.
 * Thread: one. */
#ifndef LARS_AGENT_DATA_COLLECTOR_H
#define LARS_AGENT_DATA_COLLECTOR_H

#include "agent_report/outbox.h"
#include "shmem/call_log.h"

struct collector;

/* Opens the journal in the folder of <s> and completes the round in which a predecessor
 * was killed; when <s> is not in force, only a round of <s> itself.  So the collectors of
 * old segments are created before that of the segment in force.  Borrows <s> and
 * <outbox>.  Returns 0; -ENOMEM; -ENOSPC; the errors of open(2) and mmap(2). */
int collector_create(struct collector **out, const struct segment *s,
                     struct outbox *outbox);
void collector_destroy(struct collector *c); /* the files stay.  NULL is fine */

/* Adds to the outbox what <log> has counted since the last call: successes and failures
 * by module and node, and durations by module.  Returns 0; -ENOSPC when a page of the
 * record of what was collected cannot be allocated; -ENOBUFS when the outbox has no row
 * left.  What could not be added stays in the log and is added by a later call. */
int collector_take(struct collector *c, const struct call_log *log);

/* Calls that clients reported through shared memory, collected so far.  Thread: any. */
uint64_t collector_n_reported(const struct collector *c);

/* True when everything that <log> counted of node <nid> is in the outbox. */
bool collector_has_all(struct collector *c, const struct call_log *log, uint32_t nid);

#endif
