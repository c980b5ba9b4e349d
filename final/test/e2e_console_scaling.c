/* The page Scaling of lars-console with a real database: what its API reads from rows of
 * the autoscaler's tables, and what an operator changes there and a viewer cannot. */
#include "lib/consolefix.h"

#define SCALING "/api/v1/scaling"

static void fill(void)
{
    testdb_sql("DELETE FROM ScalePolicy; DELETE FROM ScalePlan; DELETE FROM ScaleHost; "
               "DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM "
               "ScaleDecision; DELETE FROM Capacity; DELETE FROM Freeze; DELETE FROM "
               "Lease; DELETE FROM RouteData; DELETE FROM Audit");
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone, state) "
               "VALUES (20, 1, INET_ATON('10.0.0.1'), 8001, 'a', 'up'), (20, 1, "
               "INET_ATON('10.0.0.2'), 8001, 'b', 'up'), (20, 1, INET_ATON('10.0.0.2'), "
               "8002, 'b', 'drained'), (9, 1, INET_ATON('10.0.0.9'), 80, 'a', 'up')");
    testdb_sql("INSERT INTO ScalePolicy (modid, cmdid, min_zone, max_zone, who) VALUES "
               "(20, 1, 2, 8, 'li')");
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

static json_t *at(json_t *list, size_t i)
{
    json_t *j = json_array_get(list, i);

    if (!j)
        fail_msg("there is no item %zu: %.500s", i, web_reply.body);
    return j;
}

static json_t *ask(void)
{
    if (web(&viewer, "GET", SCALING, NULL) != 200)
        fail_msg("%d %s", web_reply.status, web_reply.body);
    return web_json;
}

static json_t *list_of(const json_t *j, const char *name)
{
    json_t *list = json_object_get(j, name);

    assert_true(json_is_array(list));
    return list;
}

static json_t *module(size_t i)
{
    return at(list_of(ask(), "modules"), i);
}

static void expect_text(const json_t *j, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(j, name));

    assert_string_equal(text ? text : "(none)", wanted);
}

static void expect_number(const json_t *j, const char *name, double wanted)
{
    double v = json_number_value(json_object_get(j, name));

    if (v < wanted - 0.001 || v > wanted + 0.001)
        fail_msg("%s is %f instead of %f", name, v, wanted);
}

static void expect(int status, const struct webclient *c, const char *method,
                   const char *path, const char *body)
{
    int is = web(c, method, path, body);

    if (is != status)
        fail_msg("%s %s %s: %d instead of %d: %.300s", method, path, body ? body : "", is,
                 status, web_reply.body);
}

static const char *code(void)
{
    return web_text("code");
}

/* --- what is read ------------------------------------------------------------------ */

static void t_without_a_row_the_lists_are_empty(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM ScalePolicy");
    assert_int_equal(json_array_size(list_of(ask(), "modules")), 0);
    assert_int_equal(json_array_size(list_of(web_json, "hosts")), 0);
    assert_true(json_is_null(json_object_get(web_json, "freeze")));
    assert_true(json_is_null(json_object_get(web_json, "leader")));
    assert_true(json_is_false(json_object_get(web_json, "left_out")));
}

static void t_a_module_has_its_policy_and_its_last_decision(void **state)
{
    const json_t *m, *policy, *decision;

    (void)state;
    m = module(0);
    expect_text(m, "module", "20/1");
    assert_true(json_is_null(json_object_get(m, "decision")));
    testdb_sql("INSERT INTO ScaleDecision (at, modid, cmdid, demand, refused, zones, up, "
               "need, plan, was, wanted, rule, note) VALUES (NOW(3) - INTERVAL 1 MINUTE, "
               "20, 1, 1, 0, 2, 2, 1, 2, 2, 2, 'keep', ''), (NOW(3), 20, 1, 812.5, 12, "
               "2, 4, 5, 2, 2, 5, 'urgent', 'frozen'), (NOW(3) + INTERVAL 1 SECOND, 20, "
               "2, 1, 0, 2, 2, 1, 2, 2, 2, 'keep', '')");
    m = module(0);
    policy = json_object_get(m, "policy");
    decision = json_object_get(m, "decision");
    expect_number(policy, "min", 2);
    expect_number(policy, "max", 8);
    expect_number(policy, "util", 70);
    expect_text(policy, "who", "li");
    expect_number(decision, "demand", 812.5);
    expect_number(decision, "was", 2);
    expect_number(decision, "wanted", 5);
    expect_text(decision, "rule", "urgent");
    expect_text(decision, "note", "frozen");
}

