/* The thread of a worker: it gets its work under the lock, and a stop ends every kind of
 * wait at once. */
#include "base/deadline.h"
#include "base/worker.h"
#include "t.h"

static struct worker *w;
static int n_work, n_done;            /* guarded by the worker's lock */
static bool ended;                    /* guarded by the same lock */

static void start(void (*run)(void *arg))
{
    n_work = n_done = 0;
    ended = false;
    assert_int_equal(worker_create(&w), 0);
    assert_int_equal(worker_start(w, run, &n_work), 0);
}

static void take_work(void *arg)
{
    int *work = arg;

    worker_lock(w);
    while (!worker_is_stopping(w)) {
        if (*work > n_done)
            n_done++;
        else
            worker_wait(w);
    }
    ended = true;
    worker_unlock(w);
}

static int done(void)
{
    int n;

    worker_lock(w);
    n = n_done;
    worker_unlock(w);
    return n;
}

static void t_thread_takes_all_work_that_is_given_under_the_lock(void **state)
{
    int i;

    (void)state;
    start(take_work);
    for (i = 0; i < 1000; i++) {
        worker_lock(w);
        n_work++;
        worker_wake(w);
        worker_unlock(w);
    }
    T_WAIT(done() == 1000);
    worker_stop(w);
    assert_true(ended);
    worker_stop(w); /* a second stop changes nothing */
    worker_destroy(w);
}

static void t_destroy_stops_a_thread_that_waits(void **state)
{
    (void)state;
    start(take_work);
    worker_destroy(w);
    assert_true(ended);
}

static void pause_long(void *arg)
{
    (void)arg;
    while (worker_pause(w, 600000))
        n_done++;
    ended = true;
}

static void t_stop_ends_a_long_pause_of_the_thread(void **state)
{
    uint64_t t0 = t_now_ms();

    (void)state;
    start(pause_long);
    worker_lock(w);
    worker_wake(w); /* a wake-up does not end the pause */
    worker_unlock(w);
    worker_stop(w);
    assert_true(ended);
    assert_int_equal(n_done, 0);
    assert_true(t_now_ms() - t0 < 60000);
    worker_destroy(w);
}

static void wait_20_ms(void *arg)
{
    struct timespec at = deadline_in(20);

    (void)arg;
    worker_lock(w);
    while (worker_wait_until(w, &at))
        continue;
    n_done = 1;
    worker_unlock(w);
}

static void t_wait_until_ends_at_the_given_time(void **state)
{
    uint64_t t0 = t_now_ms();

    (void)state;
    start(wait_20_ms);
    T_WAIT(done() == 1);
    assert_true(t_now_ms() - t0 >= 20);
    worker_destroy(w);
}

static void t_worker_that_never_started_can_be_destroyed(void **state)
{
    (void)state;
    assert_int_equal(worker_create(&w), 0);
    worker_lock(w);
    assert_false(worker_is_stopping(w));
    worker_unlock(w);
    worker_stop(w);
    worker_destroy(w);
    worker_stop(NULL);
    worker_destroy(NULL);
}

T_MAIN(cmocka_unit_test(t_thread_takes_all_work_that_is_given_under_the_lock),
       cmocka_unit_test(t_destroy_stops_a_thread_that_waits),
       cmocka_unit_test(t_stop_ends_a_long_pause_of_the_thread),
       cmocka_unit_test(t_wait_until_ends_at_the_given_time),
       cmocka_unit_test(t_worker_that_never_started_can_be_destroyed))
