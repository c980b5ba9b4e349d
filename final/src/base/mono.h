/* mono -- monotonic time: it never jumps, unlike the wall clock that people and NTP set.
 * Only its differences mean something.  Thread: any. */
#ifndef LARS_BASE_MONO_H
#define LARS_BASE_MONO_H

#include <stdint.h>

uint64_t mono_us(void);
uint64_t mono_ms(void);

#endif
