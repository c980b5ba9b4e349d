/* Changes of operators on a real MariaDB: what a preview and a change leave in the
 * tables, names and policies included. */
#include "opsfix.h"

/* --- the preview -------------------------------------------------------------------- */

static void t_plan_writes_nothing(void **state)
{
    struct change_op op[2] = {weight_op(1, 1, "7"), node_op(CHANGE_NAME, 1, 0)};
    struct ops_request r = request(op, 2);
    unsigned long long v = version();

    (void)state;
    op[1].name = "shop";
    assert_int_equal(ops_plan(db, &r, &out), 0);
    assert_int_equal(out.result, OPS_DONE);
    assert_int_equal(out.plan.changed, 1);
    assert_int_equal(out.settings.n, 1);
    assert_int_equal(out.audit_id, 0);
    assert_int_equal(version(), v);
    assert_int_equal(n_audit("1"), 0);
    assert_int_equal(n_log("1"), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ModIDConfig"), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE weight = 7"), 0);
}

static void t_plan_has_the_calls_of_the_last_minute_and_the_capacity(void **state)
{
    struct change_op op = node_op(CHANGE_SET, 1, 1);
    struct ops_request r = request(&op, 1);

    (void)state;
    field(&op, "state", "drained");
    mydb_sql(
        "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - 30, 1, 1, 1, 80, 50, 10), "
        "(UNIX_TIMESTAMP() - 30, 1, 1, 2, 80, 40, 0), "
        "(UNIX_TIMESTAMP() - 300, 1, 1, 2, 80, 999, 0)");
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, node_rps) VALUES (1, 1, 50)");
    assert_int_equal(ops_plan(db, &r, &out), 0);
    assert_int_equal(out.plan.module[0].calls, 100);
    assert_int_equal(out.plan.module[0].calls_gone, 60);
    assert_int_equal(out.plan.module[0].capacity, 100);
}

static void plan_anew(const struct ops_request *r)
{
    ops_free(&out);
    out = (struct ops_outcome){.result = OPS_DONE};
    assert_int_equal(ops_plan(db, r, &out), 0);
}

/* Node 1 leaves; node 3 is down for an agent that is silent, and on trial for another. */
static void t_plan_counts_nodes_that_agents_give_no_calls_to(void **state)
{
    struct change_op op = node_op(CHANGE_SET, 1, 1);
    struct ops_request r = request(&op, 1);

    (void)state;
    field(&op, "state", "drained");
    mydb_sql(
        "REPLACE INTO Service (kind, name, zone, seen_at) VALUES ('agent', 'a', 'z', "
        "NOW(3)), ('agent', 'b', 'z', NOW(3)), ('agent', 'old', 'z', NOW(3) - "
        "INTERVAL 1 MINUTE)");
    mydb_sql("INSERT INTO AgentNode VALUES ('a', 1, 1, 2, 80, 1), ('b', 1, 1, 2, 80, 2), "
             "('a', 1, 1, 1, 80, 1), ('old', 1, 1, 3, 80, 1), ('a', 1, 1, 3, 80, 3)");
    plan_anew(&r);
    assert_int_equal(out.plan.module[0].left, 2);
    assert_int_equal(out.plan.module[0].out, 1);
    assert_int_equal(out.plan.module[0].warnings & PLAN_ALL_OUT, 0);
    mydb_sql("UPDATE AgentNode SET state = 2 WHERE ip = 3");
    plan_anew(&r);
    assert_int_equal(out.plan.module[0].out, 2);
    assert_int_equal(out.plan.module[0].warnings & PLAN_ALL_OUT, PLAN_ALL_OUT);
    op = weight_op(1, 1, "7");        /* no node leaves service: no warning */
    plan_anew(&r);
    assert_int_equal(out.plan.module[0].out, 3);
    assert_int_equal(out.plan.module[0].warnings & PLAN_ALL_OUT, 0);
    mydb_sql("DELETE FROM AgentNode; DELETE FROM Service");
}

