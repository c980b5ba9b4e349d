/* An operator of the console drains a gateway and takes the drain back: real gateways, a
 * real database, and larsctl beside it. */
#include "ctlrun.h"
#include "lib/consolefix.h"
#include "lib/gatesys.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_KEY "fedcba9876543210fedcba9876543210fedcba9876543210"
#define GATEWAYS "/api/v1/gateways"
#define WORKS "{\"reason\":\"works\"}"

static struct proc gateway[2], larsctl;
static struct httpreply reply;
static int admin_port[2];

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(gateway, 0, sizeof(gateway));
    memset(&larsctl, 0, sizeof(larsctl));
    consolefix_setup();
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&larsctl);
    proc_kill(&gateway[0]);
    proc_kill(&gateway[1]);
    proc_kill(&gatesys.node);
    return consolefix_teardown(state);
}

static int ready(int i)
{
    httppeer_get(admin_port[i], "/ready", &reply);
    return reply.status;
}

static void start_gateway(int i, const char *zone)
{
    char in[60], more[300];

    snprintf(in, sizeof(in), "zone = %s\n", zone);
    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n",
             system_write_file("fleet.key", KEY "\n"));
    gatesys_start(&gateway[i], 0, in, more);
    admin_port[i] = system_http_port(&gateway[i]);
    T_WAIT(ready(i) == 200);
}

/* Both gateways; the console has <key>, "" = none. */
static void start(const char *zone, const char *other_zone, const char *key)
{
    char text[500], key_file[150];

    start_gateway(0, zone);
    start_gateway(1, other_zone);
    snprintf(key_file, sizeof(key_file), "%s", system_write_file("ctl.key", "%s\n", key));
    snprintf(text, sizeof(text),
             "[gateways]\nadmin = 127.0.0.1:%d, 127.0.0.1:%d\nkey_file = %s\n",
             admin_port[0], admin_port[1], key[0] ? key_file : "");
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini", "[db]\nsocket = %s\n%s", testdb_socket,
                               text));
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    start_console_with(text);
    proc_wait_port(&console);
    stranger.port = console.port;
    log_in(&viewer, "viewer");
    log_in(&operator_, "operator");
    testdb_sql("DELETE FROM Audit");
}

static int post(const struct webclient *c, int i, const char *verb, const char *body)
{
    char path[100];

    snprintf(path, sizeof(path), GATEWAYS "/127.0.0.1:%d/%s", admin_port[i], verb);
    return web(c, "POST", path, body);
}

static void expect_post(int status, int i, const char *verb, const char *body)
{
    int is = post(&operator_, i, verb, body);

    if (is != status)
        fail_msg("%s: %d instead of %d: %.300s", verb, is, status, web_reply.body);
}

/* With the admin port typed. */
static void expect_with_consent(int status, int i, const char *verb)
{
    char body[120];

    snprintf(body, sizeof(body), "{\"reason\":\"works\",\"consent\":\"127.0.0.1:%d\"}",
             admin_port[i]);
    expect_post(status, i, verb, body);
}

static void expect_code(const char *code, const char *detail)
{
    assert_string_equal(web_text("code"), code);
    if (!strstr(web_text("detail"), detail))
        fail_msg("\"%s\" has no \"%s\"", web_text("detail"), detail);
}

static unsigned long long audited(int i, const char *action, const char *result)
{
    char sql[500];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Audit WHERE action = 'gateway %s' AND subject = "
             "'gateway:127.0.0.1:%d' AND result = '%s' AND actor = 'operator' AND via = "
             "'console' AND peer = '127.0.0.1' AND reason = 'works'",
             action, admin_port[i], result);
    return testdb_number(sql);
}

/* What the page shows of a gateway. */
static bool is_shown(int i, const char *state)
{
    const json_t *j;

    assert_int_equal(web(&viewer, "GET", GATEWAYS, NULL), 200);
    j = json_array_get(json_object_get(web_json, "items"), (size_t)i);
    return strcmp(json_string_value(json_object_get(j, "state")), state) == 0;
}

static void t_an_operator_drains_a_gateway_and_takes_it_back(void **state)
{
    (void)state;
    start("", "", KEY);
    T_WAIT(is_shown(0, "ready"));
    assert_true(json_is_true(json_object_get(web_json, "commands")));
    expect_post(204, 0, "drain", WORKS);
    assert_int_equal(ready(0), 503);
    assert_int_equal(ready(1), 200);
    assert_int_equal(audited(0, "drain", "done"), 1);
    T_WAIT(is_shown(0, "draining"));
    assert_true(is_shown(1, "ready"));
    expect_post(204, 0, "undrain", WORKS);
    assert_int_equal(ready(0), 200);
    assert_int_equal(audited(0, "undrain", "done"), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 2);
}

static void t_what_is_wrong_or_not_allowed_changes_nothing(void **state)
{
    (void)state;
    start("", "", KEY);
    assert_int_equal(post(&viewer, 0, "drain", WORKS), 403);
    assert_int_equal(post(&stranger, 0, "drain", WORKS), 403);
    expect_post(422, 0, "drain", "{}");
    assert_string_equal(web_text("field"), "reason");
    expect_post(422, 0, "drain", "{\"reason\":\" \\t\"}");
    expect_post(422, 0, "drain", "{\"reason\":7}");
    expect_post(400, 0, "drain", "[]");
    assert_int_equal(web(&operator_, "POST", GATEWAYS "/127.0.0.1:1/drain", WORKS), 404);
    assert_int_equal(web(&operator_, "POST", GATEWAYS "/127.0.0.1/drain", WORKS), 404);
    assert_int_equal(web(&operator_, "POST", GATEWAYS "//drain", WORKS), 404);
    assert_int_equal(ready(0), 200);
    assert_int_equal(ready(1), 200);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 0);
}

