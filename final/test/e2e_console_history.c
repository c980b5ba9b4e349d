/* The charts of lars-console with a real database: exact numbers from rows of calls, from
 * durations, from changes and from alarms; and hostile values. */
#include "lib/consolefix.h"

static uint64_t now; /* seconds; the database's clock */

static void fill(void)
{
    testdb_sql("DELETE FROM CallSecond; DELETE FROM CallMinute; DELETE FROM CallHour; "
               "DELETE FROM CallLatency; DELETE FROM Alarm; DELETE FROM RouteData");
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(7, 1, INET_ATON('10.0.0.1'), 80, 'a'), "
               "(7, 1, INET_ATON('10.0.0.2'), 80, 'b/\xe5\x86\x9c'), "
               "(7, 2, INET_ATON('10.0.0.1'), 80, 'a'); DELETE FROM RouteLog; DELETE "
               "FROM Audit");
    now = testdb_number("SELECT UNIX_TIMESTAMP()");
}

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    log_in(&viewer, "viewer");
    fill();
    return 0;
}

/* Node 10.0.0.<host> of module 7/<cmdid> had so many calls. */
static void had(const char *table, uint64_t at, unsigned cmdid, unsigned host,
                unsigned well, unsigned failed)
{
    testdb_sqlf("INSERT INTO %s VALUES (%llu, 7, %u, INET_ATON('10.0.0.%u'), 80, %u, "
                "%u)",
                table, (unsigned long long)at, cmdid, host, well, failed);
}

static void ask(const char *what, uint64_t from, uint64_t to, const char *more)
{
    char path[300];

    snprintf(path, sizeof(path), "/api/v1/%s?from=%llu&to=%llu%s", what,
             (unsigned long long)from, (unsigned long long)to, more);
    if (web(&viewer, "GET", path, NULL) != 200)
        fail_msg("%s: %d %s", path, web_reply.status, web_reply.body);
}

/* The list is n times <value>, but at index <i> it is <other>. */
static void expect_list(const char *name, size_t n, double value, size_t i, double other)
{
    json_t *list = json_object_get(web_json, name);
    size_t k;

    assert_int_equal(json_array_size(list), n);
    for (k = 0; k < n; k++) {
        double want = k == i ? other : value,
               v = json_number_value(json_array_get(list, k));

        if (v < want - 0.001 || v > want + 0.001)
            fail_msg("%s[%zu] is %f instead of %f", name, k, v, want);
    }
}

static const char *text_at(const char *list, size_t i, const char *member)
{
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(web_json, list), i), member));

    return text ? text : "";
}

static size_t n_of(const char *list)
{
    return json_array_size(json_object_get(web_json, list));
}

/* --- calls ------------------------------------------------------------------------- */

static void t_history_has_the_calls_of_module_node_and_zone(void **state)
{
    uint64_t from = now / 60 * 60 - 600;

    (void)state;
    had("CallSecond", from + 120, 1, 1, 50, 10);
    had("CallSecond", from + 179, 1, 2, 30, 0);
    had("CallSecond", from + 150, 2, 1, 6, 6);
    ask("modules/7/1/history", from, from + 300, "&step=60");
    assert_int_equal(web_number("from"), from);
    assert_int_equal(web_number("to"), from + 300);
    assert_int_equal(web_number("step"), 60);
    expect_list("calls", 5, 0, 2, 1.5);
    expect_list("failed", 5, 0, 2, 10 / 60.0);
    ask("modules/7/1/history", from, from + 300, "&step=60&node=10.0.0.2:80");
    expect_list("calls", 5, 0, 2, 0.5);
    expect_list("failed", 5, 0, 0, 0);
    ask("zones/a/history", from, from + 300, "&step=60");
    expect_list("calls", 5, 0, 2, 1.2);
    ask("zones/b/%e5%86%9c/history", from, from + 300, "&step=60");
    expect_list("calls", 5, 0, 2, 0.5);
    ask("zones/A/history", from, from + 300, "&step=60");
    expect_list("calls", 5, 0, 0, 0);
    ask("modules/9/9/history", from, from + 300, "&step=1");
    expect_list("calls", 300, 0, 0, 0);
}

