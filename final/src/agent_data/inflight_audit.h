/* audit -- a client that is killed between two stores may leave a counter of calls under
 * way that is off by one; the ledgers know better.  Twenty looks in 100 ms; a counter is
 * corrected by the median of what it was off, when at least 18 say the same sign: busy
 * clients make any single look wrong.  Thread: loop. */
#ifndef LARS_AGENT_DATA_INFLIGHT_AUDIT_H
#define LARS_AGENT_DATA_INFLIGHT_AUDIT_H

#include "agent_data/client_logs.h"
#include "net/evloop.h"

struct inflight_audit;

int inflight_audit_create(struct inflight_audit **out, struct evloop *l,
                          struct segment *s, struct client_logs *b);
void inflight_audit_destroy(struct inflight_audit *a);  /* NULL is fine */

/* nothing, while one is under way */
void inflight_audit_start(struct inflight_audit *a);
uint64_t inflight_audit_n_corrected(const struct inflight_audit *a); /* Thread: any */

#endif
