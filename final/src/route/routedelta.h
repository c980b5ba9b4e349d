/* routedelta -- the difference between two sets of nodes, and checksums of sets.  A delta
 * on the wire carries the checksum of the set that it applies to and of its result, so a
 * receiver that has another set notices and asks for the whole route.  Nodes are sorted
 * by ip and port, each once.  Pure.  Thread: any. */
#ifndef LARS_ROUTE_ROUTEDELTA_H
#define LARS_ROUTE_ROUTEDELTA_H

#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

/* The checksum of <n> nodes: FNV-1a, 64 bits; never 0. */
uint64_t routedelta_sum(const struct route_node *node, size_t n);

/* Put the nodes that are only in <has> into <add> and those only in <had> into <gone>; a
 * node whose weight or zone differs goes into both.  Each has room for <room> nodes.
 * Returns 0, or -E2BIG when that is not enough. */
int routedelta_diff(const struct route_node *had, size_t n_had,
                    const struct route_node *has, size_t n_has, struct route_node *add,
                    size_t *n_add, struct route_node *gone, size_t *n_gone, size_t room);

/* Put <node> without <gone> and with <add> into <out>, which has room for n + n_add.
 * Returns the number of nodes; -EBADMSG when a node of <gone> is not in <node>, a node of
 * <add> is, or a list is not sorted. */
int64_t routedelta_apply(const struct route_node *node, size_t n,
                         const struct route_node *add, size_t n_add,
                         const struct route_node *gone, size_t n_gone,
                         struct route_node *out);

#endif
