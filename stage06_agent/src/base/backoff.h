/* backoff -- the time to wait before the next attempt.  The wait doubles after each
 * failure, and half of it is random, so that the clients of a restarted server do not all
 * return in the same millisecond.
 * Source: M. Brooker, Exponential Backoff and Jitter (2015), "equal jitter".  The caller
 * supplies the random number.  Thread: one at a time for each struct backoff. */
#ifndef LARS_BASE_BACKOFF_H
#define LARS_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t min_ms, max_ms;          /* limits of the wait without jitter; 1 to 2^30 */
    uint32_t next_ms;                 /* the next wait; 0 = no failure yet */
};

/* Call after a failure.  Returns the time to wait in ms, between half of the present wait
 * and all of it; doubles the wait for the next failure. */
uint32_t backoff_next(struct backoff *b, uint32_t random);

void backoff_reset(struct backoff *b); /* call after a success */

#endif
