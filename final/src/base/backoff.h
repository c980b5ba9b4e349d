/* backoff -- how long to wait before the next attempt: twice as long after each failure,
 * and a random half of it, so that a thousand clients of a restarted server do not come
 * back in the same millisecond.
 * Source: M. Brooker, Exponential Backoff and Jitter (2015), "equal jitter".  Pure: the
 * random number is the caller's.  Thread: the owner's. */
#ifndef LARS_BASE_BACKOFF_H
#define LARS_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t min_ms, max_ms;          /* 1 to 2^30; of the wait before its jitter */
    uint32_t next_ms;                 /* 0 = no failure yet */
};

/* After a failure: returns the wait, between a half and the whole of what it has grown
 * to. */
uint32_t backoff_next(struct backoff *b, uint32_t random);

void backoff_reset(struct backoff *b); /* it worked */

#endif
