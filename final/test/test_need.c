/* How many nodes a load needs: in normal use, and when one zone is lost. */
#include "scale/need.h"

#include <math.h>

#include "t.h"

static const struct need_rule two = {.util = 0.70, .floor = 0.90, .zones = 2};

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

static void t_wanted_requests_are_those_served_and_those_refused(void **state)
{
    struct need_demand d = {.served = 100, .refused = 50};

    (void)state;
    assert_true(is_near(need_wanted_rps(&d), 150));
}

static void t_refused_requests_count_at_most_seven_times_the_served(void **state)
{
    struct need_demand d = {.served = 100, .refused = 700};

    (void)state;
    assert_true(is_near(need_wanted_rps(&d), 800));
    d.refused = 1e9;
    assert_true(is_near(need_wanted_rps(&d), 800));
    d.served = 0;
    assert_true(is_near(need_wanted_rps(&d), 0));
}

static void t_load_is_the_larger_one_of_requests_and_requests_in_progress(void **state)
{
    struct need_demand d = {.served = 300, .inflight = 5};
    struct need_capacity c = {.rps = 100, .inflight = 10};

    (void)state;
    assert_true(is_near(need_load(&d, &c), 3));
    d.inflight = 45;
    assert_true(is_near(need_load(&d, &c), 4.5));
}

static void t_load_uses_the_one_figure_that_was_measured(void **state)
{
    struct need_demand d = {.served = 300, .inflight = 45};
    struct need_capacity rps = {.rps = 100}, inflight = {.inflight = 10};

    (void)state;
    assert_true(is_near(need_load(&d, &rps), 3));
    assert_true(is_near(need_load(&d, &inflight), 4.5));
}

static void t_load_without_a_measured_capacity_is_unknown(void **state)
{
    struct need_demand d = {.served = 300, .inflight = 45};
    struct need_capacity none = {0}, bad = {.rps = NAN, .inflight = -1};

    (void)state;
    assert_true(need_load(&d, &none) == -1);
    assert_true(need_load(&d, &bad) == -1);
}

static void t_figures_out_of_bounds_give_a_load_within_bounds(void **state)
{
    struct need_demand bad = {.served = NAN, .refused = -5, .inflight = INFINITY};
    struct need_demand below = {.served = -1, .refused = NAN, .inflight = -INFINITY};
    struct need_capacity c = {.rps = 1e-300, .inflight = 1e-300};

    (void)state;
    assert_true(need_load(&bad, &c) == NEED_NODES_MAX);
    assert_true(need_load(&below, &c) == 0);
    assert_true(need_per_zone(NAN, &two) == 0);
    assert_true(need_per_zone(INFINITY, &two) <= NEED_NODES_MAX / 0.9 + 1);
    assert_int_equal(need_nodes(INFINITY), (unsigned)NEED_NODES_MAX);
    assert_int_equal(need_nodes(NAN), 0);
}

static void t_one_zone_needs_what_normal_use_needs(void **state)
{
    struct need_rule one = {.util = 0.70, .floor = 0.90, .zones = 1};
    struct need_rule none = {.util = 0.70, .floor = 0.90, .zones = 0};

    (void)state;
    assert_true(is_near(need_per_zone(7, &one), 10));
    assert_true(is_near(need_per_zone(7, &none), 10));
}

static void t_two_zones_need_what_survives_the_loss_of_one(void **state)
{
    (void)state;
    assert_true(is_near(need_per_zone(9, &two), 10));
}

static void t_a_rule_without_figures_is_the_usual_one(void **state)
{
    struct need_rule none = {.zones = 2}, bad = {.util = NAN, .floor = -1, .zones = 1};

    (void)state;
    assert_true(is_near(need_per_zone(9, &none), 10));
    assert_true(is_near(need_per_zone(7, &bad), 10));
}

static void t_many_zones_need_what_normal_use_needs(void **state)
{
    struct need_rule five = {.util = 0.70, .floor = 0.90, .zones = 5};
    struct need_rule three = {.util = 0.70, .floor = 0.90, .zones = 3};

    (void)state;
    assert_true(is_near(need_per_zone(35, &five), 10));
    assert_true(is_near(need_per_zone(18, &three), 10));
}

/* The promise itself, for many loads and numbers of zones. */
static void t_needed_nodes_keep_both_bounds_and_one_node_less_does_not(void **state)
{
    unsigned zones, tenth;

    (void)state;
    for (zones = 1; zones <= 6; zones++)
        for (tenth = 1; tenth <= 2000; tenth++) {
            struct need_rule r = {.util = 0.70, .floor = 0.90, .zones = zones};
            double load = tenth / 10.0;
            unsigned n = need_nodes(need_per_zone(load, &r));
            double all = zones * n, left = (zones - 1) * n;

            assert_true(load <= 0.70 * all + 1e-6);
            assert_true(zones == 1 || load <= 0.90 * left + 1e-6);
            all -= zones;
            left -= zones - 1;
            assert_true(load > 0.70 * all || (zones > 1 && load > 0.90 * left));
        }
}

static void t_nodes_are_rounded_up_and_an_error_of_arithmetic_is_not(void **state)
{
    (void)state;
    assert_int_equal(need_nodes(0), 0);
    assert_int_equal(need_nodes(2.01), 3);
    assert_int_equal(need_nodes(0.9 / 0.3), 3);
    assert_int_equal(need_nodes(3.0000000001), 3);
}

T_MAIN(T(t_wanted_requests_are_those_served_and_those_refused),
       T(t_refused_requests_count_at_most_seven_times_the_served),
       T(t_load_is_the_larger_one_of_requests_and_requests_in_progress),
       T(t_load_uses_the_one_figure_that_was_measured),
       T(t_load_without_a_measured_capacity_is_unknown),
       T(t_figures_out_of_bounds_give_a_load_within_bounds),
       T(t_one_zone_needs_what_normal_use_needs),
       T(t_two_zones_need_what_survives_the_loss_of_one),
       T(t_a_rule_without_figures_is_the_usual_one),
       T(t_many_zones_need_what_normal_use_needs),
       T(t_needed_nodes_keep_both_bounds_and_one_node_less_does_not),
       T(t_nodes_are_rounded_up_and_an_error_of_arithmetic_is_not))