static void fill_hosts(void)
{
    testdb_sql("INSERT INTO ScaleHost (host, zone, address, slots, in_use, seen_at) "
               "VALUES ('h1', 'a', '10.0.0.1', 4, 1, NOW(3)), ('h2', 'b', '10.0.0.2', 4, "
               "0, NOW(3) - INTERVAL 90 SECOND)");
    testdb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', "
               "1, 20, 1, 7), ('h1', 2, 20, 1, 7), ('h2', 1, 20, 1, 7)");
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, pid, state, note) "
               "VALUES ('h1', 1, 20, 1, 8001, 99, 'ready', ''), ('h2', 1, 20, 1, 8001, "
               "98, 'failed', 'exit 1'), ('h2', 3, 20, 1, 8003, 97, 'stopping', '')");
}

static void t_a_module_has_what_runs_in_each_zone(void **state)
{
    const json_t *a, *b;
    json_t *zones;

    (void)state;
    fill_hosts();
    zones = list_of(module(0), "zones");
    expect_number(at(zones, 1), "failed", 0); /* h2 was not seen for 60 s */
    testdb_sql("UPDATE ScaleHost SET seen_at = NOW(3)");
    zones = list_of(module(0), "zones");
    assert_int_equal(json_array_size(zones), 2);
    a = json_array_get(zones, 0);
    b = json_array_get(zones, 1);
    expect_text(a, "zone", "a");
    expect_number(a, "ordered", 2);
    expect_number(a, "ready", 1);
    expect_number(a, "up", 1);
    expect_text(b, "zone", "b");
    expect_number(b, "ordered", 1);
    expect_number(b, "ready", 0);
    expect_number(b, "failed", 1);
    expect_number(b, "stopping", 1);
    expect_number(b, "up", 1);
}

static void t_a_host_has_its_slots_with_order_and_state(void **state)
{
    json_t *hosts, *items;

    (void)state;
    fill_hosts();
    hosts = list_of(ask(), "hosts");
    assert_int_equal(json_array_size(hosts), 2);
    expect_text(at(hosts, 0), "host", "h1");
    assert_true(json_is_true(json_object_get(at(hosts, 0), "in_use")));
    assert_true(json_is_false(json_object_get(at(hosts, 1), "in_use")));
    assert_true(json_integer_value(json_object_get(at(hosts, 1), "age_ms")) >= 90000);
    items = list_of(at(hosts, 0), "items");
    assert_int_equal(json_array_size(items), 2);
    expect_text(at(items, 0), "runs", "20/1");
    expect_text(at(items, 1), "ordered", "20/1");
    assert_true(json_is_null(json_object_get(at(items, 1), "runs")));
    items = list_of(at(hosts, 1), "items");
    expect_text(at(items, 0), "note", "exit 1");
    assert_true(json_is_null(json_object_get(at(items, 1), "ordered")));
    expect_text(at(items, 1), "state", "stopping");
}

