/* The nodes that larsctl capacity measure loads in slots: which slot one gets, why it is
 * refused, and when its slot is taken back. */
#include "lib/measureworld.h"

static void set_class(unsigned host, const char *class)
{
    snprintf(w.host[host].class, SNAPSHOT_NAME, "%s", class);
}

/* --- which slot --------------------------------------------------------------------- */

static void t_a_measurement_gets_the_first_free_slot_of_the_emptiest_host(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_host("a2", "a", 6);
    add_host("b1", "b", 5);
    w.cell[1][1].ordered = true;
    w.cell[1][1].want = other;
    w.cell[1][2].runs = other; /* it runs, though its order has gone */
    set_seen(&w.cell[1][2], STOPPING);
    w.cell[2][1].ordered = true;
    w.cell[2][1].want = other;
    add_measure(m, NULL);
    expect_given(0, 1); /* four each: the first host */
    w.host[0].slots = 3;
    expect_given(1, 3);
    w.host[2].slots = 6;
    expect_given(2, 2);
}

static void t_a_class_that_is_given_chooses_among_its_hosts_only(void **state)
{
    (void)state;
    set_class(add_host("a1", "a", 9), "big");
    set_class(add_host("a2", "a", 2), "small");
    set_class(add_host("a3", "a", 9), "");
    add_measure(m, "small");
    expect_given(1, 1);
    snprintf(row[0].class, SNAPSHOT_NAME, "sma");
    expect_refused("of the class sma ");
    row[0].class[0] = '\0'; /* hosts without a class, which is not any class */
    expect_given(2, 1);
}

static void t_hosts_that_cannot_run_it_are_passed_over(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 5; i++) {
        static const char *const names[] = {"a1", "a2", "a3", "a4", "a5"};

        add_host(names[i], "a", 8 - i);
    }
    w.host[0].age_ms = NODE_LIFE_FRESH_MS + 1;
    w.host[1].in_use = false;
    w.host[2].ip = 0;
    add_measure(other, NULL);
    give_slot(&row[0], 3, 1);
    add_measure(m, NULL);
    decide_both();
    assert_int_equal(changes.n, 1);
    assert_int_equal(changes.at[0].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[0].measure, 1);
    assert_int_equal(changes.at[0].host, 4);
    w.host[4].slots = 0;
    decide_both();
    assert_int_equal(changes.at[0].verb, MEASURES_REFUSE);
    w.host[0].age_ms = NODE_LIFE_FRESH_MS; /* heard just now */
    decide_both();
    assert_int_equal(changes.at[0].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[0].host, 0);
}

static void t_a_slot_that_is_ordered_in_the_same_round_is_not_free(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_want(m, "a", 2, 1);
    add_measure(other, NULL);
    decide_both();
    assert_int_equal(n_steps(NODE_ORDER), 3);
    assert_int_equal(changes.at[0].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[0].slot, 4);
    w.host[0].slots = 3;
    expect_refused("no slot is free");
}

static void t_two_of_one_round_get_two_hosts(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("a2", "a", 2);
    add_measure(m, NULL);
    add_measure(other, NULL);
    add_measure(m, NULL);
    decide_both();
    assert_int_equal(changes.n, 3);
    assert_int_equal(changes.at[0].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[0].host, 0);
    assert_int_equal(changes.at[1].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[1].host, 1);
    assert_int_equal(changes.at[2].verb, MEASURES_REFUSE);
}

/* --- refused ------------------------------------------------------------------------ */

static void t_each_reason_to_refuse_has_its_sentence(void **state)
{
    (void)state;
    add_measure(m, NULL);
    expect_refused("no slot is free on a host that is heard"); /* there is no host */
    add_host("a1", "a", 1);
    expect_given(0, 1);
    w.cell[0][1].ordered = true;
    w.cell[0][1].want = other;
    expect_refused("no slot is free on a host that is heard");
    w.cell[0][1].ordered = false;
    no_policy = true;
    expect_refused("not scaled");
    no_policy = false;
    row[0].id.cmdid = 99; /* the others have one */
    expect_refused("not scaled");
    row[0].id = m;
    actuator = "exec";
    expect_refused("a program of the operator");
    actuator = "slots";
    frozen = true;
    expect_refused("frozen");
    frozen = false;
    expect_given(0, 1);
}

static void t_a_zone_that_lacks_a_slot_gives_none(void **state)
{
    (void)state;
    add_host("a1", "a", 2);
    add_host("b1", "b", 3);
    add_want(other, "a", 3, 0);
    add_measure(m, NULL);
    decide_both(); /* the other zone has enough */
    assert_int_equal(missing[0], 1);
    assert_int_equal(changes.at[0].verb, MEASURES_GIVE);
    assert_int_equal(changes.at[0].host, 1);
    w.host[1].slots = 0;
    expect_refused("no module lacks one");
    set_class(0, "big");
    row[0].any_class = false;
    snprintf(row[0].class, SNAPSHOT_NAME, "big");
    expect_refused("of the class big ");
}

/* --- taken back --------------------------------------------------------------------- */

