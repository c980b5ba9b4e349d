/* The state machine of one node whose checks do not see its service: when it is put on
 * trial, what the trial call decides, and a process that is stopped. */
#include "onestate.h"

static void t_checks_of_the_process_lead_to_a_trial_after_the_backoff(void **state)
{
    (void)state;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    (void)good(NODE_CHECK_PROCESS, 1250);
    assert_int_equal(good(NODE_CHECK_PROCESS, 1999), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_PROCESS, 2000), NODE_EVENT_MOVED);
    assert_int_equal(node_state_cost(&n), NODE_OUT | NODE_TRIAL | EJECT_STREAK);
    n.trial_ms = 2010;                /* a caller has the ticket */
    assert_int_equal(node_state_cost(&n), NODE_OUT | EJECT_STREAK);
    assert_int_equal(good(NODE_CHECK_PROCESS, 2250), NODE_EVENT_NONE);
}

static void t_trial_waits_while_another_node_is_on_trial(void **state)
{
    (void)state;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    may_try = false;
    (void)good(NODE_CHECK_PROCESS, 2000);
    assert_int_equal(good(NODE_CHECK_PROCESS, 2250), NODE_EVENT_NONE);
    may_try = true;
    assert_int_equal(good(NODE_CHECK_PROCESS, 2500), NODE_EVENT_MOVED);
}

static void t_node_that_shows_only_its_port_is_tried_after_16_s(void **state)
{
    (void)state;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    (void)good(NODE_CHECK_PORT, 2000);
    assert_int_equal(good(NODE_CHECK_PORT, 16999), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_PORT, 17000), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_TRIAL);
}

static void t_ejected_node_whose_failed_checks_succeed_again_needs_no_trial(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    (void)fails(3500);                /* a refused connection, so the next process */
    (void)good(NODE_CHECK_PROCESS, 3750);
    assert_int_equal(good(NODE_CHECK_PROCESS, 4000), NODE_EVENT_UP);
}

static void t_node_that_checks_never_reached_is_tried_although_they_fail(void **state)
{
    (void)state;
    unproven = true;                  /* those of the other nodes neither */
    n.seen_ms = 900;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    assert_int_equal(fails(16999), NODE_EVENT_NONE);
    assert_int_equal(fails(17000), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_TRIAL);
    assert_int_equal(fails(17250), NODE_EVENT_NONE);
    assert_int_equal(node_state_tried(&n, c, true, 17300), NODE_EVENT_UP);
}

/* Puts the node, of whose checks <kind> is the most, on trial at 1000. */
static void put_on_trial(enum node_check kind)
{
    n.kind = kind;
    node_state_eject(&n, c, EJECT_STREAK, 1000);
    n.status = NODE_STATUS_TRIAL;
}

static void t_good_trial_brings_a_node_up(void **state)
{
    (void)state;
    put_on_trial(NODE_CHECK_PROCESS);
    assert_int_equal(node_state_tried(&n, c, true, 2500), NODE_EVENT_UP);
    assert_int_equal(n.status, NODE_STATUS_UP);
    assert_int_equal(n.warmup_since_ms, 2500);
}

static void t_failed_trial_doubles_the_backoff(void **state)
{
    (void)state;
    put_on_trial(NODE_CHECK_PROCESS);
    assert_int_equal(node_state_tried(&n, c, false, 2500), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_EJECTED);
    assert_int_equal(node_state_cost(&n), NODE_OUT | EJECT_TRIAL);
    assert_int_equal(n.backoff_until_ms, 4500);
    n.status = NODE_STATUS_TRIAL;
    (void)node_state_tried(&n, c, false, 5000);
    assert_int_equal(n.backoff_until_ms, 9000);
}

static void t_failed_trial_of_a_node_that_shows_only_its_port_lasts_16_s(void **state)
{
    (void)state;
    put_on_trial(NODE_CHECK_PORT);
    (void)node_state_tried(&n, c, false, 2500);
    assert_int_equal(n.backoff_until_ms, 18500);
}

