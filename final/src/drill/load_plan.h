/* load_plan -- the visits of a script, with its events as steps of the rate.  Thread:
 * one. */
#ifndef LARS_DRILL_LOAD_PLAN_H
#define LARS_DRILL_LOAD_PLAN_H

#include "drill/script.h"
#include "load/visits.h"

/* Returns 0; or, with a sentence in <err>, -errno when a file cannot be read, -ENOMEM. */
int load_plan_open(struct visits **out, const struct script *s, char err[PATH_LIST_ERR]);

#endif
