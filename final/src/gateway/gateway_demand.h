/* gateway_demand -- what visitors ask of each module, for the autoscaler, and the share
 * of the capacity that it gives to this gateway: the signed question POST /demand.
 *     {"gateways": 2, "zone_out": false,
 *      "modules": [{"modid": 10, "cmdid": 1, "share": 0.25}]}
 * With "zone_out" it also says whether an operator keeps the gateway's zone out of
 * service: gateway_follow_zone(); without it, that it is not known.
 * All members may be missing; others are left for later versions, and the sender puts a
 * number into one of them, so that no two signatures are equal.  Modules that the rules
 * do not name are passed over.  The answer:
 *     {"epoch": "9f86d081884c7d65", "ms": 81234, "zone": "a", "loops": 2, "loops_max": 4,
 *      "loop_busy_permille": 312, "modules": [{"modid": 10, "cmdid": 1, "slot": 0,
 *      "arrived": 9120, "cached": 7000, "forwarded": 2000, "refused_new": 100,
 *      "refused_waiting": 20, "refused_inside": 0, "inflight_ms": 41230}]}
 * The counters grow from the start of the process, which has a random <epoch>, and, for
 * one module, while its <slot> is the same.  <ms> is monotonic.  inflight_ms is the
 * integral of the requests at nodes over time: it grows by 1000 in a second with one
 * request in progress, and it stands still while no autoscaler asks.
 * Thread: the daemon's loop. */
#ifndef LARS_GATEWAY_GATEWAY_DEMAND_H
#define LARS_GATEWAY_GATEWAY_DEMAND_H

#include "gateway/gateway.h"

struct gateway_demand;

int gateway_demand_create(struct gateway_demand **out); /* 0, -ENOMEM.  init */

/* Of this process, 16 digits; valid as long as <d>.  Thread: any. */
const char *gateway_demand_epoch(const struct gateway_demand *d);

/* Stop counting.  Borrows <l>, the loop of the gateway.  NULL is fine. */
void gateway_demand_destroy(struct gateway_demand *d, struct evloop *l);

/* Obey the question <body> and append the answer to <out>.  Returns 0; -EINVAL: the body
 * is wrong and changes nothing; -ENOMEM; with a sentence in <err>. */
int gateway_demand_answer(struct gateway *g, const char *body, struct buf *out,
                          char err[CONF_ERR_MAX]);

#endif
