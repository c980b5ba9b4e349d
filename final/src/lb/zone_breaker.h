/* zones -- a zone that is leaving, and one that comes back: pick_node() sends calls away
 * at once when most of a zone's nodes are out; this brings them back slowly, after the
 * nodes have been in for a while.  Pure.  Thread: the owner's. */
#ifndef LARS_LB_ZONE_BREAKER_H
#define LARS_LB_ZONE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_BREAKER_CLEAN_MS 5000 /* time in service before the zone may return */
#define ZONE_BREAKER_BACK_MS 30000 /* from 0.2 % to all of them */

struct zone_breaker { /* our zone, of one module; zeroed = well */
    bool open;
    uint64_t healthy_since_ms; /* most of its nodes are in since; 0 = not */
};

/* <in> of <n_own> nodes are in; <n> in all zones.  Returns the share of our calls that
 * may stay here, of PICK_FULL: pick_view.own_max. */
uint32_t zone_breaker_step(struct zone_breaker *z, uint32_t in, uint32_t n_own,
                           uint32_t n, uint64_t now_ms);

#endif
