/* A node that becomes slower than was measured, behind a real gateway: the capacity that
 * counts falls, and recovers when the node is fast again. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define FACTOR "SELECT ROUND(100 * factor) FROM Capacity WHERE modid = 10"

static struct proc gateway, scaler;
static struct gateload load;
static int metrics;

static int setup(void **state)
{
    int rc = gatesys_setup(state);
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "sh common/users %s >/dev/null", testdb_dir);
    assert_int_equal(system(cmd), 0);
    gateway = scaler = (struct proc){0};
    testdb_sql("DELETE FROM Capacity; DELETE FROM Lease; DELETE FROM ScalePolicy; INSERT "
               "INTO Capacity (modid, cmdid, rps, inflight, p99_us, target_us) VALUES "
               "(10, 1, 5000, 20, 5000, 75000)");
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&scaler);
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

static void start(void)
{
    char key[160], more[500];
    int admin;

    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    snprintf(more, sizeof(more),
             "[cache]\nmb = 0\n[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n", key);
    gatesys_start(&gateway, 0, "", more);
    admin = system_http_port(&gateway);
    proc_start(&scaler, "lars-autoscaler", "-c",
               system_write_file("scaler.ini",
                                 "[autoscaler]\ngateways = 127.0.0.1:%d\nkey_file = %s\n"
                                 "track_s = 5\n[db]\nsocket = %s\nuser = lars_scale\n"
                                 "password = lars_scale\n[http]\nlisten = "
                                 "127.0.0.1:0\n",
                                 admin, key, testdb_socket),
               NULL);
    metrics = system_http_port(&scaler);
}

/* The same node with another time for each answer. */
static void node_takes(const char *ms)
{
    char at[40];
    int port = gatesys.node.port;

    proc_kill(&gatesys.node);
    snprintf(at, sizeof(at), "127.0.0.1:%d", port);
    proc_start(&gatesys.node, "http_node", "--delay-ms", ms, at, NULL);
    system_wait_port(&gatesys.node, "http_node");
    gatesys.node.port = port;
}

static double metric(const char *name)
{
    static struct httpreply reply;

    httppeer_get(metrics, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void t_capacity_follows_what_nodes_do(void **state)
{
    (void)state;
    node_takes("150");
    start();
    gateload_start(&load, gateway.port, 0);
    T_WAIT(testdb_number(FACTOR) == 50);
    assert_true(metric("lars_autoscaler_gateways_timed") == 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity WHERE low_since IS NOT "
                                   "NULL AND at < low_since AND rps = 5000"),
                     1);
    node_takes("0");
    T_WAIT(testdb_number(FACTOR) >= 60);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity WHERE low_since IS NOT "
                                   "NULL"),
                     1);
    testdb_sql("UPDATE Capacity SET factor = 0.93");
    T_WAIT(testdb_number(FACTOR) == 100);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity WHERE low_since IS "
                                   "NULL"),
                     1);
    gateload_stop(&load);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(S(t_capacity_follows_what_nodes_do))
