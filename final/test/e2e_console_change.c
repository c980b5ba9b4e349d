/* Changes by lars-console with a real database: hostile text comes back unchanged, a
 * change is made only on what was seen, and each is in the audit without secrets. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mono.h"
#include "ctlrun.h"
#include "db/sqldb.h"
#include "lib/consolefix.h"

#define HTML                                                                             \
    "<script>alert(1)</script>'; DROP TABLE RouteData; -- \"\\ %s %n \xe5\x86\x9c"

static int setup(void **state)
{
    (void)ctl_setup(state);
    consolefix_setup();
    return 0;
}

/* --- hostile text ------------------------------------------------------------------ */

/* A body with <text> at each "%s" of JSON texts. */
static int post(const char *path, json_t *j)
{
    char *text = json_dumps(j, 0);
    int status;

    assert_non_null(text);
    json_decref(j);
    status = web(&operator_, "POST", path, text);
    free(text);
    return status;
}

static void t_hostile_text_comes_back_unchanged(void **state)
{
    static const char zone[] = "<b>'\";--\\%s \xe5\x86\x9c\xe4\xb8\x9a";
    char path[60];

    (void)state;
    log_in(&operator_, "operator");
    testdb_sql("INSERT INTO Alarm (id, kind, subject) VALUES (7, 'zone_down', 'b')");
    assert_int_equal(post("/api/v1/changes?dry_run=1",
                          json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "operations", "op", "add",
                                    "module", "1/1", "node", "10.0.0.9:80", "zone",
                                    zone)),
                     200);
    assert_int_equal(post("/api/v1/changes",
                          json_pack("{s:[{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s}],s:s,s:s}",
                                    "operations", "op", "add", "module", "1/1", "node",
                                    "10.0.0.9:80", "zone", zone, "op", "name", "module",
                                    "1/1", "name", HTML, "command", HTML, "reason", HTML,
                                    "plan", "")),
                     428);
    assert_int_equal(web(&operator_, "GET", "/api/v1/modules/1/1", NULL), 200);
    assert_int_equal(
        post("/api/v1/changes",
             json_pack("{s:[{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s}],s:s,s:[{s:s,s:s}]}",
                       "operations", "op", "add", "module", "1/1", "node", "10.0.0.9:80",
                       "zone", zone, "op", "name", "module", "1/1", "name", HTML,
                       "command", HTML, "reason", HTML, "base", "module", "1/1", "sum",
                       web_text("base"))),
        201);
    snprintf(path, sizeof(path), "/api/v1/audit/%lld", web_number("id"));
    assert_int_equal(web(&operator_, "GET", path, NULL), 200);
    assert_string_equal(web_text("reason"), HTML);
    assert_non_null(strstr(web_header("Content-Type"), "application/json"));
    T_WAIT(web(&operator_, "GET", "/api/v1/modules/1/1", NULL) == 200 &&
           strcmp(web_text("name"), HTML) == 0 && strcmp(web_text("command"), HTML) == 0);
    T_WAIT(web(&operator_, "GET", "/api/v1/zones", NULL) == 200 &&
           strstr(web_reply.body, "<b>'\\\";--\\\\%s \xe5\x86\x9c\xe4\xb8\x9a"));
    assert_int_equal(post("/api/v1/alarms/7/ack", json_pack("{s:s}", "note", HTML)), 204);
    assert_int_equal(web(&operator_, "GET", "/api/v1/alarms/7", NULL), 200);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(web_json, "notes"), 0),
                            "reason")),
                        HTML);
    assert_int_equal(post("/api/v1/silences",
                          json_pack("{s:s,s:s,s:i,s:s}", "kind", "zone_down", "subject",
                                    zone, "minutes", 5, "reason", HTML)),
                     201);
    assert_int_equal(web(&operator_, "GET", "/api/v1/silences", NULL), 200);
    assert_non_null(strstr(web_reply.body, "DROP TABLE"));
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 4);
}

