/* lars-autoscaler on a real MariaDB, in a played world (lib/scaleworld.h): nodes come
 * with the load and leave after it, and nothing changes when something is missing.  A
 * node can answer 10 requests a second. */
#include "lib/httppeer.h"
#include "lib/scaleworld.h"

#define USUAL_S 300 /* nothing is taken away within a test */
#define UP_IN_A "SELECT COUNT(*) FROM RouteData WHERE state = 'up' AND zone = 'a'"
#define LAST_WANTED "SELECT wanted FROM ScaleDecision ORDER BY id DESC LIMIT 1"

static struct proc one, two;
static int port;
static struct httpreply reply;

static int setup(void **state)
{
    (void)t_fds_save(state);
    one = two = (struct proc){0};
    scaleworld_reset(6);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&one);
    proc_kill(&two);
    scaleworld_stop_gateway();
    return t_fds_check(state);
}

static double metric(const char *name)
{
    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

static double in_zone(const char *what, const char *zone)
{
    char name[96];

    snprintf(name, sizeof(name), "lars_autoscaler_%s{module=\"20/1\",zone=\"%s\"}", what,
             zone);
    return metric(name);
}

/* As many nodes are up as were wanted last, and they are many.  How many depends on the
 * rate in the moment of the urgent step, while the rate rises. */
static bool has_grown(void)
{
    unsigned long long n = scaleworld_n_up();

    return n >= 6 && n == 2 * number(LAST_WANTED);
}

/* So many rounds more, as the metrics of the leader count them. */
static void pass_rounds(unsigned n)
{
    double end = metric("lars_autoscaler_rounds_total") + n;

    SCALE_WAIT(metric("lars_autoscaler_rounds_total") >= end);
}

static void t_nodes_come_with_a_surge_at_the_gateway(void **state)
{
    (void)state;
    scaleworld_start_gateway();
    scaleworld_set_visits(5);
    port = scaleworld_start(&one, USUAL_S, true);
    SCALE_WAIT(scaleworld_n_up() >= 2);
    assert_in_range(scaleworld_n_up(), 2, 4);
    scaleworld_set_visits(44);
    SCALE_WAIT(has_grown());
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData WHERE (zone = 'a') <> "
                            "(serverip = INET_ATON('10.0.0.1'))"),
                     0);
    assert_true(number("SELECT COUNT(*) FROM ScaleDecision WHERE rule = 'urgent' AND "
                       "wanted > was") >= 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteLog WHERE audit_id = 0 OR db_user "
                            "NOT LIKE 'lars_scale@%'"),
                     0);
    SCALE_WAIT(in_zone("nodes_wanted", "a") >= 3);
    SCALE_WAIT(in_zone("nodes_up", "a") == in_zone("nodes_wanted", "a"));
    SCALE_WAIT(in_zone("nodes_up", "b") == in_zone("nodes_wanted", "b"));
    SCALE_WAIT(in_zone("nodes_warm", "a") == 1 && in_zone("nodes_warm", "b") == 1);
    SCALE_WAIT(metric("lars_autoscaler_gateways_answering") == 1);
    assert_true(metric("lars_autoscaler_leader") == 1);
    assert_true(httppeer_check_text(reply.body) >= 20);
    assert_int_equal(proc_end(&one, SIGTERM), 0);
    assert_int_equal(number("SELECT holder FROM Lease WHERE name = 'scale'"), 0);
    assert_true(scaleworld_n_up() >= 6); /* they go on */
}

static void t_nodes_leave_after_the_hold_drained_first(void **state)
{
    unsigned long long n;

    (void)state;
    scaleworld_set_calls(44);
    port = scaleworld_start(&one, 2, false);
    SCALE_WAIT(scaleworld_n_up() >= 6);
    n = scaleworld_n_up();
    scaleworld_set_calls(1);
    SCALE_WAIT(scaleworld_n_up() < n);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM ScaleDecision d WHERE rule = 'down' AND "
                         "EXISTS (SELECT 1 FROM ScaleDecision u WHERE u.rule = "
                         "'urgent' AND u.id < d.id AND u.at > d.at - INTERVAL 2 "
                         "SECOND)"),
                     0);
    SCALE_WAIT(scaleworld_n_up() <= 4);
    SCALE_WAIT(number("SELECT COUNT(*) FROM RouteLog WHERE new_state IS NULL") >= 2);
    /* none left the route but by way of the state drained */
    assert_int_equal(number("SELECT COUNT(*) FROM RouteLog WHERE new_state IS NULL AND "
                            "old_state <> 'drained'"),
                     0);
}

