/* The page Drill of lars-console with a real database: what its API reads of the table
 * Drill, who may end a drill, and that a report is never a document of the console. */
#include "lib/consolefix.h"

#define DRILLS "/api/v1/drills"
#define HOSTILE "</script><img src=x onerror=alert(1)>"

static void fill(void)
{
    testdb_sql(
        "DELETE FROM Drill; DELETE FROM Audit; DELETE FROM ScalePolicy; DELETE FROM "
        "ScaleDecision; DELETE FROM RouteData");
    testdb_sql(
        "INSERT INTO Drill (id, token, name, module, script, state, who, host, "
        "folder, seen_at, ended_at, second, seconds, happened, events, due, ok, "
        "failed, p50_us, p99_us, undo_open, live, report) VALUES (1, 'a', 'first', "
        "'', '[load]', 'passed', 'li', 'h1', '/d/1', NOW(3) - INTERVAL 1 HOUR, "
        "NOW(3) - INTERVAL 1 HOUR, 60, 60, 2, 2, 9007199254740993, 5, 6, 7, 8, 0, "
        "'{}', '{\"name\":\"" HOSTILE "\",\"pass\":true,\"undone\":true,"
        "\"all\":{},\"targets\":[],\"events\":[],\"seconds\":[]}'), (2, 'b', "
        "'opening', '1/1', '[load]', 'running', 'li', 'h1', '/d/2', NOW(3) + "
        "INTERVAL 1 HOUR, NULL, 12, 60, 1, 2, 100, 90, 10, 7, 8, 1, "
        "'{\"events\":[],\"targets\":[],\"seconds\":{\"from\":0}}', NULL), (3, 'c', "
        "'gone', '', '[load]', 'running', 'li', 'h2', '/d/3', NOW(3) - INTERVAL 11 "
        "SECOND, NULL, 3, 60, 1, 1, 1, 1, 0, 7, 8, 1, 'no JSON', NULL)");
}

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    log_in(&viewer, "viewer");
    log_in(&operator_, "operator");
    fill();
    return 0;
}

static void expect(int status, const struct webclient *c, const char *method,
                   const char *path, const char *body)
{
    int is = web(c, method, path, body);

    if (is != status)
        fail_msg("%s %s: %d instead of %d: %.300s", method, path, is, status,
                 web_reply.body);
}

static void expect_text(const json_t *j, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(j, name));

    assert_string_equal(text ? text : "(none)", wanted);
}

static json_int_t number(const json_t *j, const char *name)
{
    return json_integer_value(json_object_get(j, name));
}

/* Drill <i> of the list. */
static json_t *item(size_t i)
{
    expect(200, &viewer, "GET", DRILLS, NULL);
    return json_array_get(json_object_get(web_json, "items"), i);
}

static void t_the_list_has_the_newest_first_and_tells_what_is_lost(void **state)
{
    (void)state;
    expect_text(item(0), "state", "lost");
    expect_text(item(0), "host", "h2");
    expect_text(item(1), "state", "running");
    assert_int_equal(number(item(1), "second"), 12);
    assert_int_equal(number(item(1), "failed"), 10);
    assert_true(json_is_true(json_object_get(item(1), "undo_open")));
    assert_true(json_is_null(json_object_get(item(1), "ended")));
    expect_text(item(2), "state", "passed");
    assert_int_equal(number(item(2), "due"), 9007199254740993);
    testdb_sql("INSERT INTO Drill (token, name, script, state, who, host, folder, live) "
               "SELECT seq, 'x', '', 'passed', 'li', 'h', '/', '{}' FROM seq_1_to_60");
    (void)item(0);
    assert_int_equal(json_array_size(json_object_get(web_json, "items")), 50);
}