static void t_the_last_one_that_serves_needs_its_name(void **state)
{
    (void)state;
    start("", "", KEY);
    expect_post(204, 0, "drain", WORKS);
    expect_post(409, 1, "drain", WORKS);
    expect_code("consent_needed", "no other gateway serves");
    expect_post(409, 1, "drain", "{\"reason\":\"works\",\"consent\":\"127.0.0.1\"}");
    assert_int_equal(ready(1), 200);
    assert_int_equal(audited(1, "drain", "consent_needed"), 2);
    expect_with_consent(204, 1, "drain");
    assert_int_equal(ready(1), 503);
    assert_int_equal(audited(1, "drain", "done"), 1);
}

static void t_the_last_one_of_a_zone_needs_its_name(void **state)
{
    (void)state;
    start("a", "b", KEY);
    expect_post(409, 0, "drain", WORKS);
    expect_code("consent_needed", "no other gateway of the zone a serves");
    assert_int_equal(ready(0), 200);
    expect_with_consent(204, 0, "drain");
    assert_int_equal(ready(0), 503);
    expect_post(409, 1, "drain", WORKS);
    expect_code("consent_needed", "no other gateway serves");
    expect_post(204, 0, "undrain", WORKS);
}

/* The other one cannot be reached, so it serves no one. */
static void t_a_gateway_that_is_gone_does_not_count(void **state)
{
    (void)state;
    start("", "", KEY);
    proc_kill(&gateway[0]);
    expect_post(409, 1, "drain", WORKS);
    expect_code("consent_needed", "no other gateway serves");
    expect_post(502, 0, "drain", WORKS);
    expect_code("gateway_failed", "nothing listens there");
    assert_int_equal(audited(0, "drain", "failed"), 1);
    T_WAIT(is_shown(0, "unreachable"));
    expect_post(409, 1, "drain", WORKS);
    assert_int_equal(ready(1), 200);
}

static void t_without_the_key_nothing_is_offered(void **state)
{
    (void)state;
    start("", "", "");
    T_WAIT(is_shown(0, "ready"));
    assert_true(json_is_false(json_object_get(web_json, "commands")));
    expect_post(409, 0, "drain", WORKS);
    expect_code("no_gateway_key", "key_file");
    assert_int_equal(ready(0), 200);
}

static void t_another_key_is_refused_by_the_gateway(void **state)
{
    (void)state;
    start("", "", OTHER_KEY);
    expect_post(502, 0, "drain", WORKS);
    expect_code("gateway_failed", "use the key in [gateway] key_file");
    assert_int_equal(ready(0), 200);
    assert_int_equal(audited(0, "drain", "failed"), 1);
    assert_int_equal(audited(0, "drain", "done"), 0);
}

static void t_what_the_audit_cannot_have_is_not_done(void **state)
{
    (void)state;
    start("", "", KEY);
    testdb_sql("RENAME TABLE Audit TO AuditAway");
    expect_post(503, 0, "drain", WORKS);
    testdb_sql("RENAME TABLE AuditAway TO Audit");
    assert_int_equal(ready(0), 200);
    expect_post(204, 0, "drain", WORKS);
    assert_int_equal(ready(0), 503);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 1);
}

/* Each sees the other one serve before its drain, and one of them or both take it back.
 * A few rounds: a gateway accepts ten equal commands within ten seconds. */
static void t_two_drains_at_the_same_time_leave_one_that_serves(void **state)
{
    char at[40], args[100];
    int i, code, status, n_refused = 0;

    (void)state;
    start("", "", KEY);
    snprintf(at, sizeof(at), "127.0.0.1:%d", admin_port[1]);
    snprintf(args, sizeof(args), "gateway undrain %s", at);
    for (i = 0; i < 4; i++) {
        proc_start(&larsctl, "larsctl", "-c", ini, "gateway", "drain", at, NULL);
        status = post(&operator_, 0, "drain", WORKS);
        code = proc_wait(&larsctl);
        assert_true(status == 204 || status == 409);
        assert_true(code == 0 || code == 4);
        assert_true(status == 409 || code == 4);
        assert_true(ready(0) == 200 || ready(1) == 200);
        assert_int_equal(ready(0), status == 204 ? 503 : 200);
        assert_int_equal(ready(1), code == 0 ? 503 : 200);
        n_refused += status == 409;
        expect_post(204, 0, "undrain", WORKS);
        assert_int_equal(ctl(args), 0);
    }
    print_message("%d of 4 drains of the console were refused\n", n_refused);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_an_operator_drains_a_gateway_and_takes_it_back),
            E(t_what_is_wrong_or_not_allowed_changes_nothing),
            E(t_the_last_one_that_serves_needs_its_name),
            E(t_the_last_one_of_a_zone_needs_its_name),
            E(t_a_gateway_that_is_gone_does_not_count),
            E(t_without_the_key_nothing_is_offered),
            E(t_another_key_is_refused_by_the_gateway),
            E(t_what_the_audit_cannot_have_is_not_done),
            E(t_two_drains_at_the_same_time_leave_one_that_serves))
