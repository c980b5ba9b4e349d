/* module_meta_db -- reads from the database what agents get of a module besides its
 * nodes: its policy, its calls per second by zone, and the suspects: nodes that several
 * hosts have ejected.  Thread: one at a time. */
#ifndef LARS_DB_MODULE_META_DB_H
#define LARS_DB_MODULE_META_DB_H

#include "db/myconn.h"
#include "route/module_meta_table.h"

struct module_meta_db;

#define MODULE_META_DB_WINDOW_S 5     /* whole seconds that rates are averaged over */
#define MODULE_META_DB_HOSTS 2        /* hosts that eject a node make it a suspect */

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int module_meta_db_create(struct module_meta_db **out, const struct myconn_config *cfg);
/* In the thread that used it.  NULL is fine. */
void module_meta_db_close(struct module_meta_db *d);

/* Build a table of what the database has now.  The caller gets one reference.  Returns 0;
 * -ENOMEM; as myconn_query(). */
int module_meta_db_load(struct module_meta_db *d, struct module_meta_table **out);

/* The server's words of the last failure. */
const char *module_meta_db_error(const struct module_meta_db *d);

#endif
