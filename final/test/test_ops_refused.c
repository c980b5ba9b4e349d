/* Changes that are refused on a real MariaDB, each with its row in Audit; and imports. */
#include "opsfix.h"

/* --- refusals ----------------------------------------------------------------------- */

static void refused(const struct ops_request *r, enum ops_result expected)
{
    unsigned long long v = version(), n = n_audit("1");
    char where[100];

    apply(r, expected);
    assert_int_equal(version(), v);
    assert_int_equal(n_log("1"), 0);
    assert_int_equal(n_audit("1"), n + 1);
    snprintf(where, sizeof(where), "id = %llu AND result = '%s' AND revision = 0",
             (unsigned long long)out.audit_id, ops_result_name(expected));
    assert_int_equal(n_audit(where), 1);
    assert_true(out.why[0] != '\0');
}

static void t_wrong_operation_is_audited(void **state)
{
    struct change_op op = weight_op(7, 7, "1");
    struct ops_request r = request(&op, 1);

    (void)state;
    refused(&r, OPS_WRONG);
}

static void t_change_of_rows_that_were_changed_since_is_refused(void **state)
{
    struct change_op op = weight_op(1, 1, "7");
    struct ops_request r = request(&op, 1);
    struct ops_base base[2] = {{.modid = 1, .cmdid = 1}, {.modid = 9, .cmdid = 9}};

    (void)state;
    assert_int_equal(ops_plan(db, &r, &out), 0);
    base[0].sum = out.plan.module[0].base;
    r.base = base;
    r.n_base = 1;
    mydb_sql("UPDATE RouteData SET weight = 99 WHERE modid = 1 AND serverip = 3");
    mydb_sql("DELETE FROM RouteLog");
    refused(&r, OPS_CONFLICT);
    assert_int_equal(out.bad, 0);
    assert_string_equal(out.why, "the nodes of 1/1 were changed since they were read");
    ops_free(&out);
    out = (struct ops_outcome){.result = OPS_DONE};
    assert_int_equal(ops_plan(db, &r, &out), 0);
    assert_int_equal(out.result, OPS_CONFLICT);
}

static void t_change_with_its_base_is_made(void **state)
{
    struct change_op op = weight_op(1, 1, "7");
    struct ops_request r = request(&op, 1);
    struct ops_base base = {.modid = 1, .cmdid = 1};

    (void)state;
    assert_int_equal(ops_plan(db, &r, &out), 0);
    base.sum = out.plan.module[0].base;
    r.base = &base;
    r.n_base = 1;
    r.plan = out.plan.hash;
    apply(&r, OPS_DONE);
}

static void t_change_whose_effect_is_another_now_is_refused(void **state)
{
    struct change_op op = node_op(CHANGE_HOST, 0, 1);
    struct ops_request r = request(&op, 1);

    (void)state;
    field(&op, "state", "drained");
    assert_int_equal(ops_plan(db, &r, &out), 0);
    r.plan = out.plan.hash;
    mydb_sql("UPDATE RouteData SET state = 'drained' WHERE modid = 2 AND serverip = 1");
    mydb_sql("DELETE FROM RouteLog");
    refused(&r, OPS_PLAN_CHANGED);
}

static void t_change_of_a_policy_that_is_another_now_is_refused(void **state)
{
    struct change_op op = node_op(CHANGE_POLICY, 1, 0);
    struct ops_request r = request(&op, 1);

    (void)state;
    field(&op, "timeout_ms", "300");
    assert_int_equal(ops_plan(db, &r, &out), 0);
    r.plan = out.plan.hash;
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, timeout_ms) VALUES (1, 1, 50)");
    refused(&r, OPS_PLAN_CHANGED);
    assert_int_equal(mydb_number("SELECT timeout_ms FROM ModulePolicy"), 50);
}

static void t_large_removal_needs_consent(void **state)
{
    struct change_op op = node_op(CHANGE_REMOVE_MODULE, 1, 0);
    struct ops_request r = request(&op, 1);

    (void)state;
    refused(&r, OPS_NEEDS_CONSENT);
    assert_int_equal(out.plan.needs, PLAN_YES);
    assert_string_equal(out.why, "this takes 3 of the 3 nodes of 1/1 that are up");
    r.consent = PLAN_YES;
    apply(&r, OPS_DONE);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE modid = 1"), 0);
    assert_int_equal(mydb_number("SELECT MIN(confirmed) FROM RouteChange WHERE version > "
                                 "(SELECT version - 3 FROM RouteVersion)"),
                     1);
}

