/* zone_change -- what operators decide about zones, the table ZoneState: a zone without a
 * row is in service.
 *
 *     leaving   a drain waits until the other zones can take its calls: the autoscaler
 *               counts on its nodes no more, and they still get calls
 *     drained   its nodes get no calls, and the autoscaler leaves them as they are
 *     fenced    drained, and its database does not take part
 *
 * The rows of its nodes and the row of the zone are written in one transaction of ops.h,
 * which holds the lock of RouteVersion: two operators cannot drain the last two zones.
 * Thread: the connection's. */
#ifndef LARS_OPS_ZONE_CHANGE_H
#define LARS_OPS_ZONE_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"
#include "ops/plan.h"

#define ZONE_CHANGE_STATE 17 /* bytes of a state with its 0 */

/* Is it the drain of a zone?  The other operation on a zone is its return. */
bool zone_change_is_drain(const struct change_op *op);

/* Judge an operation; others than those on a zone are right.  A drain, by a plan that has
 * its load: plan.needs becomes PLAN_REMOVE_ALL if a module would have no node left, or
 * less capacity than calls.  Returns 0; -EINVAL with a sentence: no other zone is in
 * service, or there is no zone that could return; or as sqldb_run(). */
int zone_change_judge(struct sqldb *db, const struct change_op *op, struct plan *p,
                      char why[CHANGE_WHY]);

/* Why a drain needs a person's consent: the first module that is short.  False: none. */
bool zone_change_explain(const struct plan *p, char why[CHANGE_WHY]);

/* Write the row of the zone, in the transaction that is open; other operations have none.
 * Returns 0 or as sqldb_run(). */
int zone_change_write(struct sqldb *db, const struct change_op *op,
                      const struct audit_actor *who);

/* What is decided about a zone: "" = nothing.  Returns 0 or as sqldb_run(). */
int zone_change_state(struct sqldb *db, const char *zone, char state[ZONE_CHANGE_STATE]);

/* Set the state of a zone from <from> to <to>, "" = no row, in a transaction of its own
 * with a row <action> in Audit.  Returns 0; -EBUSY with a sentence: the state is not
 * <from>; or as sqldb_run(). */
int zone_change_mark(struct sqldb *db, const struct audit_actor *who, const char *action,
                     const char *zone, const char *from, const char *to,
                     char why[CHANGE_WHY]);

#endif
