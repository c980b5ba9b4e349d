/* What a round of the autoscaler reads from a real MariaDB and writes to it, as the user
 * lars_scale, which has the rights that the program needs. */
#include "scale/scale_db.h"

#include "base/crc32.h"
#include "base/log.h"
#include "mydb.h"

#include "dbusers.h"

#define TTL_S 10
#define EMPTY                                                                            \
    "DELETE FROM ScalePolicy; DELETE FROM ScalePlan; DELETE FROM ScaleHost; "            \
    "DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM ScaleDecision; "        \
    "DELETE FROM Capacity; DELETE FROM Freeze; DELETE FROM Lease; DELETE FROM Alarm; "   \
    "DELETE FROM ZoneLoad; DELETE FROM ModulePolicy; DELETE FROM RouteData; "            \
    "DELETE FROM AgentRoute; DELETE FROM Service; DELETE FROM RouteLog; "                \
    "DELETE FROM Audit; DELETE FROM ScaleMeasure; "

static struct scale_db *db;
static struct snapshot s;
static const struct module_id m = {20, 1};

static int setup(void **state)
{
    const struct myconn_config cfg = {mydb_socket,  "",         0, "lars_scale",
                                      "lars_scale", "lars_dns", 5};

    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_sql(EMPTY);
    mydb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (20, 1)");
    assert_int_equal(myconn_init(), 0);
    return scale_db_create(&db, &cfg);
}

static int teardown(void **state)
{
    snapshot_empty(&s);
    scale_db_close(db);
    scale_db_close(NULL);
    myconn_fini();
    return t_fds_check(state);
}

static void look(void)
{
    if (scale_db_read(db, &s) < 0)
        fail_msg("%s", scale_db_error(db));
}

static unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static void add_hosts(void)
{
    mydb_sql("INSERT INTO ScaleHost (host, zone, address, class, slots) VALUES "
             "('h1', 'a', '10.0.0.1', 'big', 4), ('h2', 'b', '10.0.0.2', '', 8)");
}

/* --- reading ------------------------------------------------------------------------ */

/* Without its row a node that is measured would be one of those that serve. */
static void t_measurements_that_have_a_slot_are_read_before_all_others(void **state)
{
    char sql[200];
    unsigned i;

    (void)state;
    add_hosts();
    mydb_sql(
        "INSERT INTO ScaleMeasure (modid, cmdid, token, state, host, slot, until_at) "
        "VALUES (20, 1, 'given', 'given', 'h1', 3, NOW(3) + INTERVAL 60 SECOND)");
    for (i = 0; i < 20; i++) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO ScaleMeasure (modid, cmdid, token, at, until_at) VALUES "
                 "(21, %u, 'asked%u', NOW(3) - INTERVAL 1 HOUR, NOW(3) - INTERVAL 1 "
                 "HOUR)",
                 i, i);
        mydb_sql(sql);
    }
    look();
    assert_int_equal(s.n_measure, SNAPSHOT_MEASURES_MAX);
    assert_int_equal(s.measure[0].state, SNAPSHOT_GIVEN);
    assert_int_equal(s.measure[0].host, 0);
    assert_int_equal(s.measure[0].slot, 3);
    assert_false(s.measure[0].over);
    assert_int_equal(s.measure[1].state, SNAPSHOT_ASKED);
    assert_true(s.measure[1].over);
}

