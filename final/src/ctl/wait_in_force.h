/* wait_in_force -- after a change of routes: wait until it is in force, print on how many
 * agents it is, and record that in Audit.  Thread: one. */
#ifndef LARS_CTL_WAIT_IN_FORCE_H
#define LARS_CTL_WAIT_IN_FORCE_H

#include "ctl/ctl.h"
#include "ops/in_force.h"
#include "ops/ops.h"

/* Wait for the modules of <f>, for at most 5 s after the COMMIT of <out>.  Prints a line
 * for each on standard error: the number of agents that have the change, and the names of
 * agents that are behind, silent or not known.  A failure of the database is a line,
 * too. */
void wait_in_force_of(struct ctl *c, struct in_force *f, const struct ops_request *r,
                      const struct ops_outcome *out);

#endif
