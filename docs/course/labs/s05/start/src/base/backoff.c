#include "base/backoff.h"

uint32_t backoff_next(struct backoff *b, uint32_t random)
{
    /* begin backoff_next */
    /* The present wait is next_ms, or min_ms when there was no failure yet.
     * 1. Take the present wait.
     * 2. Store twice of it for the next failure, but never more than max_ms.
     * 3. Return a number between half of the present wait and all of it, both
     *    included; <random> is any uint32_t, and a wait of 1 ms must work too. */
    (void)b;
    (void)random;
    return 0;
    /* end backoff_next */
}

void backoff_reset(struct backoff *b)
{
    /* begin backoff_reset */
    /* The next wait is min_ms again. */
    (void)b;
    /* end backoff_reset */
}
