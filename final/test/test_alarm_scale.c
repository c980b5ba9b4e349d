/* Alarms about scaling on a real MariaDB, from what the tables of the autoscaler have. */
#include "alarmwatch.h"

static int scale_setup(void **state)
{
    int rc = setup(state);

    mydb_sql("DELETE FROM ScalePolicy; DELETE FROM ScaleDecision; DELETE FROM ScaleHost; "
             "DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM Lease; DELETE "
             "FROM GatewaySeen; DELETE FROM ScaleShortage");
    return rc;
}

static void lead(void)
{
    mydb_sql("REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 7, "
             "NOW(3) + INTERVAL 1 HOUR, 1)");
}

static unsigned open_of(const char *kind, const char *subject)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL AND kind = '%s' AND "
             "subject = '%s'",
             kind, subject);
    return (unsigned)number(sql);
}

static void
t_what_a_decision_lacks_is_raised_until_a_decision_lacks_it_no_more(void **state)
{
    (void)state;
    lead();
    mydb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (3, 1), (4, 1), (5, 1), (6, "
             "1); INSERT INTO ScaleDecision (modid, cmdid, demand, up, rule, note) "
             "VALUES (3, 1, 900, 4, 'urgent', 'capacity.ceiling: 3 nodes have no slot'), "
             "(4, 1, 90, 4, 'floor', 'capacity.floor: 1 nodes have no slot'), "
             "(5, 1, 0, 2, 'keep', 'the capacity of a node is not measured'), "
             "(6, 1, 70, 4, 'max', 'capacity.max: each zone needs 4 nodes, max=2')");
    start("", "");
    T_WAIT(stat_now().n_raised == 4);
    assert_int_equal(open_of("capacity_max", "6/1"), 1);
    assert_int_equal(open_of("capacity_ceiling", "3/1"), 1);
    assert_int_equal(open_of("capacity_floor", "4/1"), 1);
    assert_int_equal(open_of("capacity_unmeasured", "5/1"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail = '900 requests a "
                            "second; capacity.ceiling: 3 nodes have no slot'"),
                     1);
    mydb_sql("INSERT INTO ScaleDecision (modid, cmdid, rule) VALUES (3, 1, 'keep')");
    T_WAIT(stat_now().n_cleared == 1);
    assert_int_equal(open_of("capacity_ceiling", "3/1"), 0);
    mydb_sql("UPDATE ScaleDecision SET at = NOW(3) - INTERVAL 2 MINUTE WHERE modid = 4");
    mydb_sql("DELETE FROM ScalePolicy WHERE modid >= 5");
    T_WAIT(stat_now().n_cleared == 4);
}

static void t_a_capacity_that_has_been_low_for_5_minutes_is_raised(void **state)
{
    (void)state;
    lead();
    mydb_sql("DELETE FROM Capacity; INSERT INTO Capacity (modid, cmdid, class, rps, "
             "inflight, p99_us, target_us, factor, low_since) VALUES (3, 1, 'c8', 100, "
             "1, 1, 1, 0.6, NOW(3) - INTERVAL 6 MINUTE), (4, 1, '', 100, 1, 1, 1, 0.6, "
             "NOW(3) - INTERVAL 4 MINUTE), (5, 1, '', 100, 1, 1, 1, 0.85, NULL)");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(open_of("capacity_drift", "3/1 c8"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail = 'a node answers "
                            "60.0 requests a second in time, and 100.0 were measured'"),
                     1);
    mydb_sql("UPDATE Capacity SET factor = 0.8, low_since = NULL WHERE modid = 3");
    T_WAIT(stat_now().n_cleared == 1);
    mydb_sql("DELETE FROM Capacity");
}

