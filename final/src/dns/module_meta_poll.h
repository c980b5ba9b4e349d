/* module_meta_poll -- a thread that reads the module meta (policies, probes, zone loads,
 * suspects) from the database once a second and hands over each table that differs from
 * the one before. */
#ifndef LARS_DNS_MODULE_META_POLL_H
#define LARS_DNS_MODULE_META_POLL_H

#include "db/module_meta_db.h"

#define MODULE_META_POLL_MS 1000 /* between two looks; so it is the least time between
                                  * two updates of a module that agents get */

struct module_meta_poll;

/* Borrows <t> for the call: take a reference to keep it.  Thread: the poller's. */
typedef void module_meta_poll_fn(struct module_meta_table *t, void *arg);

/* Takes <db>, on failure as well; borrows <arg>.  Returns 0; -ENOMEM, -EAGAIN.  Thread:
 * init. */
int module_meta_poll_start(struct module_meta_poll **out, struct module_meta_db *db,
                           module_meta_poll_fn *fn, void *arg);

/* After it returns <fn> is not called any more.  Takes at most the database's time-out.
 * NULL is fine.  Thread: init. */
void module_meta_poll_stop(struct module_meta_poll *p);

#endif