static void t_freeze_leader_plans_and_capacity_are_read(void **state)
{
    json_t *m;

    (void)state;
    testdb_sql("INSERT INTO Freeze (name, reason, until_at, who) VALUES ('scale', "
               "'\xe5\x86\x9c', NOW() + INTERVAL 5 MINUTE, 'li'), ('other', 'x', NOW() + "
               "INTERVAL 5 MINUTE, 'li')");
    testdb_sql("INSERT INTO Lease (name, holder, until_at, fence) VALUES ('scale', 1, "
               "NOW(3) + INTERVAL 9 SECOND, 7)");
    testdb_sql("INSERT INTO ScalePlan (modid, cmdid, zone, from_at, until_at, n_zone) "
               "VALUES (20, 1, '', NOW() - INTERVAL 1 DAY, NOW() - INTERVAL 1 HOUR, 9), "
               "(20, 1, 'b', NOW() - INTERVAL 1 HOUR, NOW() + INTERVAL 1 HOUR, 4), (20, "
               "1, '', NOW() + INTERVAL 1 HOUR, NOW() + INTERVAL 2 HOUR, 5)");
    testdb_sql("INSERT INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
               "target_us) VALUES (20, 1, 'big', 250.5, 8, 90000, 200000)");
    m = module(0);
    expect_text(json_object_get(web_json, "freeze"), "reason", "\xe5\x86\x9c");
    assert_true(
        json_is_true(json_object_get(json_object_get(web_json, "leader"), "works")));
    expect_number(json_object_get(web_json, "leader"), "fence", 7);
    assert_int_equal(json_array_size(list_of(m, "plans")), 2);
    expect_number(at(list_of(m, "plans"), 0), "nodes", 4);
    assert_true(json_is_true(json_object_get(at(list_of(m, "plans"), 0), "in_force")));
    assert_true(json_is_false(json_object_get(at(list_of(m, "plans"), 1), "in_force")));
    expect_number(at(list_of(m, "capacity"), 0), "rps", 250.5);
    testdb_sql("UPDATE Lease SET until_at = NOW(3) - INTERVAL 1 SECOND; UPDATE Freeze "
               "SET until_at = NOW() - INTERVAL 1 SECOND");
    (void)ask();
    assert_true(json_is_null(json_object_get(web_json, "freeze")));
    assert_true(
        json_is_false(json_object_get(json_object_get(web_json, "leader"), "works")));
}

static void t_long_lists_are_bounded_and_say_so(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, slots) SELECT CONCAT('h', seq), 4 FROM "
               "seq_1_to_201");
    assert_int_equal(json_array_size(list_of(ask(), "hosts")), 200);
    assert_true(json_is_true(json_object_get(web_json, "left_out")));
    testdb_sql("DELETE FROM ScaleHost");
    assert_true(json_is_false(json_object_get(ask(), "left_out")));
    testdb_sql("INSERT INTO ScalePlan (modid, cmdid, until_at, n_zone) SELECT 30, 1, "
               "NOW() + INTERVAL 1 HOUR, 4 FROM seq_1_to_2001");
    assert_true(json_is_true(json_object_get(ask(), "left_out")));
}

/* --- over time ---------------------------------------------------------------------- */

static double value(const char *list, size_t i)
{
    const json_t *v = json_array_get(json_object_get(web_json, list), i);

    return json_is_number(v) ? json_number_value(v) : -1;
}

static void ask_history(unsigned long long from, unsigned long long to, unsigned step)
{
    char path[120];

    snprintf(path, sizeof(path), SCALING "/20/1?from=%llu&to=%llu&step=%u", from, to,
             step);
    expect(200, &viewer, "GET", path, NULL);
}

