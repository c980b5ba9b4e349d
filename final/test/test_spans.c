/* The time axis of a chart: only complete spans, and counts that are distributed over
 * them without one being lost. */
#include "web/spans.h"

#include <errno.h>

#include "t.h"

#define NOW 1700000000u /* 800 s after an hour, 20 s after a minute */

static struct spans s;

static int choose(uint64_t from, uint64_t to, uint32_t step)
{
    return spans_choose(&s, NOW, from, to, step, 1);
}

static void t_chart_ends_at_the_last_complete_span(void **state)
{
    (void)state;
    assert_int_equal(choose(NOW - 900, NOW, 1), 0);
    assert_int_equal(s.to, NOW - 3);
    assert_int_equal(choose(NOW - 3600, NOW, 60), 0);
    assert_int_equal(s.to, NOW - 20);
    assert_int_equal(s.from, NOW - 3620);
    assert_int_equal(spans_choose(&s, NOW - 20 + 2, NOW - 3600, NOW, 60, 1), 0);
    assert_int_equal(s.to, NOW - 80);
    assert_int_equal(spans_choose(&s, NOW - 20 + 3, NOW - 3600, NOW, 60, 1), 0);
    assert_int_equal(s.to, NOW - 20);
    assert_int_equal(choose(NOW - 86400, NOW - 10, 3600), 0);
    assert_int_equal(s.to, NOW - 800);
}

static void t_time_in_the_past_covers_what_was_asked_for(void **state)
{
    (void)state;
    assert_int_equal(choose(NOW - 3610, NOW - 1810, 60), 0);
    assert_int_equal(s.from, NOW - 3620);
    assert_int_equal(s.to, NOW - 1760);
    assert_int_equal(spans_n(&s), 31);
}

static void t_time_to_come_has_no_span(void **state)
{
    (void)state;
    assert_int_equal(choose(NOW, NOW + 3600, 0), 0);
    assert_int_equal(spans_n(&s), 0);
    assert_int_equal(choose(NOW + 1000, NOW + 5000, 60), 0);
    assert_int_equal(spans_n(&s), 0);
    assert_int_equal(spans_choose(&s, 0, 0, 3600, 0, 1), 0);
    assert_int_equal(spans_n(&s), 0);
}

static void t_step_follows_from_the_length(void **state)
{
    static const uint32_t want[][2] = {{900, 1},         {901, 60},      {86400, 60},
                                       {172800, 300},    {172801, 3600}, {5184000, 3600},
                                       {34560000, 21600}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(choose(NOW - want[i][0], NOW, 0), 0);
        assert_int_equal(s.step, want[i][1]);
        assert_in_range(spans_n(&s), 1, SPANS_MAX);
    }
    assert_int_equal(spans_choose(&s, NOW, NOW - 900, NOW, 0, 60), 0);
    assert_int_equal(s.step, 60);
}

static void t_what_is_no_time_axis_is_refused(void **state)
{
    static const uint32_t wrong[] = {7, 45, 90, 2400, 86401, 172800, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(choose(NOW - 900, NOW, wrong[i]), -EDOM);
    assert_int_equal(spans_choose(&s, NOW, NOW - 900, NOW, 30, 60), -EDOM);
    assert_int_equal(choose(NOW, NOW, 1), -EINVAL);
    assert_int_equal(choose(NOW, NOW - 1, 1), -EINVAL);
    assert_int_equal(choose(0, UINT64_MAX, 86400), -EINVAL);
    assert_int_equal(choose(NOW - 2003, NOW, 1), 0);
    assert_int_equal(choose(NOW - 2004, NOW, 1), -E2BIG);
    assert_int_equal(choose(0, NOW, 60), -E2BIG);
}

static void expect_sums(const double *sum, const double *want, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (sum[i] < want[i] - 1e-9 || sum[i] > want[i] + 1e-9)
            fail_msg("span %zu: %f instead of %f", i, sum[i], want[i]);
}

static void t_count_of_a_minute_is_distributed_over_its_seconds(void **state)
{
    double sum[120] = {0}, want[120] = {0};
    size_t i;

    (void)state;
    s = (struct spans){NOW - 20, NOW + 100, 1};
    spans_add(&s, sum, NOW + 40, NOW + 100, 120);
    spans_add(&s, sum, NOW - 10, NOW - 9, 5);
    for (i = 60; i < 120; i++)
        want[i] = 2;
    want[10] = 5;
    expect_sums(sum, want, 120);
}

static void t_count_at_the_edges_is_added_in_part(void **state)
{
    double sum[3] = {0};

    (void)state;
    s = (struct spans){600, 780, 60};
    spans_add(&s, sum, 570, 630, 10); /* half of it is before */
    spans_add(&s, sum, 650, 670, 10); /* two spans */
    spans_add(&s, sum, 720, 840, 10); /* half of it is behind */
    expect_sums(sum, (const double[]){10, 5, 5}, 3);
    spans_add(&s, sum, 0, 600, 10);
    spans_add(&s, sum, 780, 800, 10);
    spans_add(&s, sum, 700, 700, 10);
    spans_add(&s, sum, 701, 700, 10);
    expect_sums(sum, (const double[]){10, 5, 5}, 3);
}

T_MAIN(T(t_chart_ends_at_the_last_complete_span),
       T(t_time_in_the_past_covers_what_was_asked_for), T(t_time_to_come_has_no_span),
       T(t_step_follows_from_the_length), T(t_what_is_no_time_axis_is_refused),
       T(t_count_of_a_minute_is_distributed_over_its_seconds),
       T(t_count_at_the_edges_is_added_in_part))
