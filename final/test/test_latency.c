/* The histogram of latencies: its buckets have no gap and no overlap, and a quantile is
 * at most a quarter above the true value. */
#include "base/latency.h"

#include "t.h"

static void t_buckets_have_no_gap_and_no_overlap(void **state)
{
    unsigned b;

    (void)state;
    assert_int_equal(latency_bucket(0), 1);
    assert_int_equal(latency_bucket(15), 1);
    for (b = 1; b < LATENCY_BUCKETS; b++) {
        uint64_t edge = latency_below_us(b);

        assert_true(edge <= UINT32_MAX);
        assert_int_equal(latency_bucket((uint32_t)edge - 1), b);
        assert_int_equal(latency_bucket((uint32_t)edge), b + 1);
    }
    assert_int_equal(latency_bucket(UINT32_MAX), LATENCY_BUCKETS);
    assert_true(latency_below_us(LATENCY_BUCKETS) == 1ull << 32);
}

static void t_edge_of_a_bucket_is_at_most_a_quarter_above_its_durations(void **state)
{
    uint32_t us;

    (void)state;
    for (us = 16; us < 100000000; us += us / 7 + 1)
        assert_true((double)latency_below_us(latency_bucket(us)) <= us * 1.25 + 0.001);
}

static void t_quantiles_are_edges_of_buckets(void **state)
{
    uint64_t n[LATENCY_BUCKETS + 1] = {0};
    uint32_t us;

    (void)state;
    assert_int_equal(latency_quantile_us(n, 0.5), 0);
    for (us = 1; us <= 10000; us++)
        n[latency_bucket(us)]++;
    assert_in_range(latency_quantile_us(n, 0.5), 5000, 6250);
    assert_in_range(latency_quantile_us(n, 0.99), 9900, 12375);
    assert_in_range(latency_quantile_us(n, 1), 10000, 12500);
    assert_int_equal(latency_quantile_us(n, 0), 16);
}

T_MAIN(T(t_buckets_have_no_gap_and_no_overlap),
       T(t_edge_of_a_bucket_is_at_most_a_quarter_above_its_durations),
       T(t_quantiles_are_edges_of_buckets))