static void t_a_drill_has_what_it_has_written_last(void **state)
{
    (void)state;
    expect(200, &viewer, "GET", DRILLS "/2", NULL);
    expect_text(web_json, "script", "[load]");
    assert_true(json_is_object(json_object_get(web_json, "live")));
    assert_true(json_is_null(json_object_get(web_json, "abort")));
    expect(200, &viewer, "GET", DRILLS "/3", NULL);
    assert_true(json_is_null(json_object_get(web_json, "live"))); /* no JSON */
}

static void t_a_report_is_json_that_no_browser_executes(void **state)
{
    (void)state;
    expect(200, &viewer, "GET", DRILLS "/1/report", NULL);
    expect_text(web_json, "name", HOSTILE);
    assert_string_equal(web_header("Content-Type"), "application/json");
    assert_string_equal(web_header("X-Content-Type-Options"), "nosniff");
    assert_non_null(strstr(web_header("Content-Security-Policy"), "default-src"));
    assert_null(strstr(web_header("Content-Security-Policy"), "unsafe-inline"));
    expect(404, &viewer, "GET", DRILLS "/2/report", NULL); /* it runs */
    testdb_sql("UPDATE Drill SET report = 'no JSON' WHERE id = 3");
    expect(404, &viewer, "GET", DRILLS "/3/report", NULL);
}

static void t_hostile_ids_are_refused(void **state)
{
    static const char *const path[] = {DRILLS "/0",
                                       DRILLS "/99",
                                       DRILLS "/-1",
                                       DRILLS "/01",
                                       DRILLS "/1%20",
                                       DRILLS "/2;DELETE",
                                       DRILLS "/..",
                                       DRILLS "/9223372036854775808",
                                       DRILLS "/1/",
                                       DRILLS "/1/report/",
                                       DRILLS "/x/report",
                                       DRILLS "/1/../2",
                                       DRILLS "/1'%20OR%201=1",
                                       DRILLS "/99/report"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(path) / sizeof(path[0]); i++)
        expect(404, &viewer, "GET", path[i], NULL);
    expect(404, &operator_, "POST", DRILLS "/99/abort", "{\"consent\":\"x\"}");
    expect(404, &operator_, "POST", DRILLS "/x/abort", "{\"consent\":\"x\"}");
    expect(405, &operator_, "POST", DRILLS "/2", "{}");
    expect(405, &operator_, "DELETE", DRILLS "/2", NULL);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Drill"), 3);
}

static void t_an_operator_asks_a_drill_to_end(void **state)
{
    (void)state;
    expect(202, &operator_, "POST", DRILLS "/2/abort",
           "{\"consent\":\"opening\",\"reason\":\"visitors\"}");
    assert_int_equal(testdb_number(
                         "SELECT COUNT(*) FROM Drill WHERE id = 2 AND abort_by = "
                         "'operator' AND abort_why = 'visitors' AND abort_at IS "
                         "NOT NULL AND state = 'running'"),
                     1);
    assert_int_equal(testdb_number(
                         "SELECT COUNT(*) FROM Audit WHERE action = 'drill "
                         "abort' AND subject = 'drill:2' AND actor = 'operator' "
                         "AND via = 'console' AND reason = 'visitors'"),
                     1);
    expect(200, &viewer, "GET", DRILLS "/2", NULL);
    expect_text(json_object_get(web_json, "abort"), "by", "operator");
    /* a second wish does not replace the first */
    expect(202, &operator_, "POST", DRILLS "/2/abort",
           "{\"consent\":\"opening\",\"reason\":\"again\"}");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Drill WHERE abort_why = "
                                   "'visitors'"),
                     1);
}

