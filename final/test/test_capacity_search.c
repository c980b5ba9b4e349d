/* The search for the capacity of a node: what a step shows, and which rate comes next. */
#include "t.h"

#include <math.h>

#include "load/capacity_search.h"

static const struct capacity_search_rules rules = {.from = 20,
                                                   .to = 100000,
                                                   .target_us = 200000,
                                                   .error_percent = 0.1,
                                                   .delivered_percent = 95};

static const struct capacity_search_step good = {1000, 1000, 0, 100000, 5},
                                         slow = {1000, 1000, 0, 300000, 50};

static enum capacity_search_verdict judge(struct capacity_search_step step)
{
    return capacity_search_judge(&rules, &step);
}

/* Search at a node that can do <capacity>.  Returns the number of steps. */
static unsigned search(struct capacity_search *s, double capacity)
{
    unsigned n = 0;

    capacity_search_init(s, &rules);
    while (!capacity_search_is_over(s)) {
        assert_true(++n < 100);
        assert_true(s->rate <= rules.to);
        capacity_search_next(s, s->rate <= capacity ? &good : &slow);
    }
    return n;
}

static void t_step_is_judged_at_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(judge((struct capacity_search_step){
                         .due = 1000, .delivered = 950, .failed = 1, .p99_us = 200000}),
                     CAPACITY_SEARCH_GOOD);
    assert_int_equal(judge((struct capacity_search_step){1000, 949, 0, 1, 1}),
                     CAPACITY_SEARCH_SHORT);
    assert_int_equal(judge((struct capacity_search_step){1000, 1000, 2, 1, 1}),
                     CAPACITY_SEARCH_ERRORS);
    assert_int_equal(judge((struct capacity_search_step){1000, 1000, 0, 200001, 1}),
                     CAPACITY_SEARCH_SLOW);
    assert_int_equal(judge((struct capacity_search_step){0}), CAPACITY_SEARCH_SHORT);
}

static void t_capacity_is_found_within_3_percent(void **state)
{
    struct capacity_search s;
    double capacity;

    (void)state;
    for (capacity = 1; capacity < 90000; capacity *= 1.013) {
        search(&s, capacity);
        assert_int_equal(s.phase, CAPACITY_SEARCH_FOUND);
        assert_true(s.low <= capacity);
        assert_true(s.low > capacity / (capacity < 20 ? 1.1 : 1.03));
        assert_int_equal(s.best.p99_us, good.p99_us);
    }
}

static void t_200_a_second_are_found_in_19_steps(void **state)
{
    struct capacity_search s;

    (void)state; /* 11 upwards, 2 that fail, 3 bisections of which 2 fail, the last one */
    assert_in_range(search(&s, 200), 15, 19);
}

static void t_step_that_fails_once_is_repeated(void **state)
{
    struct capacity_search s;
    double rate;
    unsigned n = 0;

    (void)state;
    capacity_search_init(&s, &rules);
    while (!capacity_search_is_over(&s)) {
        rate = s.rate;
        capacity_search_next(&s, &slow); /* each rate fails at first */
        if (!s.again)
            break;
        assert_true(s.rate == rate);
        capacity_search_next(&s, rate <= 500 ? &good : &slow);
        assert_true(++n < 100);
    }
    assert_int_equal(s.phase, CAPACITY_SEARCH_FOUND);
    assert_true(s.low <= 500 && s.low > 485);
}

static void t_step_of_a_late_generator_does_not_count_against_the_node(void **state)
{
    struct capacity_search_step late = slow;
    struct capacity_search s;
    unsigned i;

    (void)state;
    late.late = 21;
    assert_int_equal(judge(late), CAPACITY_SEARCH_LATE);
    late.p99_us = good.p99_us; /* good in spite of it */
    assert_int_equal(judge(late), CAPACITY_SEARCH_GOOD);
    late.p99_us = slow.p99_us;
    capacity_search_init(&s, &rules);
    for (i = 0; i < CAPACITY_SEARCH_LATES; i++) {
        capacity_search_next(&s, &late);
        assert_true(s.rate == 20 && !s.again);
    }
    capacity_search_next(&s, &good);
    assert_true(s.rate == 25);
    for (i = 0; i < CAPACITY_SEARCH_LATES + 1; i++) /* it ends all the same */
        capacity_search_next(&s, &late);
    assert_true(s.again);
}

static void t_node_that_is_never_good_has_no_capacity(void **state)
{
    struct capacity_search s;

    (void)state;
    search(&s, 0);
    assert_int_equal(s.phase, CAPACITY_SEARCH_NONE);
    assert_true(s.low == 0);
}

static void t_search_ends_at_the_highest_rate(void **state)
{
    struct capacity_search s;

    (void)state;
    search(&s, 1e9);
    assert_int_equal(s.phase, CAPACITY_SEARCH_FOUND);
    assert_true(s.low == rules.to);
}

static void t_rate_that_is_not_confirmed_is_lowered(void **state)
{
    struct capacity_search s;
    double found = 0;
    unsigned n = 0;

    (void)state;
    capacity_search_init(&s, &rules);
    while (s.phase != CAPACITY_SEARCH_PROVE)
        capacity_search_next(&s, s.rate <= 100 ? &good : &slow);
    found = s.low;
    assert_true(fabs(s.rate - 0.9 * found) < 1e-9);
    for (n = 0; n < 2; n++) /* it fails, and again */
        capacity_search_next(&s, &slow);
    assert_true(fabs(s.low - 0.9 * found) < 1e-9);
    assert_true(fabs(s.rate - 0.81 * found) < 1e-9);
    capacity_search_next(&s, &good);
    assert_int_equal(s.phase, CAPACITY_SEARCH_FOUND);
}

static void t_rate_that_is_never_confirmed_is_none(void **state)
{
    struct capacity_search s;
    unsigned n;

    (void)state;
    capacity_search_init(&s, &rules);
    while (s.phase != CAPACITY_SEARCH_PROVE)
        capacity_search_next(&s, s.rate <= 100 ? &good : &slow);
    for (n = 0; !capacity_search_is_over(&s); n++)
        capacity_search_next(&s, &slow);
    assert_int_equal(n, 2 * CAPACITY_SEARCH_CONFIRMS);
    assert_int_equal(s.phase, CAPACITY_SEARCH_NONE);
}

T_MAIN(T(t_step_is_judged_at_its_bounds), T(t_capacity_is_found_within_3_percent),
       T(t_200_a_second_are_found_in_19_steps), T(t_step_that_fails_once_is_repeated),
       T(t_step_of_a_late_generator_does_not_count_against_the_node),
       T(t_node_that_is_never_good_has_no_capacity), T(t_search_ends_at_the_highest_rate),
       T(t_rate_that_is_not_confirmed_is_lowered),
       T(t_rate_that_is_never_confirmed_is_none))
