/* module_load -- how many requests a second a module serves, and how many a node of it
 * can answer, from the tables and the gateways.  Pure.  Thread: any. */
#ifndef LARS_SCALE_MODULE_LOAD_H
#define LARS_SCALE_MODULE_LOAD_H

#include "scale/demand.h"
#include "scale/need.h"
#include "scale/snapshot.h"

/* Requests a second, of all zones. */
double module_load_served(const struct snapshot *s, struct module_id id,
                          const struct demand_view *v);

/* Of a node on the slowest class of hosts that are in use; all 0 = it is not measured.
 * <factor>: the part of what was measured that this is (track.h). */
struct need_capacity module_load_capacity(const struct snapshot *s,
                                          const struct snapshot_policy *p,
                                          double *factor);

#endif