static void t_two_failed_checks_take_a_node_on_trial_down(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    put_on_trial(NODE_CHECK_PROCESS);
    n.trial_ms = 3100;
    (void)fails(3200);
    assert_int_equal(fails(3450), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
    assert_int_equal(n.trial_ms, 0);  /* the ticket is void */
}

/* --- stopped ------------------------------------------------------------------------ */

static void t_process_that_twice_closes_no_more_is_stopped(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 1000);
    assert_int_equal(good(NODE_CHECK_PORT, 2000), NODE_EVENT_NONE);
    assert_false(node_state_is_stopped(&n));
    (void)good(NODE_CHECK_PORT, 2250);
    assert_true(node_state_is_stopped(&n));
    assert_int_equal(n.status, NODE_STATUS_UP); /* the cap decides whether it stays so */
    (void)good(NODE_CHECK_PROCESS, 2500);
    assert_false(node_state_is_stopped(&n));
}

static void t_port_that_is_all_a_node_ever_showed_does_not_stop_it(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PORT, 1000);
    (void)good(NODE_CHECK_PORT, 2000);
    (void)good(NODE_CHECK_PORT, 3000);
    assert_false(node_state_is_stopped(&n));
}

static void t_stopped_node_whose_process_shows_itself_is_up(void **state)
{
    uint64_t now_ms;

    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    node_state_eject(&n, c, EJECT_STOPPED, 1000);
    for (now_ms = 2000; now_ms <= 60000; now_ms += 1000)
        assert_int_equal(good(NODE_CHECK_PORT, now_ms), NODE_EVENT_NONE);
    (void)good(NODE_CHECK_PROCESS, 60500);
    assert_int_equal(good(NODE_CHECK_PROCESS, 60750), NODE_EVENT_UP);
}

/* Another version of the service may be there, which does not close in turn. */
static void t_stopped_node_is_tried_after_the_longest_backoff(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    node_state_eject(&n, c, EJECT_STOPPED, 1000);
    (void)good(NODE_CHECK_PORT, 60500);
    assert_int_equal(good(NODE_CHECK_PORT, 61000), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_PORT, 61001), NODE_EVENT_NONE);
    assert_int_equal(good(NODE_CHECK_PORT, 62001), NODE_EVENT_MOVED);
    assert_int_equal(n.status, NODE_STATUS_TRIAL);
    (void)node_state_tried(&n, c, false, 62100);
    assert_int_equal(n.backoff_until_ms, 78100); /* as of a node that shows its port */
}

static void t_node_that_was_down_is_not_held_to_what_an_earlier_process_showed(
    void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    (void)fails(1000);
    (void)fails(1250);
    assert_int_equal(n.status, NODE_STATUS_DOWN);
    (void)good(NODE_CHECK_PORT, 1500);
    assert_int_equal(good(NODE_CHECK_PORT, 1750), NODE_EVENT_UP);
    (void)good(NODE_CHECK_PORT, 2750);
    (void)good(NODE_CHECK_PORT, 3750);
    assert_false(node_state_is_stopped(&n));
}

static void t_node_whose_calls_succeed_is_not_stopped(void **state)
{
    (void)state;
    (void)good(NODE_CHECK_PROCESS, 500);
    (void)good(NODE_CHECK_PORT, 1000);
    node_state_succeeded(&n, 1100);
    (void)good(NODE_CHECK_PORT, 1250);
    assert_false(node_state_is_stopped(&n));
    assert_true(node_state_is_seen(&n, 3100));
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_checks_of_the_process_lead_to_a_trial_after_the_backoff),
       P(t_trial_waits_while_another_node_is_on_trial),
       P(t_node_that_shows_only_its_port_is_tried_after_16_s),
       P(t_ejected_node_whose_failed_checks_succeed_again_needs_no_trial),
       P(t_node_that_checks_never_reached_is_tried_although_they_fail),
       P(t_good_trial_brings_a_node_up),
       P(t_failed_trial_doubles_the_backoff),
       P(t_failed_trial_of_a_node_that_shows_only_its_port_lasts_16_s),
       P(t_two_failed_checks_take_a_node_on_trial_down),
       P(t_process_that_twice_closes_no_more_is_stopped),
       P(t_port_that_is_all_a_node_ever_showed_does_not_stop_it),
       P(t_stopped_node_whose_process_shows_itself_is_up),
       P(t_stopped_node_is_tried_after_the_longest_backoff),
       P(t_node_that_was_down_is_not_held_to_what_an_earlier_process_showed),
       P(t_node_whose_calls_succeed_is_not_stopped))
