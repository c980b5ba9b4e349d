/* A zone that is drained and returned by lars-console, with its gateway; what pages and
 * the wall show of zones and of their databases. */
#include <signal.h>

#include "ctlrun.h"
#include "lib/consolefix.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct proc gate;
static struct httpreply reply;
static int admin_port;

static int setup(void **state)
{
    (void)gatesys_setup(state);
    memset(&gate, 0, sizeof(gate));
    testdb_sql("DELETE FROM ZoneState; DELETE FROM Audit; INSERT INTO RouteData (modid, "
               "cmdid, serverip, serverport, zone) VALUES (7, 1, 1, 80, 'a'), (7, 1, 2, "
               "80, 'b'), (7, 1, 3, 80, 'b')");
    consolefix_setup();
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&gate);
    proc_kill(&gatesys.node);
    return consolefix_teardown(state);
}

static int ready(void)
{
    httppeer_get(admin_port, "/ready", &reply);
    return reply.status;
}

/* A gateway of zone b, and the console that knows it. */
static void start_gateway(void)
{
    char more[300], key[140];

    snprintf(key, sizeof(key), "%s", system_write_file("fleet.key", KEY "\n"));
    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n", key);
    gatesys_start(&gate, 0, "zone = b\n", more);
    admin_port = system_http_port(&gate);
    T_WAIT(ready() == 200);
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    snprintf(more, sizeof(more), "[gateways]\nadmin = 127.0.0.1:%d\nkey_file = %s\n",
             admin_port, key);
    start_console_with(more);
    proc_wait_port(&console);
    stranger.port = console.port;
    log_in(&operator_, "operator");
}

/* Plan, then make the change with the hash of the plan and the typed name. */
static int set_zone(const char *zone, const char *to)
{
    char body[400];

    snprintf(body, sizeof(body),
             "{\"operations\": [{\"op\": \"zone\", \"zone\": \"%s\", \"state\": "
             "\"%s\"}]}",
             zone, to);
    assert_int_equal(web(&operator_, "POST", "/api/v1/changes?dry_run=1", body), 200);
    snprintf(body, sizeof(body),
             "{\"operations\": [{\"op\": \"zone\", \"zone\": \"%s\", \"state\": "
             "\"%s\"}], \"reason\": \"works\", \"consent\": \"%s\", \"plan\": \"%s\"}",
             zone, to, zone, web_text("hash"));
    return web(&operator_, "POST", "/api/v1/changes", body);
}

/* Does the answer say that zone b is <decided>? */
static bool is(struct webclient *c, const char *path, const char *decided)
{
    bool zones = strcmp(path, "/api/v1/zones") == 0;
    const json_t *list, *z;
    size_t i;

    if (web(c, "GET", path, NULL) != 200)
        return false; /* before the first snapshot */
    list = json_object_get(web_json, zones ? "items" : "zones");
    for (i = 0; i < json_array_size(list); i++) {
        z = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(z, "zone")), "b") == 0)
            return strcmp(json_string_value(json_object_get(z, "decided")), decided) == 0;
    }
    return false;
}

static void t_zone_is_drained_with_its_gateway_and_returns(void **state)
{
    (void)state;
    start_gateway();
    assert_int_equal(set_zone("b", "drained"), 201);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = "
                                   "'zone_drained'"),
                     2);
    assert_int_equal(ready(), 503);
    T_WAIT(is(&operator_, "/api/v1/zones", "drained"));
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState WHERE who = "
                                   "'operator' AND reason = 'works'"),
                     1);
    assert_int_equal(set_zone("b", "up"), 201);
    assert_int_equal(ready(), 200);
    T_WAIT(is(&operator_, "/api/v1/zones", ""));
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state <> 'up'"),
                     0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action IN ('gateway "
                                   "drain', 'gateway undrain') AND actor = 'operator'"),
                     2);
}

static void t_wall_shows_what_is_decided_and_how_the_databases_stand(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ZoneState (zone, state, who, reason) VALUES ('b', 'fenced', "
               "'li', 'secret')");
    log_in_wall();
    T_WAIT(is(&wall, "/api/v1/wall", "fenced"));
    assert_null(strstr(web_reply.body, "secret"));
    T_WAIT((web(&wall, "GET", "/api/v1/wall", NULL),
            strcmp(json_string_value(
                       json_object_get(json_object_get(web_json, "database"), "case")),
                   "one") == 0));
}

static void t_last_zone_is_not_drained_with_any_consent(void **state)
{
    char body[] = "{\"operations\": [{\"op\": \"zone\", \"zone\": \"b\", \"state\": "
                  "\"drained\"}]}";

    (void)state;
    log_in(&operator_, "operator");
    testdb_sql("DELETE FROM RouteData WHERE zone <> 'b'");
    assert_int_equal(web(&operator_, "POST", "/api/v1/changes?dry_run=1", body), 422);
    assert_non_null(strstr(web_reply.body, "the last zone with nodes in service"));
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(C(t_zone_is_drained_with_its_gateway_and_returns),
            C(t_wall_shows_what_is_decided_and_how_the_databases_stand),
            C(t_last_zone_is_not_drained_with_any_consent))
