/* What is noted about a change after it was made, the base of the next one, and agents
 * that are forgotten: lars-console with a real database. */
#include "lib/consolefix.h"

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    testdb_sql("DELETE FROM Service; DELETE FROM AgentRoute");
    log_in(&operator_, "operator");
    return 0;
}

static int get(const char *path)
{
    return web(&operator_, "GET", path, NULL);
}

/* --- agents ------------------------------------------------------------------------ */

static void t_agent_that_reports_is_not_forgotten(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO Service (kind, name) VALUES ('agent', 'h/1.2.3.4:5'), "
               "('dnsd', 'h/1.2.3.4:5')");
    testdb_sql("INSERT INTO AgentRoute (agent, modid, cmdid) VALUES ('h/1.2.3.4:5', 1, "
               "1)");
    assert_int_equal(web(&operator_, "DELETE", "/api/v1/agents/h/1.2.3.4:5", NULL), 409);
    assert_string_equal(web_text("code"), "still_reporting");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM AgentRoute"), 1);
    testdb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 7 SECOND");
    assert_int_equal(web(&operator_, "DELETE", "/api/v1/agents/h/1.2.3.4:5", NULL), 204);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM AgentRoute"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Service WHERE kind = 'dnsd'"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'service "
                                   "forget' AND subject = 'agent:h/1.2.3.4:5' AND actor "
                                   "= 'operator' AND via = 'console' AND result = "
                                   "'done'"),
                     1);
    assert_int_equal(web(&operator_, "DELETE", "/api/v1/agents/h/1.2.3.4:5", NULL), 422);
}

/* --- after a change ---------------------------------------------------------------- */

static int change(const char *operation, const char *base)
{
    char body[400];

    snprintf(body, sizeof(body),
             "{\"operations\":[%s],\"reason\":\"r\",\"base\":[{\"module\":\"1/1\","
             "\"sum\":\"%s\"}]}",
             operation, base);
    return web(&operator_, "POST", "/api/v1/changes", body);
}

#define ADD(node) "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"" node "\"}"

static void read_new_base(char base[20])
{
    json_t *first = json_array_get(json_object_get(web_json, "base"), 0);

    assert_string_equal(json_string_value(json_object_get(first, "module")), "1/1");
    snprintf(base, 20, "%s", json_string_value(json_object_get(first, "sum")));
}

static void t_answer_has_the_base_of_the_next_change(void **state)
{
    char base[20], old[20];

    (void)state;
    assert_int_equal(get("/api/v1/modules/1/1"), 200);
    snprintf(base, sizeof(base), "%s", web_text("base"));
    assert_int_equal(change(ADD("10.0.0.1:80"), base), 201);
    snprintf(old, sizeof(old), "%s", base);
    read_new_base(base);
    assert_int_equal(change(ADD("10.0.0.2:80"), old), 409);
    assert_int_equal(change(ADD("10.0.0.2:80"), base), 201);
    read_new_base(base);
    T_WAIT(get("/api/v1/modules/1/1") == 200 && strcmp(web_text("base"), base) == 0);
}

static void add_a_node(void)
{
    assert_int_equal(get("/api/v1/modules/1/1"), 200);
    assert_int_equal(change(ADD("10.0.0.1:80"), web_text("base")), 201);
}

static void t_result_of_a_change_is_in_the_audit_once(void **state)
{
    char sql[300];
    long long id;

    (void)state;
    system_start();
    T_WAIT(testdb_number("SELECT COUNT(*) FROM AgentRoute WHERE modid = 1") == 1);
    add_a_node();
    id = web_number("id");
    snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM Audit WHERE of_id = %lld AND action = 'in force' AND "
        "actor = 'operator' AND via = 'console' AND peer = '127.0.0.1' AND subject "
        "= '1/1' AND result = 'done' AND JSON_VALUE(detail, '$.modules[0].in_force') "
        "= 1",
        id);
    T_WAIT(testdb_number(sql) == 1);
    assert_int_equal(change("{\"op\":\"name\",\"module\":\"1/1\",\"name\":\"x\"}", ""),
                     422);
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'in force'"), 1);
}

/* No page asks, and an agent never takes the change over. */
static void t_change_that_an_agent_does_not_take_is_in_the_audit(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('agent', 'h/1', NOW(3) "
               "+ INTERVAL 1 HOUR); INSERT INTO AgentRoute (agent, modid, cmdid, sum) "
               "VALUES ('h/1', 1, 1, 1)");
    add_a_node();
    T_WAIT(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'in force' AND "
                         "result = 'behind'") == 1);
}

static void t_console_ends_while_it_follows_a_change(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('agent', 'h/1', NOW(3) "
               "+ INTERVAL 1 HOUR); INSERT INTO AgentRoute (agent, modid, cmdid, sum) "
               "VALUES ('h/1', 1, 1, 1)");
    add_a_node();
    assert_int_equal(proc_end(&console, SIGTERM), 0);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_agent_that_reports_is_not_forgotten),
            C(t_answer_has_the_base_of_the_next_change),
            C(t_result_of_a_change_is_in_the_audit_once),
            C(t_change_that_an_agent_does_not_take_is_in_the_audit),
            C(t_console_ends_while_it_follows_a_change))
