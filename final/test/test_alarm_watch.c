/* The evaluation of alarms on a real MariaDB: alarms are stored in the table and reach
 * the notifier; one of all Report Services evaluates them; it depends on no other task of
 * the leader.  Zones are in test_alarm_zones.c. */
#include <sys/stat.h>

#include "alarmwatch.h"
#include "base/latency.h"
#include "lib/textfile.h"
#include "net/sock.h"
#include "peer.h"
#include "route/routedelta.h"

static void t_error_rate_and_dead_node_are_raised_and_cleared(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, "
             "11, 80)");
    mydb_sql(
        "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() + 60, 1, 1, 10, 80, 70, 0), "
        "(UNIX_TIMESTAMP() + 60, 1, 1, 11, 80, 0, 30), "
        "(UNIX_TIMESTAMP() + 60, 2, 1, 11, 80, 99, 19)"); /* 16 %: neither bad nor good */
    start("", "");
    T_WAIT(stat_now().n_raised == 2);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM Alarm WHERE kind = 'error_rate' AND "
                         "subject = '1/1' AND detail LIKE '30.0 \\% of 100 calls%' AND "
                         "cleared_at IS NULL"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'node_down' AND "
                            "subject = '0.0.0.11:80' AND cleared_at IS NULL"),
                     1);
    mydb_sql("UPDATE CallSecond SET succ = 1000 WHERE ip = 11");
    T_WAIT(stat_now().n_cleared == 2);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"), 0);
    assert_int_equal(stat_now().n_raised, 2);
}

static void
t_drained_module_is_raised_and_the_next_leader_does_not_raise_it_again(void **state)
{
    uint64_t rounds;

    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start("", "");
    T_WAIT(stat_now().n_raised == 1);
    alarm_watch_stop(watch);
    start("", "");
    T_WAIT(stat_now().is_leader == 1);
    rounds = stat_now().n_round;
    T_WAIT(stat_now().n_round >= rounds + 10);
    assert_int_equal(stat_now().n_raised, 0);
    assert_int_equal(stat_now().n_open, 1);
    mydb_sql("UPDATE RouteData SET state = 'up'");
    T_WAIT(stat_now().n_cleared == 1);
}

static void put_hook(const char *body)
{
    textfile_write(hook, "#!/bin/sh\n%s\n", body);
    assert_int_equal(chmod(hook, 0755), 0);
}

static void t_node_of_a_returned_zone_is_raised_after_its_zone_is_cleared(void **state)
{
    char body[300], text[1000] = "";
    FILE *f;

    (void)state;
    put_two_zones();
    snprintf(body, sizeof(body), "echo \"$1 $2 $3\" >>%s", written);
    put_hook(body);
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 3, 80, 1), "
             "('A', 1, 1, 4, 80, 1)");
    start(hook, "");
    T_WAIT(n_open("zone_down", "b") == 1);
    mydb_sql("DELETE FROM AgentNode WHERE ip = 3");
    T_WAIT(n_open("node_down", "0.0.0.4:80") == 1);
    T_WAIT(stat_now().n_told == 3);
    f = fopen(written, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    fclose(f);
    assert_string_equal(text, "zone_down b raised\nzone_down b cleared\n"
                              "node_down 0.0.0.4:80 raised\n");
}

static void t_zone_without_an_agent_is_checked_before_it_is_called_down(void **state)
{
    struct net_addr at;
    char sql[300];
    int fd;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    fd = sock_listen(&at, 16, 0);
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 1, INET_ATON('127.0.0.1'), %u, 'c'), (1, 1, INET_ATON('127.0.0.1'), 1, "
             "'c')",
             at.port);
    mydb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('reportd', "
             "'me/127.0.0.1:7779', '2037-01-01')");
    mydb_sql(sql);
    start("", "");
    T_WAIT(n_open("node_down", "127.0.0.1:1") == 1); /* no process listens on port 1 */
    wait_rounds(10);
    assert_int_equal(n_open("zone_down", "c"), 0);
    close(fd);
    T_WAIT(n_open("zone_down", "c") == 1);
    assert_int_equal(n_open("node_down", "127.0.0.1:1"), 0);
    mydb_sql("INSERT INTO Service (kind, name, zone, seen_at) VALUES ('agent', 'C', 'c', "
             "'2037-01-01')");
    T_WAIT(n_open("zone_down", "c") == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM AgentNode"), 0);
}

