/* holds -- decides which modules a change of the routes takes too many nodes from
 * (route/mass_removal.h), and remembers them as held.  When the change takes too many of
 * all nodes, every module that loses any is held.  A module stays held until it has its
 * nodes again or the removal of each is confirmed.  Thread: one. */
#ifndef LARS_DNS_HOLDS_H
#define LARS_DNS_HOLDS_H

#include <stdbool.h>
#include <stddef.h>

#include "route/route.h"

struct holds;

/* How many of the <n> nodes in <gone>, sorted by address and port, does the module lose
 * without the consent of the author of that change?  Or -errno. */
typedef int holds_confirmed_fn(void *arg, uint32_t modid, uint32_t cmdid,
                               const struct route_node *gone, uint32_t n);

struct hold {
    uint32_t modid, cmdid;
    uint32_t had, gone;               /* nodes it had, nodes that the change removes */
};

int holds_create(struct holds **out); /* 0 or -ENOMEM */
void holds_destroy(struct holds *h);  /* NULL is fine */

/* <next> is to replace <now>: which modules are held?  Calls <fn> for those that would
 * be. Returns how many are held; -ENOMEM or the error of <fn>: then the held ones stay as
 * they were. */
int holds_judge(struct holds *h, const struct route_table *now,
                const struct route_table *next, holds_confirmed_fn *fn, void *arg);

/* The held modules, sorted; borrowed until the next holds_judge(). */
const struct hold *holds_at(const struct holds *h, size_t i);
size_t holds_n(const struct holds *h);
bool holds_has(const struct holds *h, uint32_t modid, uint32_t cmdid);

#endif