static void t_what_cannot_end_is_refused(void **state)
{
    (void)state;
    expect(422, &operator_, "POST", DRILLS "/1/abort", "{\"consent\":\"first\"}");
    expect(422, &operator_, "POST", DRILLS "/3/abort", "{\"consent\":\"gone\"}");
    assert_non_null(strstr(web_reply.body, "larsctl drill undo on the host h2"));
    expect(422, &operator_, "POST", DRILLS "/2/abort", "{\"consent\":\"Opening\"}");
    expect(422, &operator_, "POST", DRILLS "/2/abort", "{}");
    expect(422, &operator_, "POST", DRILLS "/2/abort", "{\"consent\":1}");
    expect(400, &operator_, "POST", DRILLS "/2/abort", "{");
    assert_int_equal(testdb_number("SELECT (SELECT COUNT(*) FROM Drill WHERE abort_at IS "
                                   "NOT NULL) + (SELECT COUNT(*) FROM Audit WHERE action "
                                   "= 'drill abort')"),
                     0);
}

static void t_a_viewer_reads_and_ends_nothing(void **state)
{
    struct webclient forged = operator_;

    (void)state;
    strcpy(forged.csrf, "wrong");
    expect(403, &viewer, "POST", DRILLS "/2/abort", "{\"consent\":\"opening\"}");
    expect(403, &forged, "POST", DRILLS "/2/abort", "{\"consent\":\"opening\"}");
    expect(401, &stranger, "GET", DRILLS, NULL);
    expect(401, &stranger, "GET", DRILLS "/1/report", NULL);
    expect(403, &stranger, "POST", DRILLS "/2/abort", "{\"consent\":\"opening\"}");
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM Drill WHERE abort_at IS NOT NULL"), 0);
}

/* --- in short ----------------------------------------------------------------------- */

static bool overview_has(const char *member, const char *name, json_int_t wanted)
{
    const json_t *j;

    expect(200, &viewer, "GET", "/api/v1/overview", NULL);
    j = json_object_get(web_json, member);
    return number(json_is_array(j) ? json_array_get(j, 0) : j, name) == wanted;
}

static void t_the_overview_has_the_drill_and_modules_short_of_nodes(void **state)
{
    const json_t *m;

    (void)state;
    testdb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (20, 1); INSERT INTO "
               "ScaleDecision (modid, cmdid, zones, need, was, wanted, rule) VALUES (20, "
               "1, 2, 4, 1, 3, 'floor')");
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone, state) "
               "VALUES (20, 1, 1, 1, 'a', 'up'), (20, 1, 1, 2, 'a', 'up'), (20, 1, 1, 3, "
               "'a', 'up'), (20, 1, 1, 4, 'b', 'up'), (20, 1, 1, 5, 'b', 'drained')");
    T_WAIT(overview_has("scaling", "wanted", 3));
    T_WAIT(overview_has("drill", "id", 2));
    expect_text(json_object_get(web_json, "drill"), "name", "opening");
    T_WAIT((m = (expect(200, &viewer, "GET", "/api/v1/overview", NULL),
                 json_array_get(json_object_get(web_json, "scaling"), 0))) &&
           json_array_size(json_object_get(m, "zones")) == 2);
    assert_int_equal(number(m, "need"), 4);
    assert_true(json_is_true(json_object_get(m, "short"))); /* zone b has 1 of 3 */
    testdb_sql("UPDATE Drill SET state = 'passed' WHERE id = 2; UPDATE RouteData SET "
               "zone = 'b' WHERE serverport = 6; UPDATE ScaleDecision SET wanted = 1");
    T_WAIT(overview_has("drill", "id", 3)); /* the lost one */
    assert_true(
        json_is_true(json_object_get(json_object_get(web_json, "drill"), "lost")));
    T_WAIT(overview_has("scaling", "wanted", 1));
    m = json_array_get(json_object_get(web_json, "scaling"), 0);
    assert_true(json_is_false(json_object_get(m, "short")));
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_the_list_has_the_newest_first_and_tells_what_is_lost),
            C(t_a_drill_has_what_it_has_written_last),
            C(t_a_report_is_json_that_no_browser_executes), C(t_hostile_ids_are_refused),
            C(t_an_operator_asks_a_drill_to_end), C(t_what_cannot_end_is_refused),
            C(t_a_viewer_reads_and_ends_nothing),
            C(t_the_overview_has_the_drill_and_modules_short_of_nodes))