/* Texts that are longer than what the overview keeps of them. */
static void t_long_chinese_names_are_in_the_overview(void **state)
{
    (void)state;
    log_in(&operator_, "operator");
    testdb_sql("INSERT INTO Audit (actor, via, action, subject, result) VALUES ('x', "
               "'sql', 'zone', CONCAT('zone:', REPEAT('\xe5\x86\x9c', 32)), 'done')");
    testdb_sql("INSERT INTO Service (kind, name, zone) VALUES ('agent', "
               "REPEAT('\xe5\x86\x9c', 64), 'b')");
    T_WAIT(web(&operator_, "GET", "/api/v1/overview", NULL) == 200 &&
           json_array_size(json_object_get(web_json, "changes")) == 1);
    T_WAIT(web(&operator_, "GET", "/api/v1/services", NULL) == 200 &&
           json_array_size(json_object_get(web_json, "items")) == 1);
}

static void t_refusal_quotes_long_chinese_text(void **state)
{
    char kind[100] = "a";
    int i;

    (void)state;
    log_in(&operator_, "operator");
    for (i = 0; i < 10; i++)
        strcat(kind, "\xe5\x86\x9c");
    assert_int_equal(post("/api/v1/silences",
                          json_pack("{s:s,s:s,s:i,s:s}", "kind", kind, "subject", "x",
                                    "minutes", 5, "reason", "r")),
                     422);
    assert_int_equal(post("/api/v1/changes?dry_run=1",
                          json_pack("{s:[{s:s,s:s}]}", "operations", "op", "zone", "zone",
                                    kind)),
                     422);
}

static const char *state_of_module(void)
{
    assert_int_equal(web(&operator_, "GET", "/api/v1/modules/1/1", NULL), 200);
    return web_text("state");
}

static bool calls_are_known(void)
{
    assert_int_equal(web(&operator_, "GET", "/api/v1/overview", NULL), 200);
    return json_is_real(json_object_get(web_json, "calls"));
}

/* A node that is out would else be shown as well, and calls as none. */
static void t_calls_and_nodes_are_not_known_without_reports(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM Service WHERE kind = 'reportd'");
    log_in(&operator_, "operator");
    T_WAIT(strcmp(state_of_module(), "unknown") == 0);
    assert_true(json_is_null(json_object_get(web_json, "calls")));
    assert_false(calls_are_known());
    testdb_sql("INSERT INTO Service (kind, name, zone, seen_at) VALUES ('reportd', 'r', "
               "'a', NOW(3) + INTERVAL 1 MINUTE)");
    T_WAIT(strcmp(state_of_module(), "ok") == 0);
    T_WAIT(calls_are_known());
    testdb_sql("DELETE FROM Service WHERE name = 'r'");
    T_WAIT(strcmp(state_of_module(), "unknown") == 0);
}

/* --- changes ----------------------------------------------------------------------- */

static char base[40];

static void read_base(void)
{
    T_WAIT(web(&operator_, "GET", "/api/v1/modules/1/1", NULL) == 200);
    snprintf(base, sizeof(base), "%s", web_text("base"));
}

static int add_node(const char *node, const char *query)
{
    char path[60];

    snprintf(path, sizeof(path), "/api/v1/changes%s", query);
    return post(path, json_pack("{s:[{s:s,s:s,s:s}],s:s,s:[{s:s,s:s}]}", "operations",
                                "op", "add", "module", "1/1", "node", node, "reason",
                                "more load", "base", "module", "1/1", "sum", base));
}

static void t_change_on_an_old_base_is_refused_with_what_is_there(void **state)
{
    char headers[1000], old[40];

    (void)state;
    log_in(&operator_, "operator");
    read_base();
    assert_int_equal(add_node("10.0.0.1:80", ""), 201);
    assert_non_null(strstr(web_header("Location"), "/api/v1/changes/"));
    assert_int_equal(add_node("10.0.0.2:80", ""), 409);
    assert_string_equal(web_text("code"), "conflict");
    assert_true(json_is_object(json_object_get(web_json, "current")));
    snprintf(headers, sizeof(headers),
             "Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nContent-Type: "
             "application/json\r\nCookie: lars=%s\r\nX-Lars-CSRF: %s\r\nIf-Match: "
             "\"%s\"\r\n",
             operator_.port, operator_.port, operator_.token, operator_.csrf, base);
    assert_int_equal(web_with(&operator_, "POST", "/api/v1/changes", headers,
                              "{\"operations\":[{\"op\":\"remove\",\"module\":\"1/1\","
                              "\"node\":\"10.0.0.1:80\"}],\"reason\":\"r\"}"),
                     412);
    assert_true(json_is_object(json_object_get(web_json, "current")));
    snprintf(old, sizeof(old), "%s", base);
    T_WAIT((read_base(), strcmp(base, old) != 0)); /* it is of the last second */
    assert_int_equal(add_node("10.0.0.2:80", ""), 201);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 5);
}

