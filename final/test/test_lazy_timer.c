/* lazy_timer fires after its time, not when it was cleared, and moves without a loss. */
#include "gateway/lazy_timer.h"

#include "base/mono.h"
#include "t.h"

struct probe {
    struct evloop *loop;
    struct lazy_timer timer;
    uint64_t fired_ms;
    unsigned n_fired;
};

static void on_timer(void *arg)
{
    struct probe *p = arg;

    if (!lazy_timer_fired(p->loop, &p->timer, on_timer, p))
        return;
    p->n_fired++;
    p->fired_ms = mono_ms();
}

static void on_stop(void *arg)
{
    evloop_stop(((struct probe *)arg)->loop);
}

/* Run the loop for <ms>. */
static void run(struct probe *p, uint32_t ms)
{
    struct evtimer stop = {0};

    assert_int_equal(evloop_set_timer(p->loop, &stop, ms, on_stop, p), 0);
    assert_int_equal(evloop_run(p->loop), 0);
}

static int setup(void **state)
{
    struct probe *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    assert_int_equal(evloop_create(&p->loop), 0);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct probe *p = *state;

    lazy_timer_fini(p->loop, &p->timer);
    evloop_destroy(p->loop);
    free(p);
    return 0;
}

static void t_it_fires_once_and_not_before_its_time(void **state)
{
    struct probe *p = *state;
    uint64_t begin = mono_ms();

    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 20, on_timer, p), 0);
    run(p, 100);
    assert_int_equal(p->n_fired, 1);
    assert_true(p->fired_ms >= begin + 20);
}

static void t_set_later_it_fires_at_the_later_time_only(void **state)
{
    struct probe *p = *state;
    uint64_t begin = mono_ms();

    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 10, on_timer, p), 0);
    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 60, on_timer, p), 0);
    run(p, 150);
    assert_int_equal(p->n_fired, 1);
    assert_true(p->fired_ms >= begin + 60);
}

static void t_set_earlier_it_does_not_wait_for_the_later_time(void **state)
{
    struct probe *p = *state;

    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 3600000, on_timer, p), 0);
    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 10, on_timer, p), 0);
    run(p, 100);
    assert_int_equal(p->n_fired, 1);
}

static void t_cleared_it_is_not_due(void **state)
{
    struct probe *p = *state;

    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 10, on_timer, p), 0);
    lazy_timer_clear(&p->timer);
    run(p, 50);
    assert_int_equal(p->n_fired, 0);
}

static void t_cleared_and_set_again_it_fires_after_the_new_time(void **state)
{
    struct probe *p = *state;
    uint64_t begin = mono_ms();

    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 10, on_timer, p), 0);
    lazy_timer_clear(&p->timer);
    assert_int_equal(lazy_timer_set(p->loop, &p->timer, 40, on_timer, p), 0);
    run(p, 100);
    assert_int_equal(p->n_fired, 1);
    assert_true(p->fired_ms >= begin + 40);
}

static void t_after_fini_the_memory_can_be_freed(void **state)
{
    struct probe *p = *state;
    struct lazy_timer *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    assert_int_equal(lazy_timer_set(p->loop, t, 5, on_timer, p), 0);
    lazy_timer_fini(p->loop, t);
    free(t);
    run(p, 30); /* valgrind: nothing of it is read */
    assert_int_equal(p->n_fired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(t_it_fires_once_and_not_before_its_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(t_set_later_it_fires_at_the_later_time_only,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(t_set_earlier_it_does_not_wait_for_the_later_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(t_cleared_it_is_not_due, setup, teardown),
        cmocka_unit_test_setup_teardown(
            t_cleared_and_set_again_it_fires_after_the_new_time, setup, teardown),
        cmocka_unit_test_setup_teardown(t_after_fini_the_memory_can_be_freed, setup,
                                        teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
