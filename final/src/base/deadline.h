/* deadline -- waiting on a condition variable until a moment of monotonic time: with the
 * wall clock, which is the default, a step of the clock would shorten or stretch the
 * wait.  Thread: any. */
#ifndef LARS_BASE_DEADLINE_H
#define LARS_BASE_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* For pthread_cond_timedwait() with a deadline_in().  pthread_cond_destroy() ends it. */
void deadline_cond_init(pthread_cond_t *c);

struct timespec deadline_in(uint32_t ms); /* <ms> from now, monotonic */

/* A thread's pause: at most <ms>, or until <stop>, which <lock> guards and <c> tells of.
 * Returns true to go on, false to stop. */
bool deadline_pause(pthread_cond_t *c, pthread_mutex_t *lock, const bool *stop,
                    uint32_t ms);

#endif
