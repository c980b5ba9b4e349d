/* The meta data of a module, from the database to the agent, with real programs: its
 * policy, the load of its zones, the nodes that other hosts have ejected, and the path of
 * its HTTP probe. */
#include "lib/system.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/httppeer.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

static int setup(void **state)
{
    int rc = system_setup_shm(state);

    system_agentd_conf("[choice]\nzone = A\nrules = 7/7=wrr\n");
    testdb_sql("UPDATE RouteData SET zone = IF(serverip = INET_ATON('127.0.1.1'), 'A', "
               "'B') WHERE modid = 1");
    return rc;
}

static struct route_reader snap; /* of 1/1 */

/* The settings of a module as they are now. */
static const struct module_table_settings *settings(uint32_t modid, uint32_t cmdid)
{
    static struct module_table_settings now;
    int64_t mid = module_table_find(sys.seg, modid, cmdid);

    now = (struct module_table_settings){.rule = UINT32_MAX};
    if (mid >= 0)
        module_table_get(sys.seg, (uint32_t)mid, &now);
    return &now;
}

static bool has_nodes(void)
{
    int64_t mid = module_table_find(sys.seg, 1, 1);

    return mid >= 0 && route_reader_read(sys.seg, (uint32_t)mid, &snap) == 0;
}

static void up(void)
{
    system_start();
    T_WAIT(segment_open(&sys.seg, sys.shm) == 0);
    T_WAIT(has_nodes());
}

static void t_policy_reaches_shared_memory_by_name(void **state)
{
    (void)state;
    up();
    assert_int_equal(settings(1, 1)->rule, policies_find("scan"));
    assert_int_equal(settings(1, 1)->timeout_ms, 30000);
    testdb_sql("INSERT INTO ModulePolicy (modid, cmdid, rule, timeout_ms) VALUES "
               "(1, 1, 'hash', 1234), (1, 9, 'p2c', 5)");
    T_WAIT((int)settings(1, 1)->rule == policies_find("hash"));
    T_WAIT(settings(1, 1)->timeout_ms == 1234); /* it is written after the rule */
    testdb_sql("UPDATE ModulePolicy SET node_rps = 500, node_inflight = 40, target_ms = "
               "200 WHERE cmdid = 1");
    T_WAIT(settings(1, 1)->target_ms == 200);
    assert_int_equal(settings(1, 1)->node_rps, 500);
    assert_int_equal(settings(1, 1)->node_inflight, 40);
    testdb_sql("UPDATE ModulePolicy SET rule = 'unknown' WHERE cmdid = 1");
    proc_expect_line(sys.agentd.err, "rule.unknown");
    /* the agent falls back to its default */
    T_WAIT((int)settings(1, 1)->rule == policies_find("scan"));
    assert_int_equal(settings(1, 1)->timeout_ms, 1234);
    testdb_sql("DELETE FROM ModulePolicy");
    T_WAIT(settings(1, 1)->timeout_ms == 30000);
    T_WAIT(settings(1, 1)->target_ms == 0); /* it is written after the time-out */
    assert_int_equal(settings(1, 1)->node_inflight, 0);
}

static void t_policy_reaches_a_module_that_is_registered_later(void **state)
{
    (void)state;
    testdb_sql(
        "INSERT INTO ModulePolicy (modid, cmdid, rule) VALUES (7, 7, 'hash'), "
        "(7, 8, 'hash'); INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
        "VALUES (7, 7, 1, 1), (7, 8, 1, 1)");
    up();
    T_WAIT(lars_register(sys.client, 7, 8) == 0);
    T_WAIT((int)settings(7, 8)->rule == policies_find("hash"));
    T_WAIT(lars_register(sys.client, 7, 7) == 0);
    /* [choice] rules of this host takes precedence */
    T_WAIT((int)settings(7, 7)->rule == policies_find("wrr"));
}

/* The load of a zone is the sum of the calls that its agents report. */
static void t_calls_are_summed_into_the_load_of_a_zone(void **state)
{
    struct lars_host h;
    int i;

    (void)state;
    up();
    T_WAIT(lars_get_host(sys.client, 1, 1, &h) == 0 && system_is_by_shm(&h));
    lars_report(sys.client, &h, 0);
    for (i = 0; i < 100; i++) {
        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        assert_int_equal(lars_report(sys.client, &h, i == 7), 0);
    }
    T_WAIT(testdb_number("SELECT COALESCE(SUM(ok), 0) FROM ZoneLoad WHERE modid = 1 AND "
                         "cmdid = 1 AND zone = CRC32('A')") == 100);
    assert_int_equal(testdb_number("SELECT COALESCE(SUM(err), 0) FROM ZoneLoad"), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneLoad WHERE zone <> "
                                   "CRC32('A')"),
                     0);
}

/* Writes the rates of calls of the zones A and B.  Zone A, that of the agent, has a third
 * of the weight. */
static void set_rates(int a, int b)
{
    testdb_sqlf(
        "REPLACE INTO ZoneLoad SELECT UNIX_TIMESTAMP() + seq, 1, 1, CRC32('A'), %d, "
        "0 FROM seq_0_to_20; REPLACE INTO ZoneLoad SELECT UNIX_TIMESTAMP() + seq, "
        "1, 1, CRC32('B'), %d, 0 FROM seq_0_to_20",
        a, b);
}

static struct proc node_b[2];

