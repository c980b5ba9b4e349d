/* infodb -- reads what DNSService tells of modules besides their nodes: policies, calls
 * a second by zone, nodes that several hosts have taken out.  Thread: one at a time. */
#ifndef LARS_DB_MODULE_META_DB_H
#define LARS_DB_MODULE_META_DB_H

#include "db/myconn.h"
#include "route/module_meta_table.h"

struct module_meta_db;

#define MODULE_META_DB_WINDOW_S 5             /* rates are of so many whole seconds */
#define MODULE_META_DB_HOSTS 2                /* that must have taken a node out */

/* -ENOMEM */
int module_meta_db_create(struct module_meta_db **out, const struct myconn_config *cfg);
/* in the thread that used it; NULL is fine */
void module_meta_db_close(struct module_meta_db *d);

/* All there is to know now.  The caller has one reference.  Policies are read again only
 * when one has changed.  Returns 0; -ENOMEM; as myconn_query(). */
int module_meta_db_load(struct module_meta_db *d, struct module_meta_table **out);

/* of the last failure */
const char *module_meta_db_error(const struct module_meta_db *d);

#endif
