/* Growth is fast and large, because visitors wait while it is needed; a loop too many
 * costs almost nothing, so that one is retired late and alone.
 * Rejected: a load that is aimed at, which would change the number all the time. */
#include "gateway/loop_rule.h"

#include <stdbool.h>

#define HIGH_PERMILLE 600
#define HIGH_FOR_MS 2000
#define LOW_PERMILLE 250
#define LOW_FOR_MS 300000

/* <is> has held for <for_ms>; then the time begins anew. */
static bool has_lasted(uint64_t *since_ms, bool is, uint64_t now_ms, uint64_t for_ms)
{
    if (!is)
        *since_ms = 0;
    else if (*since_ms == 0)
        *since_ms = now_ms;
    if (!is || now_ms - *since_ms < for_ms)
        return false;
    *since_ms = 0;
    return true;
}

unsigned loop_rule_next(struct loop_rule *r, unsigned n, unsigned most, uint32_t permille,
                        uint64_t now_ms)
{
    bool grow = has_lasted(&r->high_ms, permille > HIGH_PERMILLE, now_ms, HIGH_FOR_MS);
    bool shrink = has_lasted(&r->low_ms, permille < LOW_PERMILLE, now_ms, LOW_FOR_MS);

    if (grow)
        return n * 2 < most ? n * 2 : most;
    return shrink && n > 1 ? n - 1 : n;
}