static int remove_module(const char *plan, const char *consent)
{
    return post("/api/v1/changes",
                json_pack("{s:[{s:s,s:s}],s:s,s:s,s:s}", "operations", "op",
                          "remove_module", "module", "1/1", "reason", "r", "plan", plan,
                          "consent", consent));
}

static void t_change_needs_the_plan_that_was_seen_and_consent(void **state)
{
    char plan[40];

    (void)state;
    log_in(&operator_, "operator");
    assert_int_equal(post("/api/v1/changes?dry_run=1",
                          json_pack("{s:[{s:s,s:s}]}", "operations", "op",
                                    "remove_module", "module", "1/1")),
                     200);
    snprintf(plan, sizeof(plan), "%s", web_text("hash"));
    assert_string_equal(web_text("word"), "1/1");
    assert_int_equal(remove_module(plan, ""), 409);
    assert_string_equal(web_text("code"), "consent_needed");
    assert_int_equal(remove_module(plan, "1/2"), 409);
    read_base();
    assert_int_equal(add_node("10.0.0.1:80", ""), 201);
    assert_int_equal(remove_module(plan, "1/1"), 409);
    assert_string_equal(web_text("code"), "plan_changed");
    snprintf(plan, sizeof(plan), "%s",
             json_string_value(
                 json_object_get(json_object_get(web_json, "current"), "hash")));
    assert_int_equal(remove_module(plan, "1/1"), 201);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE result IN "
                                   "('consent_needed', 'plan_changed')"),
                     3);
}

static void t_dry_run_that_is_misspelt_changes_nothing(void **state)
{
    (void)state;
    log_in(&operator_, "operator");
    read_base();
    assert_int_equal(add_node("10.0.0.1:80", "?dry_run=true"), 422);
    assert_int_equal(add_node("10.0.0.1:80", "?dry_run=1"), 200);
    assert_int_not_equal(add_node("10.0.0.1:80", "?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&"
                                                 "dry_run=1"),
                         201);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
}

static void t_change_is_in_force_when_the_agent_has_it(void **state)
{
    char path[60];
    long long id;

    (void)state;
    system_start();
    log_in(&operator_, "operator");
    read_base();
    assert_int_equal(add_node("10.0.0.1:80", ""), 201);
    id = web_number("id");
    snprintf(path, sizeof(path), "/api/v1/changes/%lld", id);
    T_WAIT(web(&operator_, "GET", path, NULL) == 200 &&
           strstr(web_reply.body, "\"state\":\"in_force\""));
    T_WAIT(web(&operator_, "GET", "/api/v1/services", NULL) == 200 &&
           json_array_size(json_object_get(web_json, "items")) >= 3);
}

static void t_each_way_of_changing_is_in_the_audit(void **state)
{
    (void)state;
    log_in(&operator_, "operator");
    read_base();
    assert_int_equal(add_node("10.0.0.1:80", ""), 201);
    assert_int_equal(ctl("route add 1 1 10.0.0.2:80"), 0);
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, "
               "INET_ATON('10.0.0.3'), 80)");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE via = 'console' AND "
                                   "actor = 'operator' AND peer = '127.0.0.1' AND reason "
                                   "= 'more load'"),
                     1);
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM Audit WHERE via = 'larsctl' AND of_id = 0"),
        1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteLog WHERE ip IN "
                                   "(INET_ATON('10.0.0.1'), INET_ATON('10.0.0.2'), "
                                   "INET_ATON('10.0.0.3'))"),
                     3);
}

