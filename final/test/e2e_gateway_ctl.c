/* larsctl gateway: what an operator sees of the gateways, their drain, and what became of
 * a request. */
#include "ctlrun.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct proc first, second;
static struct httpreply reply;
static char log_path[140];
static int admin[2];
static const char *zone[2]; /* NULL = "" */

static int setup(void **state)
{
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    zone[0] = zone[1] = NULL;
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    proc_kill(&first);
    proc_kill(&second);
    return gatesys_teardown(state);
}

static int ready(int port)
{
    httppeer_get(port, "/ready", &reply);
    return reply.status;
}

static void start_one(int i, struct proc *p, const char *more)
{
    char in[60];

    snprintf(in, sizeof(in), "zone = %s\n", zone[i] ? zone[i] : "");
    gatesys_start(p, 0, in, more);
    admin[i] = system_http_port(p);
    T_WAIT(ready(admin[i]) == 200);
}

static void start(const char *key)
{
    char more[700];
    const char *key_file;

    snprintf(log_path, sizeof(log_path), "%s", system_write_file("access.log", "%s", ""));
    key_file = system_write_file("fleet.key", KEY "\n");
    snprintf(more, sizeof(more),
             "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n[log]\npath = %s\n", key_file,
             log_path);
    start_one(0, &first, more);
    start_one(1, &second, more);
    snprintf(more, sizeof(more), "%s", system_write_file("ctl.key", "%s\n", key));
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[db]\nsocket = %s\n[gateways]\nadmin = 127.0.0.1:%d, "
                               "127.0.0.1:%d\nkey_file = %s\nlog = %s\n",
                               testdb_socket, admin[0], admin[1], more, log_path));
}

static void run_ok(const char *fmt, int port)
{
    char args[200];
    int rc;

    snprintf(args, sizeof(args), fmt, port);
    rc = ctl(args);
    if (rc != 0)
        fail_msg("larsctl %s returned %d and printed: %s", args, rc, out);
}

static int run(const char *fmt, int port)
{
    char args[200];

    snprintf(args, sizeof(args), fmt, port);
    return ctl(args);
}

static void t_gateway_list_has_each_gateway_and_module(void **state)
{
    (void)state;
    start(KEY);
    run_ok("-o csv gateway list", 0);
    expect_text("gateway,host,state,loops,busy_percent,clients,module,module_state,"
                "inflight,limit,queue,refused");
    expect_text(",serving,");
    expect_text(",10/1,normal,");
    assert_null(strstr(out, "unreachable"));
}

static void t_gateway_list_shows_a_gateway_that_does_not_answer(void **state)
{
    (void)state;
    start(KEY);
    proc_kill(&second);
    assert_int_equal(ctl("gateway list"), 1);
    expect_text("unreachable");
    expect_text("serving");
    expect_text("nothing listens there; start lars-gateway with [admin] listen");
}

static void t_gateway_drain_and_undrain_change_one_gateway(void **state)
{
    (void)state;
    start(KEY);
    run_ok("gateway drain 127.0.0.1:%d", admin[0]);
    expect_text("1 of 2 gateways serve afterwards");
    assert_int_equal(ready(admin[0]), 503);
    assert_int_equal(ready(admin[1]), 200);
    run_ok("-o csv gateway list", 0);
    expect_text(",draining,");
    run_ok("gateway undrain 127.0.0.1:%d", admin[0]);
    assert_int_equal(ready(admin[0]), 200);
}

static void t_gateway_drain_can_be_repeated_within_a_second(void **state)
{
    int i;

    (void)state;
    start(KEY);
    for (i = 0; i < 4; i++) {
        run_ok("gateway drain 127.0.0.1:%d", admin[0]);
        assert_int_equal(ready(admin[0]), 503);
        run_ok("gateway undrain 127.0.0.1:%d", admin[0]);
        assert_int_equal(ready(admin[0]), 200);
    }
}

