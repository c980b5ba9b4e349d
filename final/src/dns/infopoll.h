/* infopoll -- a thread that reads what there is to know of modules besides their nodes,
 * once a second, and hands over each table that differs from the one before. */
#ifndef LARS_DNS_INFOPOLL_H
#define LARS_DNS_INFOPOLL_H

#include "db/infodb.h"

struct infopoll;

/* In the poller's thread.  <t> is the poller's: take a reference to keep it. */
typedef void infopoll_fn(struct infotable *t, void *arg);

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int infopoll_start(struct infopoll **out, struct infodb *db, infopoll_fn *fn, void *arg);

/* <fn> is not called any more.  Takes at most the database's time-out.  NULL is fine. */
void infopoll_stop(struct infopoll *p);

#endif