static void t_plan_of_a_wrong_operation_names_it(void **state)
{
    struct change_op op[2] = {weight_op(1, 1, "7"), weight_op(1, 9, "7")};
    struct ops_request r = request(op, 2);

    (void)state;
    assert_int_equal(ops_plan(db, &r, &out), 0);
    assert_int_equal(out.result, OPS_WRONG);
    assert_int_equal(out.bad, 1);
    assert_string_equal(out.why, "0.0.0.9:80 is not a node of 1/1");
    assert_int_equal(n_audit("1"), 0);
}

/* --- the change --------------------------------------------------------------------- */

static void t_change_is_one_row_of_audit_with_old_and_new_values(void **state)
{
    struct change_op op = weight_op(1, 1, "7");

    (void)state;
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_audit("1"), 1);
    assert_int_equal(
        n_audit("actor = 'li' AND via = 'larsctl' AND action = 'route set' AND subject = "
                "'1/1' AND reason = 'disk swap' AND result = 'done' AND "
                "JSON_VALUE(detail, '$.nodes[0].node') = '0.0.0.1:80' AND "
                "JSON_VALUE(detail, '$.nodes[0].old.weight') = 100 AND "
                "JSON_VALUE(detail, '$.nodes[0].new.weight') = 7"),
        1);
    assert_int_equal(mydb_number("SELECT id FROM Audit"), out.audit_id);
}

static void t_rows_of_route_log_name_the_row_of_audit(void **state)
{
    struct change_op op[3] = {weight_op(1, 1, "7"), node_op(CHANGE_ADD, 1, 9),
                              node_op(CHANGE_REMOVE, 2, 6)};
    struct ops_request r = request(op, 3);
    char where[200];

    (void)state;
    apply(&r, OPS_DONE);
    snprintf(where, sizeof(where), "audit_id = %llu AND db_user LIKE 'lars@%%'",
             (unsigned long long)out.audit_id);
    assert_int_equal(n_log(where), 3);
    assert_int_equal(n_log("1"), 3);
    assert_int_equal(n_log("ip = 1 AND old_weight = 100 AND new_weight = 7 AND old_zone "
                           "= 'a' AND new_state = 'up'"),
                     1);
    assert_int_equal(n_log("ip = 9 AND old_weight IS NULL AND new_weight = 100"), 1);
    assert_int_equal(n_log("ip = 6 AND old_weight = 100 AND new_weight IS NULL"), 1);
}

static void t_revision_of_audit_is_the_version_of_the_last_row(void **state)
{
    struct change_op op[3] = {weight_op(1, 1, "7"), node_op(CHANGE_ADD, 1, 9),
                              node_op(CHANGE_CONFIRM, 2, 0)};
    struct ops_request r = request(op, 3);
    unsigned long long v = version();

    (void)state;
    apply(&r, OPS_DONE);
    assert_int_equal(version(), v + 3);
    assert_int_equal(out.revision, v + 3);
    assert_int_equal(mydb_number("SELECT revision FROM Audit"), v + 3);
    assert_int_equal(mydb_number("SELECT who = 'li' FROM RouteConfirm"), 1);
}

static void t_change_of_nothing_makes_no_version(void **state)
{
    struct change_op op = weight_op(1, 1, "100");
    unsigned long long v = version();

    (void)state;
    apply_one(&op, OPS_DONE);
    assert_int_equal(out.plan.n_module, 0);
    assert_int_equal(version(), v);
    assert_int_equal(n_log("1"), 0);
    assert_int_equal(n_audit("result = 'done' AND revision = 0"), 1);
}