static void t_minutes_and_hours_are_distributed_over_finer_points(void **state)
{
    uint64_t hour = now / 3600 * 3600 - 86400 * 3;

    (void)state;
    had("CallHour", hour, 1, 1, 3600, 0);
    had("CallMinute", hour + 3600, 1, 1, 120, 0);
    had("CallMinute", hour + 3660, 1, 1, 240, 0);
    had("CallSecond", hour + 3690, 1, 1, 8, 0);
    ask("modules/7/1/history", hour + 3590, hour + 3605, "&step=1");
    assert_int_equal(json_array_size(json_object_get(web_json, "calls")), 15);
    assert_non_null(strstr(web_reply.body, "1.0,1.0,2.0,2.0"));
    /* The second half of that minute still is in CallSecond. */
    ask("modules/7/1/history", hour + 3660, hour + 3690, "&step=1");
    expect_list("calls", 30, 8, 0, 8);
    ask("modules/7/1/history", hour + 3690, hour + 3720, "&step=1");
    expect_list("calls", 30, 0, 0, 8);
    ask("modules/7/1/history", hour, hour + 7200, "&step=3600");
    expect_list("calls", 2, 1, 1, 368 / 3600.0);
    ask("modules/7/1/history", hour - 86400, hour + 86400, "&step=86400");
    assert_int_equal(web_number("from") % 86400, 0);
}

static void t_history_ends_at_the_last_complete_span(void **state)
{
    (void)state;
    had("CallSecond", now, 1, 1, 1000, 0);
    assert_int_equal(web(&viewer, "GET", "/api/v1/modules/7/1/history?step=60", NULL),
                     200);
    assert_int_equal(web_number("to") % 60, 0);
    assert_in_range(web_number("to"), now - 63, now + 60);
    assert_in_range(n_of("calls"), 59, 61);
    ask("modules/7/1/history", now + 1000, now + 2000, "");
    assert_int_equal(n_of("calls"), 0);
    assert_int_equal(
        web(&viewer, "GET", "/api/v1/modules/7/1/history?span=34560000", NULL), 200);
    assert_int_equal(web_number("step"), 21600);
}

/* --- durations --------------------------------------------------------------------- */

static void t_latency_has_quantiles_of_the_buckets(void **state)
{
    uint64_t from = now / 60 * 60 - 600;

    (void)state;
    /* Bucket 2 ends at 20 us, bucket 26 at 1,280 us, bucket 50 at 81,920 us. */
    testdb_sqlf("INSERT INTO CallLatency VALUES (%llu, 7, 1, 2, 89), (%llu, 7, 1, 26, "
                "10), (%llu, 7, 1, 50, 1), (%llu, 7, 2, 50, 1000)",
                (unsigned long long)from + 60, (unsigned long long)from + 60,
                (unsigned long long)from + 60, (unsigned long long)from + 60);
    ask("modules/7/1/latency", from, from + 180, "&step=60");
    assert_non_null(strstr(web_reply.body, "\"p50_ms\":[null,0.02,null]"));
    expect_list("p90_ms", 3, 0, 1, 1.28);
    expect_list("p99_ms", 3, 0, 1, 1.28);
    /* Both end five minutes ago or earlier, so they are complete at any time of day. */
    ask("modules/7/1/latency", from / 300 * 300 - 300, from / 300 * 300 + 300,
        "&step=300");
    assert_int_equal(n_of("p99_ms"), 2);
    ask("modules/7/1/latency", from, from + 180, "");
    assert_int_equal(web_number("step"), 60);
    expect_list("p99_ms", 3, 0, 1, 1.28);
}

/* --- marks ------------------------------------------------------------------------- */

