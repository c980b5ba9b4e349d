/* larsctl zone drain and the gateways of the zone: its visitors are sent elsewhere, and
 * none of their requests fails. */
#include "ctlrun.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct proc gate[2]; /* of the zones a and b */
static struct proc scaler;
static int admin[2];
static struct httpreply reply;

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(gate, 0, sizeof(gate));
    memset(&scaler, 0, sizeof(scaler));
    /* the node that stays answers, so no agent finds it down */
    testdb_sqlf(
        "DELETE FROM ZoneState; INSERT INTO RouteData (modid, cmdid, serverip, "
        "serverport, zone) VALUES (7, 1, INET_ATON('127.0.0.1'), %d, 'a'), (7, 1, "
        "2, 80, 'b')",
        gatesys.node.port);
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&scaler);
    proc_kill(&gate[0]);
    proc_kill(&gate[1]);
    return gatesys_teardown(state);
}

static int ready(int i)
{
    httppeer_get(admin[i], "/ready", &reply);
    return reply.status;
}

/* With its admin port at <port>, 0 = any. */
static void start_gate(int i, int port)
{
    char more[300];

    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:%d\nkey_file = %s\n", port,
             system_write_file("fleet.key", KEY "\n"));
    gatesys_start(&gate[i], 0, i == 0 ? "zone = a\n" : "zone = b\n", more);
    admin[i] = system_http_port(&gate[i]);
}

static void start(void)
{
    char key[140];
    int i;

    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    for (i = 0; i < 2; i++) {
        start_gate(i, 0);
        T_WAIT(ready(i) == 200);
    }
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[db]\nsocket = %s\n[gateways]\nadmin = 127.0.0.1:%d, "
                               "127.0.0.1:%d\nkey_file = %s\n",
                               testdb_socket, admin[0], admin[1], key));
}

static void t_visitors_of_a_drained_zone_lose_no_request(void **state)
{
    struct gateload l = {.per_connection = 0};

    (void)state;
    start();
    gateload_start(&l, gate[1].port, 0);
    T_WAIT(l.n_ok > 200);
    expect("-y zone drain b", 0, "7/1: in the database");
    assert_int_equal(ready(0), 200);
    assert_int_equal(ready(1), 503);
    httppeer_get(gate[1].port, "/", &reply); /* who comes all the same is answered */
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.text, "Connection: close"));
    expect("-o csv zone status", 0, ",1 of 1 serve,");
    expect_text(",0 of 1 serve,");
    expect("zone return b", 0, "7/1: in the database");
    T_WAIT(ready(1) == 200);
    gateload_expect_no_failure(&l);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action IN ('gateway "
                                   "drain', 'gateway undrain') AND result = 'done'"),
                     2);
}

static void t_zone_with_the_only_gateways_is_not_drained(void **state)
{
    (void)state;
    start();
    proc_kill(&gate[0]);
    expect("-y zone drain b", 4, "no gateway outside of b serves");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
    assert_int_equal(ready(1), 200);
    expect("-y zone drain b confirm=b", 0, "7/1: in the database");
    assert_int_equal(ready(1), 503);
}

/* The routes are drained, and the command can be given again. */
static void t_gateway_that_does_not_obey_is_named(void **state)
{
    char key[140];

    (void)state;
    start();
    snprintf(key, sizeof(key), "%s",
             system_write_file("other.key", "%s\n",
                               "fedcba9876543210fedcba9876543210fedcba9876543210"));
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("wrong.ini",
                               "[db]\nsocket = %s\n[gateways]\nadmin = 127.0.0.1:%d, "
                               "127.0.0.1:%d\nkey_file = %s\n",
                               testdb_socket, admin[0], admin[1], key));
    expect("-y zone drain b", 1, "use the key in [gateway] key_file");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 1);
    assert_int_equal(ready(1), 200);
}

/* --- a restart in a drained zone ---------------------------------------------------- */

static int scaler_port(void)
{
    char key[140], cmd[200];

    snprintf(cmd, sizeof(cmd), "sh common/users %s >/dev/null", testdb_dir);
    assert_int_equal(system(cmd), 0);
    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    proc_start(&scaler, "lars-autoscaler", "-c",
               system_write_file("autoscaler.ini",
                                 "[autoscaler]\ngateways = 127.0.0.1:%d, 127.0.0.1:%d\n"
                                 "key_file = %s\npull_ms = 100\nround_ms = 200\n[db]\n"
                                 "socket = %s\nuser = lars_scale\npassword = "
                                 "lars_scale\n[http]\nlisten = 127.0.0.1:0\n",
                                 admin[0], admin[1], key, testdb_socket),
               NULL);
    return system_http_port(&scaler);
}

/* Of the autoscaler. */
static double metric(int port, const char *name)
{
    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void t_gateway_that_starts_in_a_drained_zone_drains_until_the_return(void **state)
{
    int port;

    (void)state;
    start();
    expect("-y zone drain b", 0, "7/1: in the database");
    proc_kill(&gate[1]);
    start_gate(1, admin[1]);
    assert_int_equal(ready(1), 200); /* no question has told it yet */
    port = scaler_port();
    T_WAIT(ready(1) == 503);
    assert_int_equal(ready(0), 200);
    proc_kill(&gate[1]); /* it is away at the return, and comes back as of the zone */
    expect("zone return b", 0, "7/1: in the database");
    start_gate(1, admin[1]);
    T_WAIT(metric(port, "lars_autoscaler_gateways_answering") == 2);
    T_WAIT(ready(1) == 200);
    assert_int_equal(ready(0), 200);
}

/* Without a database nothing is known of zones: visitors come first.  What drains stays
 * so, because the database may be away for a moment. */
static void t_gateway_that_starts_while_the_database_is_away_serves(void **state)
{
    double failures;
    int port;

    (void)state;
    start();
    testdb_sql("INSERT INTO ZoneState (zone, state, who, reason) VALUES ('b', 'drained', "
               "'li', '')");
    port = scaler_port();
    T_WAIT(ready(1) == 503);
    testdb_stop();
    failures = metric(port, "lars_autoscaler_failures_total");
    T_WAIT(metric(port, "lars_autoscaler_failures_total") > failures + 20); /* 4 s */
    assert_int_equal(ready(1), 503);
    proc_kill(&gate[1]);
    start_gate(1, admin[1]);
    T_WAIT(metric(port, "lars_autoscaler_gateways_answering") == 2);
    assert_int_equal(ready(1), 200);
    testdb_start();
    T_WAIT(ready(1) == 503);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_visitors_of_a_drained_zone_lose_no_request),
            E(t_zone_with_the_only_gateways_is_not_drained),
            E(t_gateway_that_does_not_obey_is_named),
            E(t_gateway_that_starts_in_a_drained_zone_drains_until_the_return),
            E(t_gateway_that_starts_while_the_database_is_away_serves))
