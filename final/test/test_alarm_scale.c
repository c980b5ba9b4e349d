/* Alarms about scaling on a real MariaDB, from what the tables of the autoscaler have. */
#include "alarmwatch.h"

static int scale_setup(void **state)
{
    int rc = setup(state);

    mydb_sql("DELETE FROM ScalePolicy; DELETE FROM ScaleDecision; DELETE FROM ScaleHost; "
             "DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM Lease");
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
               S(t_scaled_modules_without_a_leader_are_raised),
               S(t_a_silent_host_with_orders_and_failing_starts_are_raised))
