/* holds -- which modules would lose too much by a change, and are held for it.
 * Too much is: the last node; more than half of the nodes, two or more; and every loss at
 * all when a change takes 30 % of all nodes, two or more.  A held module stays held until
 * it has its nodes again or the change is confirmed.  Thread: one. */
#ifndef LARS_DNS_HOLDS_H
#define LARS_DNS_HOLDS_H

#include <stdbool.h>
#include <stddef.h>

#include "route/route.h"

struct holds;

/* Is the newest change of this module confirmed by who made it?  1, 0, or -errno. */
typedef int holds_confirmed_fn(void *arg, uint32_t modid, uint32_t cmdid);

struct hold {
    uint32_t modid, cmdid;
    uint32_t had, gone;               /* nodes */
};

int holds_create(struct holds **out); /* 0 or -ENOMEM */
void holds_destroy(struct holds *h);  /* NULL is fine */

/* What would <next> instead of <now> take?  Only what would be held is asked for with
 * <fn>.  Returns how many are held; -ENOMEM or what <fn> returned: nothing changes. */
int holds_judge(struct holds *h, const struct route_table *now,
                const struct route_table *next, holds_confirmed_fn *fn, void *arg);

/* The held ones, sorted; borrowed until the next judgement. */
const struct hold *holds_at(const struct holds *h, size_t i);
size_t holds_n(const struct holds *h);
bool holds_has(const struct holds *h, uint32_t modid, uint32_t cmdid);

#endif
