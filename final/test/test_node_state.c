/* The state machine of one node: each transition of the diagram in lb/node_state.h, with
 * exact times. */
#include "onestate.h"

/* The node goes down by two checks at <now_ms>. */
static void take_down(uint64_t now_ms)
{
    (void)fails(now_ms);
    assert_int_equal(fails(now_ms), NODE_EVENT_OUT);
}

/* --- up to down --------------------------------------------------------------------- */

static void t_two_failed_checks_take_a_node_down(void **state)
{
    (void)state;
    assert_int_equal(fails(1000), NODE_EVENT_NONE);
    assert_int_equal(node_state_cost(&n), 0);
    assert_true(node_state_is_doubted(&n, 1000));
    assert_int_equal(fails(1250), NODE_EVENT_OUT);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_DOWN | EJECT_CHECK);
    assert_false(node_state_is_doubted(&n, 1250));
    assert_int_equal(fails(2250), NODE_EVENT_NONE);
}

static void t_good_check_between_two_failed_ones_keeps_a_node_up(void **state)
{
    (void)state;
    (void)fails(1000);
    (void)good(NODE_CHECK_PORT, 1250);
    assert_int_equal(fails(1500), NODE_EVENT_NONE);
    assert_int_equal(n.status, NODE_STATUS_UP);
}

static void t_one_failed_check_suffices_within_2_s_after_a_failed_call(void **state)
{
    (void)state;
    node_state_witness(&n, EJECT_CHECK, 1000);
    assert_true(node_state_is_doubted(&n, 3000));
    assert_int_equal(fails(3000), NODE_EVENT_OUT);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_DOWN | EJECT_CHECK);
}

static void t_failed_call_of_2_s_ago_counts_no_more(void **state)
{
    (void)state;
    node_state_witness(&n, EJECT_CHECK, 1000);
    assert_false(node_state_is_doubted(&n, 3001));
    assert_int_equal(fails(3001), NODE_EVENT_NONE);
}

static void t_good_check_explains_a_failed_call(void **state)
{
    (void)state;
    node_state_witness(&n, EJECT_CHECK, 1000);
    (void)good(NODE_CHECK_PORT, 1050);
    assert_false(node_state_is_doubted(&n, 1050));
    assert_int_equal(fails(1100), NODE_EVENT_NONE);
}

static void t_node_that_other_hosts_ejected_goes_down_for_that_reason(void **state)
{
    (void)state;
    node_state_witness(&n, EJECT_FLEET, 1000);
    assert_int_equal(fails(1050), NODE_EVENT_OUT);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_DOWN | EJECT_FLEET);
}

static void t_failed_checks_of_a_node_that_only_calls_have_reached_say_nothing(
    void **state)
{
    (void)state;
    unproven = true;                  /* nor has a check reached the other nodes */
    n.seen_ms = 900;                  /* a call has succeeded, no check ever has */
    assert_int_equal(fails(1000), NODE_EVENT_NONE);
    assert_int_equal(fails(1250), NODE_EVENT_NONE);
    assert_int_equal(fails(1500), NODE_EVENT_NONE);
    assert_int_equal(n.status, NODE_STATUS_UP);
}

static void t_checks_that_never_reached_a_node_say_nothing_while_its_calls_succeed(
    void **state)
{
    (void)state;
    n.seen_ms = 900;                  /* checks do reach the other nodes of the module */
    assert_int_equal(fails(1000), NODE_EVENT_NONE);
    assert_int_equal(fails(2900), NODE_EVENT_NONE);
    assert_int_equal(n.status, NODE_STATUS_UP);
    assert_int_equal(fails(3000), NODE_EVENT_NONE); /* no call has succeeded for 2.1 s */
    assert_int_equal(fails(3250), NODE_EVENT_OUT);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
}

static void t_node_that_checks_never_reached_goes_down_when_its_calls_fail(void **state)
{
    (void)state;
    n.seen_ms = 900;
    node_state_witness(&n, EJECT_CHECK, 1000);
    assert_int_equal(fails(1050), NODE_EVENT_OUT);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
}

/* --- down to up --------------------------------------------------------------------- */

