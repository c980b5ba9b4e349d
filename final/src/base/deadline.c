#include "base/deadline.h"

void deadline_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

struct timespec deadline_in(uint32_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

bool deadline_pause(pthread_cond_t *c, pthread_mutex_t *lock, const bool *stop,
                    uint32_t ms)
{
    struct timespec at = deadline_in(ms);
    bool run_on;

    pthread_mutex_lock(lock);
    while (!*stop && pthread_cond_timedwait(c, lock, &at) == 0)
        continue;
    run_on = !*stop;
    pthread_mutex_unlock(lock);
    return run_on;
}
