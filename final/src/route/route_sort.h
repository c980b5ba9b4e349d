/* route_sort -- the order of route rows: by modid, cmdid, ip and port.  Thread: any. */
#ifndef LARS_ROUTE_ROUTE_SORT_H
#define LARS_ROUTE_ROUTE_SORT_H

#include "route/route.h"

/* Less than, equal to or greater than 0, as strcmp().  Weight and zone do not count. */
int route_sort_compare(const struct route_row *a, const struct route_row *b);

/* Sort <n> rows in place; NULL is fine for 0 rows.  The order of rows that are equal is
 * not defined. */
void route_sort_rows(struct route_row *row, size_t n);

#endif