static void t_policies_have_what_is_known_of_their_module(void **state)
{
    (void)state;
    mydb_sql("UPDATE ScalePolicy SET min_zone = 2, max_zone = 9, warm = 3, dry_run = 1; "
             "INSERT INTO ScalePolicy (modid, cmdid, actuator) VALUES (20, 2, 'exec'); "
             "INSERT INTO ScaleDecision (modid, cmdid, wanted, rule) VALUES (20, 1, 4, "
             "'keep'), (20, 1, 5, 'floor'); "
             "INSERT INTO Alarm (kind, subject) VALUES ('module_errors', '20/1'); "
             "INSERT INTO Alarm (kind, subject, cleared_at) VALUES ('module_errors', "
             "'20/2', NOW()); "
             "INSERT INTO ModulePolicy (modid, cmdid, node_rps, node_inflight) VALUES "
             "(20, 1, 100, 7)");
    look();
    assert_int_equal(s.n_policy, 2);
    assert_int_equal(s.policy[0].id.cmdid, 1);
    assert_string_equal(s.policy[0].actuator, "slots");
    assert_int_equal(s.policy[0].min_zone, 2);
    assert_int_equal(s.policy[0].max_zone, 9);
    assert_int_equal(s.policy[0].warm, 3);
    assert_int_equal(s.policy[0].util_pct, 70);
    assert_int_equal(s.policy[0].floor_pct, 90);
    assert_true(s.policy[0].dry_run);
    assert_true(s.policy[0].was_decided);
    assert_int_equal(s.policy[0].last_wanted, 5);
    assert_true(s.policy[0].alarm);
    assert_true(s.policy[0].node_rps == 100 && s.policy[0].node_inflight == 7);
    assert_string_equal(s.policy[1].actuator, "exec");
    assert_false(s.policy[1].was_decided);
    assert_false(s.policy[1].alarm);
    assert_true(s.policy[1].node_rps == 0);
}

static void t_zones_that_are_kept_out_are_read(void **state)
{
    (void)state;
    look();
    assert_int_equal(s.n_zone_out, 0);
    mydb_sql("INSERT INTO ZoneState (zone, state) VALUES ('b', 'leaving'), ('a', "
             "'drained'); INSERT INTO FrontHost (host, zone, admin, outside) VALUES "
             "('h1', 'a', '127.0.0.1:1', '127.0.0.1:2'), ('h2', 'c', '127.0.0.1:3', "
             "'127.0.0.1:4')");
    look();
    mydb_sql("DELETE FROM ZoneState; DELETE FROM FrontHost");
    assert_int_equal(s.n_zone_out, 2);
    assert_string_equal(s.zone_out[0].name, "a");
    assert_string_equal(s.zone_out[1].name, "b");
    assert_int_equal(s.n_front, 2);
    assert_true(s.front[0].zone_out);
    assert_false(s.front[1].zone_out);
}

static void t_plans_and_a_freeze_count_while_they_are_in_force(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO ScalePlan (modid, cmdid, zone, from_at, until_at, n_zone) "
             "VALUES (20, 1, 'a', NOW() - INTERVAL 1 HOUR, NOW() + INTERVAL 1 HOUR, 6), "
             "(20, 1, '', NOW() + INTERVAL 1 HOUR, NOW() + INTERVAL 2 HOUR, 7), "
             "(20, 1, '', NOW() - INTERVAL 2 HOUR, NOW() - INTERVAL 1 HOUR, 8); "
             "INSERT INTO Freeze (name, until_at) VALUES ('scale', NOW() - INTERVAL 1 "
             "MINUTE)");
    look();
    assert_int_equal(s.n_plan, 1);
    assert_string_equal(s.plan[0].zone, "a");
    assert_int_equal(s.plan[0].n_zone, 6);
    assert_false(s.frozen);
    mydb_sql("UPDATE Freeze SET until_at = NOW() + INTERVAL 1 MINUTE");
    look();
    assert_true(s.frozen);
    mydb_sql(
        "DELETE FROM Freeze; INSERT INTO Drill (token, name, script, state, who, host, "
        "folder, live) VALUES ('t', 'd', '', 'running', 'li', 'h', '/', '{}')");
    look();
    assert_true(s.frozen); /* a drill runs */
    mydb_sql("UPDATE Drill SET seen_at = NOW(3) - INTERVAL 61 SECOND");
    look();
    assert_false(s.frozen);
    mydb_sql("UPDATE Drill SET seen_at = NOW(3), state = 'passed'");
    look();
    assert_false(s.frozen);
    mydb_sql("DELETE FROM Drill");
}

