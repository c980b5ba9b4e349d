/* exec_modules -- the modules whose nodes the program [hook] exec runs: what it lists, as
 * the rest of the autoscaler counts nodes and zones, and the rows of the route that
 * follow it.  Thread: one at a time. */
#ifndef LARS_SCALE_EXEC_MODULES_H
#define LARS_SCALE_EXEC_MODULES_H

#include "scale/hook.h"
#include "scale/node_life.h"
#include "scale/zones.h"

struct exec_modules;

/* The zones of "a, b" into <name>.  Returns how many; -EINVAL: none, one twice, more than
 * ZONES_MAX, or a name that is not letters, digits, '.', '_' and '-'. */
int exec_modules_parse_zones(const char *text, char name[ZONES_MAX][SNAPSHOT_ZONE]);

/* Borrows <hook>.  <zones> has passed the call above.  Returns 0; -ENOMEM, -EINVAL. */
int exec_modules_create(struct exec_modules **out, struct hook *hook, const char *zones);
void exec_modules_destroy(struct exec_modules *e); /* NULL is fine */

bool exec_modules_has(const struct snapshot_policy *p); /* its actuator is exec */

/* Ask for the last lists of the modules of <s>.  Returns 0 or -ENOMEM. */
int exec_modules_look(struct exec_modules *e, const struct snapshot *s, uint64_t now_ms,
                      uint64_t hold_ms);

/* The zones that have a list of the last minute.  Borrowed until the next look. */
const struct zones *exec_modules_zones(const struct exec_modules *e);

/* Can the module be decided: does a list of the last minute show what runs in each zone,
 * or, after a minute of looking, in one zone at least?  Otherwise nodes that run would
 * look like none, and many more would be wanted. */
bool exec_modules_knows(const struct exec_modules *e, struct module_id id);

/* What the last look saw of a module in a zone; NULL: no list of the last minute.
 * Borrowed until the next look. */
const struct hook_view *exec_modules_view(const struct exec_modules *e,
                                          struct module_id id, const char *zone);

/* The same as numbers, without a list 0.  Nodes that are stopping count as drained. */
void exec_modules_count(const struct exec_modules *e, struct module_id id,
                        const char *zone, struct node_counts *out);

/* Append the steps of the route to <out>: a ready node gets a row; a row whose node is
 * stopping, or was listed before and is no more, is drained and, once the node is not
 * listed and each agent has the route without it, removed.  While no node of the zone is
 * ready nothing is drained.  Rows that were never listed stay as they are.  Appends
 * hosts, which stand for the zones, to <s>.  Returns 0 or -ENOMEM. */
int exec_modules_routes(struct exec_modules *e, struct snapshot *s,
                        struct node_steps *out);

/* What was decided is in force: tell the program. */
void exec_modules_order(struct exec_modules *e, const struct node_want *want, size_t n,
                        uint64_t fence);
void exec_modules_forget(struct exec_modules *e); /* another process leads */

#endif
