/* audit -- a client that is killed between two stores may leave a counter of calls under
 * way that is off by one; the ledgers know better.  Twenty looks in 100 ms; a counter is
 * corrected by the median of what it was off, when at least 18 say the same sign: busy
 * clients make any single look wrong.  Thread: loop. */
#ifndef LARS_AGENT_AUDIT_H
#define LARS_AGENT_AUDIT_H

#include "agent/books.h"
#include "net/evloop.h"

struct audit;

int audit_create(struct audit **out, struct evloop *l, struct segment *s,
                 struct books *b);
void audit_destroy(struct audit *a);  /* NULL is fine */

void audit_start(struct audit *a);    /* nothing, while one is under way */
uint64_t audit_n_corrected(const struct audit *a); /* Thread: any */

#endif