static void t_a_decision_holds_until_the_next_one_or_for_two_minutes(void **state)
{
    unsigned long long from = testdb_number("SELECT UNIX_TIMESTAMP() DIV 60 * 60 - 1200");

    (void)state;
    testdb_sqlf("INSERT INTO ScaleDecision (at, modid, cmdid, demand, refused, "
                "load_nodes, zones, up, need, was, wanted, rule) VALUES "
                "(FROM_UNIXTIME(%llu), 20, 1, 100, 0, 1.5, 2, 4, 2, 2, 2, 'keep'), "
                "(FROM_UNIXTIME(%llu), 20, 1, 900, 50, 9, 2, 4, 5, 2, 3, 'floor'), "
                "(FROM_UNIXTIME(%llu), 20, 1, 950, 70, 9.5, 2, 4, 6, 3, 6, 'urgent'), "
                "(FROM_UNIXTIME(%llu), 20, 2, 1, 1, 1, 1, 1, 1, 1, 9, 'urgent')",
                from - 30, from + 61, from + 62, from + 61);
    ask_history(from, from + 360, 60);
    assert_int_equal(json_array_size(list_of(web_json, "demand")), 6);
    assert_true(value("demand", 0) == 100); /* of the row before the time */
    assert_true(value("demand", 1) == 950); /* of the span's last row */
    assert_true(value("refused", 1) == 70);
    assert_true(value("load", 1) == 9.5);
    assert_true(value("need", 1) == 12); /* in both zones */
    assert_true(value("wanted", 1) == 12);
    assert_true(value("up", 1) == 4);
    assert_true(value("demand", 3) == 950);
    assert_true(value("demand", 4) == -1); /* no autoscaler worked */
    assert_true(value("demand", 5) == -1);
    assert_int_equal(json_array_size(list_of(web_json, "decisions")), 2);
    expect_text(at(list_of(web_json, "decisions"), 0), "rule", "urgent");
    expect_text(at(list_of(web_json, "decisions"), 1), "rule", "floor");
}

static void t_history_refuses_what_is_not_scaled_and_too_many_points(void **state)
{
    (void)state;
    expect(404, &viewer, "GET", SCALING "/9/1", NULL);
    expect(404, &viewer, "GET", SCALING "/x/1", NULL);
    expect(422, &viewer, "GET", SCALING "/20/1?span=86400&step=1", NULL);
    assert_string_equal(code(), "too_many_points");
    expect(200, &viewer, "GET", SCALING "/20/1?span=86400", NULL);
    assert_int_equal(web_number("step"), 60);
}

/* --- what is changed ---------------------------------------------------------------- */

static unsigned long long audits(const char *action)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Audit WHERE action = '%s' AND actor = 'operator' AND "
             "via = 'console' AND result = 'done'",
             action);
    return testdb_number(sql);
}

static void t_an_operator_sets_the_bounds_of_a_module(void **state)
{
    (void)state;
    expect(204, &operator_, "POST", SCALING "/20/1",
           "{\"max\":12,\"dry_run\":true,\"actuator\":\"exec\",\"reason\":\"fair\"}");
    assert_int_equal(testdb_number("SELECT min_zone = 2 AND max_zone = 12 AND dry_run = "
                                   "1 AND actuator = 'exec' AND who = 'operator' FROM "
                                   "ScalePolicy WHERE modid = 20 AND cmdid = 1"),
                     1);
    assert_int_equal(audits("scale set"), 1);
    expect(422, &operator_, "POST", SCALING "/20/1", "{\"max\":1}");
    assert_string_equal(code(), "refused");
    expect(422, &operator_, "POST", SCALING "/20/1", "{\"speed\":1}");
    expect(422, &operator_, "POST", SCALING "/20/1", "{\"min\":1.5}");
    expect(422, &operator_, "POST", SCALING "/20/1", "{\"min=1,max\":5}");
    expect(422, &operator_, "POST", SCALING "/20/1", "{\"min\":-1}");
    expect(404, &operator_, "POST", SCALING "/77/1", "{\"min\":1}");
    assert_int_equal(testdb_number("SELECT max_zone FROM ScalePolicy"), 12);
    assert_int_equal(audits("scale set"), 1);
}

static void t_a_module_of_the_routes_can_be_scaled_and_left_alone_again(void **state)
{
    (void)state;
    expect(204, &operator_, "POST", SCALING "/9/1", "{}");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy WHERE modid = 9"),
                     1);
    expect(204, &operator_, "DELETE", SCALING "/9/1", NULL);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy WHERE modid = 9"),
                     0);
    assert_int_equal(audits("scale off"), 1);
    expect(422, &operator_, "DELETE", SCALING "/9/1", NULL);
}

