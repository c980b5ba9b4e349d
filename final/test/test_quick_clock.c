/* The clock between anchors: when the counter is used, and how far it may be from
 * CLOCK_MONOTONIC.  A counter of 2 GHz is forged, except in the last test. */
#include "t.h"

#include "base/mono.h"
#include "base/quick_clock.h"

#define MS 1000000ull                 /* in ns */
#define SLEW_US 60                    /* 500 parts in a million, and rounding */

static struct quick_clock q;

static int reset(void **state)
{
    (void)state;
    memset(&q, 0, sizeof(q));
    return 0;
}

/* The counter is at twice the nanoseconds. */
static void anchor_at(uint64_t ms)
{
    quick_clock_anchor(&q, 2 * ms * MS, ms * MS);
}

static void anchor_until_used(void)
{
    anchor_at(1000);
    anchor_at(1100);
    anchor_at(1200);
    assert_int_not_equal(q.limit, 0);
}

static void t_two_equal_rates_are_needed(void **state)
{
    (void)state;
    anchor_at(1000);
    assert_int_equal(q.limit, 0);
    anchor_at(1100);
    assert_int_equal(q.limit, 0);
    anchor_at(1200);
    assert_in_range(q.limit, 199999900, 200000100); /* ticks in 100 ms */
    assert_int_equal(q.us, 1200000);
    assert_int_equal(200000 * q.rate >> QUICK_CLOCK_SHIFT, 99); /* 200,000 ticks: 100 us,
                                                                 * rounded down */
}

static void t_anchor_before_its_time_changes_nothing(void **state)
{
    struct quick_clock was;

    (void)state;
    anchor_until_used();
    was = q;
    anchor_at(1299);
    assert_memory_equal(&q, &was, sizeof(q));
    anchor_at(1300);
    assert_int_equal(q.us, 1300000);
}

static void t_counter_that_jumps_is_not_used(void **state)
{
    (void)state;
    anchor_until_used();
    quick_clock_anchor(&q, 2 * 1300 * MS + 3 * MS, 1300 * MS); /* 1.5 % more */
    assert_int_equal(q.limit, 0);
    quick_clock_anchor(&q, 2 * 1400 * MS + 3 * MS, 1400 * MS);
    assert_int_equal(q.limit, 0);     /* not like the one before */
    quick_clock_anchor(&q, 2 * 1500 * MS + 3 * MS, 1500 * MS);
    assert_int_not_equal(q.limit, 0);
}

static void t_counter_that_goes_back_or_stands_is_not_used(void **state)
{
    (void)state;
    anchor_until_used();
    quick_clock_anchor(&q, 5, 1300 * MS);
    assert_int_equal(q.limit, 0);
    quick_clock_anchor(&q, 5, 1400 * MS);
    assert_int_equal(q.limit, 0);
    quick_clock_anchor(&q, 5, 1500 * MS);
    assert_int_equal(q.limit, 0);
}

static void t_long_pause_needs_one_more_anchor(void **state)
{
    (void)state;
    anchor_until_used();
    anchor_at(60000);
    assert_int_equal(q.limit, 0);
    assert_int_equal(q.us, 60000000);
    anchor_at(60100);
    assert_int_not_equal(q.limit, 0);
}

static void t_small_change_of_the_rate_is_followed(void **state)
{
    (void)state;
    anchor_until_used();
    quick_clock_anchor(&q, 2 * 1300 * MS + MS / 10, 1300 * MS); /* 0.05 %, as NTP slews */
    assert_int_not_equal(q.limit, 0);
    assert_in_range(q.limit, 200099900, 200100100);
}

static void t_time_is_that_of_the_monotonic_clock(void **state)
{
    uint64_t before, now, after, end = mono_us() + 500000;
    unsigned long n_quick = 0;

    (void)state;
    do {
        before = mono_us();
        n_quick += q.limit > 0;
        now = quick_clock_us(&q);
        after = mono_us();
        assert_true(now + SLEW_US >= before);
        assert_true(now <= after + SLEW_US);
    } while (after < end);
    print_message("the counter is %s, and was used %lu times\n",
                  quick_clock_is_usable() ? "usable" : "not usable", n_quick);
    if (!quick_clock_is_usable())
        assert_int_equal(n_quick, 0);
}

#define C(t) cmocka_unit_test_setup(t, reset)

T_MAIN(C(t_two_equal_rates_are_needed), C(t_anchor_before_its_time_changes_nothing),
       C(t_counter_that_jumps_is_not_used),
       C(t_counter_that_goes_back_or_stands_is_not_used),
       C(t_long_pause_needs_one_more_anchor), C(t_small_change_of_the_rate_is_followed),
       C(t_time_is_that_of_the_monotonic_clock))
