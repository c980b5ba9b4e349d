/* gateway_status -- the state of a gateway as JSON, which larsctl and the console show:
 *     {"host", "version", "address", "up_s", "draining", "loops", "loops_max",
 *      "loop_busy_permille": [of each loop that accepts], "clients", "clients_max",
 *      "cache": {"bytes", "bytes_max", "objects", "hits", "misses", "stale"},
 *      "static": {"present", "on", "reason", "pages", "files", "bytes", "taken_at": Unix
 *        seconds or null, "snapshot": {"state", "number", "pages", "files", "broken",
 *        "bytes", "ms", "why"}},  as in struct static_copy_view
 *      "modules": [{"modid", "cmdid", "state": "normal" ... of admit_rule.h, "nodes_in",
 *        "measured", "limit", "factor", "share", "inflight", "queue", "refused_new",
 *        "refused_inside", "requests": {"node", "cache", "stale", "static", "waiting",
 *        "error"}, "budget_empty"}]}
 * Counters grow from the start of the process.  Members may be added. */
#ifndef LARS_GATEWAY_GATEWAY_STATUS_H
#define LARS_GATEWAY_GATEWAY_STATUS_H

#include "gateway/gateway.h"

/* Append it.  Returns 0 or -ENOMEM.  Thread: the daemon's loop. */
int gateway_status_write(struct gateway *g, struct buf *out);

#endif
