/* The back-off and the random numbers: growth, limits, jitter, reset. */
#include "base/backoff.h"
#include "base/rnd.h"
#include "t.h"

static void t_wait_doubles_up_to_its_bound(void **state)
{
    struct backoff b = {.min_ms = 100, .max_ms = 1000};
    const uint32_t whole[] = {100, 200, 400, 800, 1000, 1000};
    size_t i;

    (void)state;
    for (i = 0; i < 6; i++) {         /* the largest random part: the whole wait */
        uint32_t half = whole[i] / 2;

        assert_int_equal(backoff_next(&b, whole[i] - half), whole[i]);
    }
}

static void t_wait_is_between_half_and_whole(void **state)
{
    struct rnd r;
    bool low = false, high = false;
    int i;

    (void)state;
    rnd_init(&r, 7);
    for (i = 0; i < 1000; i++) {
        struct backoff b = {.min_ms = 100, .max_ms = 1000};
        uint32_t ms = backoff_next(&b, rnd_u32(&r));

        assert_in_range(ms, 50, 100);
        low = low || ms < 60;
        high = high || ms > 90;
    }
    assert_true(low && high);
}

static void t_reset_starts_again_at_the_minimum(void **state)
{
    struct backoff b = {.min_ms = 10, .max_ms = 1000};

    (void)state;
    backoff_next(&b, 0);
    backoff_next(&b, 0);
    backoff_reset(&b);
    assert_int_equal(backoff_next(&b, 0), 5);
}

static void t_no_overflow_at_the_largest_wait(void **state)
{
    struct backoff b = {.min_ms = 1u << 30, .max_ms = 1u << 30};

    (void)state;
    assert_in_range(backoff_next(&b, UINT32_MAX), 1u << 29, 1u << 30);
    assert_in_range(backoff_next(&b, UINT32_MAX), 1u << 29, 1u << 30);
}

static void t_rnd_same_seed_same_numbers(void **state)
{
    struct rnd a, b, c;
    int i, same = 0;

    (void)state;
    rnd_init(&a, 42);
    rnd_init(&b, 42);
    rnd_init(&c, 0);
    for (i = 0; i < 100; i++) {
        uint32_t v = rnd_u32(&a);

        assert_int_equal(v, rnd_u32(&b));
        same += v == rnd_u32(&c);
    }
    assert_true(same < 5);
    rnd_init_any(&a);
    rnd_init_any(&b);
    assert_true(rnd_u32(&a) != rnd_u32(&b) || rnd_u32(&a) != rnd_u32(&b));
}

T_MAIN(T(t_wait_doubles_up_to_its_bound), T(t_wait_is_between_half_and_whole),
       T(t_reset_starts_again_at_the_minimum), T(t_no_overflow_at_the_largest_wait),
       T(t_rnd_same_seed_same_numbers))
