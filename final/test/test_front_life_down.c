/* Hosts with gateways in virtual time: when one is withdrawn and when not, and what two
 * faults at once change. */
#include "frontlife.h"

/* --- down --------------------------------------------------------------------------- */

static void t_the_last_one_is_withdrawn_when_those_that_stay_are_calm(void **state)
{
    (void)state;
    serve(0);
    serve(1);
    host[1].age_ms = 500 * S_MS; /* the younger one */
    in.busy = 0.31; /* of four are 0.41 of three */
    turns(900);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_ANNOUNCED);
    turn();
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_WITHDRAWING);
    assert_string_equal(host[1].note, "the load is low");
    turns(2);
    assert_int_equal(n_command[FRONT_WITHDRAW], 1);
    accept(1, FRONT_WITHDRAW);
    turns(62);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STANDBY);
    turns(2000); /* 0.31 of three are 0.47 of two: not calm */
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    in.busy = 0.2;
    turns(902);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWING);
}

static void t_two_gateways_stay_whatever_the_load_is(void **state)
{
    (void)state;
    in.n_configured = 1;
    serve(0);
    in.busy = 0;
    turns(5000);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(out.hold, FRONT_LIFE_NONE);
    in.n_configured = 0;
    serve(1);
    turns(5000);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_ANNOUNCED);
}

/* Nothing is withdrawn for much longer than it takes. */
static void expect_hold(enum front_life_hold hold)
{
    serve(0);
    in.busy = in.busy < 0 ? -1 : 0.05;
    turns(3000);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(out.hold, hold);
}

static void t_missing_data_withdraw_nothing(void **state)
{
    (void)state;
    in.whole = false;
    expect_hold(FRONT_LIFE_NO_DATA);
    in.whole = true;
    turns(900); /* the calm time begins again */
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWING);
}

static void t_no_gateway_that_answers_withdraws_nothing(void **state)
{
    (void)state;
    in.busy = -1;
    expect_hold(FRONT_LIFE_NO_DATA);
}

static void t_frozen_withdraws_nothing(void **state)
{
    (void)state;
    in.frozen = true;
    expect_hold(FRONT_LIFE_FROZEN);
}

static void t_a_lost_host_keeps_the_others(void **state)
{
    (void)state;
    serve(1);
    host[1].seen = false;
    probe[1] = (struct front_life_probe){0, 100, "no answer"};
    expect_hold(FRONT_LIFE_NO_DATA);
}

static void t_a_held_host_is_neither_started_nor_withdrawn(void **state)
{
    (void)state;
    host[1].held = true;
    serve(0);
    host[0].held = true;
    in.busy = 0.05;
    turns(3000);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    in.busy = 0.95;
    turns(60);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STANDBY);
    assert_true(out.none_left);
    host[0].state = SNAPSHOT_FRONT_WITHDRAWING;
    host[0].age_ms = 61 * S_MS;
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWN);
    turns(60);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWN);
}

static void t_a_new_leader_withdraws_nothing_in_the_hold_time(void **state)
{
    (void)state;
    front_life_destroy(life);
    cfg.calm_ms = 10 * S_MS;
    assert_int_equal(front_life_create(&life, &cfg), 0);
    front_life_lead(life, now);
    serve(0);
    in.busy = 0.05;
    turns(300);
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(out.hold, FRONT_LIFE_NEW_LEADER);
    turn();
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_WITHDRAWING);
}

/* --- two faults at once ------------------------------------------------------------- */

static void t_a_program_that_hangs_and_a_lost_gateway_change_nothing_else(void **state)
{
    (void)state;
    serve(0);
    probe[0] = (struct front_life_probe){0, 100, "no answer"}; /* lost */
    in.whole = false;
    in.busy = 0.8; /* the others carry it */
    turns(12);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STARTING);
    turns(118); /* the program never accepts */
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STARTING);
    assert_true(n_command[FRONT_START] > 5);
    turns(3);
    assert_int_equal(host[1].state, SNAPSHOT_FRONT_STANDBY);
    assert_string_equal(host[1].note, "given up: the program [hook] front did not start "
                                      "it in time");
    assert_int_equal(host[0].state, SNAPSHOT_FRONT_ANNOUNCED);
    assert_int_equal(n_command[FRONT_WITHDRAW], 0);
    turns(12);
    assert_true(out.none_left); /* it rests */
    probe[0] = (struct front_life_probe){3, 0, ""};
    turn();
    assert_true(host[0].seen);
}

/* Whatever happens, the invariants of the head of front_life.c hold. */
static void t_random_faults_never_leave_fewer_than_two_or_start_two(void **state)
{
    unsigned seed = (unsigned)time(NULL), round;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    in.n = 4;
    in.n_configured = 1;
    serve(0);
    for (round = 0; round < 50000; round++) {
        size_t i;
        unsigned starting = 0, serving = in.n_configured;

        if (rand() % 200 == 0)
            in.busy = rand() % 5 == 0 ? -1 : rand() % 100 / 100.0;
        if (rand() % 500 == 0)
            in.whole = rand() % 4 > 0;
        for (i = 0; i < 4; i++) {
            bool ok = rand() % 50 > 0;

            probe[i].n_ok = ok ? probe[i].n_ok + 1 : 0;
            probe[i].n_failed = ok ? 0 : probe[i].n_failed + 1;
        }
        turn();
        if (ran >= 0 && rand() % 3 > 0)
            front_life_accepted(life, host[ran].name,
                                host[ran].state == SNAPSHOT_FRONT_STARTING ? FRONT_START
                                : host[ran].state == SNAPSHOT_FRONT_ANNOUNCED
                                    ? FRONT_ANNOUNCE
                                    : FRONT_WITHDRAW);
        if (rand() % 3000 == 0)
            front_life_lead(life, now);
        for (i = 0; i < 4; i++) {
            starting += host[i].state == SNAPSHOT_FRONT_STARTING;
            serving += host[i].state == SNAPSHOT_FRONT_ANNOUNCED && host[i].ever_seen;
        }
        assert_true(starting <= 1);
        assert_true(serving >= 2);
    }
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(t_the_last_one_is_withdrawn_when_those_that_stay_are_calm),
        S(t_two_gateways_stay_whatever_the_load_is),
        S(t_missing_data_withdraw_nothing),
        S(t_no_gateway_that_answers_withdraws_nothing),
        S(t_frozen_withdraws_nothing),
        S(t_a_lost_host_keeps_the_others),
        S(t_a_held_host_is_neither_started_nor_withdrawn),
        S(t_a_new_leader_withdraws_nothing_in_the_hold_time),
        S(t_a_program_that_hangs_and_a_lost_gateway_change_nothing_else),
        S(t_random_faults_never_leave_fewer_than_two_or_start_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