static void t_an_operator_freezes_and_unfreezes(void **state)
{
    (void)state;
    expect(422, &operator_, "POST", SCALING "/freeze", "{\"minutes\":5,\"reason\":\"\"}");
    expect(422, &operator_, "POST", SCALING "/freeze",
           "{\"minutes\":0,\"reason\":\"x\"}");
    expect(422, &operator_, "POST", SCALING "/freeze",
           "{\"minutes\":10081,\"reason\":\"x\"}");
    expect(422, &operator_, "POST", SCALING "/freeze",
           "{\"minutes\":\"5\",\"reason\":\"x\"}");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Freeze"), 0);
    expect(204, &operator_, "POST", SCALING "/freeze",
           "{\"minutes\":5,\"reason\":\"exhibition\"}");
    expect_text(json_object_get(ask(), "freeze"), "reason", "exhibition");
    assert_int_equal(audits("scale freeze"), 1);
    expect(204, &operator_, "DELETE", SCALING "/freeze", NULL);
    assert_true(json_is_null(json_object_get(ask(), "freeze")));
    assert_int_equal(audits("scale unfreeze"), 1);
}

static void t_an_operator_adds_and_removes_a_plan(void **state)
{
    unsigned long long now = testdb_number("SELECT UNIX_TIMESTAMP()"), id;
    char body[200], path[80];

    (void)state;
    snprintf(body, sizeof(body),
             "{\"module\":\"20/1\",\"zone\":\"b\",\"from\":%llu,\"until\":%llu,\"nodes\":"
             "6,\"note\":\"opening\"}",
             now + 600, now + 1200);
    expect(201, &operator_, "POST", SCALING "/plans", body);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan WHERE modid = 20 AND "
                                   "zone = 'b' AND n_zone = 6 AND note = 'opening' AND "
                                   "who = 'operator' AND from_at > NOW()"),
                     1);
    assert_int_equal(audits("plan add"), 1);
    id = testdb_number("SELECT id FROM ScalePlan");
    snprintf(path, sizeof(path), SCALING "/plans/%llu", id);
    expect(204, &operator_, "DELETE", path, NULL);
    assert_int_equal(audits("plan remove"), 1);
    expect(422, &operator_, "DELETE", path, NULL);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan"), 0);
}

static void t_a_plan_that_cannot_be_is_refused(void **state)
{
    unsigned long long now = testdb_number("SELECT UNIX_TIMESTAMP()");
    static const char *const wrong[] = {
        "{\"module\":\"20/1\",\"from\":%llu,\"until\":%llu,\"nodes\":0}",
        "{\"module\":\"20/1\",\"from\":%llu,\"until\":%llu,\"nodes\":10001}",
        "{\"module\":\"20\",\"from\":%llu,\"until\":%llu,\"nodes\":1}",
        "{\"module\":\"9/1\",\"from\":%llu,\"until\":%llu,\"nodes\":1}",
        "{\"module\":\"20/1\",\"until\":%llu,\"from\":%llu,\"nodes\":1}",
        "{\"module\":\"20/1\",\"from\":%llu,\"unti\":%llu,\"nodes\":1}",
        "{\"module\":\"20/1\",\"from\":%llu,\"until\":9%llu,\"nodes\":1}",
    };
    char body[200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(body, sizeof(body), wrong[i], now, now + 600);
        expect(422, &operator_, "POST", SCALING "/plans", body);
    }
    snprintf(body, sizeof(body), wrong[1], now - 900, now - 600);
    expect(422, &operator_, "POST", SCALING "/plans", body);
    snprintf(body, sizeof(body),
             "{\"module\":\"20/1\",\"from\":%llu,\"until\":%llu,\"nodes\":1}", now - 900,
             now - 600);
    expect(422, &operator_, "POST", SCALING "/plans", body);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan"), 0);
    assert_int_equal(audits("plan add"), 0);
}