static void t_hosts_orders_and_slots_are_joined_by_the_name_of_the_host(void **state)
{
    (void)state;
    add_hosts();
    mydb_sql(
        "UPDATE ScaleHost SET in_use = 0, seen_at = NOW(3) - INTERVAL 7 SECOND WHERE "
        "host = 'h2'; "
        "INSERT INTO ScaleHost (host, address, slots) VALUES ('h3', 'no address', "
        "4000000000); "
        "INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h2', 3, "
        "20, 1, 1), ('h1', 2, 20, 1, 1), ('unknown', 1, 20, 1, 1); "
        "INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state, since) VALUES "
        "('h1', 2, 20, 1, 7002, 'sick', NOW(3) - INTERVAL 9 SECOND), "
        "('h2', 1, 20, 1, 7001, 'what', NOW(3)), "
        "('unknown', 1, 20, 1, 7001, 'ready', NOW(3))");
    look();
    assert_int_equal(s.n_host, 3);
    assert_string_equal(s.host[0].name, "h1");
    assert_string_equal(s.host[0].zone, "a");
    assert_string_equal(s.host[0].class, "big");
    assert_int_equal(s.host[0].ip, 0x0a000001);
    assert_int_equal(s.host[0].slots, 4);
    assert_true(s.host[0].in_use);
    assert_in_range(s.host[0].age_ms, 0, 6999);
    assert_false(s.host[1].in_use);
    assert_in_range(s.host[1].age_ms, 7000, 60000);
    assert_int_equal(s.host[2].ip, 0);
    assert_int_equal(s.host[2].slots, 1000); /* bounded */
    assert_int_equal(s.n_order, 2);
    assert_int_equal(s.order[0].host, 0);
    assert_int_equal(s.order[0].slot, 2);
    assert_int_equal(s.order[1].host, 1);
    assert_int_equal(s.n_slot, 2);
    assert_int_equal(s.slot[0].port, 7002);
    assert_int_equal(s.slot[0].state, SNAPSHOT_SICK);
    assert_in_range(s.slot[0].since_ms, 9000, 60000);
    assert_int_equal(s.slot[1].state, SNAPSHOT_STOPPING); /* what it does not know */
}

static void t_a_route_is_in_force_when_each_live_agent_has_its_checksum(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(20, 1, 10, 80, 'up'), (20, 1, 10, 81, 'drained'), (9, 9, 10, 80, 'up')");
    look();
    assert_int_equal(s.n_route, 2);
    assert_int_equal(s.route[0].port, 80);
    assert_true(s.route[0].up);
    assert_false(s.route[1].up);
    assert_true(s.policy[0].in_force); /* no agent uses it */
    mydb_sql("INSERT INTO Service (kind, name) VALUES ('agent', 'x'), ('agent', 'y'); "
             "INSERT INTO AgentRoute (agent, modid, cmdid, sum) VALUES ('x', 20, 1, 7)");
    look();
    assert_false(s.policy[0].in_force);
    mydb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 61 SECOND WHERE name = 'x'");
    look();
    assert_true(s.policy[0].in_force);
}

/* The checksum is that of what DNSService gives out: the agent of e2e_autoscaler shows
 * that it is the same. */
static void t_a_change_of_the_route_changes_its_sum(void **state)
{
    uint64_t sum;

    (void)state;
    look();
    sum = s.policy[0].route_sum;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(20, 1, 10, 80)");
    look();
    assert_true(s.policy[0].route_sum != sum);
    sum = s.policy[0].route_sum;
    mydb_sql("UPDATE RouteData SET weight = 50");
    look();
    assert_true(s.policy[0].route_sum != sum);
}

static void t_capacity_and_load_of_zones_are_read(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
             "target_us, factor) VALUES (20, 1, 'big', 200, 10, 1, 1, 0.5); "
             "INSERT INTO ZoneLoad (at, modid, cmdid, zone, ok, err) SELECT "
             "UNIX_TIMESTAMP() - seq, 20, 1, CRC32('a'), 40, 2 FROM seq_0_to_20");
    look();
    assert_int_equal(s.n_capacity, 1);
    assert_string_equal(s.capacity[0].class, "big");
    assert_true(s.capacity[0].rps == 100 && s.capacity[0].inflight == 5);
    assert_int_equal(s.n_load, 1);
    assert_int_equal(s.load[0].zone, crc32_of("a"));
    assert_true(s.load[0].rps > 41.9 && s.load[0].rps < 42.1);
}