static void t_audit_can_only_be_added_to(void **state)
{
    static const char *const users[] = {"lars_web", "lars_web_ro"};
    struct sqldb *db;
    size_t i;

    (void)state;
    testdb_sql("INSERT INTO Audit (actor, via, action, result) VALUES ('x', '', '', '')");
    for (i = 0; i < 2; i++) {
        struct myconn_config c = {testdb_socket, "",         0, users[i],
                                  users[i],      "lars_dns", 3};

        assert_int_equal(sqldb_open(&db, &c), 0);
        assert_true(sqldb_run(db, "UPDATE Audit SET actor = 'y'") < 0);
        assert_true(sqldb_run(db, "DELETE FROM Audit") < 0);
        assert_true(sqldb_run(db, "TRUNCATE TABLE Audit") < 0);
        assert_true(sqldb_run(db, "UPDATE RouteLog SET modid = 9") < 0);
        assert_true(sqldb_run(db, "DELETE FROM RouteLog") < 0);
        assert_true(sqldb_run(db, "INSERT INTO User (name, pwhash, role) VALUES ('z', "
                                  "'', 'admin')") < 0);
        sqldb_close(db);
    }
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE actor = 'x'"), 1);
}

static void t_secrets_are_not_in_log_audit_or_answers(void **state)
{
    static const char fresh[] = "a new long password";
    static char log[65536];
    char sql[600];
    struct webclient c;
    ssize_t n;

    (void)state;
    log_in(&c, "viewer");
    assert_null(strstr(web_reply.body, c.token));
    assert_int_equal(web(&c, "PUT", "/api/v1/session/password",
                         "{\"old\":\"" PASSWORD "\",\"new\":\"a new long password\"}"),
                     204);
    assert_int_equal(
        web_login(&(struct webclient){.port = console.port}, "viewer", PASSWORD), 401);
    assert_int_equal(web(&c, "GET", "/api/v1/audit", NULL), 200);
    assert_null(strstr(web_reply.body, "argon2"));
    snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM (SELECT CONCAT_WS(' ', actor, subject, reason, result, "
        "detail) t FROM Audit) a WHERE INSTR(t, '%s') OR INSTR(t, '%s') OR INSTR(t, "
        "'%s') OR INSTR(t, 'argon2')",
        PASSWORD, fresh, c.token);
    assert_int_equal(testdb_number(sql), 0);
    kill(console.pid, SIGTERM);
    while ((n = read(console.err, log + strlen(log), sizeof(log) - 1 - strlen(log))) > 0)
        ;
    assert_int_equal(proc_wait(&console), 0);
    assert_non_null(strstr(log, "console.login"));
    assert_null(strstr(log, PASSWORD));
    assert_null(strstr(log, fresh));
    assert_null(strstr(log, c.token));
    assert_null(strstr(log, "argon2"));
}

/* The removal of all rows of a module is held: callers keep its nodes and call them. */
static void t_module_of_a_held_removal_is_shown_without_rows(void **state)
{
    (void)state;
    log_in(&operator_, "operator");
    T_WAIT(web(&operator_, "GET", "/api/v1/modules/0/9", NULL) == 404);
    testdb_sql("INSERT INTO RouteHold (dnsd, modid, cmdid, had, gone, since, seen_at) "
               "VALUES ('d', 0, 9, 3, 3, NOW(3), NOW(3) + INTERVAL 1 HOUR)");
    testdb_sql("REPLACE INTO Service (kind, name, zone, seen_at) VALUES ('reportd', 'r', "
               "'a', NOW(3) + INTERVAL 1 MINUTE)");
    testdb_sql("INSERT INTO CallSecond (at, modid, cmdid, ip, port, succ) SELECT "
               "UNIX_TIMESTAMP() + seq, 0, 9, 1, 80, 10 FROM seq_1_to_60");
    T_WAIT(web(&operator_, "GET", "/api/v1/modules/0/9", NULL) == 200 &&
           json_number_value(json_object_get(web_json, "calls")) > 9.9);
    assert_string_equal(web_text("state"), "held");
    assert_int_equal(json_array_size(json_object_get(web_json, "items")), 0);
    assert_int_equal(web(&operator_, "GET", "/api/v1/modules?sort=number", NULL), 200);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(web_json, "items"), 0),
                            "module")),
                        "0/9");
    assert_int_equal(web(&operator_, "GET", "/api/v1/overview", NULL), 200);
    assert_true(json_number_value(json_object_get(web_json, "calls")) > 9.9);
}

