/* Hosts with gateways in virtual time: when one is started, announced, counted and given
 * up, and how the program is called. */
#include "frontlife.h"

/* --- up ----------------------------------------------------------------------------- */

static void t_a_host_is_started_when_the_gateways_are_busy_for_long_enough(void **state)
{
    (void)state;
    in.busy = 0.75;
    turns(10);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
    in.busy = 0.6; /* a pause: it begins again */
    turn();
    in.busy = 0.75;
    turns(10);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
    assert_string_equal(out.change[0].action, "front start");
    turns(30);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STANDBY); /* one at a time */
}

static void t_no_data_starts_nothing(void **state)
{
    (void)state;
    in.busy = -1;
    turns(60);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
}

static void t_frozen_and_missing_gateways_keep_no_host_from_starting(void **state)
{
    (void)state;
    in.busy = 0.9;
    in.frozen = true;
    in.whole = false;
    turns(11);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
}

static void t_a_host_counts_when_it_is_ready_announced_and_seen_three_times(void **state)
{
    (void)state;
    in.busy = 0.75;
    turns(12);
    assert_int_equal(ran, 0);
    assert_int_equal(n_command[FRONT_START], 1);
    probe[0].n_ok = 1; /* ready, but the program has not ended yet */
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
    probe[0].n_ok = 0;
    accept(0, FRONT_START);
    turns(5);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING); /* not ready */
    assert_int_equal(n_command[FRONT_ANNOUNCE], 0);
    probe[0].n_ok = 1;
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_false(host[0].done);
    probe[0].n_ok = 9; /* it can be seen before it is announced: that does not count */
    turns(2);
    assert_false(host[0].seen);
    assert_int_equal(n_command[FRONT_ANNOUNCE], 1);
    probe[0].n_ok = 2;
    accept(0, FRONT_ANNOUNCE);
    turn();
    assert_false(host[0].seen);
    assert_int_equal(out.n_serving, 2);
    probe[0].n_ok = 3;
    turns(2);
    assert_true(host[0].seen);
    assert_int_equal(out.n_serving, 3);
    assert_int_equal(n_command[FRONT_START], 1);
    turns(11); /* still busy: the next one */
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STARTING);
}

static void t_a_host_in_the_zone_with_fewer_gateways_is_started_first(void **state)
{
    (void)state;
    in.n = 4;
    serve(0); /* in zone a, as g3 */
    in.busy = 0.9;
    turns(11);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STARTING);
}

static void t_without_a_standby_host_one_says_so_until_the_load_falls(void **state)
{
    (void)state;
    in.n = 1;
    serve(0);
    in.busy = 0.8;
    turns(10);
    assert_false(out.none_left);
    turn();
    assert_true(out.none_left);
    in.busy = 0.5;
    turn();
    assert_false(out.none_left);
}

/* --- given up ----------------------------------------------------------------------- */

static void t_a_host_that_is_not_ready_is_given_up_and_another_one_tried(void **state)
{
    (void)state;
    in.busy = 0.8;
    turns(12);
    accept(0, FRONT_START);
    probe[0].why = "10.0.0.1:9890: nothing listens there";
    turns(117);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
    turns(3);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
    assert_int_equal(host[0].failed, 1);
    assert_string_equal(host[0].note, "given up: it was not ready in time; "
                                      "10.0.0.1:9890: nothing listens there");
    turns(12);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STARTING);
}

static void t_a_host_that_was_given_up_rests_twice_as_long_each_time(void **state)
{
    (void)state;
    in.n = 1;
    in.busy = 0.8;
    host[0].failed = 1;
    turns(59);
    assert_true(out.none_left);
    turns(2);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
    host[0].state = SNAPSHOT_FRONT_STANDBY;
    host[0].failed = 3;
    host[0].age_ms = 0;
    turns(239);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
    turns(2);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
    host[0].state = SNAPSHOT_FRONT_STANDBY;
    host[0].failed = 4000000000u;
    host[0].age_ms = FRONT_LIFE_REST_MAX_MS - S_MS;
    turns(12);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STARTING);
}

static void t_an_announced_host_that_is_never_seen_is_withdrawn(void **state)
{
    (void)state;
    host[0].state = SNAPSHOT_FRONT_ANNOUNCED;
    host[0].done = true;
    probe[0] = (struct front_life_probe){0, 1, "no answer"};
    turns(122);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWING);
    assert_int_equal(host[0].failed, 1);
    assert_int_equal(n_command[FRONT_WITHDRAW], 1);
    accept(0, FRONT_WITHDRAW);
    turns(59);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWING); /* drains */
    turns(3);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
}

