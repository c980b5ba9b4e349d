/* follow -- after a change: looks until it is in force on every agent that reports, or
 * for 10 s, and adds that result to Audit, once for each change.  It does not depend on a
 * page that asks.  Thread: loop unless said otherwise. */
#ifndef LARS_WEB_FOLLOW_H
#define LARS_WEB_FOLLOW_H

#include "ops/ops.h"
#include "web/jobs.h"

#define FOLLOW_MAX 64 /* changes at a time; further ones get no row */

struct follow;
struct follow_change;

/* <jobs> have a user of the database who may add to Audit; borrowed.  0 or -ENOMEM.
 * Thread: init. */
int follow_create(struct follow **out, struct evloop *l, struct jobs *jobs);
void follow_destroy(struct follow *f); /* after jobs_stop(); NULL is fine */

/* What is to be followed of a change that was made; NULL: nothing, or no memory.  Copies
 * what it needs.  Freed by free() or taken by follow_add().  Thread: any. */
struct follow_change *follow_change_of(const struct ops_request *r,
                                       const struct ops_outcome *out);

void follow_add(struct follow *f, struct follow_change *c); /* takes <c>; NULL is fine */

#endif
