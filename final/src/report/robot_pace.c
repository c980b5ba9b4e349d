/* The last ROBOT_PACE_MAX calls as a ring: one more is allowed when the oldest of them is
 * ROBOT_PACE_MS old.
 *
 * Rejected: a fixed gap between two calls.  It delays the second alarm of a quiet day,
 * although there is room for it.  Rejected: a counter for each minute of the clock.
 * Twice the number fits around the end of a minute. */
#include "report/robot_pace.h"

uint32_t robot_pace_wait(const struct robot_pace *p, uint64_t now_ms)
{
    uint64_t oldest = p->call_ms[p->oldest];

    if (oldest == 0 || now_ms >= oldest + ROBOT_PACE_MS)
        return 0;
    return (uint32_t)(oldest + ROBOT_PACE_MS - now_ms);
}

void robot_pace_add(struct robot_pace *p, uint64_t now_ms)
{
    p->call_ms[p->oldest] = now_ms;
    p->oldest = (p->oldest + 1) % ROBOT_PACE_MAX;
}
