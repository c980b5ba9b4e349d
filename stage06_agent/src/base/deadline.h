/* deadline -- waits on a condition variable with a deadline in monotonic time.  Condition
 * variables use the wall clock by default, and setting that clock would shorten or
 * lengthen the wait.  Thread: any. */
#ifndef LARS_BASE_DEADLINE_H
#define LARS_BASE_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Initialise <c> for waits until a time of deadline_in().  Free it with
 * pthread_cond_destroy(). */
void deadline_cond_init(pthread_cond_t *c);

/* The time <ms> from now, for pthread_cond_timedwait() on such a condition variable. */
struct timespec deadline_in(uint32_t ms);

/* Wait until <ms> have passed or *<stop> is true.  <lock> guards *<stop>, and <c> is
 * signalled when it changes; the caller does not hold <lock>.  Returns true when the time
 * has passed and the thread should continue, false when it should stop. */
bool deadline_pause(pthread_cond_t *c, pthread_mutex_t *lock, const bool *stop,
                    uint32_t ms);

#endif
