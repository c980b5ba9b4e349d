/* demand_answer -- what a gateway answers to POST /demand (gateway/gateway_demand.h),
 * read into a struct.  Thread: any. */
#ifndef LARS_SCALE_DEMAND_ANSWER_H
#define LARS_SCALE_DEMAND_ANSWER_H

#include <jansson.h>
#include <stdint.h>

#define DEMAND_ZONE_MAX 33 /* bytes of a name with its 0 byte */
#define DEMAND_MODULES_MAX 128 /* of a gateway; more are refused */

struct demand_answer_module {
    uint32_t modid, cmdid;
    uint64_t slot;
    uint64_t arrived, cached, forwarded, refused, inflight_ms; /* they grow */
};

struct demand_answer {
    char epoch[33]; /* another one: the counters have begun again */
    uint64_t ms; /* monotonic, of the gateway */
    char zone[DEMAND_ZONE_MAX]; /* "" = it has none */
    uint32_t loops, loops_max, loop_busy_permille;
    unsigned n; /* modules */
    struct demand_answer_module module[DEMAND_MODULES_MAX];
};

/* Returns 0; -EPROTO: no gateway answers so, and <out> may have parts of it. */
int demand_answer_read(struct demand_answer *out, const json_t *o);

#endif