static void t_a_failed_read_leaves_an_empty_snapshot(void **state)
{
    (void)state;
    add_hosts();
    look();
    mydb_sql("RENAME TABLE ZoneLoad TO ZoneLoadGone");
    assert_int_equal(scale_db_read(db, &s), -ENOENT);
    mydb_sql("RENAME TABLE ZoneLoadGone TO ZoneLoad");
    assert_int_equal(s.n_host, 0);
    assert_non_null(strstr(scale_db_error(db), "migrate"));
    look();
    assert_int_equal(s.n_host, 2);
}

/* --- writing ------------------------------------------------------------------------ */

static struct node_steps steps;
static struct scale_decision decision;
static uint64_t fence;

/* The lease, a fresh snapshot, no step, one decision. */
static void begin(void)
{
    assert_int_equal(scale_db_lease(db, 1, TTL_S, &fence), 1);
    look();
    steps.n = 0;
    decision = (struct scale_decision){
        .id = m, .demand = 12.5, .was = 2, .wanted = 3, .rule = "floor"};
    snprintf(decision.note, sizeof(decision.note), "it's %%s \"needed\"");
}

static void add_step(enum node_step_kind kind, uint32_t host, uint32_t slot)
{
    steps.at[steps.n++] = (struct node_step){
        kind, m, host, slot, 0x0a000001 + host, kind == NODE_ORDER ? 0 : 7000 + slot};
}

static int write_as(uint64_t holder, uint64_t f)
{
    const struct scale_changes c = {
        .decision = &decision, .n_decision = 1, .steps = &steps, .snapshot = &s};
    int rc = scale_db_write(db, holder, f, TTL_S, &c);

    if (rc < 0)
        print_error("%s\n", scale_db_error(db));
    return rc;
}

static void t_an_order_names_its_fence_and_its_decision(void **state)
{
    (void)state;
    add_hosts();
    begin();
    add_step(NODE_ORDER, 1, 5);
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted w JOIN ScaleDecision d ON "
                            "d.id = w.decision WHERE w.host = 'h2' AND w.slot = 5 AND "
                            "w.modid = 20 AND w.fence = 1 AND d.fence = 1"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision WHERE demand = 12.5 AND "
                            "was = 2 AND wanted = 3 AND rule = 'floor' AND note = "
                            "'it''s %s \"needed\"'"),
                     1);
}

static void t_a_node_gets_a_row_in_the_route_with_its_zone_and_the_reason(void **state)
{
    (void)state;
    add_hosts();
    begin();
    add_step(NODE_ROUTE, 0, 2);
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData WHERE modid = 20 AND cmdid = "
                            "1 AND serverip = INET_ATON('10.0.0.1') AND serverport = "
                            "7002 AND zone = 'a' AND state = 'up' AND weight = 100"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteLog l JOIN Audit a ON a.id = "
                            "l.audit_id WHERE l.db_user LIKE 'lars_scale@%' AND "
                            "l.new_state = 'up' AND a.actor = 'lars-autoscaler' AND "
                            "a.subject = '20/1' AND a.action = 'scale'"),
                     1);
}

static void t_a_node_is_drained_removed_and_its_order_cancelled(void **state)
{
    (void)state;
    add_hosts();
    mydb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', 2, "
             "20, 1, 1); INSERT INTO RouteData (modid, cmdid, serverip, serverport, "
             "zone) VALUES (20, 1, INET_ATON('10.0.0.1'), 7002, 'a')");
    begin();
    add_step(NODE_DRAIN, 0, 2);
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT state = 'drained' FROM RouteData"), 1);
    begin();
    add_step(NODE_REMOVE, 0, 2);
    add_step(NODE_CANCEL, 0, 2);
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted"), 0);
}

