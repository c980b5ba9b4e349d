/* The health of one node: its cost, and whether its calls fail too often; the breaker of
 * a zone. */
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

static void t_unknown_node_costs_the_mean_of_the_others(void **state)
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

/* Success rates of 50, 100, 100, 100 and 100 per cent. */
static void t_outlier_is_far_below_the_median(void **state)
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

/* <own> of 3 nodes of the own zone are available, and all 3 of the other one. */
static uint32_t zone(struct zone_breaker *z, uint32_t own, uint64_t now_ms)
{
    const struct zone_breaker_nodes n = {own, 3, 3, 3};

    return zone_breaker_step(z, &n, now_ms);
}

static void t_zone_returns_within_35_seconds(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    assert_int_equal(zone(&z, 3, 0), PICK_FULL);
    assert_int_equal(zone(&z, 2, 0), PICK_FULL); /* 33 % are ejected */
    assert_false(z.open);
    zone(&z, 1, 1000); /* 67 % */
    assert_true(z.open);
    assert_int_equal(zone(&z, 3, 10000), PICK_FULL / 500);
    assert_int_equal(zone(&z, 3, 14999), PICK_FULL / 500);
    assert_in_range(zone(&z, 3, 30000), PICK_FULL / 2,
                    PICK_FULL * 51 / 100);
    assert_int_equal(zone(&z, 3, 45000), PICK_FULL);
    assert_false(z.open);
}

static void t_zone_that_fails_again_restarts_the_breaker(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    zone(&z, 1, 0);
    zone(&z, 3, 1000);
    zone(&z, 1, 20000);
    zone(&z, 3, 21000);
    assert_int_equal(zone(&z, 3, 25000), PICK_FULL / 500);
}

static void t_breaker_stays_closed_when_other_zones_are_no_better(void **state)
{
    struct zone_breaker z = {0};
    struct zone_breaker_nodes n = {.own = 1, .n_own = 3, .other = 0, .n_other = 3};

    (void)state;
    assert_int_equal(zone_breaker_step(&z, &n, 0), PICK_FULL);
    assert_false(z.open);             /* calls have nowhere to go */
    n.other = 3;
    zone_breaker_step(&z, &n, 1000);
    assert_true(z.open);
    n.own = 3;
    n.other = 2;                      /* the other zone loses a node during the return */
    assert_int_equal(zone_breaker_step(&z, &n, 2000), PICK_FULL);
    assert_false(z.open);
}

/* <n_own> nodes of the own zone in the route, all available, and 3 of the other one. */
static uint32_t back(struct zone_breaker *z, uint32_t n_own, uint64_t now_ms)
{
    const struct zone_breaker_nodes n = {n_own, n_own, 3, 3};

    return zone_breaker_step(z, &n, now_ms);
}

static void t_drained_zone_returns_within_10_seconds(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    assert_int_equal(back(&z, 1, 0), PICK_FULL); /* the first look is no return */
    assert_int_equal(back(&z, 0, 1000), PICK_FULL);
    assert_int_equal(back(&z, 1, 60000), PICK_FULL / 500);
    assert_in_range(back(&z, 1, 62500), PICK_FULL / 4, PICK_FULL * 26 / 100);
    assert_in_range(back(&z, 3, 65000), PICK_FULL / 2, PICK_FULL * 51 / 100);
    assert_true(back(&z, 3, 69999) < PICK_FULL);
    assert_int_equal(back(&z, 3, 70000), PICK_FULL);
    assert_int_equal(back(&z, 3, 71000), PICK_FULL);
}

/* Without nodes elsewhere all calls are for the own zone at once. */
static void t_drained_zone_returns_at_once_when_it_is_alone(void **state)
{
    struct zone_breaker z = {0};
    struct zone_breaker_nodes n = {.other = 3, .n_other = 3};

    (void)state;
    zone_breaker_step(&z, &n, 0);
    n = (struct zone_breaker_nodes){.own = 2, .n_own = 2};
    assert_int_equal(zone_breaker_step(&z, &n, 1000), PICK_FULL);
    n = (struct zone_breaker_nodes){.n_own = 0};
    zone_breaker_step(&z, &n, 2000); /* no zone at all had nodes */
    n = (struct zone_breaker_nodes){2, 2, 2, 2};
    assert_int_equal(zone_breaker_step(&z, &n, 3000), PICK_FULL);
}

static void t_zone_that_fails_while_it_returns_opens_the_breaker(void **state)
{
    struct zone_breaker z = {0};

    (void)state;
    back(&z, 0, 0);
    back(&z, 3, 1000);
    zone(&z, 1, 2000);
    assert_true(z.open);
    assert_int_equal(zone(&z, 3, 3000), PICK_FULL / 500);
    assert_int_equal(zone(&z, 3, 7999), PICK_FULL / 500);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_eject_after_grows_with_the_failure_rate),
       P(t_eject_after_of_a_module_ignores_the_worst_node),
       P(t_eject_after_ignores_streaks_that_have_not_ended),
       P(t_cost_follows_the_calls_of_the_last_second), P(t_fast_nodes_have_equal_costs),
       P(t_unknown_node_costs_the_mean_of_the_others),
       P(t_one_failure_does_not_starve_a_node), P(t_cost_saturates_below_ejected),
       P(t_outlier_is_far_below_the_median), P(t_all_failing_alike_is_no_outlier),
       P(t_zone_number_equals_crc32_of_mysql),
       P(t_zone_returns_within_35_seconds),
       P(t_zone_that_fails_again_restarts_the_breaker),
       P(t_breaker_stays_closed_when_other_zones_are_no_better),
       P(t_drained_zone_returns_within_10_seconds),
       P(t_drained_zone_returns_at_once_when_it_is_alone),
       P(t_zone_that_fails_while_it_returns_opens_the_breaker))