static void t_an_operator_empties_and_forgets_a_host(void **state)
{
    (void)state;
    fill_hosts();
    expect(204, &operator_, "POST", SCALING "/hosts/h1", "{\"in_use\":false}");
    assert_int_equal(testdb_number("SELECT in_use FROM ScaleHost WHERE host = 'h1'"), 0);
    assert_int_equal(audits("host drain"), 1);
    expect(204, &operator_, "POST", SCALING "/hosts/h1", "{\"in_use\":true}");
    assert_int_equal(audits("host undrain"), 1);
    expect(422, &operator_, "POST", SCALING "/hosts/h1", "{\"in_use\":1}");
    expect(422, &operator_, "POST", SCALING "/hosts/none", "{\"in_use\":true}");
    expect(422, &operator_, "DELETE", SCALING "/hosts/h1", NULL); /* it works */
    expect(204, &operator_, "DELETE", SCALING "/hosts/h2", NULL);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleHost"), 1);
}

static void t_a_viewer_reads_and_changes_nothing(void **state)
{
    static const char *const change[][3] = {
        {"POST", SCALING "/20/1", "{\"max\":5}"},
        {"DELETE", SCALING "/20/1", NULL},
        {"POST", SCALING "/freeze", "{\"minutes\":5,\"reason\":\"x\"}"},
        {"DELETE", SCALING "/freeze", NULL},
        {"POST", SCALING "/plans",
         "{\"module\":\"20/1\",\"until\":2000000000,\"nodes\":5}"},
        {"DELETE", SCALING "/plans/1", NULL},
        {"POST", SCALING "/hosts/h1", "{\"in_use\":false}"},
        {"DELETE", SCALING "/hosts/h2", NULL}};
    struct webclient forged = operator_;
    size_t i;

    (void)state;
    fill_hosts();
    testdb_sql("INSERT INTO ScalePlan (id, modid, cmdid, until_at, n_zone) VALUES (1, "
               "20, 1, NOW() + INTERVAL 1 HOUR, 4)");
    strcpy(forged.csrf, "wrong");
    for (i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
        expect(403, &viewer, change[i][0], change[i][1], change[i][2]);
        assert_string_equal(code(), "wrong_role");
        expect(403, &forged, change[i][0], change[i][1], change[i][2]);
    }
    expect(401, &stranger, "GET", SCALING, NULL);
    expect(200, &viewer, "GET", SCALING, NULL);
    expect(200, &viewer, "GET", SCALING "/20/1", NULL);
    assert_int_equal(testdb_number("SELECT (SELECT COUNT(*) FROM ScalePolicy WHERE "
                                   "max_zone = 8) + (SELECT COUNT(*) FROM ScalePlan) + "
                                   "(SELECT COUNT(*) FROM ScaleHost) + (SELECT COUNT(*) "
                                   "FROM Freeze) + (SELECT COUNT(*) FROM Audit WHERE "
                                   "action LIKE '%scale%' OR action LIKE '%plan%')"),
                     4);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_without_a_row_the_lists_are_empty),
            C(t_a_module_has_its_policy_and_its_last_decision),
            C(t_a_module_has_what_runs_in_each_zone),
            C(t_a_host_has_its_slots_with_order_and_state),
            C(t_freeze_leader_plans_and_capacity_are_read),
            C(t_long_lists_are_bounded_and_say_so),
            C(t_a_decision_holds_until_the_next_one_or_for_two_minutes),
            C(t_history_refuses_what_is_not_scaled_and_too_many_points),
            C(t_an_operator_sets_the_bounds_of_a_module),
            C(t_a_module_of_the_routes_can_be_scaled_and_left_alone_again),
            C(t_an_operator_freezes_and_unfreezes),
            C(t_an_operator_adds_and_removes_a_plan),
            C(t_a_plan_that_cannot_be_is_refused),
            C(t_an_operator_empties_and_forgets_a_host),
            C(t_a_viewer_reads_and_changes_nothing))