static void t_500_operations_are_one_change(void **state)
{
    static struct change_op op[CHANGE_OPS_MAX];
    struct ops_request r = request(op, CHANGE_OPS_MAX);
    uint32_t i;

    (void)state;
    for (i = 0; i < CHANGE_OPS_MAX; i++) {
        op[i] = node_op(CHANGE_ADD, 1 + i % 100, 1000 + i);
        memset(op[i].node.zone, 'z', NODE_ROW_ZONE);
        op[i].fields = CHANGE_F_ZONE;
    }
    apply(&r, OPS_DONE);
    assert_int_equal(n_audit("JSON_LENGTH(detail, '$.nodes') = 500 AND "
                             "JSON_VALUE(detail, '$.more') = 0"),
                     1);
    assert_int_equal(n_log("1"), 500);
    assert_int_equal(version(), out.revision);
}

static void t_change_without_or_with_too_many_operations_is_refused(void **state)
{
    static struct change_op op[CHANGE_OPS_MAX + 1];
    struct ops_request r = request(op, CHANGE_OPS_MAX + 1);
    uint32_t i;

    (void)state;
    for (i = 0; i <= CHANGE_OPS_MAX; i++)
        op[i] = node_op(CHANGE_ADD, 1, 1000 + i);
    apply(&r, OPS_WRONG);
    assert_string_equal(out.why, "a change has 1 to 500 operations");
    r.n_op = 0;
    apply(&r, OPS_WRONG);
    assert_int_equal(ops_plan(db, &r, &out), 0);
    assert_int_equal(out.result, OPS_WRONG);
    assert_int_equal(n_log("1"), 0);
}

static void t_host_is_drained_with_one_row_of_audit(void **state)
{
    struct change_op op = node_op(CHANGE_HOST, 0, 1);

    (void)state;
    field(&op, "state", "drained");
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_audit("1"), 1);
    assert_int_equal(n_log("new_state = 'drained' AND ip = 1"), 2);
    assert_int_equal(n_log("1"), 2);
}

/* The database compares zones without regard to case. */
static void t_zone_of_another_case_is_another_zone(void **state)
{
    struct change_op op = {.verb = CHANGE_ZONE};

    (void)state;
    field(&op, "zone", "B");
    field(&op, "state", "drained");
    apply_one(&op, OPS_WRONG);
    assert_int_equal(n_log("1"), 0);
    field(&op, "zone", "b");
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_log("ip = 3 AND modid = 1"), 1);
    assert_int_equal(n_log("1"), 1);
}

static void t_case_of_a_zone_can_be_changed(void **state)
{
    struct change_op op = node_op(CHANGE_SET, 1, 1);

    (void)state;
    field(&op, "zone", "A");
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_log("BINARY old_zone = 'a' AND BINARY new_zone = 'A'"), 1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE BINARY zone = "
                                 "'A'"),
                     1);
}

/* --- names and policies ------------------------------------------------------------- */

static void t_names_are_recorded_with_their_old_values(void **state)
{
    struct change_op op = node_op(CHANGE_NAME, 1, 0);

    (void)state;
    op.name = "shop";
    op.command = "order";
    apply_one(&op, OPS_DONE);
    op.name = "store";
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "module", "",
                                     "shop") " AND " SETTING(1, "command", "", "order")),
                     1);
    assert_int_equal(n_audit(SETTING(0, "module", "shop", "store") " AND "
                                                                   "JSON_LENGTH(detail, "
                                                                   "'$.settings') = 1"),
                     1);
}

static void t_policy_is_recorded_with_its_old_values(void **state)
{
    struct change_op op = node_op(CHANGE_POLICY, 1, 0), none;

    (void)state;
    field(&op, "rule", "p2c");
    field(&op, "timeout_ms", "300");
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "rule", "",
                                     "p2c") " AND " SETTING(1, "timeout_ms", "0", "300")),
                     1);
    assert_int_equal(mydb_number(
                         "SELECT who = 'li' AND rule = 'p2c' AND timeout_ms = 300 "
                         "FROM ModulePolicy"),
                     1);
    none = node_op(CHANGE_NO_POLICY, 1, 0);
    apply_one(&none, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "rule", "p2c",
                                     "") " AND " SETTING(1, "timeout_ms", "300", "0")),
                     1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ModulePolicy"), 0);
}

