/* Whether nodes still do what was measured, minute by minute, in virtual time. */
#include "scale/track.h"

#include "t.h"

static const struct module_id m = {20, 1};

static struct snapshot s;
static struct track t;
static struct node_minutes minutes;
static struct track_change change[TRACK_MAX];

/* A node does 100 requests a second within 200 ms, on hosts of class c8. */
static int setup(void **state)
{
    const struct snapshot_capacity c = {.id = m,
                                        .class = "c8",
                                        .measured_rps = 100,
                                        .rps = 100,
                                        .factor = 1,
                                        .target_us = 200000};
    const struct snapshot_host h = {.class = "c8", .ip = 7, .slots = 64};

    (void)t_fds_save(state);
    memset(&t, 0, sizeof(t));
    minutes.n = 0;
    assert_int_equal(snapshot_add(&s, capacity, &c), 0);
    assert_int_equal(snapshot_add(&s, host, &h), 0);
    return 0;
}

static int teardown(void **state)
{
    snapshot_empty(&s);
    return t_fds_check(state);
}

/* A minute of a node: answers at <rps>, of which <late_pct> % took 400 ms. */
static void node(uint32_t ip, uint32_t port, double rps, double late_pct)
{
    struct node_minute *n = &minutes.at[minutes.n++];
    uint64_t all = (uint64_t)(rps * 60), late = (uint64_t)(rps * 60 * late_pct / 100);

    memset(n, 0, sizeof(*n));
    n->id = m;
    n->ip = ip;
    n->port = port;
    n->rps = rps;
    n->n[latency_bucket(400000)] = late;
    n->n[latency_bucket(50000)] = all - late;
}

/* The factor after this minute, which the next one begins with. */
static double pass(void)
{
    size_t n = track_minute(&t, &s, &minutes, change);

    assert_in_range(n, 0, 1);
    if (n > 0) {
        assert_int_equal(change[0].id.modid, 20);
        assert_true(change[0].was == s.capacity[0].factor);
        s.capacity[0].factor = change[0].factor;
    }
    minutes.n = 0;
    return s.capacity[0].factor;
}

static void four(double rps, double late_pct)
{
    uint32_t i;

    for (i = 0; i < 4; i++)
        node(7, 8001 + i, rps, late_pct);
}

static void t_nodes_that_are_as_fast_as_measured_keep_their_capacity(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 100; i++) {
        four(70, 0.5);
        assert_true(pass() == 1);
    }
}

static void t_two_slow_minutes_lower_it_to_what_was_seen(void **state)
{
    (void)state;
    four(60, 3);
    assert_true(pass() == 1);
    four(60, 3);
    assert_true(pass() == 0.6);
    assert_string_equal(change[0].class, "c8");
    four(10, 3);
    assert_true(pass() == TRACK_FACTOR_LEAST);
}

static void t_slow_minutes_that_do_not_follow_each_other_change_nothing(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 50; i++) {
        four(60, i % 2 ? 3 : 0);
        assert_true(pass() == 1);
    }
}

static void t_it_recovers_by_a_twentieth_a_minute_up_to_1(void **state)
{
    double was = 0.62;
    unsigned i;

    (void)state;
    s.capacity[0].factor = was;
    for (i = 0; i < 7; i++) {
        four(30, 0);
        pass();
        assert_true(s.capacity[0].factor > was + 0.049);
        was = s.capacity[0].factor;
    }
    four(30, 0);
    assert_true(pass() == 1);
    four(30, 0);
    assert_true(pass() == 1);
}

static void t_one_sick_node_of_eight_lowers_nothing(void **state)
{
    unsigned i;
    uint32_t k;

    (void)state;
    for (i = 0; i < 30; i++) {
        node(7, 8000, 40, 50);
        for (k = 1; k < 8; k++)
            node(7, 8000 + k, 60, 0.2);
        assert_true(pass() == 1);
    }
}

static void t_nodes_that_do_more_than_was_measured_say_nothing(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 5; i++) {
        four(85, 20); /* so much load may make them slow */
        assert_true(pass() == 1);
    }
}

static void t_few_answers_and_no_answers_change_nothing(void **state)
{
    (void)state;
    s.capacity[0].factor = 0.7;
    four(60, 5);
    pass();
    four(3, 100); /* 180 answers */
    assert_true(pass() == 0.7);
    assert_true(pass() == 0.7);
    four(60, 5); /* a slow minute in a row: none was seen in between */
    assert_true(pass() == 0.6);
}

/* It may have answered much more than is counted, and be slow for that reason. */
static void t_nodes_of_which_a_gateway_does_not_tell_say_nothing(void **state)
{
    size_t i;

    (void)state;
    four(60, 3);
    (void)pass();
    four(60, 3);
    for (i = 0; i < minutes.n; i++)
        minutes.at[i].partial = true;
    assert_true(pass() == 1);
    four(60, 3);
    assert_true(pass() == 0.6); /* the minute before it was not judged */
}

static void t_a_new_leader_needs_two_minutes_again(void **state)
{
    (void)state;
    four(60, 5);
    pass();
    t.n = 0;
    four(60, 5);
    assert_true(pass() == 1);
    four(60, 5);
    assert_true(pass() == 0.6);
}

static void t_callers_without_a_gateway_leave_it_alone(void **state)
{
    const struct snapshot_load l = {m, 1, 600};
    unsigned i;

    (void)state;
    assert_int_equal(snapshot_add(&s, load, &l), 0);
    for (i = 0; i < 5; i++) {
        four(60, 5); /* 240 of the 600 calls came through gateways */
        assert_true(pass() == 1);
    }
    s.load[0].rps = 260;
    four(60, 5);
    pass();
    four(60, 5);
    assert_true(pass() == 0.6);
}

static void t_a_class_is_judged_by_its_own_nodes(void **state)
{
    const struct snapshot_capacity any = {
        .id = m, .measured_rps = 50, .rps = 50, .factor = 1, .target_us = 200000};
    const struct snapshot_host h = {.class = "c2", .ip = 9, .slots = 4};

    (void)state;
    assert_int_equal(snapshot_add(&s, capacity, &any), 0);
    assert_int_equal(snapshot_add(&s, host, &h), 0);
    four(60, 0);
    node(9, 1, 30, 5);
    assert_int_equal(track_minute(&t, &s, &minutes, change), 0);
    assert_int_equal(track_minute(&t, &s, &minutes, change), 1);
    assert_string_equal(change[0].class, "");
    assert_true(change[0].factor == 0.6);
}

static void t_a_capacity_without_a_target_is_not_tracked(void **state)
{
    unsigned i;

    (void)state;
    s.capacity[0].target_us = 0;
    for (i = 0; i < 4; i++) {
        four(60, 50);
        assert_true(pass() == 1);
    }
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(D(t_nodes_that_are_as_fast_as_measured_keep_their_capacity),
       D(t_two_slow_minutes_lower_it_to_what_was_seen),
       D(t_slow_minutes_that_do_not_follow_each_other_change_nothing),
       D(t_it_recovers_by_a_twentieth_a_minute_up_to_1),
       D(t_one_sick_node_of_eight_lowers_nothing),
       D(t_nodes_that_do_more_than_was_measured_say_nothing),
       D(t_few_answers_and_no_answers_change_nothing),
       D(t_nodes_of_which_a_gateway_does_not_tell_say_nothing),
       D(t_a_new_leader_needs_two_minutes_again),
       D(t_callers_without_a_gateway_leave_it_alone),
       D(t_a_class_is_judged_by_its_own_nodes),
       D(t_a_capacity_without_a_target_is_not_tracked))