static void t_reads_go_on_without_the_database(void **state)
{
    (void)state;
    log_in(&operator_, "operator");
    read_base();
    T_WAIT(web(&operator_, "GET", "/api/v1/overview", NULL) == 200);
    testdb_stop();
    T_WAIT(web(&operator_, "GET", "/api/v1/overview", NULL) == 200 &&
           web_number("age_ms") > 5000);
    assert_true(
        json_is_false(json_object_get(json_object_get(web_json, "sources"), "db")));
    assert_int_equal(add_node("10.0.0.1:80", ""), 503);
    assert_string_equal(web_text("code"), "db_down");
    assert_int_equal(
        web_login(&(struct webclient){.port = console.port}, "viewer", PASSWORD), 503);
    testdb_start();
    T_WAIT(add_node("10.0.0.1:80", "") == 201);
    T_WAIT(web(&operator_, "GET", "/api/v1/overview", NULL) == 200 &&
           web_number("age_ms") < 5000);
}

/* The rows of the node, and the rows of Audit that say that it was added. */
static void count_rows(unsigned i, unsigned long long *rows, unsigned long long *audits)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM RouteData WHERE serverip = INET_ATON('10.0.1.%u')", i);
    *rows = testdb_number(sql);
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Audit WHERE result = 'done' AND detail LIKE "
             "'%%10.0.1.%u:80%%'",
             i);
    *audits = testdb_number(sql);
}

/* The database is killed at another moment of the change each time. */
static void t_change_and_its_audit_are_both_there_or_neither_after_a_kill(void **state)
{
    unsigned i, n_done = 0;

    (void)state;
    log_in(&operator_, "operator");
    for (i = 1; i <= 8; i++) {
        unsigned long long rows, audits;
        pid_t db = testdb_pid(), killer;
        uint64_t begin_us;
        char node[40];
        int status;

        snprintf(node, sizeof(node), "10.0.1.%u:80", i);
        T_WAIT((read_base(), add_node(node, "?dry_run=1")) == 200);
        begin_us = mono_us();
        killer = fork();
        if (killer == 0) {
            while (mono_us() < begin_us + (i - 1) * 1000) /* another moment each time */
                ;
            kill(db, SIGKILL);
            _exit(0);
        }
        status = add_node(node, "");
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        T_WAIT(testdb_try_stop());
        testdb_start();
        count_rows(i, &rows, &audits);
        assert_int_equal(rows, audits);
        assert_true(status == 201 ? rows == 1 : status == 503);
        n_done += status == 201;
        T_WAIT((read_base(), status = add_node(node, "")) == 201 || rows == 1);
        count_rows(i, &rows, &audits);
        assert_int_equal(rows, 1);
        assert_int_equal(audits, 1);
    }
    print_message("%u of 8 changes were answered before the database ended\n", n_done);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_module_of_a_held_removal_is_shown_without_rows),
            C(t_reads_go_on_without_the_database),
            C(t_change_and_its_audit_are_both_there_or_neither_after_a_kill),
            C(t_hostile_text_comes_back_unchanged),
            C(t_long_chinese_names_are_in_the_overview),
            C(t_calls_and_nodes_are_not_known_without_reports),
            C(t_refusal_quotes_long_chinese_text),
            C(t_change_on_an_old_base_is_refused_with_what_is_there),
            C(t_change_needs_the_plan_that_was_seen_and_consent),
            C(t_dry_run_that_is_misspelt_changes_nothing),
            C(t_change_is_in_force_when_the_agent_has_it),
            C(t_each_way_of_changing_is_in_the_audit), C(t_audit_can_only_be_added_to),
            C(t_secrets_are_not_in_log_audit_or_answers))
