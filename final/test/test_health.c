/* The health of one node: its cost, its ejection and readmission, slow start, and whether
 * it is an outlier; the breaker of a zone. */
#include "lb/health.h"

#include "base/crc32.h"
#include "lb/pick.h"
#include "lb/zone_breaker.h"
#include "t.h"

static struct health_node node[8], *all[8];
static struct health_totals total[8];
static const struct health_config *const c = &health_preset;

static int setup(void **state)
{
    int i;

    (void)state;
    memset(node, 0, sizeof(node));
    memset(total, 0, sizeof(total));
    for (i = 0; i < 8; i++)
        all[i] = &node[i];
    return 0;
}

static void calls(int i, uint64_t n, uint64_t err, uint64_t us, uint64_t now_ms)
{
    total[i].done += n;
    total[i].err += err;
    total[i].lat_us += n * us;
    health_observe(&node[i], c, &total[i], 0, now_ms);
}

static void t_eject_after_grows_with_the_failure_rate(void **state)
{
    (void)state;
    assert_int_equal(health_eject_after(0), 3);
    assert_int_equal(health_eject_after(0.02), 3);
    assert_int_equal(health_eject_after(0.05), 4);
    assert_int_equal(health_eject_after(0.2), 8);
    assert_int_equal(health_eject_after(0.9), 20);
    assert_int_equal(health_eject_after(1), 20);
}

static void t_eject_after_of_a_module_ignores_the_worst_node(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 4; i++)
        calls(i, 100, i == 0 ? 100 : 0, 1000, 1000);
    assert_int_equal(health_module_eject_after(all, 4), 3);
    for (i = 0; i < 4; i++)
        calls(i, 900, 200, 1000, 1000);
    assert_in_range(health_module_eject_after(all, 4), 7, 8); /* 20 % everywhere */
}

static void t_eject_after_ignores_streaks_that_have_not_ended(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 4; i++) {         /* a zone fails: every call seen has failed */
        total[i] = (struct health_totals){2, 2, 2000};
        health_observe(&node[i], c, &total[i], 2, 1000);
    }
    assert_int_equal(health_module_eject_after(all, 4), 3);
}

static void t_cost_follows_the_calls_of_the_last_second(void **state)
{
    uint32_t was, now;

    (void)state;
    calls(0, 10, 0, 4000, 1000);
    was = health_cost(&node[0], 100, 0, 1000);
    assert_int_equal(was, 4096 * 256 * 1); /* 4,000 us, rounded up to a step */
    calls(0, 10, 0, 64000, 1100);
    now = health_cost(&node[0], 100, 0, 1100);
    assert_true(now > was);
    calls(0, 10, 0, 64000, 6100);
    assert_in_range(health_cost(&node[0], 100, 0, 6100), 60000 * 256, 66000 * 256);
    assert_int_equal(health_cost(&node[0], 200, 0, 6100),
                     health_cost(&node[0], 100, 0, 6100) / 2); /* by weight */
}

static void t_fast_nodes_have_equal_costs(void **state)
{
    (void)state;
    calls(0, 10, 0, 90, 1000);
    calls(1, 10, 0, 300, 1000);
    assert_int_equal(health_cost(&node[0], 100, 0, 1000),
                     health_cost(&node[1], 100, 0, 1000));
}

static void t_an_unknown_node_costs_the_mean_of_the_others(void **state)
{
    (void)state;
    assert_int_equal(health_cost(&node[0], 100, 8192, 1000), 8192 * 256);
}

static void t_one_failure_does_not_starve_a_node(void **state)
{
    uint32_t fellows;

    (void)state;
    calls(0, 1, 1, 20000, 1000);      /* slow as a failure, then not called */
    calls(1, 10, 0, 2000, 1000);
    fellows = health_cost(&node[1], 100, 2000, 1000);
    assert_true(health_cost(&node[0], 100, 2000, 1000) > 6 * fellows);
    assert_true(health_cost(&node[0], 100, 2000, 5000) > 2 * fellows);
    assert_true(health_cost(&node[0], 100, 2000, 14000) <= fellows);
}

static void t_cost_saturates_below_ejected(void **state)
{
    (void)state;
    calls(0, 1, 0, 3600000000u, 1000);
    assert_int_equal(health_cost(&node[0], 1, 0, 1000), NODE_COST_MAX);
}

static void t_ejections_double_up_to_a_minute(void **state)
{
    static const uint32_t want[8] = {1, 2, 4, 8, 16, 32, 60, 60};
    int i;

    (void)state;
    for (i = 0; i < 8; i++) {
        health_eject(&node[0], c, EJECT_STREAK, 1000);
        assert_int_equal(node[0].ejected_until_ms, 1000 + want[i] * 1000);
        assert_int_equal(health_cost(&node[0], 100, 0, 1000),
                         NODE_OUT + EJECT_STREAK);
        health_readmit(&node[0], 3, 2000);
    }
}

static void t_a_node_that_was_down_is_readmitted_after_two_probes(void **state)
{
    (void)state;
    node[0].n_ejections = 1;
    health_eject(&node[0], c, EJECT_STREAK, 1000); /* for 2 s, or until probes succeed */
    health_record_probe(&node[0], false);
    health_record_probe(&node[0], true);
    assert_false(health_may_readmit(&node[0], 2900));
    health_record_probe(&node[0], true);
    assert_true(health_may_readmit(&node[0], 2900));
}

static void t_a_flapping_node_waits(void **state)
{
    (void)state;
    node[0].n_ejections = 2;
    health_eject(&node[0], c, EJECT_STREAK, 1000); /* the third ejection lasts 4 s */
    health_record_probe(&node[0], false);
    health_record_probe(&node[0], true);
    health_record_probe(&node[0], true);
    assert_false(health_may_readmit(&node[0], 4999));
    assert_true(health_may_readmit(&node[0], 5000));
}

