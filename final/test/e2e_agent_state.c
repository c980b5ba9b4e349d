/* What an agent has in force is in the database: which process works, the version and the
 * checksum of the nodes of each module, its policy, and the nodes that get no calls. */
#include "lib/system.h"
#include "proto/msg_module_meta.h"
#include "route/routedelta.h"

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

static int setup(void **state)
{
    int rc = system_setup_shm(state);

    testdb_sql("DELETE FROM Service; DELETE FROM AgentRoute; DELETE FROM AgentNode; "
               "DELETE FROM RouteHold");
    system_agentd_conf("[choice]\nzone = a\n");
    return rc;
}

#define SEEN                                                                             \
    "SELECT COALESCE(MAX(1000 * UNIX_TIMESTAMP(seen_at)), 0) FROM Service WHERE kind = " \
    "'reportd'"
#define SUM_OF_AGENT "SELECT COALESCE(MAX(sum), 0) FROM AgentRoute WHERE modid = 1"

static void t_agent_reports_the_nodes_that_it_uses(void **state)
{
    struct route_node node[3] = {{0x7f000101, 80, 0, 0}, {0x7f000102, 80, 0, 0}};
    unsigned long long before;

    (void)state;
    system_start();
    T_WAIT(number("SELECT COUNT(*) FROM Service WHERE kind = 'agent' AND zone = 'a' AND "
                  "version <> '' AND seq > 0") == 1);
    T_WAIT(number(SUM_OF_AGENT) != 0);
    before = number(SUM_OF_AGENT);
    testdb_sql("SET @lars_confirmed = 1; DELETE FROM RouteData WHERE serverip > "
               "INET_ATON('127.0.1.2')");
    T_WAIT(number(SUM_OF_AGENT) == routedelta_sum(node, 2));
    assert_true(before != routedelta_sum(node, 2));
    assert_int_equal(number("SELECT COUNT(*) FROM AgentRoute"), 1);
}

#define VERSION_IN_FORCE                                                                 \
    "SELECT COUNT(*) FROM AgentRoute a JOIN RouteVersion v ON v.version = a.version "    \
    "WHERE a.modid = 1"

static void t_agent_reports_the_version_of_the_nodes_that_it_uses(void **state)
{
    (void)state;
    system_start();
    T_WAIT(number(VERSION_IN_FORCE) == 1);
    testdb_sql("UPDATE RouteData SET weight = 70 WHERE serverip = "
               "INET_ATON('127.0.1.1')");
    T_WAIT(number(VERSION_IN_FORCE) == 1);
    proc_end(&sys.agentd, SIGTERM); /* it writes the file with its routes */
    testdb_sql("DELETE FROM AgentRoute");
    system_start_agentd();
    T_WAIT(number(VERSION_IN_FORCE) == 1); /* those of the file have no version */
}

static void t_agent_reports_the_policy_that_it_has(void **state)
{
    const struct msg_module_meta none = {.mod = {1, 1}},
                                 set = {.mod = {1, 1}, .rule = "hash", .slow_ms = 500};

    (void)state;
    testdb_sql("DELETE FROM ModulePolicy");
    system_start();
    T_WAIT(number("SELECT COUNT(*) FROM AgentRoute WHERE modid = 1 AND sum <> 0") == 1);
    testdb_sql("INSERT INTO ModulePolicy (modid, cmdid, rule, slow_ms) VALUES (1, 1, "
               "'hash', 500)");
    T_WAIT(number("SELECT policy FROM AgentRoute WHERE modid = 1") ==
           msg_module_meta_policy_sum(&set));
    testdb_sql("DELETE FROM ModulePolicy");
    T_WAIT(number("SELECT policy FROM AgentRoute WHERE modid = 1") ==
           msg_module_meta_policy_sum(&none));
}