static void t_two_good_checks_bring_a_node_up(void **state)
{
    (void)state;
    take_down(1000);
    assert_int_equal(good(NODE_CHECK_PORT, 1250), NODE_EVENT_NONE);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
    assert_int_equal(good(NODE_CHECK_PORT, 1500), NODE_EVENT_UP);
    assert_int_equal(node_state_cost(&n), 0);
    assert_int_equal(n.warmup_since_ms, 1500);
}

static void t_failed_check_between_two_good_ones_keeps_a_node_down(void **state)
{
    (void)state;
    take_down(1000);
    (void)good(NODE_CHECK_SERVICE, 1250);
    (void)fails(1500);
    assert_int_equal(good(NODE_CHECK_SERVICE, 1750), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_SERVICE, 2000), NODE_EVENT_UP);
}

/* Ejects the node at <now_ms> and brings it up at once, <times>. */
static void eject_often(int times, uint64_t now_ms)
{
    for (; times > 0; times--) {
        node_state_eject(&n, c, EJECT_STREAK, now_ms);
        node_state_readmit(&n, now_ms);
    }
}

static void t_flapping_node_that_works_again_is_held_as_ejected(void **state)
{
    (void)state;
    eject_often(2, 1000);
    take_down(1000);                  /* the third time: 4 s */
    (void)good(NODE_CHECK_SERVICE, 1250);
    assert_int_equal(good(NODE_CHECK_SERVICE, 1500), NODE_EVENT_MOVED);
    assert_int_equal(node_state_cost(&n), NODE_OUT | EJECT_FLAPPING);
    assert_int_equal(good(NODE_CHECK_SERVICE, 4999), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_SERVICE, 5000), NODE_EVENT_UP);
}

static void t_flapping_node_is_not_held_beyond_the_cap(void **state)
{
    (void)state;
    eject_often(2, 1000);
    take_down(1000);
    may_hold = false;
    (void)good(NODE_CHECK_SERVICE, 1250);
    assert_int_equal(good(NODE_CHECK_SERVICE, 1500), NODE_EVENT_UP);
}

static void t_node_that_was_down_twice_lately_does_not_flap_yet(void **state)
{
    (void)state;
    eject_often(1, 1000);
    take_down(1000);
    (void)good(NODE_CHECK_SERVICE, 1250);
    assert_int_equal(good(NODE_CHECK_SERVICE, 1500), NODE_EVENT_UP);
}

/* --- ejected ------------------------------------------------------------------------ */

static void t_backoff_doubles_up_to_a_minute(void **state)
{
    static const uint32_t want[] = {1, 2, 4, 8, 16, 32, 60, 60};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        node_state_eject(&n, c, EJECT_STREAK, 1000);
        assert_int_equal(n.backoff_until_ms, 1000 + want[i] * 1000);
        assert_int_equal(node_state_cost(&n), NODE_OUT | EJECT_STREAK);
        node_state_readmit(&n, 1000);
    }
}

static void t_backoff_of_countless_ejections_is_a_minute(void **state)
{
    (void)state;
    n.n_out = UINT32_MAX - 1;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    assert_int_equal(n.backoff_until_ms, 61000);
}

static void t_each_minute_up_forgives_one_time_that_it_was_not(void **state)
{
    (void)state;
    eject_often(2, 1000);
    node_state_forgive(&n, 61000);
    assert_int_equal(n.n_out, 2);
    node_state_forgive(&n, 61001);
    assert_int_equal(n.n_out, 1);
    node_state_forgive(&n, 121001);
    assert_int_equal(n.n_out, 1);
    node_state_forgive(&n, 121002);
    node_state_forgive(&n, 999999);
    assert_int_equal(n.n_out, 0);
}

static void t_node_that_is_not_up_is_not_forgiven(void **state)
{
    (void)state;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    node_state_forgive(&n, 1000000);
    assert_int_equal(n.n_out, 1);
}

static void t_checks_of_the_service_end_an_ejection_before_its_backoff(void **state)
{
    (void)state;
    eject_often(1, 1000);
    node_state_eject(&n, c, EJECT_STREAK, 1000); /* 2 s */
    assert_int_equal(good(NODE_CHECK_SERVICE, 1250), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_SERVICE, 1500), NODE_EVENT_UP);
}

