/* guard -- watches gateways in a thread while something loads their hosts, and tells when
 * visitors begin to feel it: a gateway refuses visitors, or does not answer any more. */
#ifndef LARS_CTL_GUARD_H
#define LARS_CTL_GUARD_H

#include <stdbool.h>

#define GUARD_WHY 500

struct guard;

/* Watch the gateways with the admin ports <list>, "ADDRESS:PORT,...".  Each must answer
 * now.  Returns 0; or -EINVAL, -ENOMEM ... with a sentence in <why>.  Thread: one, also
 * for guard_destroy(). */
int guard_create(struct guard **out, const char *list, char why[GUARD_WHY]);
void guard_destroy(struct guard *g); /* NULL is fine */

/* Whether visitors have been refused since the beginning, or a gateway cannot be seen;
 * false for NULL.  Thread: any. */
bool guard_warns(const struct guard *g);

/* The reason, after guard_warns() was true.  Borrowed. */
const char *guard_why(const struct guard *g);

#endif
