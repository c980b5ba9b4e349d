/* shares -- the part of the capacity of each module that this gateway may use.  The
 * autoscaler, which sees the demand at all gateways, tells it.  A share is used for
 * SHARES_KEEP_MS after it was received; when no autoscaler asks any more, each gateway
 * uses an equal part, 1 / gateways.  Before the first share it is 1.
 * Times are monotonic.  Thread: any. */
#ifndef LARS_GATEWAY_SHARES_H
#define LARS_GATEWAY_SHARES_H

#include <stdint.h>

#define SHARES_KEEP_MS 60000

struct shares;

int shares_create(struct shares **out);   /* 0, -ENOMEM */
void shares_destroy(struct shares *s);    /* NULL is fine */

/* So many gateways serve visitors, at least 1. */
void shares_set_gateways(struct shares *s, uint32_t n);

/* The module's share, 0 to 1.  It replaces the share that was received the longest ago
 * when there are MODULES_MAX. */
void shares_set(struct shares *s, uint32_t modid, uint32_t cmdid, double share,
                uint64_t now_ms);

double shares_of(struct shares *s, uint32_t modid, uint32_t cmdid, uint64_t now_ms);

#endif