static void t_history_has_changes_and_alarms_of_its_time(void **state)
{
    (void)state;
    testdb_sql(
        "INSERT INTO Audit (id, at, actor, via, action, subject, result) VALUES "
        "(11, NOW(3) - INTERVAL 300 SECOND, 'li', 'console', 'policy set', '7/1', "
        "'done'), (12, NOW(3) - INTERVAL 290 SECOND, 'li', 'console', 'host', "
        "'host:10.0.0.1', 'done'), (13, NOW(3) - INTERVAL 280 SECOND, 'li', "
        "'console', 'route set', '7/1', 'refused'), (14, NOW(3) - INTERVAL 2 DAY, "
        "'li', 'console', 'policy set', '7/1', 'done'), (15, NOW(3) - INTERVAL 280 "
        "SECOND, 'li', 'console', 'policy set', '7/2', 'done')");
    testdb_sql(
        "INSERT INTO RouteLog (at, audit_id, db_user, modid, cmdid, ip, port, "
        "old_zone, new_zone) VALUES (NOW(3) - INTERVAL 290 SECOND, 12, 'lars_web', "
        "7, 1, INET_ATON('10.0.0.1'), 80, 'a', 'a'), (NOW(3) - INTERVAL 100 "
        "SECOND, 0, 'root', 7, 1, INET_ATON('10.0.0.2'), 80, 'b', NULL)");
    testdb_sql("INSERT INTO Alarm (id, kind, subject, raised_at, cleared_at) VALUES "
               "(21, 'failed_share', '7/1', NOW() - INTERVAL 1 DAY, NULL), (22, "
               "'node_down', '10.0.0.2:80', NOW() - INTERVAL 200 SECOND, NOW()), (23, "
               "'node_down', '10.0.0.9:80', NOW(), NULL), (24, 'zone_down', 'a', NOW() - "
               "INTERVAL 60 SECOND, NULL), (25, 'failed_share', '7/1', NOW() - INTERVAL "
               "2 DAY, NOW() - INTERVAL 1 DAY)");
    ask("modules/7/1/history", now - 600, now, "&step=1");
    assert_int_equal(n_of("changes"), 3);
    assert_string_equal(text_at("changes", 0, "action"), "sql");
    assert_string_equal(text_at("changes", 0, "actor"), "root");
    assert_string_equal(text_at("changes", 1, "subject"), "host:10.0.0.1");
    assert_string_equal(text_at("changes", 2, "action"), "policy set");
    assert_int_equal(n_of("alarms"), 2);
    assert_string_equal(text_at("alarms", 0, "subject"), "10.0.0.2:80");
    assert_string_equal(text_at("alarms", 1, "kind"), "failed_share");
    ask("modules/7/1/history", now - 600, now, "&step=1&node=10.0.0.1:80");
    assert_int_equal(n_of("changes"), 1);
    assert_int_equal(n_of("alarms"), 0);
    ask("zones/a/history", now - 600, now, "&step=1");
    assert_int_equal(n_of("changes"), 1);
    assert_int_equal(n_of("alarms"), 1);
    assert_string_equal(text_at("alarms", 0, "kind"), "zone_down");
}

/* --- overview and wall ------------------------------------------------------------- */

/* The console reads the last hour when it starts. */
static int setup_hour(void **state)
{
    uint64_t at;

    (void)system_setup(state);
    fill();
    for (at = now - 10; at < now + 60; at++) {
        had("CallSecond", at, 1, 1, 40, 10);
        had("CallSecond", at, 2, 1, 7, 0);
    }
    had("CallMinute", now / 60 * 60 - 1800, 1, 1, 6000, 60);
    had("CallMinute", now / 60 * 60 - 1800, 1, 9, 100, 0); /* a node that is removed */
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone, weight, "
               "state) VALUES (7, 1, INET_ATON('10.0.0.3'), 80, 'a', 50, 'up'), (7, 1, "
               "INET_ATON('10.0.0.4'), 80, 'a', 100, 'drained'); REPLACE INTO "
               "ModulePolicy (modid, cmdid, node_rps) VALUES (7, 1, 60)");
    testdb_sqlf("INSERT INTO CallLatency VALUES (%llu, 7, 1, 26, 1000), (%llu, 7, 2, 50, "
                "1)",
                (unsigned long long)now, (unsigned long long)now);
    consolefix_setup();
    log_in(&viewer, "viewer");
    return 0;
}

static double zone_number(const char *path, const char *zone, const char *member)
{
    json_t *z, *list;
    size_t i;

    assert_int_equal(web(&viewer, "GET", path, NULL), 200);
    list = json_object_get(web_json, "zones");
    json_array_foreach (list, i, z)
        if (strcmp(json_string_value(json_object_get(z, "zone")), zone) == 0)
            return json_is_null(json_object_get(z, member))
                       ? -1
                       : json_number_value(json_object_get(z, member));
    return -2;
}

static void t_overview_has_need_capacity_and_the_last_hour(void **state)
{
    static const char path[] = "/api/v1/overview";
    double sum = 0;
    json_t *z, *v;
    size_t i;

    (void)state;
    T_WAIT(zone_number(path, "a", "need") > 49.99 &&
           zone_number(path, "a", "need") < 50.01);
    assert_true(zone_number(path, "a", "capacity") == 90);
    assert_true(zone_number(path, "b/\xe5\x86\x9c", "capacity") == 60);
    testdb_sql("DELETE FROM ModulePolicy");
    T_WAIT(zone_number(path, "a", "need") == -1 &&
           zone_number(path, "a", "capacity") == -1);
    z = json_array_get(json_object_get(web_json, "zones"), 0);
    assert_int_equal(json_array_size(json_object_get(z, "minutes")), 60);
    json_array_foreach (json_object_get(z, "minutes"), i, v)
        sum += json_number_value(v);
    assert_in_range((int)sum, 101, 165); /* 6060 / 60, and a part of this minute */
    assert_int_equal(web_number("minutes_to") % 60, 0);
}