static void t_removal_of_everything_needs_its_own_consent(void **state)
{
    struct change_op op = {.verb = CHANGE_HOST, .node.ip = 1};
    struct ops_request r = request(&op, 1);

    (void)state;
    mydb_sql("DELETE FROM RouteData WHERE serverip <> 1; DELETE FROM RouteLog");
    field(&op, "state", "drained");
    r.consent = PLAN_YES;
    refused(&r, OPS_NEEDS_CONSENT);
    assert_int_equal(out.plan.needs, PLAN_REMOVE_ALL);
    r.consent = PLAN_REMOVE_ALL;
    apply(&r, OPS_DONE);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'"), 0);
}

/* No consent makes it possible. */
static void t_drain_of_the_only_zone_is_refused(void **state)
{
    struct change_op op = {.verb = CHANGE_ZONE};
    struct ops_request r = request(&op, 1);

    (void)state;
    mydb_sql("UPDATE RouteData SET zone = 'a'; DELETE FROM RouteLog");
    field(&op, "zone", "a");
    field(&op, "state", "drained");
    r.consent = PLAN_REMOVE_ALL;
    refused(&r, OPS_WRONG);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ZoneState"), 0);
}

/* --- imports ------------------------------------------------------------------------ */

static struct node_rows many_rows(uint32_t n)
{
    struct node_row r = {
        .modid = 3, .cmdid = 1, .port = 80, .weight = 100, .state = "up"};
    struct node_rows rows = {NULL, 0, 0};

    for (r.ip = 1; r.ip <= n; r.ip++)
        assert_int_equal(node_row_add(&rows, &r), 0);
    return rows;
}

static void import(uint32_t n)
{
    struct node_rows rows = many_rows(n);
    struct ops_request r = {.who = who,
                            .action = "import",
                            .subject = "",
                            .all = &rows,
                            .consent = PLAN_REMOVE_ALL};

    mydb_sql("DELETE FROM RouteData; DELETE FROM RouteLog");
    apply(&r, OPS_DONE);
    node_row_free(&rows);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), n);
    assert_int_equal(mydb_number("SELECT revision FROM Audit ORDER BY id DESC LIMIT 1"),
                     version());
}

static void t_import_of_10000_rows_is_in_route_log(void **state)
{
    (void)state;
    import(10000);
    assert_int_equal(n_log("audit_id > 0"), 10000);
}

static void t_import_above_10000_rows_is_one_row_of_audit_only(void **state)
{
    struct change_op op = node_op(CHANGE_ADD, 1, 9);

    (void)state;
    import(10001);
    assert_int_equal(n_log("1"), 0);
    assert_int_equal(n_audit("JSON_LENGTH(detail, '$.nodes') = 500 AND "
                             "JSON_VALUE(detail, '$.more') = 9501"),
                     1);
    apply_one(&op, OPS_DONE); /* the next change on this connection is logged again */
    assert_int_equal(n_log("1"), 1);
}

static void t_import_that_removes_needs_yes(void **state)
{
    struct node_rows rows = many_rows(1);
    struct ops_request r = {.who = who, .action = "import", .subject = "", .all = &rows};

    (void)state;
    mydb_sql("UPDATE RouteData SET state = 'drained' WHERE modid = 1 AND serverip = 1; "
             "DELETE FROM RouteLog");
    refused(&r, OPS_NEEDS_CONSENT);
    rows.at[0].weight = 10001;
    rows.at[0].number = 17;
    refused(&r, OPS_WRONG);
    assert_int_equal(out.bad, 17);
    node_row_free(&rows);
}

MYDB_MAIN(O(t_wrong_operation_is_audited),
          O(t_change_of_rows_that_were_changed_since_is_refused),
          O(t_change_with_its_base_is_made),
          O(t_change_whose_effect_is_another_now_is_refused),
          O(t_change_of_a_policy_that_is_another_now_is_refused),
          O(t_large_removal_needs_consent),
          O(t_removal_of_everything_needs_its_own_consent),
          O(t_drain_of_the_only_zone_is_refused),
          O(t_import_of_10000_rows_is_in_route_log),
          O(t_import_above_10000_rows_is_one_row_of_audit_only),
          O(t_import_that_removes_needs_yes))
