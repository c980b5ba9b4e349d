/* larsctl scale, plan and host end to end: what the tables and the audit have after each
 * command, and what is refused.  No autoscaler runs: the commands ask no process. */
#include "ctlrun.h"

#include <time.h>

static int scale_setup(void **state)
{
    int rc = ctl_setup(state);

    testdb_sql("DELETE FROM Audit; DELETE FROM ScalePolicy; DELETE FROM ScalePlan; "
               "DELETE FROM ScaleHost; DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; "
               "DELETE FROM ScaleDecision; DELETE FROM Freeze");
    return rc;
}

static unsigned long long audited(const char *action)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM Audit WHERE action = '%s'", action);
    return testdb_number(sql);
}

/* --- bounds ------------------------------------------------------------------------- */

static void t_a_module_is_scaled_from_set_on_with_presets(void **state)
{
    (void)state;
    assert_int_equal(ctl("scale set 1 1"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy WHERE modid = 1 AND "
                                   "cmdid = 1 AND actuator = 'slots' AND min_zone = 1 "
                                   "AND max_zone = 0 AND warm = 1 AND util_pct = 70 AND "
                                   "floor_pct = 90 AND dry_run = 0"),
                     1);
    assert_int_equal(audited("scale set"), 1);
}

static void t_set_changes_the_keys_that_it_names_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(ctl("scale set 1 1 min=3 max=9 warm=0 util=60 floor=80 dry_run=1 "
                         "actuator=exec"),
                     0);
    assert_int_equal(ctl("scale set 1 1 max=12"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy WHERE actuator = "
                                   "'exec' AND min_zone = 3 AND max_zone = 12 AND warm = "
                                   "0 AND util_pct = 60 AND floor_pct = 80 AND dry_run = "
                                   "1 AND who <> ''"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'scale "
                                   "set' AND JSON_LENGTH(detail, '$.settings') = 1 AND "
                                   "JSON_VALUE(detail, '$.settings[0].old') = '9' AND "
                                   "JSON_VALUE(detail, '$.settings[0].new') = '12'"),
                     1);
}

static void t_a_wrong_value_is_named_and_changes_nothing(void **state)
{
    static const struct {
        const char *args, *text;
    } bad[] = {
        {"scale set 1 1 min=0", "min is a number from 1 to 10000"},
        {"scale set 1 1 min=2x", "min is a number from 1 to 10000"},
        {"scale set 1 1 min=-1", "min is a number from 1 to 10000"},
        {"scale set 1 1 max=10001", "max is a number from 0 to 10000"},
        {"scale set 1 1 util=96", "util is a number from 10 to 95"},
        {"scale set 1 1 floor=101", "floor is a number from 10 to 100"},
        {"scale set 1 1 dry_run=2", "dry_run is a number from 0 to 1"},
        {"scale set 1 1 actuator=k8s", "actuator is slots (lars-slotd) or exec"},
        {"scale set 1 1 size=3", "\"size=3\" is none of actuator="},
        {"scale set 1 1 min", "\"min\" is none of actuator="},
        {"scale set 1 1 min=5 max=4", "max is less than min"},
        {"scale set 1 1 util=00000000000000000000000000050", "too many digits"},
        {"scale set 77 1 min=2", "77/1"},
        {"scale off 1 1", "this module is not scaled"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i].args, 1, bad[i].text);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 0);
}

static void t_off_takes_the_plans_with_it(void **state)
{
    (void)state;
    assert_int_equal(ctl("scale set 1 1"), 0);
    assert_int_equal(ctl("scale now 1 1 5"), 0);
    assert_int_equal(ctl("scale off 1 1"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePolicy"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan"), 0);
    assert_int_equal(audited("scale off"), 1);
}

/* --- plans -------------------------------------------------------------------------- */

