/* How nodes in slots go: drained first, stopped when no caller uses them, and never so
 * many that fewer healthy ones stay than are wanted. */
#include "base/rnd.h"
#include "lib/slotworld.h"

static void t_a_node_is_drained_in_force_for_two_seconds_and_then_stopped(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(5);
    want[0].n = 2;
    w.in_force = false; /* from now on an agent has the old route */
    rounds(1);
    assert_int_equal(steps.n, 1);
    assert_int_equal(n_steps(NODE_DRAIN), 1);
    rounds(50);
    assert_int_equal(steps.n, 0);
    assert_int_equal(counts("a").drained, 1);
    w.in_force = true;
    rounds(2); /* 0 s and 1 s */
    assert_int_equal(steps.n, 0);
    rounds(1);
    assert_int_equal(n_steps(NODE_REMOVE), 1);
    assert_int_equal(n_steps(NODE_CANCEL), 1);
    assert_int_equal(steps.n, 2);
    rounds(3);
    assert_int_equal(n_ordered(0), 2);
    assert_int_equal(counts("a").up, 2);
}

/* The agents have the new route when the round looks for the first time: the two seconds
 * do not begin before the change. */
static void t_a_route_that_was_in_force_before_the_drain_does_not_count(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(9);
    want[0].n = 2;
    rounds(1);
    assert_int_equal(n_steps(NODE_DRAIN), 1);
    rounds(2);
    assert_int_equal(n_steps(NODE_REMOVE), 0);
    rounds(1);
    assert_int_equal(n_steps(NODE_REMOVE), 1);
}

static void t_nodes_leave_one_at_a_time_and_in_one_zone_at_a_time(void **state)
{
    unsigned i;

    (void)state;
    add_host("a1", "a", 8);
    add_host("b1", "b", 8);
    add_want(m, "a", 6, 0);
    add_want(m, "b", 6, 0);
    rounds(8);
    want[0].n = want[1].n = 3;
    for (i = 0; i < 60; i++) {
        rounds(1);
        assert_in_range(counts("a").drained + counts("b").drained, 0, 1);
    }
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("b").up, 3);
    assert_int_equal(n_ordered(0) + n_ordered(1), 6);
}

static void t_of_many_nodes_a_tenth_leaves_at_a_time(void **state)
{
    (void)state;
    add_host("a1", "a", 32);
    add_want(m, "a", 30, 0);
    rounds(20);
    assert_int_equal(counts("a").up, 30);
    want[0].n = 20;
    rounds(1);
    assert_int_equal(n_steps(NODE_DRAIN), 3);
}

static void t_a_sick_node_leaves_when_another_has_taken_its_place(void **state)
{
    struct cell *sick;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(5);
    sick = up_cell(0, 0);
    set_seen(sick, SICK);
    rounds(4);
    assert_int_equal(steps.n, 0); /* it may be for a moment */
    rounds(2);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    assert_int_equal(sick->row, 1);
    rounds(3);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(sick->row, 2);
    rounds(8);
    assert_int_equal(n_ordered(0), 2);
    assert_int_equal(sick->seen == READY || sick->seen == EMPTY, 1);
}

/* What all of them need may be gone: that is no reason to take them away. */
static void t_sick_nodes_stay_in_the_route_while_none_is_healthy(void **state)
{
    (void)state;
    add_host("a1", "a", 2);
    add_want(m, "a", 2, 0);
    rounds(5);
    set_seen(up_cell(0, 0), SICK);
    set_seen(up_cell(0, 1), SICK);
    rounds(60);
    assert_int_equal(counts("a").bad, 2);
    assert_non_null(up_cell(0, 1));
}

static void
t_a_host_that_is_to_be_empty_is_emptied_after_its_nodes_are_replaced(void **state)
{
    unsigned i;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    rounds(5);
    add_host("a2", "a", 8);
    w.host[0].in_use = false;
    for (i = 0; i < 40; i++) {
        rounds(1);
        assert_in_range(counts("a").up + counts("a").leaving, 3, 99);
    }
    assert_int_equal(n_ordered(0), 0);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("a").warm, 1);
}

static void
t_without_another_host_a_host_that_is_to_be_empty_keeps_its_nodes(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(5);
    w.host[0].in_use = false;
    rounds(30);
    assert_int_equal(counts("a").leaving, 3);
    assert_int_equal(missing[0], 3);
}

