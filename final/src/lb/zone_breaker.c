#include "lb/zone_breaker.h"

#include "lb/pick.h"

#define LEAST (PICK_FULL / 500)

uint32_t zone_breaker_step(struct zone_breaker *z, uint32_t in, uint32_t n_own,
                           uint32_t n, uint64_t now_ms)
{
    uint64_t t;

    if (n_own < 2 || n_own == n) { /* one node is ejected, not a zone */
        *z = (struct zone_breaker){0};
        return PICK_FULL;
    }
    if ((n_own - in) * 100 >= PICK_ZONE_BREAK_PCT * n_own) {
        *z = (struct zone_breaker){.open = true};
        return PICK_FULL; /* pick_node() sees it for itself */
    }
    if (!z->open)
        return PICK_FULL;
    if (z->healthy_since_ms == 0)
        z->healthy_since_ms = now_ms;
    t = now_ms - z->healthy_since_ms;
    if (t >= ZONE_BREAKER_CLEAN_MS + ZONE_BREAKER_BACK_MS) {
        z->open = false;
        return PICK_FULL;
    }
    if (t < ZONE_BREAKER_CLEAN_MS)
        return LEAST;
    return (uint32_t)(LEAST + (PICK_FULL - LEAST) * (t - ZONE_BREAKER_CLEAN_MS) /
                                  ZONE_BREAKER_BACK_MS);
}
