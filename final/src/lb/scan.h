/* scan -- policy `scan`, the default: the node with the lowest cost x (in-flight + 1).
 * Up to SCAN_MAX nodes are all looked at, of more a random run of SCAN_SAMPLE.
 * Other policies fall back to it.  Thread: any; pure. */
#ifndef LARS_LB_SCAN_H
#define LARS_LB_SCAN_H

#include "lb/policy.h"

#define SCAN_MAX 64
#define SCAN_SAMPLE 8

extern const struct lb_policy scan_policy;

/* lb_policy.pick of scan. */
uint32_t scan_pick(const struct pick_view *v, struct pick_state *st,
                   const struct pick_part *p, struct pick_call *c);

/* The best of <n> members of the part (n <= p->n), from its <start>th on and around its
 * end.  Returns as lb_policy.pick does. */
uint32_t scan_from(const struct pick_view *v, struct pick_state *st,
                   const struct pick_part *p, uint32_t start, uint32_t n,
                   struct pick_call *c);

#endif
