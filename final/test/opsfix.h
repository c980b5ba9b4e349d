/* opsfix.h -- what the tests of changes of operators share: a database with two modules,
 * 1/1 with three nodes and 2/1 with six, and a way to ask for a change. */
#ifndef LARS_TEST_OPSFIX_H
#define LARS_TEST_OPSFIX_H

#include "mydb.h"
#include "ops/ops.h"

#define FARM "\xe5\x86\x9c" /* one character, 3 bytes */
#define SMILE "\xf0\x9f\x98\x80" /* one character, 4 bytes */
#define HOSTILE "'\"\\`;--/*%s" SMILE "<b>\n\x01"

static struct sqldb *db;
static struct ops_outcome out;

static struct audit_actor who = {"li", "larsctl", "", "disk swap"};

static inline int setup(void **state)
{
    const struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};

    t_fds_save(state);
    mydb_reset();
    mydb_sql(
        "DELETE FROM ModulePolicy; DELETE FROM ModIDConfig; DELETE FROM "
        "CmdIDConfig; DELETE FROM CallSecond; DELETE FROM User; DELETE FROM Session; "
        "DELETE FROM RouteConfirm");
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 1, 1, 80, 'a'), (1, 1, 2, 80, 'a'), (1, 1, 3, 80, 'b'), "
             "(2, 1, 1, 80, 'a'), (2, 1, 2, 80, 'a'), (2, 1, 3, 80, 'a'), "
             "(2, 1, 4, 80, 'a'), (2, 1, 5, 80, 'a'), (2, 1, 6, 80, 'a')");
    mydb_sql("DELETE FROM RouteLog; DELETE FROM Audit; DELETE FROM AlarmSilence");
    out = (struct ops_outcome){.result = OPS_DONE};
    assert_int_equal(myconn_init(), 0);
    return sqldb_open(&db, &c);
}

static inline int teardown(void **state)
{
    ops_free(&out);
    sqldb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static inline struct change_op node_op(enum change_verb verb, uint32_t modid, uint32_t ip)
{
    struct change_op op = {.verb = verb};

    op.node.modid = modid;
    op.node.cmdid = 1;
    op.node.ip = ip;
    op.node.port = 80;
    return op;
}

static inline void field(struct change_op *op, const char *key, const char *value)
{
    char why[CHANGE_WHY];

    assert_int_equal(change_set_field(op, key, value, why), 0);
}

static inline struct change_op weight_op(uint32_t modid, uint32_t ip, const char *weight)
{
    struct change_op op = node_op(CHANGE_SET, modid, ip);

    field(&op, "weight", weight);
    return op;
}

static inline struct ops_request request(const struct change_op *op, size_t n)
{
    return (struct ops_request){
        .who = who, .action = "route set", .subject = "1/1", .op = op, .n_op = n};
}

static inline void apply(const struct ops_request *r, enum ops_result expected)
{
    ops_free(&out);
    out = (struct ops_outcome){.result = OPS_DONE};
    if (ops_apply(db, r, &out) != 0)
        fail_msg("%s", sqldb_error(db));
    if (out.result != expected)
        fail_msg("%s: %s", ops_result_name(out.result), out.why);
}

static inline void apply_one(const struct change_op *op, enum ops_result expected)
{
    struct ops_request r = request(op, 1);

    apply(&r, expected);
}

static inline unsigned long long version(void)
{
    return mydb_number("SELECT version FROM RouteVersion");
}

static inline unsigned long long n_audit(const char *where)
{
    char sql[2000];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM Audit WHERE %s", where);
    return mydb_number(sql);
}

static inline unsigned long long n_log(const char *where)
{
    char sql[400];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM RouteLog WHERE %s", where);
    return mydb_number(sql);
}

#define SETTING(n, k, o, f)                                                              \
    "JSON_VALUE(detail, '$.settings[" #n "].key') = '" k                                 \
    "' AND COALESCE(JSON_VALUE(detail, '$.settings[" #n "].old'), '') = '" o             \
    "' AND COALESCE(JSON_VALUE(detail, '$.settings[" #n "].new'), '') = '" f "'"

#define O(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
