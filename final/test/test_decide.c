/* Each rule of the decision that goes up, in virtual time. */
#include "lib/decide_fix.h"

#include "t.h"

/* --- urgent --- */

static void t_eight_times_the_load_is_decided_in_the_first_round(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 8);
    assert_int_equal(decide_fix.urgent, 0);
    decide_fix_round(64, true);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
    assert_int_equal(decide_fix.out.wanted, 72);
}

/* The lowest load that keeps <n> nodes in each zone. */
static double least_load(unsigned zones, unsigned n)
{
    struct need_rule r = {0.70, 0.90, zones};

    return 0.8301 * (n - 1) / need_per_zone(1, &r);
}

static void t_three_times_the_load_is_decided_in_two_rounds(void **state)
{
    unsigned zones, n;

    for (zones = 1; zones <= 4; zones++)
        for (n = 4; n <= 40; n++) {
            double load = least_load(zones, n);

            decide_fix_begin(zones, n);
            decide_fix_rounds(400, load);
            assert_int_equal(decide_fix.out.wanted, n);
            decide_fix_round(3 * load, true);
            if (decide_fix.out.rule != DECIDE_URGENT)
                decide_fix_round(3 * load, true);
            assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
            assert_int_equal(decide_fix.out.wanted,
                             need_nodes(need_per_zone(3 * load, &decide_fix.in.rule)));
            decide_fix_end(state);
        }
}

/* Two or three nodes can have so little to do that three times as much fits in. */
static void t_three_times_the_load_of_few_nodes_fits_in_or_is_decided(void **state)
{
    unsigned zones, n;

    for (zones = 1; zones <= 4; zones++)
        for (n = 2; n <= 3; n++) {
            double load = least_load(zones, n);

            decide_fix_begin(zones, n);
            decide_fix_rounds(400, load);
            decide_fix_round(3 * load, true);
            decide_fix_round(3 * load, true);
            assert_true(decide_fix.urgent > 0 || 3 * load <= 0.85 * zones * n);
            decide_fix_end(state);
        }
}

static void t_more_than_085_of_all_nodes_is_urgent_and_085_is_not(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 9);
    decide_fix_round(17, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_KEEP);
    decide_fix_rounds(60, 9);
    decide_fix_round(17.01, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
    assert_int_equal(decide_fix.out.wanted, 19);
}

static void t_one_round_above_what_a_lost_zone_would_leave_is_not_urgent(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 8);
    decide_fix_round(15.5, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_KEEP);
    decide_fix_rounds(1, 8);
    decide_fix_round(15.5, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_KEEP);
    decide_fix_round(15.5, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
}

static void t_one_urgent_step_goes_to_at_most_eight_times_as_many(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 8);
    decide_fix_round(8000, true);
    assert_int_equal(decide_fix.out.wanted, 80);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
}

static void t_nodes_that_start_are_not_ordered_a_second_time(void **state)
{
    unsigned i;

    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 8);
    for (i = 0; i < 30; i++)
        decide_fix_round(24, true);
    assert_int_equal(decide_fix.out.wanted, 27);
    assert_int_equal(decide_fix.urgent, 1);
    assert_int_equal(decide_fix.out.was, 27);
}

static void t_a_zone_without_room_does_not_raise_the_other_for_ever(void **state)
{
    unsigned i;

    (void)state;
    decide_fix_begin(2, 10);
    decide_fix.in.nodes_up = 12;
    decide_fix.in.largest_zone_up = 10;
    for (i = 0; i < 600; i++)
        decide_fix_round(9, true);
    assert_int_equal(decide_fix.out.wanted, 10);
}

static void t_a_lost_zone_raises_the_other_to_what_085_needs(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 8.9);
    decide_fix.in.nodes_up = decide_fix.in.largest_zone_up = 10;
    decide_fix.in.zones_up = 1;
    decide_fix_round(8.9, true);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
    assert_int_equal(decide_fix.out.wanted, 11);
    decide_fix.in.nodes_up = decide_fix.in.largest_zone_up = 11;
    decide_fix.in.rule.zones = 1; /* lost for 60 s */
    decide_fix_round(8.9, true);
    assert_int_equal(decide_fix.out.rule, DECIDE_FLOOR);
    assert_int_equal(decide_fix.out.wanted, 14);
}

static void t_no_node_at_all_and_load_is_urgent(void **state)
{
    (void)state;
    decide_fix_begin(2, 0);
    decide_fix_round(5, true);
    assert_int_equal(decide_fix.out.wanted, 6);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
}

/* --- floor --- */

static void t_floor_rises_when_the_minute_needs_more_than_105_of_it(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(900, 18 * 1.049);
    assert_int_equal(decide_fix.out.wanted, 20);
    decide_fix_rounds(900, 18 * 1.051);
    assert_int_equal(decide_fix.out.wanted, 23); /* 1.05 x 21.02 */
    assert_int_equal(decide_fix.floor, 1);
    assert_int_equal(decide_fix.urgent, 0);
}

static void t_under_demand_each_zone_has_two_nodes(void **state)
{
    (void)state;
    decide_fix_begin(2, 1);
    decide_fix_rounds(10, 0);
    assert_int_equal(decide_fix.out.wanted, 1);
    decide_fix_rounds(60, 0.1);
    assert_int_equal(decide_fix.out.wanted, 2);
    decide_fix_rounds(3000, 0.1);
    assert_int_equal(decide_fix.out.wanted, 2);
    decide_fix_rounds(3000, 0);
    assert_int_equal(decide_fix.out.wanted, 1);
}