static void t_few_calls_are_judged_over_a_minute(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() - seq, 3, 1, seq, 80, 0, 1 "
             "FROM seq_12_to_30;" /* 19 of 19, spread over nodes and seconds */
             "INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() - seq, 4, 1, seq, 80, 8, 1 "
             "FROM seq_12_to_30;" /* a ninth */
             "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - 9, 5, 1, 1, 80, 0, 4)");
    start("", "");
    T_WAIT(n_open("error_rate", "3/1") == 1);
    wait_rounds(10);
    assert_int_equal(stat_now().n_raised, 1);
    mydb_sql("DELETE FROM CallSecond");
    T_WAIT(n_open("error_rate", "3/1") == 0);
}

/* The clock of the database server was set back by an hour. */
static void t_calls_of_a_future_raise_nothing(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() + 3000 + seq, 3, 1, 1, 80, "
             "0, 100 FROM seq_1_to_60;"
             "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP(), 4, 1, 1, 80, 0, 100)");
    start("", "");
    T_WAIT(n_open("error_rate", "4/1") == 1);
    wait_rounds(10);
    assert_int_equal(n_open("error_rate", "3/1"), 0);
}

static void t_slow_calls_are_raised(void **state)
{
    char sql[300];

    (void)state;
    snprintf(sql, sizeof(sql),
             "INSERT INTO CallLatency VALUES (UNIX_TIMESTAMP() DIV 60 * 60, 1, 1, %u, "
             "97), (UNIX_TIMESTAMP() DIV 60 * 60, 1, 1, %u, 3), (UNIX_TIMESTAMP() DIV 60 "
             "* 60, 2, 1, %u, 100)",
             latency_bucket(900), latency_bucket(2000000), latency_bucket(900000));
    mydb_sql(sql);
    start("", "");
    T_WAIT(n_open("latency", "1/1") == 1);
    wait_rounds(10);
    assert_int_equal(stat_now().n_raised, 1);
    mydb_sql("DELETE FROM CallLatency");
    T_WAIT(n_open("latency", "1/1") == 0);
}

static void t_silent_processes_are_raised_until_they_speak(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO Service (kind, name, seen_at) VALUES ('agent', 'A', NOW(3) - "
        "INTERVAL 7 SECOND), ('dnsd', 'D', NOW(3) - INTERVAL 7 SECOND), ('reportd', "
        "'R', NOW(3) - INTERVAL 7 SECOND), ('agent', 'old', NOW(3) - INTERVAL 2 DAY), "
        "('dnsd', 'well', '2037-01-01')");
    mydb_sql("UPDATE Service SET revision = 1000000000");
    start("", "");
    T_WAIT(stat_now().n_raised == 3);
    assert_int_equal(n_open("agent_silent", "A"), 1);
    assert_int_equal(n_open("service_silent", "D") + n_open("service_silent", "R"), 2);
    mydb_sql("UPDATE Service SET seen_at = '2037-01-01', revision = 1000000000"); /* and
                                       * their routes are not stale */
    T_WAIT(stat_now().n_cleared == 3);
    assert_int_equal(stat_now().n_raised, 3);
}

static void t_stream_of_two_agents_is_an_alarm_that_names_both(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO StreamConflict VALUES ('R', 'aa01', '10.0.0.1:4000', "
             "'10.0.0.2:5000', '2037-01-01'), ('R', 'bb02', '10.0.0.3:4000', "
             "'10.0.0.4:5000', NOW(3) - INTERVAL 7 SECOND)");
    start("", "");
    T_WAIT(n_open("stream_conflict", "aa01") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail LIKE "
                            "'%10.0.0.1:4000 and 10.0.0.2:5000%[agent] dir%'"),
                     1);
    mydb_sql("DELETE FROM StreamConflict");
    T_WAIT(n_open("stream_conflict", "aa01") == 0);
    assert_int_equal(stat_now().n_raised, 1);
}