static void t_checks_of_the_service_do_not_shorten_the_backoff_of_a_flapping_node(
    void **state)
{
    (void)state;
    eject_often(2, 1000);
    node_state_eject(&n, c, EJECT_STREAK, 1000); /* 4 s */
    (void)good(NODE_CHECK_SERVICE, 1250);
    assert_int_equal(good(NODE_CHECK_SERVICE, 4999), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_SERVICE, 5000), NODE_EVENT_UP);
}

static void t_two_failed_checks_take_an_ejected_node_down(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_SERVICE, 500);
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    assert_int_equal(fails(3001), NODE_EVENT_NONE);
    assert_int_equal(fails(3250), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
    assert_int_equal(n.n_out, 1);     /* one period in which it was not up */
}

static void t_ejected_node_that_goes_down_is_down_for_the_present_reason(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_SERVICE, 500);
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    (void)fails(3001);
    (void)fails(3250);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_DOWN | EJECT_CHECK);
}

static void t_node_on_trial_that_goes_down_is_down_for_the_present_reason(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PORT, 500);
    node_state_eject(&n, c, EJECT_OUTLIER, 1000);
    (void)good(NODE_CHECK_PORT, 17000);
    assert_int_equal(good(NODE_CHECK_PORT, 17250), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_TRIAL);
    node_state_witness(&n, EJECT_FLEET, 17300);
    assert_int_equal(fails(17350), NODE_EVENT_MOVED);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_DOWN | EJECT_FLEET);
}

static void t_one_failed_check_takes_a_node_down_that_was_ejected_just_now(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_SERVICE, 500);
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    assert_int_equal(fails(3000), NODE_EVENT_MOVED); /* its calls were the witness */
    assert_int_equal(n.status, NODE_STATUS_DOWN);
}

static void t_without_a_check_no_time_ends_an_ejection(void **state)
{
    (void)state;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    node_state_forgive(&n, 10000000);
    assert_int_equal(n.status, NODE_STATUS_EJECTED);
    assert_int_equal(good(NODE_CHECK_SERVICE, 10000000), NODE_EVENT_NONE);
}

/* --- readmitted, forgotten, seen ---------------------------------------------------- */

static void t_readmitted_node_is_up_and_warms_up(void **state)
{
    (void)state;
    take_down(1000);
    node_state_readmit(&n, 1500);
    assert_int_equal(node_state_cost(&n), 0);
    assert_int_equal(n.warmup_since_ms, 1500);
    assert_int_equal(fails(1600), NODE_EVENT_NONE); /* two checks are needed again */
}

static void t_forgotten_node_is_up_and_unseen(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_SERVICE, 900);
    take_down(1000);
    node_state_forget(&n);
    assert_int_equal(node_state_cost(&n), 0);
    assert_false(node_state_is_seen(&n, 1000));
    assert_false(node_state_is_doubted(&n, 1000));
    assert_int_equal(n.n_out, 1);     /* whether it flaps is not forgotten */
}

static void t_node_is_seen_for_2_s_after_a_check_of_more_than_the_port(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PORT, 1000);
    assert_false(node_state_is_seen(&n, 1000));
    (void)good(NODE_CHECK_PROCESS, 1000);
    assert_true(node_state_is_seen(&n, 3000));
    assert_false(node_state_is_seen(&n, 3001));
}

/* --- slow start --------------------------------------------------------------------- */

static void t_slow_start_grows_to_the_whole_weight(void **state)
{
    int second, i, works;

    (void)state;
    node_state_readmit(&n, 1000);
    for (second = 0; second < 10; second++) { /* each second adds a tenth on average */
        for (i = works = 0; i < 100; i++)
            works += !node_state_pauses(&n, c, 1000 + (uint64_t)(second * 1000 + i * 10));
        assert_in_range(works, second == 0 ? 9 : 10 * second + 4,
                        second == 0 ? 12 : 10 * second + 6);
    }
    for (i = 0; i < 100; i++)
        assert_false(node_state_pauses(&n, c, 11000 + (uint64_t)i));
}

