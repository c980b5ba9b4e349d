/* Each hold of the decision, and what it takes for nodes to go down, in virtual time. */
#include <math.h>

#include "lib/decide_fix.h"
#include "t.h"

/* --- down --- */

/* 20 nodes in each zone, of which a load of 9 needs 10; no hold is in the next round. */
static void begin_down(void)
{
    decide_fix_begin(2, 20);
    decide_fix.in.frozen = true;
    decide_fix_rounds(1000, 9);
    assert_int_equal(decide_fix.out.wanted, 20);
    decide_fix.in.frozen = false;
}

static void t_a_step_down_is_a_tenth_every_minute(void **state)
{
    (void)state;
    begin_down();
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_DOWN);
    assert_int_equal(decide_fix.out.wanted, 18);
    decide_fix_rounds(59, 9);
    assert_int_equal(decide_fix.out.wanted, 18);
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.wanted, 17);
    decide_fix_rounds(3000, 9);
    assert_int_equal(decide_fix.out.wanted, 13); /* 10 is not below 0.83 x 12 */
}

static void t_the_highest_minute_of_fifteen_decides(void **state)
{
    unsigned s = 0;

    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(1000, 18);
    while (decide_fix.down == 0 && s < 3000) {
        decide_fix_round(9, false);
        s++;
    }
    assert_in_range(s, 900, 1100);
}

static void t_a_load_of_083_of_one_node_less_stays(void **state)
{
    (void)state;
    decide_fix_begin(2, 21);
    decide_fix_rounds(3000, 0.9 * 0.83 * 20 + 0.01);
    assert_int_equal(decide_fix.down, 0);
    decide_fix_rounds(3000, 0.9 * 0.83 * 20 - 0.01);
    assert_int_equal(decide_fix.down, 1);
}

/* After a short hold the mean of a minute has not yet seen a crowd that is there. */
static void t_what_the_last_seconds_need_is_not_taken_away(void **state)
{
    struct decide_pace quick = {15, 5, 2};

    (void)state;
    decide_fix_begin(2, 4);
    decide_fix_end(NULL);
    assert_int_equal(decide_state_create(&decide_fix.s, &quick, 4, decide_fix.in.now_ms),
                     0);
    decide_fix_rounds(60, 3.6);
    decide_fix_rounds(300, 14.4);
    assert_int_equal(decide_fix.down, 0);
    assert_int_equal(decide_fix.out.wanted, 16);
}

/* Sets a hold: nothing goes down.  Takes it away: the next round is a step down. */
#define CHECK_HOLD(set, clear, expect)                                                   \
    do {                                                                                 \
        begin_down();                                                                    \
        set;                                                                             \
        decide_fix_rounds(2000, 9);                                                      \
        assert_int_equal(decide_fix.out.wanted, 20);                                     \
        assert_int_equal(decide_fix.out.hold, expect);                                   \
        clear;                                                                           \
        decide_fix_round(9, false);                                                      \
        assert_int_equal(decide_fix.out.hold, DECIDE_FREE);                              \
        assert_int_equal(decide_fix.out.wanted, 18);                                     \
        decide_fix_end(state);                                                           \
    } while (0)

static void t_nothing_goes_down_while_frozen(void **state)
{
    CHECK_HOLD(decide_fix.in.frozen = true, decide_fix.in.frozen = false, DECIDE_FROZEN);
}

static void t_nothing_goes_down_while_a_gateway_is_silent(void **state)
{
    CHECK_HOLD(decide_fix.in.all_gateways_60s = false,
               decide_fix.in.all_gateways_60s = true, DECIDE_NO_DATA);
}

static void t_nothing_goes_down_without_fresh_data(void **state)
{
    CHECK_HOLD(decide_fix.in.fresh = false, decide_fix.in.fresh = true, DECIDE_NO_DATA);
}

static void t_nothing_goes_down_while_a_zone_is_suspect(void **state)
{
    CHECK_HOLD(decide_fix.in.zone_suspect = true, decide_fix.in.zone_suspect = false,
               DECIDE_ZONE_SUSPECT);
}

static void t_nothing_goes_down_while_an_alarm_is_open(void **state)
{
    CHECK_HOLD(decide_fix.in.alarm = true, decide_fix.in.alarm = false, DECIDE_ALARM);
}

static void t_nothing_goes_down_while_an_actuator_is_behind(void **state)
{
    CHECK_HOLD(decide_fix.in.behind = true, decide_fix.in.behind = false, DECIDE_BEHIND);
}

static void t_nothing_goes_down_unmeasured(void **state)
{
    (void)state;
    begin_down();
    decide_fix_rounds(5000, -1);
    assert_int_equal(decide_fix.out.wanted, 20);
    assert_int_equal(decide_fix.out.hold, DECIDE_UNMEASURED);
    decide_fix_rounds(5000, NAN);
    assert_int_equal(decide_fix.out.wanted, 20);
    assert_int_equal(decide_fix.out.hold, DECIDE_UNMEASURED);
}