static void t_stream_of_agents_at_two_services_is_an_alarm_that_names_both(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO Service (kind, name, address, report, since, seen_at) VALUES "
        "('agent', 'h2', '10.0.0.2', X'aa00000000000000000000000000000f', NOW(3) - "
        "INTERVAL 9 SECOND, '2037-01-01'), ('agent', 'h1', '10.0.0.1', "
        "X'aa00000000000000000000000000000f', NOW(3) - INTERVAL 1 HOUR, '2037-01-01')");
    mydb_sql( /* under another name before; silent; of an older release */
        "INSERT INTO Service (kind, name, report, since, seen_at) VALUES "
        "('agent', 'was', 'b', NOW(3) - INTERVAL 1 HOUR, '2037-01-01'), "
        "('agent', 'is', 'b', '2037-01-02', '2037-01-02'), "
        "('agent', 'gone', 'c', '2020-01-01', NOW(3) - INTERVAL 7 SECOND), "
        "('agent', 'lives', 'c', '2020-01-01', '2037-01-01'), "
        "('agent', 'old1', '', '2020-01-01', '2037-01-01'), "
        "('agent', 'old2', '', '2020-01-01', '2037-01-01')");
    start("", "");
    T_WAIT(n_open("stream_conflict", "aa00000000000000000000000000000f") == 1);
    wait_rounds(10);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'stream_conflict' "
                            "AND detail LIKE '%h1 and h2%two Report Services%[agent] "
                            "dir%'"),
                     1);
    assert_int_equal(
        number("SELECT COUNT(*) FROM Alarm WHERE kind = 'stream_conflict'"), 1);
    mydb_sql("INSERT INTO StreamConflict VALUES ('R', 'cc', '10.0.0.2:4000', "
             "'10.0.0.1:5000', '2037-01-01')"); /* a Report Service sees it by itself */
    T_WAIT(n_open("stream_conflict", "aa00000000000000000000000000000f") == 0);
    assert_int_equal(n_open("stream_conflict", "cc"), 1);
}

static void t_agent_that_uses_other_nodes_is_behind_unless_they_are_held(void **state)
{
    struct route_node node[2] = {{1, 80, 0, 0}, {2, 80, 0, 0}};
    char sql[300];

    (void)state;
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, 1, "
        "80), (1, 1, 2, 80); INSERT INTO Service (kind, name, seen_at) VALUES "
        "('agent', 'A', '2037-01-01'), ('agent', 'B', '2037-01-01')");
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO AgentRoute (agent, modid, cmdid, sum) VALUES ('A', 1, 1, %llu), "
        "('B', 1, 1, %llu)",
        (unsigned long long)routedelta_sum(node, 2),
        (unsigned long long)routedelta_sum(node, 1));
    mydb_sql(sql);
    start("", "");
    T_WAIT(n_open("agent_behind", "B") == 1);
    wait_rounds(1);                   /* the row is written before it is counted */
    assert_int_equal(stat_now().n_raised, 1);
    mydb_sql(
        "INSERT INTO RouteHold (dnsd, modid, cmdid, had, gone, seen_at) VALUES ('D', "
        "1, 1, 2, 1, '2037-01-01')");
    T_WAIT(n_open("route_held", "1/1") == 1);
    T_WAIT(n_open("agent_behind", "B") == 0);
    mydb_sql("DELETE FROM RouteHold");
    T_WAIT(n_open("route_held", "1/1") == 0);
    T_WAIT(n_open("agent_behind", "B") == 1);
    mydb_sql("SET @lars_confirmed = 1; DELETE FROM RouteData WHERE serverip = 2");
    T_WAIT(n_open("agent_behind", "A") == 1);
    T_WAIT(n_open("agent_behind", "B") == 0);
}

