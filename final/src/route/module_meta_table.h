/* module_meta_table -- the module meta of all modules, as a value that never changes once
 * it is shared.  Thread: any; until it is shared, the one that fills it. */
#ifndef LARS_ROUTE_MODULE_META_TABLE_H
#define LARS_ROUTE_MODULE_META_TABLE_H

#include <stdbool.h>

#include "proto/msg_module_meta.h"

struct module_meta_table;

/* An empty table with one reference.  Returns 0 or -ENOMEM. */
int module_meta_table_create(struct module_meta_table **out);

/* The meta of a module, made (zeroed) when there is none: to be filled before the table
 * is shared.  Borrowed from <t>.  NULL: no memory. */
struct msg_module_meta *module_meta_table_at(struct module_meta_table *t, uint32_t modid,
                                             uint32_t cmdid);

/* Take a reference.  Returns <t>. */
struct module_meta_table *module_meta_table_ref(struct module_meta_table *t);
void module_meta_table_unref(struct module_meta_table *t); /* NULL is fine */

/* Borrowed from <t>.  NULL: the module has none, or <t> is NULL. */
const struct msg_module_meta *module_meta_table_find(const struct module_meta_table *t,
                                                     uint32_t modid, uint32_t cmdid);

/* Are both equal?  Either may be NULL: a module without meta. */
bool module_meta_table_same(const struct msg_module_meta *a,
                            const struct msg_module_meta *b);

void module_meta_table_each(const struct module_meta_table *t,
                            void (*fn)(const struct msg_module_meta *m, void *arg),
                            void *arg);
size_t module_meta_table_n(const struct module_meta_table *t);

#endif