static void t_a_slot_without_an_order_leaves_the_route(void **state)
{
    struct cell *c;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(5);
    want[0].n = 3;
    c = up_cell(0, 0);
    c->ordered = false; /* an operator has deleted it */
    decide();
    assert_int_equal(counts("a").up, 1);
    assert_int_equal(n_steps(NODE_ORDER), 2);
    assert_int_equal(n_steps(NODE_CANCEL), 0);
}

static void t_a_node_that_an_operator_drained_is_replaced(void **state)
{
    struct cell *c;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(9);
    c = up_cell(0, 0);
    c->row = 2;
    w.sum++;
    rounds(1);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    rounds(8);
    assert_int_equal(c->row, 0);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(n_ordered(0), 2);
}

static void t_warm_nodes_that_are_too_many_are_stopped(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 4);
    rounds(6);
    want[0].warm = 1;
    rounds(4);
    assert_int_equal(counts("a").warm, 1);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(n_ordered(0), 3);
}

/* --- anything may happen ------------------------------------------------------------ */

static void disturb(struct rnd *rnd)
{
    unsigned h = rnd_u32(rnd) % w.n_host, slot = 1 + rnd_u32(rnd) % w.host[h].slots;
    struct cell *c = &w.cell[h][slot];

    switch (rnd_u32(rnd) % 8) {
    case 0:
        if (c->seen == READY)
            set_seen(c, rnd_u32(rnd) % 2 ? SICK : FAILED);
        break;
    case 1:
        if (c->seen == SICK)
            set_seen(c, READY);
        break;
    case 2:
        w.host[h].age_ms = rnd_u32(rnd) % 3 ? 0 : rnd_u32(rnd) % 70000;
        break;
    case 3:
        w.in_force = rnd_u32(rnd) % 2;
        break;
    case 4:
        want[rnd_u32(rnd) % n_want].n = rnd_u32(rnd) % 7;
        break;
    case 5:
        w.host[h].in_use = rnd_u32(rnd) % 4 > 0;
        break;
    default:
        break;
    }
}

/* Nodes that serve, by what was heard in the last 5 s. */
static unsigned serving_after_steps(const char *zone)
{
    return counts(zone).up_now;
}

/* In no round do fewer healthy nodes stay than are wanted, unless there were fewer
 * before.  apply_step() checks that no step contradicts the state of its slot. */
static void t_no_round_takes_away_nodes_that_are_wanted(void **state)
{
    uint32_t seed = (uint32_t)time(NULL);
    struct rnd rnd;
    unsigned i, k;

    (void)state;
    print_message("seed %u\n", seed);
    rnd_init(&rnd, seed);
    add_host("a1", "a", 6);
    add_host("a2", "a", 6);
    add_host("b1", "b", 8);
    add_want(m, "a", 3, 1);
    add_want(m, "b", 3, 1);
    add_want(other, "a", 2, 0);
    for (i = 0; i < 5000; i++) {
        unsigned before[2], after;

        disturb(&rnd);
        for (k = 0; k < 2; k++)
            before[k] = counts(want[k].zone).up_now;
        decide();
        for (k = 0; k < steps.n; k++)
            apply_step(&steps.at[k]);
        for (k = 0; k < 2; k++) {
            after = serving_after_steps(want[k].zone);
            assert_true(after >= want[k].n || after >= before[k]);
        }
        pass_second();
    }
}

T_MAIN(N(t_a_node_is_drained_in_force_for_two_seconds_and_then_stopped),
       N(t_a_route_that_was_in_force_before_the_drain_does_not_count),
       N(t_nodes_leave_one_at_a_time_and_in_one_zone_at_a_time),
       N(t_of_many_nodes_a_tenth_leaves_at_a_time),
       N(t_a_sick_node_leaves_when_another_has_taken_its_place),
       N(t_sick_nodes_stay_in_the_route_while_none_is_healthy),
       N(t_a_host_that_is_to_be_empty_is_emptied_after_its_nodes_are_replaced),
       N(t_without_another_host_a_host_that_is_to_be_empty_keeps_its_nodes),
       N(t_a_slot_without_an_order_leaves_the_route),
       N(t_a_node_that_an_operator_drained_is_replaced),
       N(t_warm_nodes_that_are_too_many_are_stopped),
       N(t_no_round_takes_away_nodes_that_are_wanted))