static void t_a_plan_has_the_times_of_the_operators_time_zone(void **state)
{
    struct tm t = {.tm_year = 137, .tm_mon = 4, .tm_mday = 1, .tm_hour = 8, .tm_min = 30};
    char sql[200];

    (void)state;
    t.tm_isdst = -1;
    assert_int_equal(ctl("scale set 1 1"), 0);
    expect("-r 'the doors open' plan add 1 1 '2037-05-01 08:30' '2037-05-01 18:00' 9 b",
           0, "plan ");
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM ScalePlan WHERE n_zone = 9 AND zone = 'b' AND note = "
             "'the doors open' AND UNIX_TIMESTAMP(from_at) = %lld AND "
             "TIMESTAMPDIFF(MINUTE, from_at, until_at) = 570",
             (long long)mktime(&t));
    assert_int_equal(testdb_number(sql), 1);
    expect("plan list", 0, "the doors open");
    assert_int_equal(audited("plan add"), 1);
}

static void t_now_is_a_plan_from_now_on(void **state)
{
    (void)state;
    assert_int_equal(ctl("scale set 1 1"), 0);
    assert_int_equal(ctl("scale now 1 1 4 30"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan WHERE n_zone = 4 AND "
                                   "zone = '' AND from_at <= NOW() AND "
                                   "TIMESTAMPDIFF(MINUTE, from_at, until_at) = 30"),
                     1);
}

static void t_plans_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    expect("scale now 1 1 4", 1,
           "this module is not scaled; begin with larsctl scale set");
    assert_int_equal(ctl("scale set 1 1"), 0);
    expect("plan add 1 1 '2037-05-01 08:30' '2037-05-01 08:30' 9", 1,
           "the plan ends before it begins");
    expect("plan add 1 1 '2037-05-01' '2037-05-01 08:30' 9", 2, "is not of the form");
    expect("plan add 1 1 '2037-05-01 08:30:00' '2037-05-02 08:30' 9", 2,
           "is not of the form");
    expect("plan add 1 1 '2037-05-01 08:30' '2037-05-02 08:30' 0", 2, "NODES");
    expect("plan remove 999999", 1, "there is no plan with this number");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan"), 0);
}

static void t_a_removed_plan_is_gone(void **state)
{
    char args[60];

    (void)state;
    assert_int_equal(ctl("scale set 1 1"), 0);
    assert_int_equal(ctl("scale now 1 1 4"), 0);
    snprintf(args, sizeof(args), "plan remove %llu",
             (unsigned long long)testdb_number("SELECT MAX(id) FROM ScalePlan"));
    assert_int_equal(ctl(args), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScalePlan"), 0);
    assert_int_equal(audited("plan remove"), 1);
}

/* --- a freeze, hosts ---------------------------------------------------------------- */

static void t_a_freeze_has_an_end_and_a_reason(void **state)
{
    (void)state;
    expect("scale freeze 10 ' '", 1, "a freeze needs a reason");
    expect("scale freeze 10081 fair", 2, "MINUTES");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Freeze"), 0);
    assert_int_equal(ctl("scale freeze 10 fair"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Freeze WHERE name = 'scale' AND "
                                   "reason = 'fair' AND until_at > NOW() + INTERVAL 9 "
                                   "MINUTE AND until_at <= NOW() + INTERVAL 10 MINUTE"),
                     1);
    assert_int_equal(ctl("scale unfreeze"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Freeze WHERE until_at > NOW()"),
                     0);
    assert_int_equal(audited("scale freeze"), 1);
    assert_int_equal(audited("scale unfreeze"), 1);
}

static void t_a_host_is_drained_and_comes_back(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, zone, address, slots) VALUES ('h1', 'a', "
               "'127.0.0.1', 4)");
    expect("host list", 0, "h1");
    assert_int_equal(ctl("host drain h1"), 0);
    assert_int_equal(testdb_number("SELECT in_use FROM ScaleHost"), 0);
    assert_int_equal(ctl("host undrain h1"), 0);
    assert_int_equal(testdb_number("SELECT in_use FROM ScaleHost"), 1);
    expect("host drain h2", 1, "there is no such host");
    expect("host drain \"h1' OR '1'='1\"", 1, "there is no such host");
    assert_int_equal(testdb_number("SELECT in_use FROM ScaleHost"), 1);
    assert_int_equal(audited("host drain"), 1);
}

static void t_only_a_host_that_is_silent_is_forgotten(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, slots) VALUES ('h1', 4); INSERT INTO "
               "ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', 1, 1, 1, 1); "
               "INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('h1', 1, 1, 1, 8001, 'ready')");
    expect("host slots h1", 0, "ready");
    expect("host forget h1", 1, "stop it first");
    testdb_sql("UPDATE ScaleHost SET seen_at = NOW(3) - INTERVAL 61 SECOND");
    assert_int_equal(ctl("host forget h1"), 0);
    assert_int_equal(testdb_number("SELECT (SELECT COUNT(*) FROM ScaleHost) + (SELECT "
                                   "COUNT(*) FROM ScaleWanted) + (SELECT COUNT(*) FROM "
                                   "ScaleSlot)"),
                     0);
    assert_int_equal(audited("host forget"), 1);
}