static void t_node_that_was_never_out_does_not_pause(void **state)
{
    (void)state;
    assert_false(node_state_pauses(&n, c, 0));
    node_state_start_warmup(&n, 1000);
    assert_true(node_state_pauses(&n, c, 1000)); /* new, so as one that is back */
}

static void t_slow_start_of_no_length_is_none(void **state)
{
    const struct node_state_config none = {1000, 60000, 0, 10};

    (void)state;
    node_state_readmit(&n, 1000);
    assert_false(node_state_pauses(&n, &none, 1000));
}

/* --- texts -------------------------------------------------------------------------- */

static void t_states_have_names(void **state)
{
    (void)state;
    assert_string_equal(node_state_str(1000), "up");
    assert_string_equal(node_state_str(NODE_WARMING), "warming up");
    assert_string_equal(node_state_str(NODE_OUT | EJECT_STREAK), "ejected");
    assert_string_equal(node_state_str(NODE_OUT | NODE_DOWN | EJECT_CHECK), "down");
    assert_string_equal(node_state_str(NODE_OUT | NODE_TRIAL), "on trial");
    assert_string_equal(node_state_str(NODE_OUT | NODE_UNSEEN), "in reserve");
    assert_string_equal(node_state_str(NODE_OUT | NODE_UNSEEN | NODE_DOWN),
                        "not checked yet");
}

static void t_any_cost_has_a_text(void **state)
{
    uint32_t cost;

    (void)state;
    for (cost = NODE_OUT - 2; cost != 0; cost++) {
        assert_true(strlen(node_state_str(cost)) > 0);
        assert_true(strlen(node_state_reason(cost)) > 0);
    }
    for (cost = EJECT_PROPOSED; cost < EJECT_STOPPED; cost++)
        assert_string_not_equal(node_state_reason(NODE_OUT | cost),
                                node_state_reason(NODE_OUT | (cost + 1)));
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_two_failed_checks_take_a_node_down),
       P(t_good_check_between_two_failed_ones_keeps_a_node_up),
       P(t_one_failed_check_suffices_within_2_s_after_a_failed_call),
       P(t_failed_call_of_2_s_ago_counts_no_more),
       P(t_good_check_explains_a_failed_call),
       P(t_node_that_other_hosts_ejected_goes_down_for_that_reason),
       P(t_failed_checks_of_a_node_that_only_calls_have_reached_say_nothing),
       P(t_checks_that_never_reached_a_node_say_nothing_while_its_calls_succeed),
       P(t_node_that_checks_never_reached_goes_down_when_its_calls_fail),
       P(t_two_good_checks_bring_a_node_up),
       P(t_failed_check_between_two_good_ones_keeps_a_node_down),
       P(t_flapping_node_that_works_again_is_held_as_ejected),
       P(t_flapping_node_is_not_held_beyond_the_cap),
       P(t_node_that_was_down_twice_lately_does_not_flap_yet),
       P(t_backoff_doubles_up_to_a_minute),
       P(t_backoff_of_countless_ejections_is_a_minute),
       P(t_each_minute_up_forgives_one_time_that_it_was_not),
       P(t_node_that_is_not_up_is_not_forgiven),
       P(t_checks_of_the_service_end_an_ejection_before_its_backoff),
       P(t_checks_of_the_service_do_not_shorten_the_backoff_of_a_flapping_node),
       P(t_two_failed_checks_take_an_ejected_node_down),
       P(t_one_failed_check_takes_a_node_down_that_was_ejected_just_now),
       P(t_ejected_node_that_goes_down_is_down_for_the_present_reason),
       P(t_node_on_trial_that_goes_down_is_down_for_the_present_reason),
       P(t_without_a_check_no_time_ends_an_ejection),
       P(t_readmitted_node_is_up_and_warms_up),
       P(t_forgotten_node_is_up_and_unseen),
       P(t_node_is_seen_for_2_s_after_a_check_of_more_than_the_port),
       P(t_slow_start_grows_to_the_whole_weight),
       P(t_node_that_was_never_out_does_not_pause),
       P(t_slow_start_of_no_length_is_none),
       P(t_states_have_names),
       P(t_any_cost_has_a_text))