static void t_a_new_leader_takes_nothing_down_for_300_seconds(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(299, 9);
    assert_int_equal(decide_fix.out.hold, DECIDE_NEW_LEADER);
    assert_int_equal(decide_fix.out.wanted, 20);
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_FREE);
    assert_int_equal(decide_fix.out.wanted, 18);
}

/* One second of a crowd raises no mean of a minute much: only the hold keeps it up. */
static void t_nothing_goes_down_for_300_seconds_after_an_urgent_step(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(2000, 2 * 0.9);
    decide_fix_rounds(1, 0);
    assert_true(decide_fix.out.wanted <= 4);
    decide_fix_round(20, false);
    assert_int_equal(decide_fix.out.rule, DECIDE_URGENT);
    decide_fix_rounds(299, 1.8);
    assert_int_equal(decide_fix.out.hold, DECIDE_AFTER_URGENT);
    assert_int_equal(decide_fix.out.rule, DECIDE_KEEP);
    decide_fix_round(1.8, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_FREE);
    assert_int_equal(decide_fix.out.rule, DECIDE_DOWN);
}

static void t_the_first_hold_that_applies_is_named(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix.in.frozen = decide_fix.in.zone_suspect = decide_fix.in.alarm =
        decide_fix.in.behind = true;
    decide_fix.in.all_gateways_60s = false;
    decide_fix_round(-1, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_FROZEN);
    decide_fix.in.frozen = false;
    decide_fix_round(-1, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_NO_DATA);
    decide_fix.in.all_gateways_60s = true;
    decide_fix_round(-1, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_UNMEASURED);
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_NEW_LEADER);
    decide_fix.in.now_ms += 300000;
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_ZONE_SUSPECT);
    decide_fix.in.zone_suspect = false;
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_ALARM);
    decide_fix.in.alarm = false;
    decide_fix_round(9, false);
    assert_int_equal(decide_fix.out.hold, DECIDE_BEHIND);
}

static void t_holds_do_not_keep_it_from_going_up(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix.in.frozen = decide_fix.in.zone_suspect = decide_fix.in.alarm =
        decide_fix.in.behind = true;
    decide_fix.in.all_gateways_60s = false;
    decide_fix_rounds(100, 8);
    decide_fix_round(64, false);
    assert_int_equal(decide_fix.out.wanted, 72);
}

/* --- missing data --- */

static void t_zero_without_data_is_no_demand_that_went_away(void **state)
{
    (void)state;
    decide_fix_begin(2, 10);
    decide_fix_rounds(600, 9);
    decide_fix.in.fresh = false;
    decide_fix_rounds(86400, 0);
    assert_int_equal(decide_fix.out.wanted, 10);
    assert_true(decide_fix.out.slow > 8.9);
}

/* An hour without data does not make the highest minute before it old. */
static void t_the_window_of_fifteen_minutes_holds_data_only(void **state)
{
    unsigned s = 0;

    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(1000, 18);
    decide_fix.in.fresh = false;
    decide_fix_rounds(3600, 0);
    decide_fix.in.fresh = true;
    while (decide_fix.down == 0 && s < 3000) {
        decide_fix_round(9, false);
        s++;
    }
    assert_in_range(s, 900, 1100);
}

static void t_the_first_sample_after_a_gap_is_not_the_mean(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(600, 18);
    decide_fix.in.now_ms += 3600000;
    decide_fix_round(0, false);
    assert_true(decide_fix.out.slow > 16);
}

static void t_a_round_at_the_same_time_changes_no_mean(void **state)
{
    (void)state;
    decide_fix_begin(2, 20);
    decide_fix_rounds(600, 18);
    decide_fix.in.now_ms -= 1000;
    decide_fix_round(0, false);
    assert_true(decide_fix.out.slow > 17.9);
}

#define D(fn) cmocka_unit_test_teardown(fn, decide_fix_end)

T_MAIN(D(t_a_step_down_is_a_tenth_every_minute),
       D(t_the_highest_minute_of_fifteen_decides),
       D(t_a_load_of_083_of_one_node_less_stays),
       D(t_what_the_last_seconds_need_is_not_taken_away),
       D(t_nothing_goes_down_while_frozen),
       D(t_nothing_goes_down_while_a_gateway_is_silent),
       D(t_nothing_goes_down_without_fresh_data),
       D(t_nothing_goes_down_while_a_zone_is_suspect),
       D(t_nothing_goes_down_while_an_alarm_is_open),
       D(t_nothing_goes_down_while_an_actuator_is_behind),
       D(t_nothing_goes_down_unmeasured),
       D(t_a_new_leader_takes_nothing_down_for_300_seconds),
       D(t_nothing_goes_down_for_300_seconds_after_an_urgent_step),
       D(t_the_first_hold_that_applies_is_named), D(t_holds_do_not_keep_it_from_going_up),
       D(t_zero_without_data_is_no_demand_that_went_away),
       D(t_the_window_of_fifteen_minutes_holds_data_only),
       D(t_the_first_sample_after_a_gap_is_not_the_mean),
       D(t_a_round_at_the_same_time_changes_no_mean))