static void t_policy_keeps_the_keys_that_are_not_set(void **state)
{
    struct change_op op = node_op(CHANGE_POLICY, 1, 0);

    (void)state;
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, rule, slow_ms) VALUES (1, 1, "
             "'p2c', 9)");
    field(&op, "probe", "/a");
    apply_one(&op, OPS_DONE);
    assert_int_equal(mydb_number("SELECT rule = 'p2c' AND slow_ms = 9 AND probe = '/a' "
                                 "FROM ModulePolicy"),
                     1);
}

static void t_capacity_of_a_node_is_recorded_and_kept(void **state)
{
    struct change_op op = node_op(CHANGE_POLICY, 1, 0), rule = op;

    (void)state;
    field(&op, "node_inflight", "40");
    field(&op, "target_ms", "200");
    apply_one(&op, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "node_inflight", "0", "40") " AND " SETTING(
                         1, "target_ms", "0", "200")),
                     1);
    field(&rule, "rule", "p2c");
    apply_one(&rule, OPS_DONE);
    assert_int_equal(mydb_number("SELECT rule = 'p2c' AND node_inflight = 40 AND "
                                 "target_ms = 200 FROM ModulePolicy"),
                     1);
}

/* The second operation finds what the first one has made. */
static void t_two_operations_on_one_policy_are_recorded_in_their_order(void **state)
{
    struct change_op op[2] = {node_op(CHANGE_POLICY, 1, 0), node_op(CHANGE_POLICY, 1, 0)};
    struct ops_request r = request(op, 2);

    (void)state;
    field(&op[0], "timeout_ms", "300");
    field(&op[1], "timeout_ms", "0");
    apply(&r, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "timeout_ms", "0",
                                     "300") " AND " SETTING(1, "timeout_ms", "300", "0")),
                     1);
    assert_int_equal(mydb_number("SELECT timeout_ms FROM ModulePolicy"), 0);
}

static void t_two_operations_on_one_name_are_recorded_in_their_order(void **state)
{
    struct change_op op[2] = {node_op(CHANGE_NAME, 1, 0), node_op(CHANGE_NAME, 2, 0)};
    struct ops_request r = request(op, 2);

    (void)state;
    op[0].command = "one"; /* both modules have the command 1 */
    op[1].command = "two";
    apply(&r, OPS_DONE);
    assert_int_equal(n_audit(SETTING(0, "command", "",
                                     "one") " AND " SETTING(1, "command", "one", "two")),
                     1);
}

MYDB_MAIN(O(t_plan_writes_nothing),
          O(t_plan_has_the_calls_of_the_last_minute_and_the_capacity),
          O(t_plan_counts_nodes_that_agents_give_no_calls_to),
          O(t_plan_of_a_wrong_operation_names_it),
          O(t_change_is_one_row_of_audit_with_old_and_new_values),
          O(t_rows_of_route_log_name_the_row_of_audit),
          O(t_revision_of_audit_is_the_version_of_the_last_row),
          O(t_change_of_nothing_makes_no_version), O(t_500_operations_are_one_change),
          O(t_change_without_or_with_too_many_operations_is_refused),
          O(t_host_is_drained_with_one_row_of_audit),
          O(t_zone_of_another_case_is_another_zone), O(t_case_of_a_zone_can_be_changed),
          O(t_names_are_recorded_with_their_old_values),
          O(t_policy_is_recorded_with_its_old_values),
          O(t_policy_keeps_the_keys_that_are_not_set),
          O(t_capacity_of_a_node_is_recorded_and_kept),
          O(t_two_operations_on_one_policy_are_recorded_in_their_order),
          O(t_two_operations_on_one_name_are_recorded_in_their_order))