static void t_agent_shows_that_it_lives_and_a_successor_replaces_its_rows(void **state)
{
    unsigned long long seq;
    char routes[120];

    (void)state;
    system_start();
    T_WAIT(number("SELECT COALESCE(MAX(seq), 0) FROM Service WHERE kind = 'agent'") > 0);
    seq = number("SELECT seq FROM Service WHERE kind = 'agent'");
    T_WAIT(number("SELECT seq FROM Service WHERE kind = 'agent'") > seq);
    snprintf(routes, sizeof(routes), "%s/routes", sys.dir);
    T_WAIT(access(routes, R_OK) == 0); /* the successor learns its modules from it */
    proc_kill(&sys.agentd);
    testdb_sql("INSERT INTO AgentRoute (agent, modid, cmdid, sum) SELECT name, 99, 1, 5 "
               "FROM Service WHERE kind = 'agent'");
    system_start_agentd();
    T_WAIT(number("SELECT COUNT(*) FROM AgentRoute WHERE modid = 99") == 0);
    T_WAIT(number("SELECT COUNT(*) FROM AgentRoute WHERE modid = 1") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Service WHERE kind = 'agent'"), 1);
}

static void t_node_without_calls_is_reported_until_it_has_calls_again(void **state)
{
    int i;

    (void)state;
    system_start_shm();               /* no process listens on the nodes */
    for (i = 0; i < 200; i++) {
        struct lars_host h;

        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        lars_report(sys.client, &h, h.addr.ip[0] == 224 ? -1 : 0);
    }
    T_WAIT(number("SELECT COUNT(*) FROM AgentNode WHERE ip = INET_ATON('224.1.2.3') "
                  "AND port = 80 AND state IN (1, 2)") == 1);
    testdb_sql("SET @lars_confirmed = 1; DELETE FROM RouteData WHERE serverip = "
               "INET_ATON('224.1.2.3')");
    T_WAIT(number("SELECT COUNT(*) FROM AgentNode") == 0);
}

static void t_report_service_shows_that_it_lives(void **state)
{
    unsigned long long at;

    (void)state;
    system_start_reportd();
    T_WAIT(number(SEEN) > 0);
    at = number(SEEN);
    T_WAIT(number(SEEN) > at);
}

#define DNSD_SERVES                                                                      \
    "SELECT COUNT(*) FROM Service JOIN RouteVersion WHERE kind = 'dnsd' AND revision = " \
    "RouteVersion.version AND state = ''"
#define HOLDS                                                                            \
    "SELECT COUNT(*) FROM RouteHold JOIN Service ON name = dnsd WHERE modid = 1 AND " \
    "had = 3 AND gone = 3"

static void start_guarded_dnsd(void)
{
    const char *file =
        system_write_file("dnsd.ini", "[guard]\ndir = %s/guard\n", testdb_dir);

    proc_start(&sys.dnsd, "lars-dnsd", "-c", file, "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
}

static void t_dnsd_shows_its_version_and_the_modules_that_it_holds(void **state)
{
    (void)state;
    start_guarded_dnsd();
    T_WAIT(number(DNSD_SERVES) == 1);
    testdb_sql("DELETE FROM RouteData");
    T_WAIT(number(HOLDS) == 1);
    testdb_sql("INSERT INTO RouteConfirm (modid, cmdid) VALUES (1, 1)");
    T_WAIT(number("SELECT COUNT(*) FROM RouteHold") == 0);
    T_WAIT(number(DNSD_SERVES) == 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, system_teardown)

TESTDB_MAIN(E(t_agent_reports_the_nodes_that_it_uses),
            E(t_agent_reports_the_version_of_the_nodes_that_it_uses),
            E(t_agent_reports_the_policy_that_it_has),
            E(t_agent_shows_that_it_lives_and_a_successor_replaces_its_rows),
            E(t_node_without_calls_is_reported_until_it_has_calls_again),
            E(t_dnsd_shows_its_version_and_the_modules_that_it_holds),
            E(t_report_service_shows_that_it_lives))