/* An operator has put the node back into the route since the snapshot was read. */
static void t_a_node_that_is_back_in_the_route_is_not_stopped(void **state)
{
    (void)state;
    add_hosts();
    mydb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', 2, "
             "20, 1, 1); INSERT INTO RouteData (modid, cmdid, serverip, serverport, "
             "state) VALUES (20, 1, INET_ATON('10.0.0.1'), 7002, 'drained')");
    begin();
    add_step(NODE_REMOVE, 0, 2);
    add_step(NODE_CANCEL, 0, 2);
    mydb_sql("UPDATE RouteData SET state = 'up'");
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted"), 1);
}

static void t_rows_that_were_added_meanwhile_stay_as_they_are(void **state)
{
    (void)state;
    add_hosts();
    begin();
    add_step(NODE_ORDER, 0, 1);
    add_step(NODE_ROUTE, 0, 2);
    mydb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', 1, "
             "9, 9, 0); INSERT INTO RouteData (modid, cmdid, serverip, serverport, "
             "weight) VALUES (20, 1, INET_ATON('10.0.0.1'), 7002, 5)");
    assert_int_equal(write_as(1, fence), 1);
    assert_int_equal(number("SELECT modid FROM ScaleWanted"), 9);
    assert_int_equal(number("SELECT weight FROM RouteData"), 5);
}

static void t_a_leader_that_was_replaced_writes_nothing(void **state)
{
    uint64_t next;

    (void)state;
    add_hosts();
    begin();
    add_step(NODE_ORDER, 0, 1);
    add_step(NODE_ROUTE, 0, 2);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) - INTERVAL 1 SECOND");
    assert_int_equal(scale_db_lease(db, 2, TTL_S, &next), 1);
    assert_int_equal(next, fence + 1);
    assert_int_equal(write_as(1, fence), 0);
    assert_int_equal(number(
                         "SELECT (SELECT COUNT(*) FROM ScaleWanted) + (SELECT COUNT(*) "
                         "FROM RouteData) + (SELECT COUNT(*) FROM ScaleDecision) + "
                         "(SELECT COUNT(*) FROM Audit)"),
                     0);
    assert_int_equal(write_as(2, next), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted"), 1);
}

static void t_a_write_that_fails_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    add_hosts();
    begin();
    add_step(NODE_ORDER, 0, 1);
    add_step(NODE_ROUTE, 0, 2);
    mydb_sql("RENAME TABLE RouteLog TO RouteLogGone");
    assert_true(write_as(1, fence) < 0);
    mydb_sql("RENAME TABLE RouteLogGone TO RouteLog");
    assert_int_equal(number(
                         "SELECT (SELECT COUNT(*) FROM ScaleWanted) + (SELECT COUNT(*) "
                         "FROM RouteData) + (SELECT COUNT(*) FROM ScaleDecision)"),
                     0);
    assert_int_equal(write_as(1, fence), 1); /* the lease is still its own */
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData"), 1);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static int group_setup(void **state)
{
    int rc = mydb_setup(state);

    if (rc == 0)
        dbusers_create();
    return rc;
}

MYDB_MAIN_WITH(group_setup, mydb_teardown,
               D(t_measurements_that_have_a_slot_are_read_before_all_others),
               D(t_policies_have_what_is_known_of_their_module),
               D(t_zones_that_are_kept_out_are_read),
               D(t_plans_and_a_freeze_count_while_they_are_in_force),
               D(t_hosts_orders_and_slots_are_joined_by_the_name_of_the_host),
               D(t_a_route_is_in_force_when_each_live_agent_has_its_checksum),
               D(t_a_change_of_the_route_changes_its_sum),
               D(t_capacity_and_load_of_zones_are_read),
               D(t_a_failed_read_leaves_an_empty_snapshot),
               D(t_an_order_names_its_fence_and_its_decision),
               D(t_a_node_gets_a_row_in_the_route_with_its_zone_and_the_reason),
               D(t_a_node_is_drained_removed_and_its_order_cancelled),
               D(t_a_node_that_is_back_in_the_route_is_not_stopped),
               D(t_rows_that_were_added_meanwhile_stay_as_they_are),
               D(t_a_leader_that_was_replaced_writes_nothing),
               D(t_a_write_that_fails_in_the_middle_leaves_nothing))
