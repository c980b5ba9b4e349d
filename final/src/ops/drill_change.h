/* drill_change -- what an operator can do with a drill that runs: ask for its end.  It
 * ends by itself then, and undoes its events, because only its own host knows how.
 * Thread: the connection's. */
#ifndef LARS_OPS_DRILL_CHANGE_H
#define LARS_OPS_DRILL_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

#define DRILL_CHANGE_LOST_S 10 /* without a sign of life */

/* Ask drill <id> to end; <name> is its name, which the operator has typed.  Returns 0; or
 * -EINVAL with a sentence: it does not run, it is lost, or that is not its name; -ESRCH:
 * there is no such drill; or as sqldb_run(). */
int drill_change_abort(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                       const char *name, char why[CHANGE_WHY]);

#endif
