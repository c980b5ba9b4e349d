/* How nodes in slots come: orders, warm nodes, the route, and failed starts. */
#include "lib/slotworld.h"
#include "scale/start_failures.h"

static void t_wanted_nodes_are_ordered_then_routed_with_warm_ones_besides(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    rounds(1);
    assert_int_equal(n_steps(NODE_ORDER), 4);
    assert_int_equal(steps.n, 4);
    rounds(3);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("a").up_now, 3);
    assert_int_equal(counts("a").warm, 1);
    rounds(3);
    assert_int_equal(steps.n, 0);
    assert_int_equal(missing[0], 0);
}

static void t_orders_are_spread_over_the_hosts_of_the_zone(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_host("a2", "a", 6);
    add_host("b1", "b", 9);
    add_want(m, "a", 6, 0);
    rounds(1);
    assert_int_equal(n_ordered(0), 2); /* four free slots are left on each */
    assert_int_equal(n_ordered(1), 4);
    assert_int_equal(n_ordered(2), 0);
}

static void t_at_most_eight_nodes_start_at_once_in_a_zone(void **state)
{
    (void)state;
    add_host("a1", "a", 16);
    add_host("b1", "b", 16);
    add_want(m, "a", 6, 0);
    add_want(other, "a", 6, 0);
    add_want(m, "b", 6, 0);
    rounds(1);
    assert_int_equal(n_ordered(0), 8);
    assert_int_equal(n_ordered(1), 6);
    rounds(5);
    assert_int_equal(n_ordered(0), 12);
}

static void t_wanted_nodes_come_before_warm_ones_of_another_module(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_want(m, "a", 1, 3);
    add_want(other, "a", 3, 0);
    rounds(6);
    assert_int_equal(counts("a").up, 1);
    assert_int_equal(n_ordered(0), 4);
    assert_int_equal(missing[0], 0);
    assert_int_equal(missing[1], 0);
}

static void t_nodes_without_a_slot_are_missing(void **state)
{
    (void)state;
    add_host("a1", "a", 2);
    add_want(m, "a", 5, 1);
    rounds(5);
    assert_int_equal(missing[0], 3);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(steps.n, 0);
}

static void t_a_warm_node_is_routed_in_the_round_in_which_it_is_wanted(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 2);
    rounds(5);
    want[0].n = 4;
    decide();
    assert_int_equal(n_steps(NODE_ROUTE), 2);
    assert_int_equal(n_steps(NODE_ORDER), 2); /* and the warm ones are made again */
}

static void t_a_failed_node_is_replaced_on_another_host(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("a2", "a", 4);
    add_want(m, "a", 1, 0);
    w.broken = true;
    rounds(2);
    assert_int_equal(n_ordered(0), 1);
    w.broken = false;
    rounds(1);
    assert_int_equal(n_steps(NODE_CANCEL), 1);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    assert_int_equal(n_ordered(0), 0);
    assert_int_equal(n_ordered(1), 1);
}

static void t_a_host_on_which_three_starts_failed_is_tried_once_a_minute(void **state)
{
    unsigned i, n = 0;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 1, 0);
    add_want(other, "a", 0, 0);
    w.broken = true;
    for (i = 0; i < 500; i++) {
        rounds(1);
        n += n_steps(NODE_ORDER);
    }
    assert_in_range(n, 9, 11);
    assert_int_equal(start_failures_n_resting(node_life_failures(life), w.now_ms), 1);
    assert_int_equal(missing[0], 1);
    w.broken = false;
    want[1].n = 1; /* it rests for the module that fails only */
    rounds(1);
    for (i = n = 0; i < steps.n; i++)
        n += steps.at[i].kind == NODE_ORDER && snapshot_is(steps.at[i].id, other);
    assert_int_equal(n, 1);
    add_host("a2", "a", 1); /* without failures, so it is better, also after a minute */
    want[0].n = 2;
    rounds(70);
    assert_int_equal(n_ordered(1), 1);
    assert_int_equal(counts("a").up, 2);
    rounds(600);
    assert_int_equal(start_failures_n_resting(node_life_failures(life), w.now_ms), 0);
}

static void t_a_silent_host_starts_and_stops_nothing(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    rounds(6);
    w.host[0].age_ms = 5001;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 5;
    want[0].warm = 0;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 1;
    rounds(3);
    assert_int_equal(steps.n, 0);
    w.host[0].age_ms = 0;
    rounds(1);
    assert_int_equal(n_steps(NODE_DRAIN), 1);
}

/* One of two hosts is silent: its nodes are not replaced before a minute, and none of the
 * other one leaves on the strength of nodes that may be gone. */
static void t_nodes_of_a_silent_host_are_replaced_after_a_minute(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("a2", "a", 8);
    add_want(m, "a", 4, 0);
    rounds(5);
    w.host[0].age_ms = 59999;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 3;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 4;
    w.host[0].age_ms = 60000;
    rounds(1);
    assert_int_equal(n_steps(NODE_ORDER), 2);
    rounds(5);
    assert_int_equal(counts("a").up, 4);
    w.host[0].age_ms = 0; /* it comes back: two are too many */
    rounds(40);
    assert_int_equal(counts("a").up, 4);
    assert_int_equal(n_ordered(0) + n_ordered(1), 4);
}

static void t_what_is_not_wanted_of_a_zone_or_module_stays_as_it_is(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("b1", "b", 8);
    add_want(m, "a", 2, 1);
    add_want(m, "b", 2, 1);
    rounds(6);
    n_want = 1; /* no more word about zone b */
    want[0].n = 3;
    set_seen(up_cell(1, 0), FAILED);
    rounds(9);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(n_ordered(1), 3);
}

static void t_more_steps_than_a_round_may_have_are_taken_later(void **state)
{
    unsigned h;

    (void)state;
    for (h = 0; h < HOSTS; h++) {
        char zone[8];

        snprintf(zone, sizeof(zone), "z%u", h);
        add_host(zone, zone, SLOTS);
    }
    for (h = 0; h < 4; h++)
        add_want(m, w.host[h].zone, SLOTS, 0);
    rounds(20);
    for (h = 0; h < 4; h++)
        assert_int_equal(counts(w.host[h].zone).up, SLOTS);
    for (h = 0; h < 4; h++)
        want[h].n = 0;
    rounds(1);
    assert_in_range(steps.n, 1, NODE_LIFE_STEPS_MAX);
}

T_MAIN(N(t_wanted_nodes_are_ordered_then_routed_with_warm_ones_besides),
       N(t_orders_are_spread_over_the_hosts_of_the_zone),
       N(t_at_most_eight_nodes_start_at_once_in_a_zone),
       N(t_wanted_nodes_come_before_warm_ones_of_another_module),
       N(t_nodes_without_a_slot_are_missing),
       N(t_a_warm_node_is_routed_in_the_round_in_which_it_is_wanted),
       N(t_a_failed_node_is_replaced_on_another_host),
       N(t_a_host_on_which_three_starts_failed_is_tried_once_a_minute),
       N(t_a_silent_host_starts_and_stops_nothing),
       N(t_nodes_of_a_silent_host_are_replaced_after_a_minute),
       N(t_what_is_not_wanted_of_a_zone_or_module_stays_as_it_is),
       N(t_more_steps_than_a_round_may_have_are_taken_later))
