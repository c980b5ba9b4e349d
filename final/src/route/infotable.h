/* infotable -- what there is to know of modules besides their nodes, as a value that
 * never changes once it is shared.  Thread: any; while it is filled, its maker's. */
#ifndef LARS_ROUTE_INFOTABLE_H
#define LARS_ROUTE_INFOTABLE_H

#include <stdbool.h>

#include "proto/msg_info.h"

struct infotable;

int infotable_create(struct infotable **out); /* empty, one reference; -ENOMEM */

/* The module's, made when it is not there: to be filled, before the table is shared.
 * NULL: no memory. */
struct msg_info *infotable_at(struct infotable *t, uint32_t modid, uint32_t cmdid);

struct infotable *infotable_ref(struct infotable *t); /* returns <t> */
void infotable_unref(struct infotable *t); /* NULL is fine */

/* Borrowed from <t>; NULL: nothing is known of it.  <t> NULL: the same. */
const struct msg_info *infotable_find(const struct infotable *t, uint32_t modid,
                                      uint32_t cmdid);

/* The same of this module, in both?  Either may be NULL. */
bool infotable_same(const struct msg_info *a, const struct msg_info *b);

void infotable_each(const struct infotable *t,
                    void (*fn)(const struct msg_info *m, void *arg), void *arg);
size_t infotable_n(const struct infotable *t);

#endif