static void t_dnsd_with_old_routes_is_raised(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, 1, "
        "80); INSERT INTO Service (kind, name, revision, state, seen_at) SELECT "
        "'dnsd', 'old', version - 1, '', '2037-01-01' FROM RouteVersion; INSERT INTO "
        "Service (kind, name, revision, state, seen_at) SELECT 'dnsd', 'stale', "
        "version, 'stale', '2037-01-01' FROM RouteVersion; INSERT INTO Service (kind, "
        "name, revision, state, seen_at) SELECT 'dnsd', 'new', version, '', "
        "'2037-01-01' FROM RouteVersion; UPDATE RouteChange SET changed_at = NOW() + "
        "INTERVAL 1 MINUTE");
    start("", "");
    T_WAIT(stat_now().n_raised > 0);
    assert_int_equal(n_open("routes_stale", "stale"), 1);
    assert_int_equal(stat_now().n_raised, 1); /* the change is younger than 3 s */
    mydb_sql("UPDATE RouteChange SET changed_at = changed_at - INTERVAL 2 MINUTE");
    T_WAIT(n_open("routes_stale", "old") == 1);
    mydb_sql(
        "UPDATE Service SET state = '', revision = (SELECT version FROM RouteVersion)");
    T_WAIT(stat_now().n_open == 0);
    assert_int_equal(stat_now().n_raised, 2);
}

static void t_hook_program_gets_the_alarm_as_arguments(void **state)
{
    char body[400], line[200];
    FILE *f;

    (void)state;
    snprintf(body, sizeof(body), "echo \"$1|$2|$3|$4\" >%s.new; mv %s.new %s", written,
             written, written);
    put_hook(body);
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start(hook, "");
    T_WAIT(access(written, F_OK) == 0);
    f = fopen(written, "r");
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    assert_string_equal(line, "module_no_node|7/1|raised|all of its nodes are drained\n");
    assert_int_equal(stat_now().n_notify_fail, 0);
}

static void t_hook_that_fails_is_counted(void **state)
{
    (void)state;
    put_hook("exit 3");
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start(hook, "http://127.0.0.1:1/"); /* no process listens on port 1 */
    T_WAIT(stat_now().n_notify_fail == 16); /* 8 tries each */
    T_WAIT(stat_now().n_notify_lost == 2);
    T_WAIT(stat_now().n_round > 20);  /* the rounds continue */
}

static void t_one_of_two_services_evaluates(void **state)
{
    struct alarm_watch *first;

    (void)state;
    start("", "");
    first = watch;
    T_WAIT(stat_now().is_leader == 1);
    start("", "");
    T_WAIT(number("SELECT COUNT(*) FROM Lease") == 1);
    assert_int_equal(stat_now().is_leader, 0);
    alarm_watch_stop(first);          /* it releases the lease at once */
    T_WAIT(stat_now().is_leader == 1);
}

MYDB_MAIN_WITH(group_setup, group_teardown,
               W(t_error_rate_and_dead_node_are_raised_and_cleared),
               W(t_drained_module_is_raised_and_the_next_leader_does_not_raise_it_again),
               W(t_node_of_a_returned_zone_is_raised_after_its_zone_is_cleared),
               W(t_zone_without_an_agent_is_checked_before_it_is_called_down),
               W(t_few_calls_are_judged_over_a_minute),
               W(t_calls_of_a_future_raise_nothing),
               W(t_slow_calls_are_raised),
               W(t_silent_processes_are_raised_until_they_speak),
               W(t_stream_of_two_agents_is_an_alarm_that_names_both),
               W(t_stream_of_agents_at_two_services_is_an_alarm_that_names_both),
               W(t_agent_that_uses_other_nodes_is_behind_unless_they_are_held),
               W(t_dnsd_with_old_routes_is_raised),
               W(t_hook_program_gets_the_alarm_as_arguments),
               W(t_hook_that_fails_is_counted),
               W(t_one_of_two_services_evaluates))
