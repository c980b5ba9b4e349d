/* infodb -- reads what DNSService tells of modules besides their nodes: policies, calls
 * a second by zone, nodes that several hosts have taken out.  Thread: one at a time. */
#ifndef LARS_DB_INFODB_H
#define LARS_DB_INFODB_H

#include "db/myconn.h"
#include "route/infotable.h"

struct infodb;

#define INFODB_WINDOW_S 5             /* rates are of so many whole seconds */
#define INFODB_HOSTS 2                /* that must have taken a node out */

int infodb_create(struct infodb **out, const struct myconn_config *cfg); /* -ENOMEM */
void infodb_close(struct infodb *d);  /* in the thread that used it; NULL is fine */

/* All there is to know now.  The caller has one reference.  Policies are read again only
 * when one has changed.  Returns 0; -ENOMEM; as myconn_query(). */
int infodb_load(struct infodb *d, struct infotable **out);

const char *infodb_error(const struct infodb *d); /* of the last failure */

#endif