/* Nodes of 20/1 on two hosts of class small: <build> for 11 minutes. */
static void put_nodes(const char *build)
{
    char sql[600];

    snprintf(sql, sizeof(sql),
             "DELETE FROM ScaleHost; DELETE FROM ScaleSlot; INSERT INTO ScaleHost (host, "
             "zone, class, slots) VALUES ('h1', 'a', 'small', 4), ('h2', 'b', 'small', "
             "4); INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, pid, state, "
             "build, build_since, seen_at) SELECT host, n, 20, 1, 8000 + n, 7, 'ready', "
             "'%s', NOW(3) - INTERVAL 11 MINUTE, NOW(3) + INTERVAL 1 HOUR FROM "
             "ScaleHost, (SELECT 1 AS n UNION SELECT 2) AS both_slots",
             build);
    mydb_sql(sql);
}

static void measure(const char *class, const char *build, const char *from)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "REPLACE INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
             "target_us, build, build_from) VALUES (20, 1, '%s', 100, 1, 1, 1, '%s', "
             "'%s')",
             class, build, from);
    mydb_sql(sql);
}

static void
t_another_build_than_the_measured_one_is_raised_until_it_is_measured(void **state)
{
    (void)state;
    lead();
    mydb_sql("DELETE FROM Capacity");
    put_nodes("0b");
    mydb_sql("UPDATE ScaleSlot SET build = '0a' WHERE slot = 2 AND host = 'h2'");
    mydb_sql("UPDATE ScaleSlot SET build = '0c' WHERE slot = 2 AND host = 'h1'");
    measure("", "0a", "measured");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(open_of("capacity_stale", "20/1"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail = 'build 0a was "
                            "measured, and 3 nodes run 0b, 0c: larsctl capacity measure "
                            "20 1'"),
                     1);
    mydb_sql("UPDATE ScaleSlot SET build = '0b'");
    measure("", "0b", "measured");
    T_WAIT(stat_now().n_cleared == 1);
    measure("small", "0a", "measured");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(open_of("capacity_stale", "20/1 small"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail = 'build 0a was "
                            "measured, and 4 nodes run 0b: larsctl capacity measure 20 1 "
                            "class=small'"),
                     1);
    measure("small", "1.2", "typed");
    T_WAIT(stat_now().n_cleared == 2);
    mydb_sql("DELETE FROM Capacity");
}

/* The alarm of module 21/1 in the end shows that the others were looked at. */
static void t_what_is_not_known_raises_no_alarm_of_another_build(void **state)
{
    (void)state;
    lead();
    put_nodes("0b");
    measure("", "0a", "measured");
    measure("small", "1.2", "typed"); /* counts for these nodes */
    mydb_sql(
        "INSERT INTO Capacity (modid, cmdid, rps, inflight, p99_us, target_us, build, "
        "build_from) VALUES (21, 1, 1, 1, 1, 1, '0a', 'measured'), (22, 1, 1, 1, 1, "
        "1, '', 'measured'), (23, 1, 1, 1, 1, 1, '0a', 'measured'); INSERT INTO "
        "ScaleSlot (host, slot, modid, cmdid, port, state, build, build_since, seen_at) "
        "VALUES "
        /* ten minutes have not passed; starting; silent; no build; no time */
        "('h1', 3, 21, 1, 1, 'ready', '0b', NOW(3) - INTERVAL 9 MINUTE, NOW(3) + "
        "INTERVAL 1 HOUR), ('h1', 4, 23, 1, 1, 'starting', '0b', '2020-01-01', NOW(3) + "
        "INTERVAL 1 HOUR), ('h1', 5, 23, 1, 1, 'ready', '0b', '2020-01-01', NOW(3) - "
        "INTERVAL 7 SECOND), ('h1', 6, 23, 1, 1, 'ready', '', '2020-01-01', NOW(3) + "
        "INTERVAL 1 HOUR), ('h1', 7, 23, 1, 1, 'ready', '0b', NULL, NOW(3) + INTERVAL 1 "
        "HOUR), "
        /* the measured one; of a module without a build; of a host that is not there */
        "('h1', 8, 23, 1, 1, 'ready', '0a', '2020-01-01', NOW(3) + INTERVAL 1 HOUR), "
        "('h1', 9, 22, 1, 1, 'ready', '0b', '2020-01-01', NOW(3) + INTERVAL 1 HOUR), "
        "('h3', 1, 23, 1, 1, 'ready', '0b', '2020-01-01', NOW(3) + INTERVAL 1 HOUR)");
    start("", "");
    mydb_sql("UPDATE ScaleSlot SET build_since = build_since - INTERVAL 1 MINUTE WHERE "
             "modid = 21");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(open_of("capacity_stale", "21/1"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail LIKE '%and 1 node "
                            "runs 0b:%'"),
                     1);
    mydb_sql("DELETE FROM Capacity");
}

