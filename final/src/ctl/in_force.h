/* in_force -- after a change of routes: which agents use the nodes that the database has,
 * with their weights and zones.  Thread: one. */
#ifndef LARS_CTL_IN_FORCE_H
#define LARS_CTL_IN_FORCE_H

#include "ctl/ctl.h"

/* Wait, for at most 5 s, until every agent that uses the module reports the nodes that
 * the database has.  Prints a line on standard error: on how many agents the change is in
 * force, and which agents do not have it or are silent.  A failure of the database is a
 * line, too. */
void in_force_wait(struct ctl *c, uint32_t modid, uint32_t cmdid);

/* The same for each module of <t>, whose first columns are modid and cmdid; it waits for
 * at most 5 s in all. */
void in_force_wait_each(struct ctl *c, const struct table *t);

#endif