static void t_wall_has_the_last_hour_p99_and_change_without_persons(void **state)
{
    const json_t *hour;

    (void)state;
    testdb_sql("INSERT INTO Audit (actor, via, action, subject, result) VALUES ('li', "
               "'console', 'policy', '7/1', 'done'), ('li', 'console', 'in force', "
               "'7/1', 'done'), ('li', 'larsctl', 'user add', 'user:wu', 'done')");
    T_WAIT(web(&viewer, "GET", "/api/v1/wall", NULL) == 200 &&
           json_is_object(json_object_get(web_json, "change")));
    hour = json_object_get(web_json, "hour");
    assert_in_range(json_integer_value(json_object_get(hour, "calls")), 6160, 10000);
    assert_true(json_number_value(json_object_get(web_json, "p99_ms")) == 1.28);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(web_json, "change"), "action")),
                        "policy");
    assert_null(strstr(web_reply.body, "\"li\""));
    assert_null(strstr(web_reply.body, "10.0.0."));
}

/* --- hostile values ---------------------------------------------------------------- */

static void t_hostile_values_of_a_chart_are_refused(void **state)
{
    static const char *const wrong[] = {
        "from=-1",       "from=x",           "from=4294967296", "to=1e9",
        "to=0",          "from=5&to=5",      "from=6&to=5",     "step=0",
        "step=7",        "step=86401",       "step=-60",        "step=60%20OR%201",
        "span=34560001", "span=3600&step=1", "from=0",          "from=1&step=3600",
        "from=%27",      "to=%00",           "from=",           "step= 60"};
    static const char *const nodes[] = {"",
                                        "x",
                                        "10.0.0.1",
                                        "10.0.0.1:",
                                        "10.0.0.1:0",
                                        "10.0.0.1:65536",
                                        "10.0.0.1:080",
                                        "10.0.0.1:80x",
                                        "010.0.0.1:80",
                                        "10.0.0.1:-80",
                                        "10.0.0.1:99999999999999999999",
                                        "10.0.0.1:80%27%20OR%201=1",
                                        "%ff:80"};
    static const char *const charts[] = {"modules/7/1/history", "modules/7/1/latency",
                                         "zones/a/history"};
    char path[200];
    size_t i, k;

    (void)state;
    for (k = 0; k < 3; k++)
        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            snprintf(path, sizeof(path), "/api/v1/%s?%s", charts[k], wrong[i]);
            if (web(&viewer, "GET", path, NULL) != 422)
                fail_msg("%s: %d", path, web_reply.status);
        }
    for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/modules/7/1/history?node=%s", nodes[i]);
        if (web(&viewer, "GET", path, NULL) != 422)
            fail_msg("%s: %d", path, web_reply.status);
    }
    assert_int_equal(web(&viewer, "GET", "/api/v1/modules/7/1/latency?step=1", NULL),
                     422);
    assert_int_equal(web(&viewer, "GET", "/api/v1/zones//history", NULL), 404);
    assert_int_equal(web(&viewer, "GET", "/api/v1/zones/%ff/history", NULL), 404);
    assert_int_equal(web(&viewer, "GET",
                         "/api/v1/zones/%27%20OR%201=1%20--%20/history?step=60", NULL),
                     200);
    expect_list("calls", n_of("calls"), 0, 0, 0);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_history_has_the_calls_of_module_node_and_zone),
            C(t_minutes_and_hours_are_distributed_over_finer_points),
            C(t_history_ends_at_the_last_complete_span),
            C(t_latency_has_quantiles_of_the_buckets),
            C(t_history_has_changes_and_alarms_of_its_time),
            cmocka_unit_test_setup_teardown(
                t_overview_has_need_capacity_and_the_last_hour, setup_hour,
                consolefix_teardown),
            cmocka_unit_test_setup_teardown(
                t_wall_has_the_last_hour_p99_and_change_without_persons, setup_hour,
                consolefix_teardown),
            C(t_hostile_values_of_a_chart_are_refused))