static void t_scaled_modules_without_a_leader_are_raised(void **state)
{
    (void)state;
    mydb_sql("REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 7, "
             "NOW(3) - INTERVAL 1 SECOND, 1); INSERT INTO ScalePolicy (modid, cmdid) "
             "VALUES (3, 1)");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(open_of("scale_leader", "lars-autoscaler"), 1);
    lead();
    T_WAIT(stat_now().n_cleared == 1);
}

static void
t_a_gateway_that_does_not_answer_is_lost_until_it_does_or_is_withdrawn(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO GatewaySeen (address, origin, required, answered_at, asked_at, "
        "why) VALUES ('10.0.0.1:9890', 'config', 1, NOW(3) - INTERVAL 1 HOUR, NOW(3) "
        "+ INTERVAL 1 HOUR, 'nothing listens there'), ('10.0.0.2:9890', 'table', 1, "
        "NOW(3) - INTERVAL 1 HOUR, NOW(3) + INTERVAL 1 HOUR, ''), "
        /* withdrawn; answers; asked by no process */
        "('10.0.0.3:9890', 'table', 0, NOW(3) - INTERVAL 1 HOUR, NOW(3) + INTERVAL "
        "1 HOUR, ''), ('10.0.0.4:9890', 'table', 1, NOW(3) + INTERVAL 1 HOUR, "
        "NOW(3) + INTERVAL 1 HOUR, ''), ('10.0.0.5:9890', 'table', 1, NOW(3) - INTERVAL "
        "1 "
        "HOUR, NOW(3) - INTERVAL 21 SECOND, '')");
    start("", "");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(open_of("gateway_lost", "10.0.0.1:9890"), 1);
    assert_int_equal(open_of("gateway_lost", "10.0.0.2:9890"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail LIKE 'no answer for "
                            "36__ s; nothing listens there'"),
                     1);
    mydb_sql("UPDATE GatewaySeen SET answered_at = NOW(3) + INTERVAL 1 HOUR WHERE "
             "address = '10.0.0.1:9890'; UPDATE GatewaySeen SET required = 0 WHERE "
             "address = '10.0.0.2:9890'");
    T_WAIT(stat_now().n_cleared == 2);
    assert_int_equal(stat_now().n_raised, 2);
}

static void t_a_gateway_is_not_lost_before_a_minute(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO GatewaySeen (address, origin, answered_at, asked_at) VALUES "
             "('10.0.0.1:9890', 'config', NOW(3) - INTERVAL 59 SECOND, NOW(3) + INTERVAL "
             "1 HOUR)");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'gateway_lost' AND "
                            "detail LIKE 'no answer for 6_ s'"),
                     1);
}

