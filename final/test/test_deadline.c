/* Deadlines and waits in monotonic time. */
#include "base/deadline.h"
#include "t.h"

static uint64_t ms_of(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void t_deadline_is_that_far_from_now(void **state)
{
    const uint32_t ms[] = {0, 1, 999, 1000, 1001, 86400000};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        uint64_t before = t_now_ms();
        struct timespec at = deadline_in(ms[i]);
        uint64_t after = t_now_ms();

        assert_in_range(ms_of(at), before + ms[i], after + ms[i] + 1);
        assert_in_range(at.tv_nsec, 0, 999999999);
    }
}

static void t_wait_ends_at_the_deadline_and_not_before(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c;
    struct timespec at;
    uint64_t t0;
    int rc;

    (void)state;
    deadline_cond_init(&c);
    pthread_mutex_lock(&lock);
    t0 = t_now_ms();
    at = deadline_in(20);
    do
        rc = pthread_cond_timedwait(&c, &lock, &at);
    while (rc == 0);
    assert_int_equal(rc, ETIMEDOUT);
    assert_true(t_now_ms() - t0 >= 20);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&c);
}

T_MAIN(T(t_deadline_is_that_far_from_now), T(t_wait_ends_at_the_deadline_and_not_before))
