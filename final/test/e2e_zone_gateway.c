/* larsctl zone drain and the gateways of the zone: its visitors are sent elsewhere, and
 * none of their requests fails. */
#include "ctlrun.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct proc gate[2]; /* of the zones a and b */
static int admin[2];
static struct httpreply reply;

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(gate, 0, sizeof(gate));
    testdb_sql("DELETE FROM ZoneState; INSERT INTO RouteData (modid, cmdid, serverip, "
               "serverport, zone) VALUES (7, 1, 1, 80, 'a'), (7, 1, 2, 80, 'b')");
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&gate[0]);
    proc_kill(&gate[1]);
    return gatesys_teardown(state);
}

static int ready(int i)
{
    httppeer_get(admin[i], "/ready", &reply);
    return reply.status;
}

static void start(void)
{
    char more[300], key[140], in[60];
    int i;

    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n", key);
    for (i = 0; i < 2; i++) {
        snprintf(in, sizeof(in), "zone = %s\n", i == 0 ? "a" : "b");
        gatesys_start(&gate[i], 0, in, more);
        admin[i] = system_http_port(&gate[i]);
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

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_visitors_of_a_drained_zone_lose_no_request),
            E(t_zone_with_the_only_gateways_is_not_drained),
            E(t_gateway_that_does_not_obey_is_named))