static void t_a_measurement_whose_zone_has_enough_goes_on(void **state)
{
    unsigned i;

    (void)state;
    measure_on(4);
    add_want(m, "a", 2, 1);
    add_want(other, "b", 3, 0); /* another zone lacks slots */
    for (i = 0; i < 20; i++) {
        rounds_both(1);
        assert_int_equal(changes.n, 0);
        assert_int_equal(missing[1], 3);
    }
    assert_int_equal(counts("a").up, 2);
    want[0].warm = 9; /* warm nodes are no reason to end it */
    for (i = 0; i < 20; i++) {
        rounds_both(1);
        assert_int_equal(changes.n, 0);
    }
    w.host[0].age_ms = NODE_LIFE_LOST_MS - 1; /* nor is a host that is silent for less */
    decide_both();
    assert_int_equal(changes.n, 0);
}

static void t_a_slot_is_taken_back_for_visitors_who_then_get_it(void **state)
{
    (void)state;
    measure_on(3);
    add_want(other, "a", 2, 0);
    rounds_both(6);
    assert_int_equal(changes.n, 0);
    want[0].n = 3;
    expect_refused("its slot is needed for visitors");
    rounds_both(1);
    assert_int_equal(row[0].state, SNAPSHOT_REFUSED);
    assert_false(w.cell[0][1].ordered);
    rounds_both(6);
    assert_int_equal(missing[0], 0);
    assert_true(snapshot_is(w.cell[0][1].runs, other));
    assert_int_equal(w.cell[0][1].row, 1);
}

static void t_each_reason_to_take_a_slot_back_has_its_sentence(void **state)
{
    struct cell *c;

    (void)state;
    measure_on(4);
    c = &w.cell[0][1];
    frozen = true;
    expect_refused("frozen");
    frozen = false;
    no_policy = true;
    expect_refused("not scaled");
    no_policy = false;
    w.host[0].age_ms = NODE_LIFE_LOST_MS;
    expect_refused("nothing has been heard");
    w.host[0].age_ms = 0;
    w.host[0].in_use = false;
    expect_refused("is to be empty");
    w.host[0].in_use = true;
    w.host[0].slots = 0;
    expect_refused("is to be empty");
    w.host[0].slots = 4;
    c->ordered = false;
    expect_refused("the order of its slot has been removed");
    c->ordered = true;
    c->want = other; /* an order, but of another module */
    expect_refused("the order of its slot has been removed");
    c->want = m;
    decide_both();
    assert_int_equal(changes.n, 0);
    row[0].host = 2; /* as n_host: a host that is not known any more */
    expect_refused("the host has been removed");
}

/* --- rows --------------------------------------------------------------------------- */

static void t_a_row_that_is_over_ends_whatever_its_state(void **state)
{
    unsigned i;

    (void)state;
    measure_on(4);
    add_want(other, "a", 9, 0); /* also when the slot is needed */
    add_measure(other, NULL);
    add_measure(other, NULL)->state = SNAPSHOT_REFUSED;
    frozen = no_policy = true;
    for (i = 0; i < n_row; i++)
        row[i].over = true;
    decide_both();
    assert_int_equal(changes.n, 3);
    for (i = 0; i < 3; i++) {
        assert_int_equal(changes.at[i].verb, MEASURES_END);
        assert_int_equal(changes.at[i].measure, i);
    }
    rounds_both(1);
    assert_int_equal(n_row, 0);
    assert_false(w.cell[0][1].ordered);
}

static void t_a_row_that_was_refused_is_left_alone(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_measure(m, NULL)->state = SNAPSHOT_REFUSED;
    decide_both();
    assert_int_equal(changes.n, 0);
    frozen = true;
    decide_both();
    assert_int_equal(changes.n, 0);
}

static void t_more_rows_than_a_round_takes_wait(void **state)
{
    unsigned i;

    (void)state;
    add_host("a1", "a", 4);
    for (i = 0; i < SNAPSHOT_MEASURES_MAX + 9; i++)
        add_measure(m, NULL)->over = true;
    decide_both();
    assert_int_equal(changes.n, SNAPSHOT_MEASURES_MAX);
    rounds_both(1);
    assert_int_equal(n_row, 9);
    for (i = 0; i < 9; i++)
        row[i].over = false;
    for (i = n_row; i < SNAPSHOT_MEASURES_MAX + 9; i++)
        add_measure(m, NULL);
    decide_both(); /* one host: one is given a slot, and the others are refused */
    assert_int_equal(changes.n, SNAPSHOT_MEASURES_MAX);
    for (i = 1; i < SNAPSHOT_MEASURES_MAX; i++)
        assert_int_equal(changes.at[i].verb, MEASURES_REFUSE);
}

T_MAIN(M(t_a_measurement_gets_the_first_free_slot_of_the_emptiest_host),
       M(t_a_class_that_is_given_chooses_among_its_hosts_only),
       M(t_hosts_that_cannot_run_it_are_passed_over),
       M(t_a_slot_that_is_ordered_in_the_same_round_is_not_free),
       M(t_two_of_one_round_get_two_hosts), M(t_each_reason_to_refuse_has_its_sentence),
       M(t_a_zone_that_lacks_a_slot_gives_none),
       M(t_a_measurement_whose_zone_has_enough_goes_on),
       M(t_a_slot_is_taken_back_for_visitors_who_then_get_it),
       M(t_each_reason_to_take_a_slot_back_has_its_sentence),
       M(t_a_row_that_is_over_ends_whatever_its_state),
       M(t_a_row_that_was_refused_is_left_alone), M(t_more_rows_than_a_round_takes_wait))