static void t_gateway_drain_is_in_the_audit(void **state)
{
    (void)state;
    start(KEY);
    testdb_sql("DELETE FROM Audit");
    run_ok("-r works gateway drain 127.0.0.1:%d", admin[0]);
    assert_int_equal(testdb_number(
                         "SELECT COUNT(*) FROM Audit WHERE action = 'gateway drain' AND "
                         "subject LIKE 'gateway:127.0.0.1:%' AND reason = 'works'"),
                     1);
}

static void t_gateway_drain_works_without_a_database(void **state)
{
    (void)state;
    start(KEY);
    run_ok("-s /nonexistent/sock gateway drain 127.0.0.1:%d", admin[0]);
    expect_text("the audit has no row of this");
    assert_int_equal(ready(admin[0]), 503);
}

static void t_gateway_drain_of_the_last_one_needs_yes(void **state)
{
    (void)state;
    start(KEY);
    assert_int_equal(ctl("gateway drain 127.0.0.1"), 4);
    expect_text("no other gateway serves");
    assert_int_equal(ready(admin[0]), 200);
    run_ok("-y gateway drain 127.0.0.1", 0);
    assert_int_equal(ready(admin[0]), 503);
    assert_int_equal(ready(admin[1]), 503);
}

static void t_gateway_drain_of_the_last_one_of_a_zone_needs_yes(void **state)
{
    (void)state;
    zone[0] = "a";
    zone[1] = "b";
    start(KEY);
    assert_int_equal(run("gateway drain 127.0.0.1:%d", admin[0]), 4);
    expect_text("no other gateway of the zone a serves; give -y to do it");
    assert_int_equal(run("-n gateway drain 127.0.0.1:%d", admin[0]), 4);
    assert_int_equal(ready(admin[0]), 200);
    run_ok("-y gateway drain 127.0.0.1:%d", admin[0]);
    assert_int_equal(ready(admin[0]), 503);
}

static void t_gateway_drain_with_n_changes_nothing(void **state)
{
    (void)state;
    start(KEY);
    run_ok("-n gateway drain 127.0.0.1:%d", admin[0]);
    expect_text("connections of visitors");
    assert_int_equal(ready(admin[0]), 200);
}

static void t_gateway_drain_with_another_key_says_which_one_is_right(void **state)
{
    (void)state;
    start("fedcba9876543210fedcba9876543210fedcba9876543210");
    assert_int_equal(run("gateway drain 127.0.0.1:%d", admin[0]), 1);
    expect_text("use the key in [gateway] key_file");
    assert_int_equal(ready(admin[0]), 200);
}

static void t_gateway_that_is_not_configured_is_named(void **state)
{
    (void)state;
    start(KEY);
    assert_int_equal(ctl("gateway drain expo-9"), 1);
    expect_text("expo-9: no gateway in [gateways] admin has this host or address");
}

static void t_gateway_why_explains_a_request(void **state)
{
    char args[100];
    const char *id;

    (void)state;
    start(KEY);
    httppeer_get(first.port, "/pictures/1", &reply);
    assert_int_equal(reply.status, 200);
    id = strstr(reply.text, "X-Request-Id: ");
    assert_non_null(id);
    snprintf(args, sizeof(args), "gateway why %.16s", id + 14);
    T_WAIT(ctl(args) == 0);
    expect_text("sent GET /pictures/1 for the host");
    expect_text("The answer was 200");
    expect_text("of the module 10/1 was asked, in the only attempt");
    assert_int_equal(ctl("gateway why 0000000000000000"), 1);
    assert_int_equal(ctl("gateway why x"), 2);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_gateway_list_has_each_gateway_and_module),
            E(t_gateway_list_shows_a_gateway_that_does_not_answer),
            E(t_gateway_drain_and_undrain_change_one_gateway),
            E(t_gateway_drain_can_be_repeated_within_a_second),
            E(t_gateway_drain_is_in_the_audit),
            E(t_gateway_drain_works_without_a_database),
            E(t_gateway_drain_of_the_last_one_needs_yes),
            E(t_gateway_drain_of_the_last_one_of_a_zone_needs_yes),
            E(t_gateway_drain_with_n_changes_nothing),
            E(t_gateway_drain_with_another_key_says_which_one_is_right),
            E(t_gateway_that_is_not_configured_is_named),
            E(t_gateway_why_explains_a_request))
