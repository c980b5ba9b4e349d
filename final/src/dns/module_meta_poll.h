/* infopoll -- a thread that reads what there is to know of modules besides their nodes,
 * once a second, and hands over each table that differs from the one before. */
#ifndef LARS_DNS_MODULE_META_POLL_H
#define LARS_DNS_MODULE_META_POLL_H

#include "db/module_meta_db.h"

struct module_meta_poll;

/* In the poller's thread.  <t> is the poller's: take a reference to keep it. */
typedef void module_meta_poll_fn(struct module_meta_table *t, void *arg);

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int module_meta_poll_start(struct module_meta_poll **out, struct module_meta_db *db,
                           module_meta_poll_fn *fn, void *arg);

/* <fn> is not called any more.  Takes at most the database's time-out.  NULL is fine. */
void module_meta_poll_stop(struct module_meta_poll *p);

#endif