static void
t_nodes_that_do_not_come_up_for_2_minutes_are_raised_until_they_do(void **state)
{
    (void)state;
    lead();
    mydb_sql(
        "INSERT INTO ScaleShortage (modid, cmdid, zone, wanted, up, most, why, since, "
        "seen_at) VALUES "
        "(3, 1, 'a', 5, 3, 3, 'starts fail on host h1; no free slot for 1', NOW(3) "
        "- INTERVAL 130 SECOND, NOW(3) + INTERVAL 1 HOUR), "
        "(4, 1, '', 2, 0, 1, 'nothing is heard of host h2', NOW(3) - INTERVAL 1 "
        "HOUR, NOW(3) + INTERVAL 1 HOUR), "
        /* not for long enough; not written any more */
        "(5, 1, 'a', 2, 0, 0, '', NOW(3) - INTERVAL 60 SECOND, NOW(3) + INTERVAL 1 "
        "HOUR), (6, 1, 'a', 2, 0, 0, '', NOW(3) - INTERVAL 1 HOUR, NOW(3) - INTERVAL "
        "31 SECOND)");
    start("", "");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(open_of("scale_stuck", "3/1 a"), 1);
    assert_int_equal(open_of("scale_stuck", "4/1"), 1);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM Alarm WHERE detail LIKE '3 of 5 nodes up "
                         "for 1__ s: starts fail on host h1; no free slot for 1'"),
                     1);
    mydb_sql(
        "DELETE FROM ScaleShortage WHERE modid = 3; UPDATE ScaleShortage SET seen_at "
        "= NOW(3) - INTERVAL 31 SECOND WHERE modid = 4");
    T_WAIT(stat_now().n_cleared == 2);
    assert_int_equal(stat_now().n_raised, 2);
}

static void t_no_host_left_for_a_gateway_is_raised_until_there_is_one(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO ScaleDecision (modid, cmdid, rule, note) VALUES (0, 0, 'keep', "
             "'scale.front: the gateways are busy, and no standby host is left')");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    assert_int_equal(open_of("scale_front", "gateways"), 1);
    mydb_sql("INSERT INTO ScaleDecision (modid, cmdid, rule) VALUES (0, 0, 'up')");
    T_WAIT(stat_now().n_cleared == 1);
}

static void t_a_silent_host_with_orders_and_failing_starts_are_raised(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO ScaleHost (host, zone, slots, seen_at) VALUES ('h1', 'a', 4, "
        "NOW(3) - INTERVAL 1 HOUR), ('h2', 'a', 4, NOW(3) - INTERVAL 1 HOUR), "
        "('h3', 'b', 4, NOW(3) + INTERVAL 1 HOUR); INSERT INTO ScaleWanted (host, "
        "slot, modid, cmdid, fence) VALUES ('h1', 1, 3, 1, 1), ('h3', 1, 3, 1, 1); "
        "INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state, starts, note) "
        "VALUES ('h3', 1, 3, 1, 8001, 'failed', 3, 'exit status 1'), ('h3', 2, 3, "
        "1, 8002, 'failed', 2, 'signal 9')");
    start("", "");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(open_of("scale_host", "h1"), 1);
    assert_int_equal(open_of("scale_start", "h3"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail = 'slot 1, module "
                            "3/1: exit status 1'"),
                     1);
    mydb_sql("UPDATE ScaleHost SET seen_at = NOW(3) + INTERVAL 1 HOUR; UPDATE ScaleSlot "
             "SET state = 'ready'");
    T_WAIT(stat_now().n_cleared == 2);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, scale_setup, teardown)

MYDB_MAIN_WITH(group_setup, group_teardown,
               S(t_what_a_decision_lacks_is_raised_until_a_decision_lacks_it_no_more),
               S(t_a_capacity_that_has_been_low_for_5_minutes_is_raised),
               S(t_another_build_than_the_measured_one_is_raised_until_it_is_measured),
               S(t_what_is_not_known_raises_no_alarm_of_another_build),
               S(t_scaled_modules_without_a_leader_are_raised),
               S(t_a_gateway_that_does_not_answer_is_lost_until_it_does_or_is_withdrawn),
               S(t_a_gateway_is_not_lost_before_a_minute),
               S(t_nodes_that_do_not_come_up_for_2_minutes_are_raised_until_they_do),
               S(t_no_host_left_for_a_gateway_is_raised_until_there_is_one),
               S(t_a_silent_host_with_orders_and_failing_starts_are_raised))