/* An operator drains zone b, as larsctl does it: zone a grows to carry all, and nothing
 * is started, stopped or put into the route in zone b. */
static void t_a_drained_zone_is_left_as_it_is_and_the_other_one_grows(void **state)
{
    unsigned long long n_b, orders_b;

    (void)state;
    scaleworld_set_calls(26); /* 2.9 nodes in each zone if the other one is lost */
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(number(UP_IN_A) >= 3 && scaleworld_n_up() >= 6);
    pass_rounds(3);
    n_b = scaleworld_n_up() - number(UP_IN_A);
    orders_b = number("SELECT COUNT(*) FROM ScaleWanted WHERE host = 'b1'");
    testdb_sql("START TRANSACTION; UPDATE RouteData SET state = 'zone_drained' WHERE "
               "zone = 'b'; INSERT INTO ZoneState (zone, state) VALUES ('b', "
               "'drained'); COMMIT");
    SCALE_WAIT(number(UP_IN_A) >= 4); /* 26 / 10 / 0.7 */
    pass_rounds(20);
    assert_int_equal(scaleworld_n_up(), number(UP_IN_A));
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData WHERE zone = 'b' AND state = "
                            "'zone_drained'"),
                     n_b);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted WHERE host = 'b1'"),
                     orders_b);
    testdb_sql("START TRANSACTION; UPDATE RouteData SET state = 'up' WHERE zone = 'b'; "
               "DELETE FROM ZoneState; COMMIT");
    SCALE_WAIT(scaleworld_n_up() == 2 * number(UP_IN_A)); /* and zone b as zone a */
}

static void t_a_silent_gateway_takes_nothing_away(void **state)
{
    unsigned long long n;

    (void)state;
    scaleworld_start_gateway();
    scaleworld_set_visits(44);
    port = scaleworld_start(&one, 2, true);
    SCALE_WAIT(has_grown());
    n = scaleworld_n_up();
    scaleworld_silence_gateway(true);
    SCALE_WAIT(metric("lars_autoscaler_gateways_answering") == 0);
    pass_rounds(30); /* 6 s: more than the window and the hold */
    assert_true(scaleworld_n_up() >= n);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision WHERE rule = 'down'"), 0);
    assert_true(metric("lars_autoscaler_gateway_failures_total") > 0);
}

static void t_without_the_database_nothing_changes_and_later_it_goes_on(void **state)
{
    unsigned long long fence;

    (void)state;
    scaleworld_set_calls(5);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(scaleworld_n_up() >= 2);
    fence = number("SELECT fence FROM Lease WHERE name = 'scale'");
    testdb_stop();
    proc_expect_line(one.err, "db.down");
    testdb_start();
    proc_expect_line(one.err, "db.back");
    scaleworld_set_calls(44);
    SCALE_WAIT(has_grown());
    assert_true(number("SELECT fence FROM Lease WHERE name = 'scale'") >= fence);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision WHERE rule = 'down'"), 0);
    httppeer_get(port, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
}

static void t_another_autoscaler_takes_over_from_a_dead_one(void **state)
{
    unsigned long long n;

    (void)state;
    scaleworld_set_calls(44);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(has_grown());
    n = scaleworld_n_up();
    scaleworld_start(&two, USUAL_S, false);
    assert_int_equal(proc_end(&one, SIGKILL), 1000 + SIGKILL);
    SCALE_WAIT(number("SELECT fence FROM Lease WHERE name = 'scale'") == 2);
    proc_expect_line(two.err, "scale.leader");
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE fence = 2") >= 1);
    /* it begins with what was wanted */
    assert_true(2 * number("SELECT was FROM ScaleDecision WHERE fence = 2 ORDER BY id "
                           "LIMIT 1") >=
                n);
    assert_true(scaleworld_n_up() >= n);
}

static void t_a_frozen_leader_writes_nothing_when_it_wakes_up(void **state)
{
    (void)state;
    scaleworld_set_calls(5);
    scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(scaleworld_n_up() >= 2);
    port = scaleworld_start(&two, USUAL_S, false);
    kill(one.pid, SIGSTOP);
    SCALE_WAIT(number("SELECT fence FROM Lease WHERE name = 'scale'") == 2);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE fence = 2") >= 1);
    testdb_sql("DELETE FROM ScaleDecision WHERE fence = 1");
    scaleworld_set_calls(44); /* what it would have to answer */
    kill(one.pid, SIGCONT);
    SCALE_WAIT(has_grown());
    proc_expect_line(one.err, "scale.lease_lost");
    assert_int_equal(number("SELECT (SELECT COUNT(*) FROM ScaleDecision WHERE fence = 1) "
                            "+ (SELECT COUNT(*) FROM ScaleWanted w JOIN ScaleDecision d "
                            "ON d.id = w.decision WHERE w.fence <> d.fence)"),
                     0);
    assert_int_equal(number("SELECT fence FROM Lease WHERE name = 'scale'"), 2);
}

static void t_a_dry_run_decides_and_orders_nothing(void **state)
{
    (void)state;
    testdb_sql("UPDATE ScalePolicy SET dry_run = 1");
    scaleworld_set_calls(44);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE wanted >= 3 AND note "
                      "LIKE '%dry run%'") >= 1);
    pass_rounds(5);
    assert_int_equal(scaleworld_n_orders(), 0);
    testdb_sql("UPDATE ScalePolicy SET dry_run = 0");
    SCALE_WAIT(has_grown());
}

