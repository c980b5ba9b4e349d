/* The evaluation of alarms on a real MariaDB: a fault of a node, a zone or a module is
 * one alarm, with what is lost with it in its text. */
#include "alarmwatch.h"
#include "net/sock.h"

static void t_node_without_calls_is_one_alarm_that_names_the_hosts(void **state)
{
    (void)state;
    put_two_zones();
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 1, 80, 1), ('B', 1, 1, 1, 80, 2), "
             "('A', 1, 1, 3, 80, 3), ('A', 1, 1, 9, 80, 1), ('gone', 1, 1, 2, 80, 1)");
    start("", "");
    T_WAIT(n_open("node_down", "0.0.0.1:80") == 1);
    wait_rounds(10);
    assert_int_equal(stat_now().n_raised, 1); /* not: on trial, no node, a dead agent's */
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail LIKE '%1/1%2 host%A "
                            "B%'"),
                     1);
    mydb_sql("DELETE FROM AgentNode WHERE ip = 1");
    T_WAIT(n_open("node_down", "0.0.0.1:80") == 0);
}

static void t_zone_is_one_alarm_with_its_nodes_and_its_agent(void **state)
{
    (void)state;
    put_two_zones();
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 3, 80, 1)");
    start("", "");
    T_WAIT(n_open("node_down", "0.0.0.3:80") == 1);
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 4, 80, 1);"
             "UPDATE Service SET seen_at = NOW(3) - INTERVAL 1 MINUTE WHERE name = 'B'");
    T_WAIT(n_open("zone_down", "b") == 1);
    wait_rounds(10);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'zone_down' AND "
                            "detail LIKE '2 nodes: 0.0.0.3:80 0.0.0.4:80%'"),
                     1);
    mydb_sql("DELETE FROM AgentNode; UPDATE Service SET seen_at = '2037-01-01'");
    T_WAIT(n_open("zone_down", "b") == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"), 0);
}

/* Module 2/1 is not called, so no agent judges its nodes. */
static void t_zone_with_nodes_of_a_module_without_calls_is_one_alarm(void **state)
{
    struct net_addr at;
    char sql[300];
    int fd;

    (void)state;
    put_two_zones();
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    fd = sock_listen(&at, 16, 0);
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(2, 1, 1, 80, 'a'), (2, 1, INET_ATON('127.0.0.1'), %u, 'b'), (2, 1, "
             "INET_ATON('127.0.0.1'), 1, 'b')",
             at.port);
    mydb_sql(sql);
    mydb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('reportd', "
             "'me/127.0.0.1:7779', '2037-01-01'); INSERT INTO AgentNode VALUES ('A', 1, "
             "1, 3, 80, 1)");
    start("", "");
    T_WAIT(n_open("node_down", "0.0.0.3:80") == 1);
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 4, 80, 1)");
    T_WAIT(n_open("node_down", "0.0.0.4:80") == 1);
    wait_rounds(10);
    assert_int_equal(stat_now().n_raised, 2); /* a node of 2/1 answers */
    close(fd);
    T_WAIT(n_open("zone_down", "b") == 1);
    wait_rounds(10);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE detail LIKE '4 nodes:%'"),
                     1);
    mydb_sql("DELETE FROM AgentNode WHERE agent = 'A'");
    T_WAIT(n_open("zone_down", "b") == 0);
    T_WAIT(number("SELECT COUNT(*) FROM AgentNode") == 0);
}

static void t_zone_is_one_alarm_with_its_services_that_are_silent(void **state)
{
    (void)state;
    put_two_zones();
    mydb_sql("INSERT INTO AgentNode VALUES ('A', 1, 1, 3, 80, 1), ('A', 1, 1, 4, 80, 1);"
             "INSERT INTO Service (kind, name, zone, revision, seen_at) VALUES ('dnsd', "
             "'D', 'b', 1000000000, '2037-01-01'), ('reportd', 'R', 'b', 0, "
             "'2037-01-01'), ('reportd', 'Q', 'a', 0, '2037-01-01')");
    start("", "");
    T_WAIT(n_open("zone_down", "b") == 1);
    mydb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 1 MINUTE WHERE zone = 'b'");
    T_WAIT(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'zone_down' AND detail = "
                  "'2 nodes: 0.0.0.3:80 0.0.0.4:80 silent: B D R'") == 1);
    wait_rounds(10);
    assert_int_equal(stat_now().n_raised, 1);
    mydb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 1 MINUTE WHERE name = 'Q'");
    T_WAIT(n_open("service_silent", "Q") == 1); /* its zone is not down */
    mydb_sql("DELETE FROM AgentNode; UPDATE Service SET seen_at = '2037-01-01'");
    T_WAIT(number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL") == 0);
    assert_int_equal(stat_now().n_raised, 2);
}

static void t_module_of_which_a_host_reaches_no_node_is_raised(void **state)
{
    (void)state;
    put_two_zones();
    mydb_sql(
        "INSERT INTO AgentNode SELECT 'A', modid, cmdid, serverip, serverport, 1 FROM "
        "RouteData");
    start("", "");
    T_WAIT(n_open("module_no_node", "1/1") == 1);
    mydb_sql("DELETE FROM AgentNode WHERE ip = 4");
    T_WAIT(n_open("module_no_node", "1/1") == 0);
}

#define W(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(group_setup, group_teardown,
               W(t_node_without_calls_is_one_alarm_that_names_the_hosts),
               W(t_zone_is_one_alarm_with_its_nodes_and_its_agent),
               W(t_zone_with_nodes_of_a_module_without_calls_is_one_alarm),
               W(t_zone_is_one_alarm_with_its_services_that_are_silent),
               W(t_module_of_which_a_host_reaches_no_node_is_raised))
