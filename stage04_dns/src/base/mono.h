/* mono -- monotonic time (CLOCK_MONOTONIC).  It never jumps, while administrators and NTP
 * may set the wall clock at any moment.  Its zero point is arbitrary: use differences of
 * two readings only.  Thread: any. */
#ifndef LARS_BASE_MONO_H
#define LARS_BASE_MONO_H

#include <stdint.h>

uint64_t mono_us(void);                   /* microseconds */
uint64_t mono_ms(void);                   /* milliseconds */

#endif