static void t_why_lists_decisions_with_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(ctl("scale set 1 1"), 0);
    testdb_sql(
        "INSERT INTO ScaleDecision (modid, cmdid, demand, was, wanted, rule, note) "
        "VALUES (1, 1, 123.4, 2, 8, 'urgent', 'a crowd')");
    expect("scale why 1 1", 0, "urgent");
    expect_text("123.4");
    expect("scale list", 0, "a crowd");
    expect("scale why 1 2", 0, "");
}

/* As after a restore: h1 has obeyed fence 900, and the leader has 7. */
static void t_hosts_that_are_ahead_are_adopted_with_the_nodes_that_end_named(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM ScaleHost; DELETE FROM ScaleSlot; DELETE FROM ScaleWanted; "
               "REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 5, "
               "NOW(3), 7)");
    testdb_sql("INSERT INTO ScaleHost (host, slots, fence) VALUES ('h1', 4, 7)");
    expect("host adopt", 1, "nothing to adopt");
    testdb_sql("UPDATE ScaleHost SET fence = 900; INSERT INTO ScaleSlot (host, slot, "
               "modid, cmdid, port, pid, state) VALUES ('h1', 1, 3, 1, 8001, 11, "
               "'ready'), ('h1', 2, 3, 1, 8002, 12, 'ready'); INSERT INTO ScaleWanted "
               "(host, slot, modid, cmdid, fence) VALUES ('h1', 1, 3, 1, 7)");
    expect("host adopt", 1, "1 nodes run that this database does not order");
    expect("host adopt 2", 1, "larsctl host adopt 1");
    testdb_sql("UPDATE ScaleHost SET seen_at = NOW(3) - INTERVAL 10 SECOND");
    expect("host adopt 1", 1, "silent for 5 s");
    testdb_sql("UPDATE ScaleHost SET seen_at = NOW(3) + INTERVAL 1 HOUR, fence = 1 << "
               "62");
    expect("host adopt 1", 1, "no leader can have had");
    assert_int_equal(testdb_number("SELECT fence FROM Lease WHERE name = 'scale'"), 7);
    testdb_sql("UPDATE ScaleHost SET fence = 900");
    assert_int_equal(ctl("host adopt 1"), 0);
    assert_int_equal(testdb_number("SELECT fence FROM Lease WHERE name = 'scale'"),
                     900 + (1 << 20));
    assert_int_equal(audited("host adopt"), 1);
    expect("host adopt", 1, "nothing to adopt");
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, scale_setup, system_teardown)
TESTDB_MAIN(S(t_a_module_is_scaled_from_set_on_with_presets),
            S(t_set_changes_the_keys_that_it_names_and_no_others),
            S(t_a_wrong_value_is_named_and_changes_nothing),
            S(t_off_takes_the_plans_with_it),
            S(t_a_plan_has_the_times_of_the_operators_time_zone),
            S(t_now_is_a_plan_from_now_on), S(t_plans_that_make_no_sense_are_refused),
            S(t_a_removed_plan_is_gone), S(t_a_freeze_has_an_end_and_a_reason),
            S(t_a_host_is_drained_and_comes_back),
            S(t_only_a_host_that_is_silent_is_forgotten),
            S(t_hosts_that_are_ahead_are_adopted_with_the_nodes_that_end_named),
            S(t_why_lists_decisions_with_their_numbers))