static void t_a_host_that_was_seen_once_is_not_given_up_when_it_is_lost(void **state)
{
    (void)state;
    serve(0);
    probe[0] = (struct front_life_probe){0, 9, "no answer"};
    turn();
    assert_true(host[0].seen);
    probe[0].n_failed = 10;
    turns(2);
    assert_false(host[0].seen);
    assert_int_equal(out.n_serving, 2);
    turns(3600);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    probe[0] = (struct front_life_probe){3, 0, ""};
    turn();
    assert_true(host[0].seen);
}

/* --- the program -------------------------------------------------------------------- */

static void t_a_command_is_repeated_until_it_is_accepted(void **state)
{
    (void)state;
    in.busy = 0.8;
    turns(12);
    assert_int_equal(n_command[FRONT_START], 1);
    turns(9);
    assert_int_equal(n_command[FRONT_START], 1);
    turns(1);
    assert_int_equal(n_command[FRONT_START], 2);
    accept(0, FRONT_START);
    turns(60);
    assert_int_equal(n_command[FRONT_START], 2);
}

static void t_what_was_accepted_is_said_until_the_row_has_it(void **state)
{
    (void)state;
    in.busy = 0.8;
    turns(12);
    front_life_accepted(life, "g1", FRONT_START);
    front_life_round(life, &in, &out); /* this one is not written */
    assert_int_equal(out.n_change, 1);
    assert_true(out.change[0].to.done);
    turn();
    assert_true(host[0].done);
    turns(30);
    assert_int_equal(n_command[FRONT_START], 1);
}

static void t_what_another_command_accepted_does_not_count(void **state)
{
    (void)state;
    in.busy = 0.8;
    turns(12);
    host[0].state = SNAPSHOT_FRONT_WITHDRAWING; /* by an operator, meanwhile */
    host[0].held = true;
    front_life_accepted(life, "g1", FRONT_START);
    turns(2);
    assert_false(host[0].done);
    assert_int_equal(n_command[FRONT_WITHDRAW], 1);
}

static void t_commands_of_hosts_are_given_in_turn(void **state)
{
    (void)state;
    host[0].state = SNAPSHOT_FRONT_WITHDRAWING;
    host[1].state = SNAPSHOT_FRONT_WITHDRAWING;
    turn();
    assert_int_equal(ran, 0);
    turn();
    assert_int_equal(ran, 1);
    turn();
    assert_int_equal(ran, -1);
    turns(8);
    assert_int_equal(ran, 0);
}

static void t_a_new_leader_does_not_start_a_host_again(void **state)
{
    (void)state;
    in.busy = 0.8;
    turns(12);
    accept(0, FRONT_START);
    front_life_destroy(life); /* the other process knows the rows only */
    assert_int_equal(front_life_create(&life, &cfg), 0);
    front_life_lead(life, now);
    turns(30);
    assert_int_equal(n_command[FRONT_START], 1);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STANDBY);
    probe[0].n_ok = 1;
    turns(2);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(n_command[FRONT_ANNOUNCE], 1);
}

static void t_without_a_program_operators_start_and_nothing_is_chosen(void **state)
{
    (void)state;
    front_life_destroy(life);
    cfg.has_program = false;
    assert_int_equal(front_life_create(&life, &cfg), 0);
    front_life_lead(life, now);
    in.busy = 0.9;
    turns(60);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_STANDBY);
    host[0].state = SNAPSHOT_FRONT_STARTING;
    host[0].held = true;
    probe[0].n_ok = 5;
    turns(4);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_true(host[0].seen);
    assert_int_equal(n_command[0] + n_command[1] + n_command[2], 0);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(t_a_host_is_started_when_the_gateways_are_busy_for_long_enough),
        S(t_no_data_starts_nothing),
        S(t_frozen_and_missing_gateways_keep_no_host_from_starting),
        S(t_a_host_counts_when_it_is_ready_announced_and_seen_three_times),
        S(t_a_host_in_the_zone_with_fewer_gateways_is_started_first),
        S(t_without_a_standby_host_one_says_so_until_the_load_falls),
        S(t_a_host_that_is_not_ready_is_given_up_and_another_one_tried),
        S(t_a_host_that_was_given_up_rests_twice_as_long_each_time),
        S(t_an_announced_host_that_is_never_seen_is_withdrawn),
        S(t_a_host_that_was_seen_once_is_not_given_up_when_it_is_lost),
        S(t_a_command_is_repeated_until_it_is_accepted),
        S(t_what_was_accepted_is_said_until_the_row_has_it),
        S(t_what_another_command_accepted_does_not_count),
        S(t_commands_of_hosts_are_given_in_turn),
        S(t_a_new_leader_does_not_start_a_host_again),
        S(t_without_a_program_operators_start_and_nothing_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
