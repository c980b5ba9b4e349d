/* infotable -- what there is to know of modules besides their nodes, as a value that
 * never changes once it is shared.  Thread: any; while it is filled, its maker's. */
#ifndef LARS_ROUTE_MODULE_META_TABLE_H
#define LARS_ROUTE_MODULE_META_TABLE_H

#include <stdbool.h>

#include "proto/msg_module_meta.h"

struct module_meta_table;

/* empty, one reference; -ENOMEM */
int module_meta_table_create(struct module_meta_table **out);

/* The module's, made when it is not there: to be filled, before the table is shared.
 * NULL: no memory. */
struct msg_module_meta *module_meta_table_at(struct module_meta_table *t, uint32_t modid,
                                             uint32_t cmdid);

/* returns <t> */
struct module_meta_table *module_meta_table_ref(struct module_meta_table *t);
void module_meta_table_unref(struct module_meta_table *t); /* NULL is fine */

/* Borrowed from <t>; NULL: nothing is known of it.  <t> NULL: the same. */
const struct msg_module_meta *module_meta_table_find(const struct module_meta_table *t,
                                                     uint32_t modid, uint32_t cmdid);

/* The same of this module, in both?  Either may be NULL. */
bool module_meta_table_same(const struct msg_module_meta *a,
                            const struct msg_module_meta *b);

void module_meta_table_each(const struct module_meta_table *t,
                    void (*fn)(const struct msg_module_meta *m, void *arg), void *arg);
size_t module_meta_table_n(const struct module_meta_table *t);

#endif
