/* robot_pace -- how often a robot may be called: ROBOT_PACE_MAX times in any minute.  The
 * services of the robots allow 20 messages a minute and refuse every one for a while when
 * there are more.  Pure.  Thread: one at a time for each struct robot_pace. */
#ifndef LARS_REPORT_ROBOT_PACE_H
#define LARS_REPORT_ROBOT_PACE_H

#include <stdint.h>

#define ROBOT_PACE_MAX 10
#define ROBOT_PACE_MS 60000

struct robot_pace { /* all 0 = no call yet */
    uint64_t call_ms[ROBOT_PACE_MAX]; /* monotonic; the last calls, 0 = none */
    unsigned oldest;
};

/* Returns how many ms must pass before the next call; 0: none. */
uint32_t robot_pace_wait(const struct robot_pace *p, uint64_t now_ms);

void robot_pace_add(struct robot_pace *p, uint64_t now_ms); /* a call is made now */

#endif
