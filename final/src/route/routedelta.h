/* routedelta -- what changed in a route, and how sure one is of it: a delta names the
 * checksum of the nodes that it changes and of what comes out, so whoever has something
 * else notices, and asks for the whole.  Nodes are sorted by ip and port, each once.
 * Pure.  Thread: any. */
#ifndef LARS_ROUTE_ROUTEDELTA_H
#define LARS_ROUTE_ROUTEDELTA_H

#include <stddef.h>
#include <stdint.h>

#include "route/route.h"

/* Of <n> nodes; never 0.  FNV-1a, 64 bits. */
uint64_t routedelta_sum(const struct route_node *node, size_t n);

/* What is only in <has> goes to <add>, what is only in <had> to <gone>; each at most
 * <room>.  Returns 0, or -E2BIG when they do not hold it. */
int routedelta_diff(const struct route_node *had, size_t n_had,
                    const struct route_node *has, size_t n_has, struct route_node *add,
                    size_t *n_add, struct route_node *gone, size_t *n_gone, size_t room);

/* <node> without <gone> and with <add>, into <out>, which has room for n + n_add.
 * Returns how many there are; -EBADMSG when something of <gone> is not there, something
 * of <add> is, or they are not sorted. */
int64_t routedelta_apply(const struct route_node *node, size_t n,
                         const struct route_node *add, size_t n_add,
                         const struct route_node *gone, size_t n_gone,
                         struct route_node *out);

#endif