static void t_a_node_whose_probes_never_failed_waits(void **state)
{
    (void)state;
    node[0].n_ejections = 2;
    health_eject(&node[0], c, EJECT_STREAK, 1000); /* 4 s */
    health_record_probe(&node[0], true);
    health_record_probe(&node[0], true);
    assert_false(health_may_readmit(&node[0], 4999));
    assert_true(health_may_readmit(&node[0], 5000));
}

static void t_without_a_probe_no_node_is_readmitted(void **state)
{
    (void)state;
    health_eject(&node[0], c, EJECT_STREAK, 1000);
    assert_false(health_may_readmit(&node[0], 1000000));
}

static void t_slow_start_grows_to_the_whole_weight(void **state)
{
    int second, i, works;

    (void)state;
    health_readmit(&node[0], 3, 1000);
    for (second = 0; second < 10; second++) { /* each second adds a tenth on average */
        for (i = works = 0; i < 100; i++)
            works += !health_warmup_pauses(&node[0], c,
                                           1000 + (uint64_t)(second * 1000 + i * 10));
        assert_in_range(works, second == 0 ? 9 : 10 * second + 4,
                        second == 0 ? 12 : 10 * second + 6);
    }
    for (i = 0; i < 100; i++)
        assert_false(health_warmup_pauses(&node[0], c, 11000 + (uint64_t)i));
    assert_false(health_warmup_pauses(&node[1], c, 0)); /* was never ejected */
}

static void t_the_first_call_after_readmission_decides(void **state)
{
    (void)state;
    assert_int_equal(health_readmit(&node[0], 3, 1000), 2);
    assert_int_equal(health_readmit(&node[0], 8, 1000), 0); /* failures are common here */
}

static void t_minute_without_ejection_forgets_one_ejection(void **state)
{
    (void)state;
    health_eject(&node[0], c, EJECT_STREAK, 1000);
    health_readmit(&node[0], 3, 2000);
    calls(0, 1, 0, 1000, 61000);
    assert_int_equal(node[0].n_ejections, 1);
    calls(0, 1, 0, 1000, 62001);
    assert_int_equal(node[0].n_ejections, 0);
}

/* Success rates of 50, 100, 100, 100 and 100 per cent. */
static void t_an_outlier_is_far_below_the_median(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 5; i++)
        calls(i, 100, i == 0 ? 50 : 0, 1000, 1000);
    assert_true(health_is_outlier(all, 5, 0));
    assert_false(health_is_outlier(all, 5, 1));
    assert_false(health_is_outlier(all, 4, 0)); /* four nodes are too few */
}

static void t_all_failing_alike_is_no_outlier(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        calls(i, 100, 48 + (uint64_t)i % 4, 1000, 1000);
    for (i = 0; i < 8; i++)
        assert_false(health_is_outlier(all, 8, (uint32_t)i));
}

static void t_zone_number_equals_crc32_of_mysql(void **state)
{
    (void)state;
    assert_int_equal(crc32_of("123456789"), 0xcbf43926u);
    assert_int_equal(crc32_of(""), 0);
}

static void t_zone_returns_within_35_seconds(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    assert_int_equal(zone_breaker_step(&z, 3, 3, 6, 0), PICK_FULL);
    assert_int_equal(zone_breaker_step(&z, 2, 3, 6, 0), PICK_FULL); /* 33 % are ejected */
    assert_false(z.open);
    zone_breaker_step(&z, 1, 3, 6, 1000); /* 67 % */
    assert_true(z.open);
    assert_int_equal(zone_breaker_step(&z, 3, 3, 6, 10000), PICK_FULL / 500);
    assert_int_equal(zone_breaker_step(&z, 3, 3, 6, 14999), PICK_FULL / 500);
    assert_in_range(zone_breaker_step(&z, 3, 3, 6, 30000), PICK_FULL / 2,
                    PICK_FULL * 51 / 100);
    assert_int_equal(zone_breaker_step(&z, 3, 3, 6, 45000), PICK_FULL);
    assert_false(z.open);
}

static void t_zone_that_fails_again_restarts_the_breaker(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    zone_breaker_step(&z, 1, 3, 6, 0);
    zone_breaker_step(&z, 3, 3, 6, 1000);
    zone_breaker_step(&z, 1, 3, 6, 20000);
    zone_breaker_step(&z, 3, 3, 6, 21000);
    assert_int_equal(zone_breaker_step(&z, 3, 3, 6, 25000), PICK_FULL / 500);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_eject_after_grows_with_the_failure_rate),
       P(t_eject_after_of_a_module_ignores_the_worst_node),
       P(t_eject_after_ignores_streaks_that_have_not_ended),
       P(t_cost_follows_the_calls_of_the_last_second), P(t_fast_nodes_have_equal_costs),
       P(t_an_unknown_node_costs_the_mean_of_the_others),
       P(t_one_failure_does_not_starve_a_node), P(t_cost_saturates_below_ejected),
       P(t_ejections_double_up_to_a_minute),
       P(t_a_node_that_was_down_is_readmitted_after_two_probes),
       P(t_a_flapping_node_waits), P(t_a_node_whose_probes_never_failed_waits),
       P(t_without_a_probe_no_node_is_readmitted),
       P(t_slow_start_grows_to_the_whole_weight),
       P(t_the_first_call_after_readmission_decides),
       P(t_minute_without_ejection_forgets_one_ejection),
       P(t_an_outlier_is_far_below_the_median), P(t_all_failing_alike_is_no_outlier),
       P(t_zone_number_equals_crc32_of_mysql),
       P(t_zone_returns_within_35_seconds),
       P(t_zone_that_fails_again_restarts_the_breaker))