/* A decision is in the table a moment before its metrics are there. */
static bool has_metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(port, "/metrics", &r);
    return strstr(r.body, name) != NULL;
}

static void t_too_few_slots_are_named_in_the_decision_and_the_metrics(void **state)
{
    (void)state;
    testdb_sql("UPDATE ScalePolicy SET min_zone = 7"); /* of six slots */
    scaleworld_set_calls(44);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE note LIKE "
                      "'%capacity.floor%'") >= 1);
    SCALE_WAIT(has_metric("\nlars_autoscaler_capacity_floor{module=\"20/1\"} "));
    SCALE_WAIT(metric("lars_autoscaler_capacity_floor{module=\"20/1\"}") == 1);
    SCALE_WAIT(scaleworld_n_up() == 12);
    scaleworld_set_calls(150);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE note LIKE "
                      "'%capacity.ceiling%'") >= 1);
    SCALE_WAIT(metric("lars_autoscaler_capacity_ceiling{module=\"20/1\"}") == 1);
    assert_true(in_zone("nodes_missing", "a") + in_zone("nodes_missing", "b") > 0);
}

/* The table is what the alarm scale_stuck is made from. */
static void t_a_zone_with_too_few_slots_is_short_until_it_has_more(void **state)
{
    (void)state;
    testdb_sql("UPDATE ScalePolicy SET min_zone = 7"); /* of six slots */
    scaleworld_set_calls(5);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleShortage WHERE modid = 20 AND cmdid = 1 "
                      "AND wanted = 7 AND up = 6 AND most = 6 AND why = 'no free slot "
                      "for 1'") == 2);
    testdb_sql("INSERT INTO ScaleHost (host, zone, address, slots) VALUES ('a2', 'a', "
               "'10.0.0.3', 6)");
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleShortage WHERE zone = 'a'") == 0);
    assert_int_equal(number(UP_IN_A), 7);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleShortage WHERE zone = 'b'"), 1);
    testdb_sql("DELETE FROM ScalePolicy");
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleShortage") == 0);
}

static void
t_a_host_that_is_to_be_empty_is_emptied_after_the_others_have_taken_over(void **state)
{
    unsigned long long n;

    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, zone, address, slots) VALUES ('a2', 'a', "
               "'10.0.0.3', 6)");
    scaleworld_set_calls(44);
    port = scaleworld_start(&one, USUAL_S, false);
    SCALE_WAIT(has_grown());
    n = number(UP_IN_A);
    testdb_sql("UPDATE ScaleHost SET in_use = 0 WHERE host = 'a1'");
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleWanted WHERE host = 'a1'") == 0);
    assert_true(number(UP_IN_A) >= n);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(S(t_nodes_come_with_a_surge_at_the_gateway),
            S(t_nodes_leave_after_the_hold_drained_first),
            S(t_a_drained_zone_is_left_as_it_is_and_the_other_one_grows),
            S(t_a_silent_gateway_takes_nothing_away),
            S(t_without_the_database_nothing_changes_and_later_it_goes_on),
            S(t_another_autoscaler_takes_over_from_a_dead_one),
            S(t_a_frozen_leader_writes_nothing_when_it_wakes_up),
            S(t_a_dry_run_decides_and_orders_nothing),
            S(t_too_few_slots_are_named_in_the_decision_and_the_metrics),
            S(t_a_zone_with_too_few_slots_is_short_until_it_has_more),
            S(t_a_host_that_is_to_be_empty_is_emptied_after_the_others_have_taken_over))