static void t_it_never_goes_to_zero(void **state)
{
    (void)state;
    decide_fix_begin(2, 3);
    decide_fix.in.min_zone = 0;
    decide_fix_rounds(5000, 0);
    assert_int_equal(decide_fix.out.wanted, 1);
}

/* --- plan and bounds --- */

static void t_plan_and_minimum_hold_and_the_larger_one_counts(void **state)
{
    (void)state;
    decide_fix_begin(2, 2);
    decide_fix.in.plan = 12;
    decide_fix.in.min_zone = 4;
    decide_fix_round(0, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_PLAN);
    assert_int_equal(decide_fix.out.wanted, 12);
    decide_fix_rounds(5000, 0);
    assert_int_equal(decide_fix.out.wanted, 12);
    decide_fix.in.plan = 0;
    decide_fix_rounds(5000, 0);
    assert_int_equal(decide_fix.out.wanted, 4);
}

static void t_plan_holds_without_data_and_unmeasured(void **state)
{
    (void)state;
    decide_fix_begin(2, 2);
    decide_fix.in.plan = 12;
    decide_fix.in.fresh = false;
    decide_fix_round(-1, false);
    assert_int_equal(decide_fix.out.wanted, 12);
    assert_int_equal(decide_fix.out.rule, DECIDE_PLAN);
    assert_int_equal(decide_fix.out.need, 0);
}

static void t_no_more_than_the_maximum_and_that_is_said(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix.in.max_zone = 15;
    decide_fix_rounds(600, 8);
    assert_false(decide_fix.out.at_max);
    decide_fix_round(80, false);
    assert_int_equal(decide_fix.out.wanted, 15);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
    assert_true(decide_fix.out.at_max);
    decide_fix_round(80, false);
    assert_int_equal(decide_fix.out.wanted, 15);
    assert_int_equal(decide_fix.out.rule, DECIDE_KEEP);
    assert_true(decide_fix.out.at_max);
}

static void t_a_maximum_below_what_is_wanted_is_reached_in_steps(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(400, 17);
    decide_fix.in.max_zone = 17;
    decide_fix_round(17, false);
    assert_int_equal(decide_fix.out.wanted, 18);
    decide_fix_rounds(59, 17);
    assert_int_equal(decide_fix.out.wanted, 18);
    decide_fix_round(17, false);
    assert_int_equal(decide_fix.out.wanted, 17);
    decide_fix_rounds(600, 17);
    assert_int_equal(decide_fix.out.wanted, 17);
    assert_true(decide_fix.out.at_max);
}

static void t_a_maximum_of_one_is_not_said_to_be_too_low_for_a_small_load(void **state)
{
    (void)state;
    decide_fix_begin(2, 1);
    decide_fix.in.max_zone = 1;
    decide_fix_rounds(100, 0.5);
    assert_int_equal(decide_fix.out.wanted, 1);
    assert_false(decide_fix.out.at_max);
}

static void t_pace_is_what_was_given(void **state)
{
    struct decide_pace quick = {15, 5, 2};

    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_end(state);
    assert_int_equal(decide_state_create(&decide_fix.s, &quick, 20, decide_fix.in.now_ms),
                     0);
    decide_fix_rounds(5, 9);
    assert_int_equal(decide_fix.out.wanted, 18);
    decide_fix_rounds(2, 9);
    assert_int_equal(decide_fix.out.wanted, 17);
}

/* --- names --- */

static void t_each_rule_and_each_hold_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(decide_rule_name(DECIDE_KEEP), "keep");
    assert_string_equal(decide_rule_name(DECIDE_URGENT), "urgent");
    assert_string_equal(decide_rule_name(DECIDE_FLOOR), "floor");
    assert_string_equal(decide_rule_name(DECIDE_PLAN), "plan");
    assert_string_equal(decide_rule_name(DECIDE_DOWN), "down");
    assert_string_equal(decide_hold_name(DECIDE_FREE), "");
    assert_string_equal(decide_hold_name(DECIDE_FROZEN), "frozen");
    assert_string_equal(decide_hold_name(DECIDE_BEHIND), "actuator behind");
}

#define D(fn) cmocka_unit_test_teardown(fn, decide_fix_end)

T_MAIN(D(t_eight_times_the_load_is_decided_in_the_first_round),
       D(t_three_times_the_load_is_decided_in_two_rounds),
       D(t_three_times_the_load_of_few_nodes_fits_in_or_is_decided),
       D(t_more_than_085_of_all_nodes_is_urgent_and_085_is_not),
       D(t_one_round_above_what_a_lost_zone_would_leave_is_not_urgent),
       D(t_one_urgent_step_goes_to_at_most_eight_times_as_many),
       D(t_nodes_that_start_are_not_ordered_a_second_time),
       D(t_a_zone_without_room_does_not_raise_the_other_for_ever),
       D(t_a_lost_zone_raises_the_other_to_what_085_needs),
       D(t_no_node_at_all_and_load_is_urgent),
       D(t_floor_rises_when_the_minute_needs_more_than_105_of_it),
       D(t_under_demand_each_zone_has_two_nodes), D(t_it_never_goes_to_zero),
       D(t_plan_and_minimum_hold_and_the_larger_one_counts),
       D(t_plan_holds_without_data_and_unmeasured),
       D(t_no_more_than_the_maximum_and_that_is_said),
       D(t_a_maximum_below_what_is_wanted_is_reached_in_steps),
       D(t_a_maximum_of_one_is_not_said_to_be_too_low_for_a_small_load),
       D(t_pace_is_what_was_given), D(t_each_rule_and_each_hold_has_its_name))