/* A node of another zone is called only when its check succeeds. */
static void start_nodes_of_zone_b(void)
{
    int i;

    testdb_sql("DELETE FROM RouteData WHERE modid = 1 AND zone = 'B'");
    for (i = 0; i < 2; i++) {
        proc_start(&node_b[i], "lars-node", "127.0.1.2:0", NULL);
        system_wait_port(&node_b[i], "lars-node");
        testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) "
                    "VALUES (1, 1, INET_ATON('127.0.1.2'), %d, 'B')",
                    node_b[i].port);
    }
}

static bool is_other_zone_in_use(void)
{
    struct lars_host h;
    bool other;

    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    other = (h.opaque[3] & PICK_OTHER_ZONE) != 0;
    lars_report(sys.client, &h, 0);
    return other;
}

static void t_demand_follows_the_load(void **state)
{
    struct lars_host h;
    unsigned away = 0;
    int i;

    (void)state;
    start_nodes_of_zone_b();
    up();
    assert_int_equal(settings(1, 1)->demand, PICK_DEMAND_PRESET);
    set_rates(100, 200); /* in proportion to the weights */
    poll(NULL, 0, 0);
    set_rates(500, 500); /* A: half of the calls */
    T_WAIT(settings(1, 1)->demand == PICK_DEMAND_PRESET * 3 / 2);
    T_WAIT(lars_get_host(sys.client, 1, 1, &h) == 0 && system_is_by_shm(&h));
    T_WAIT(is_other_zone_in_use());
    for (i = 0; i < 2000; i++) {
        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        away += (h.opaque[3] & PICK_OTHER_ZONE) != 0;
        lars_report(sys.client, &h, 0);
    }
    assert_in_range(away, 60, 250); /* 1 - 1 / 1.0714: 6.7 % */
    testdb_sql("INSERT INTO ModulePolicy (modid, cmdid, node_rps) VALUES (1, 1, 1000)");
    T_WAIT(settings(1, 1)->demand == PICK_FULL / 2); /* 500 of 1,000 calls/s */
    for (i = 0; i < 2; i++)
        proc_kill(&node_b[i]);
}

/* No client of this host calls the node; other hosts report that it fails. */
static void t_node_ejected_by_two_hosts_is_probed_and_ejected(void **state)
{
    uint32_t i, nid, out = 0;
    struct net_addr a;

    (void)state;
    testdb_sql("UPDATE RouteData SET zone = 'A'");
    up();
    testdb_sql("INSERT INTO NodeOut VALUES (1, 1, INET_ATON('127.0.1.2'), 80, 11, "
               "UNIX_TIMESTAMP() + 30)"); /* one host alone is not enough */
    testdb_sql("INSERT INTO ModulePolicy (modid, cmdid, timeout_ms) VALUES (1, 1, 77)");
    T_WAIT(settings(1, 1)->timeout_ms == 77);
    assert_true(has_nodes());
    for (i = 0; i < snap.n; i++)
        assert_true(node_table_costs(sys.seg)[snap.member[i].nid] < NODE_OUT);
    testdb_sql("INSERT INTO NodeOut VALUES (1, 1, INET_ATON('127.0.1.2'), 80, 12, "
               "UNIX_TIMESTAMP() + 30)");
    for (i = 0; i < snap.n; i++) {
        nid = snap.member[i].nid;
        node_table_addr(sys.seg, nid, &a);
        if (a.ip[0] == 127 && a.ip[3] == 2)
            T_WAIT((out = node_table_costs(sys.seg)[nid]) >= NODE_OUT);
    }
    assert_int_equal(out, NODE_OUT | NODE_DOWN | EJECT_FLEET);
    /* the agent reports a node that stays ejected again, without any call */
    T_WAIT(testdb_number("SELECT COUNT(*) FROM NodeOut WHERE modid = 1 AND ip = "
                         "INET_ATON('127.0.1.2') AND caller NOT IN (11, 12)") == 1);
}

static uint32_t cost_of(int port)
{
    uint32_t nid, n = node_table_count(sys.seg);
    struct net_addr a;

    for (nid = 0; nid < n; nid++) {
        node_table_addr(sys.seg, nid, &a);
        if (a.port == port)
            return node_table_costs(sys.seg)[nid];
    }
    return 0;
}

/* The node accepts connections all the time; only its HTTP answer shows its state. */
static void t_http_probe_decides_by_the_status(void **state)
{
    _Atomic int *status =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int port;
    pid_t pid;

    (void)state;
    assert_true(status != MAP_FAILED);
    *status = 503;
    pid = httppeer_serve(&port, status);
    testdb_sqlf(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, "
        "INET_ATON('127.0.0.1'), %d); INSERT INTO ModulePolicy (modid, cmdid, probe) "
        "VALUES (1, 1, '/well'); INSERT INTO NodeOut SELECT 1, 1, "
        "INET_ATON('127.0.0.1'), %d, 11 + seq, UNIX_TIMESTAMP() + 30 FROM seq_0_to_1",
        port, port);
    up();
    T_WAIT(cost_of(port) == (NODE_OUT | NODE_DOWN | EJECT_FLEET));
    testdb_sql("DELETE FROM NodeOut");
    *status = 200;
    T_WAIT(cost_of(port) > 0 && cost_of(port) < NODE_OUT);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(status, 4096);
}

#define S(f) cmocka_unit_test_setup_teardown(f, setup, system_teardown)

TESTDB_MAIN(S(t_policy_reaches_shared_memory_by_name),
            S(t_policy_reaches_a_module_that_is_registered_later),
            S(t_calls_are_summed_into_the_load_of_a_zone), S(t_demand_follows_the_load),
            S(t_node_ejected_by_two_hosts_is_probed_and_ejected),
            S(t_http_probe_decides_by_the_status))
