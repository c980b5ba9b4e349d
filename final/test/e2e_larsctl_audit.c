/* The commands of larsctl that record and show what operators did, end to end: the audit,
 * previews, alarms, users of the console and links of wall displays. */
#include "ctlrun.h"

#include <jansson.h>

#define SMILE "\xf0\x9f\x98\x80" /* one character of 4 bytes */

static int audit_setup(void **state)
{
    int rc = ctl_setup(state);

    testdb_sql(
        "DELETE FROM Audit; DELETE FROM RouteLog; DELETE FROM AlarmSilence; DELETE "
        "FROM AlarmTarget; DELETE FROM User; DELETE FROM Session; DELETE FROM "
        "Alarm; DELETE FROM ModulePolicy; DELETE FROM Service");
    return rc;
}

static unsigned long long last_id(void)
{
    return testdb_number("SELECT MAX(id) FROM Audit");
}

/* Run with -o json; returns the first row, which the caller frees. */
static json_t *first_row(const char *args)
{
    char cmd[300];
    json_t *all, *row;

    snprintf(cmd, sizeof(cmd), "-o json %s", args);
    assert_int_equal(ctl(cmd), 0);
    all = json_loads(out, 0, NULL);
    if (!all || !json_is_array(all))
        fail_msg("not a list in JSON: %s", out);
    row = json_incref(json_array_get(all, 0));
    json_decref(all);
    return row;
}

static const char *cell(const json_t *row, const char *name)
{
    const json_t *v = json_object_get(row, name);

    if (!v)
        fail_msg("no \"%s\" in: %s", name, out);
    return json_is_string(v) ? json_string_value(v) : "(not a text)";
}

/* --- the audit ---------------------------------------------------------------------- */

static void t_audit_is_a_list_in_json_with_the_newest_first(void **state)
{
    json_t *row;

    (void)state;
    assert_int_equal(ctl("-r one route set 1 1 127.0.1.1:80 weight=50"), 0);
    assert_int_equal(ctl("-r 'it\\'\\''s \"" SMILE "\"' route set 1 1 127.0.1.1:80 "
                         "weight=60"),
                     0);
    testdb_sql("DELETE FROM Audit WHERE action = 'in force'");
    row = first_row("audit list 1/1");
    assert_string_equal(cell(row, "action"), "route set");
    assert_string_equal(cell(row, "subject"), "1/1");
    assert_string_equal(cell(row, "result"), "done");
    assert_string_equal(cell(row, "via"), "larsctl");
    assert_non_null(strstr(cell(row, "reason"), SMILE));
    assert_int_equal(json_integer_value(json_object_get(row, "revision")),
                     testdb_number("SELECT version FROM RouteVersion"));
    json_decref(row);
    assert_int_equal(ctl("audit list 9/9"), 0);
    assert_null(strstr(out, "route set"));
}

static void t_audit_shows_a_change_of_a_policy(void **state)
{
    char args[60];
    json_t *row;

    (void)state;
    assert_int_equal(ctl("policy set 1 1 rule=p2c"), 0);
    snprintf(args, sizeof(args), "audit show %llu", last_id());
    row = first_row(args);
    assert_string_equal(cell(row, "module"), "1/1");
    assert_string_equal(cell(row, "from"), "rule=");
    assert_string_equal(cell(row, "to"), "rule=p2c");
    json_decref(row);
    assert_int_equal(ctl("policy delete 1 1"), 0);
    snprintf(args, sizeof(args), "audit show %llu", last_id());
    row = first_row(args);
    assert_string_equal(cell(row, "from"), "rule=p2c");
    json_decref(row);
}

static void t_audit_shows_a_change_of_names(void **state)
{
    char args[60];
    json_t *row;

    (void)state;
    assert_int_equal(ctl("module set 1 1 " FARM), 0);
    snprintf(args, sizeof(args), "audit show %llu", last_id());
    row = first_row(args);
    assert_string_equal(cell(row, "to"), "module=" FARM);
    json_decref(row);
}

static void t_audit_of_routes_has_changes_by_sql(void **state)
{
    json_t *row;

    (void)state;
    testdb_sql("UPDATE RouteData SET weight = 33 WHERE modid = 1 AND serverip = "
               "INET_ATON('127.0.1.1')");
    row = first_row("audit routes 1 1");
    assert_int_equal(json_integer_value(json_object_get(row, "audit")), 0);
    assert_string_equal(cell(row, "node"), "127.0.1.1:80");
    assert_non_null(strstr(cell(row, "to"), "weight=33"));
    assert_non_null(strstr(cell(row, "database_user"), "@"));
    json_decref(row);
    expect("audit routes", 0, "weight=33");
    assert_int_equal(ctl("audit routes 9 9"), 0);
    assert_null(strstr(out, "weight=33"));
}

/* --- previews ----------------------------------------------------------------------- */

static void t_preview_prints_the_effect_and_changes_nothing(void **state)
{
    unsigned long long version = testdb_number("SELECT version FROM RouteVersion");

    (void)state;
    expect("-n -o csv route set 1 1 127.0.1.1:80 weight=50", 0,
           "1/1,127.0.1.1:80,weight=100 zone= state=up,weight=50 zone= state=up\n");
    expect("-n policy set 1 1 rule=p2c", 0, "rule=p2c");
    expect("-n module set 1 1 shop", 0, "module=shop");
    expect("-n module remove 1 1", 0, "the change needs consent");
    assert_int_equal(testdb_number("SELECT version FROM RouteVersion"), version);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ModulePolicy"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ModIDConfig"), 0);
}

static void t_preview_of_what_has_none_changes_nothing(void **state)
{
    static const char *const args[] = {"user add wang viewer",
                                       "user disable wang",
                                       "user passwd wang",
                                       "wall link",
                                       "wall end",
                                       "alarm silence node_down 5 x",
                                       "alarm ack 1",
                                       "service forget agent h/1",
                                       "db migrate"};
    char cmd[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        snprintf(cmd, sizeof(cmd), "-n %s", args[i]);
        expect(cmd, 2, "-n");
    }
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM User"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Session"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM AlarmSilence"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 0);
}

/* --- alarms ------------------------------------------------------------------------- */

static void t_alarm_is_acknowledged_with_a_note(void **state)
{
    char args[60];

    (void)state;
    testdb_sql("INSERT INTO Alarm (kind, subject) VALUES ('node_down', '1/1 1.2.3.4:5')");
    snprintf(args, sizeof(args), "alarm ack %llu 'on it'",
             testdb_number("SELECT MAX(id) FROM Alarm"));
    assert_int_equal(ctl(args), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'alarm "
                                   "ack' AND reason = 'on it' AND subject = (SELECT "
                                   "CONCAT('alarm:', MAX(id)) FROM Alarm)"),
                     1);
    expect("alarm ack 4000000000", 1, "there is no alarm with this number");
    expect("alarm ack x", 2, "ID");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 1);
}

static void t_silence_is_listed_until_it_is_ended(void **state)
{
    char args[60];
    json_t *row;

    (void)state;
    assert_int_equal(ctl("alarm silence node_down 30 'disk swap' '1/1 1.2.3.4:5'"), 0);
    row = first_row("alarm silences");
    assert_string_equal(cell(row, "kind"), "node_down");
    assert_string_equal(cell(row, "subject"), "1/1 1.2.3.4:5");
    assert_string_equal(cell(row, "reason"), "disk swap");
    snprintf(args, sizeof(args), "alarm unsilence %lld",
             json_integer_value(json_object_get(row, "id")));
    json_decref(row);
    assert_int_equal(ctl(args), 0);
    assert_null(first_row("alarm silences"));
    expect(args, 1, "there is no silence with this number, or it is over");
    expect("alarm silence nothing 30 x", 2, "there is no kind of alarm \"nothing\"");
    expect("alarm silence node_down 1441 x", 2, "MINUTES");
    expect("alarm silence node_down 0 x", 2, "MINUTES");
    expect("alarm silence node_down 5 ' '", 2, "a silence needs a reason");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 2);
}

static void t_test_of_a_target_is_asked_for(void **state)
{
    json_t *row;

    (void)state;
    expect("alarm test wecom", 1, "no Report Service has a target \"wecom\"");
    testdb_sql(
        "INSERT INTO AlarmTarget (name, error) VALUES ('wecom', 'errcode 310000')");
    assert_int_equal(ctl("alarm test wecom"), 0);
    row = first_row("alarm targets");
    assert_string_equal(cell(row, "target"), "wecom");
    assert_string_equal(cell(row, "error"), "errcode 310000");
    assert_string_not_equal(cell(row, "asked_by"), "");
    json_decref(row);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE subject = "
                                   "'target:wecom'"),
                     1);
}

/* --- users and walls ---------------------------------------------------------------- */

/* <secret> is in no table, and in nothing that the audit prints. */
static void expect_secret(const char *secret)
{
    static const char *const text[] = {
        "SELECT COUNT(*) FROM Audit WHERE CONCAT(actor, peer, action, subject, reason, "
        "result, detail) LIKE '%%%s%%'",
        "SELECT COUNT(*) FROM User WHERE CONCAT(name, pwhash, role) LIKE '%%%s%%'",
        "SELECT COUNT(*) FROM Session WHERE CONCAT(HEX(id), user, peer) LIKE '%%%s%%' OR "
        "id LIKE '%%%s%%'"};
    char sql[400];
    size_t i;

    for (i = 0; i < 3; i++) {
        snprintf(sql, sizeof(sql), text[i], secret, secret);
        assert_int_equal(testdb_number(sql), 0);
    }
    assert_int_equal(ctl("-o json audit list"), 0);
    assert_null(strstr(out, secret));
    assert_int_equal(ctl("-o json user list"), 0);
    assert_null(strstr(out, secret));
}

static void read_secret(char *to, size_t size)
{
    snprintf(to, size, "%.*s", (int)strcspn(out, "\n"), out);
}

static void t_random_password_is_printed_once_and_stored_nowhere(void **state)
{
    char first[100], second[100];
    json_t *row;

    (void)state;
    assert_int_equal(ctl("user add wang operator"), 0);
    assert_int_equal(strlen(out), 21); /* the password and a line feed */
    read_secret(first, sizeof(first));
    expect_secret(first);
    row = first_row("user list");
    assert_string_equal(cell(row, "name"), "wang");
    assert_string_equal(cell(row, "role"), "operator");
    assert_string_equal(cell(row, "state"), "must change the password");
    json_decref(row);
    assert_int_equal(ctl("user passwd wang"), 0);
    read_secret(second, sizeof(second));
    assert_string_not_equal(first, second);
    expect_secret(second);
    assert_int_equal(testdb_number("SELECT pwhash LIKE '$argon2id$%' FROM User"), 1);
}

static void t_user_that_is_wrong_is_refused_without_a_record(void **state)
{
    (void)state;
    assert_int_equal(ctl("user add wang operator"), 0);
    testdb_sql("DELETE FROM Audit");
    expect("user add wang viewer", 1, "there is a user \"wang\" already");
    expect("user add li root", 1, "\"root\" is not viewer, operator or admin");
    expect("user add \"'; DROP TABLE User\" viewer", 1, "a user's name has 1 to 64");
    expect("user add '' viewer", 1, "a user's name has 1 to 64");
    expect("user role li admin", 1, "there is no user \"li\"");
    expect("user passwd li", 1, "there is no user \"li\"");
    expect("user disable li", 1, "there is no user \"li\"");
    expect("user enable li", 1, "there is no user \"li\"");
    expect("user role wang root", 1, "is not viewer, operator or admin");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 0);
}

static void t_user_that_is_disabled_loses_its_sessions(void **state)
{
    (void)state;
    assert_int_equal(ctl("user add wang operator"), 0);
    testdb_sql("INSERT INTO Session (id, user, kind, until_at) VALUES ('1', 'wang', "
               "'user', NOW(3) + INTERVAL 1 DAY)");
    expect("-o csv user list", 0, "wang,operator,must change the password,1\n");
    assert_int_equal(ctl("user disable wang"), 0);
    expect("-o csv user list", 0, "wang,operator,disabled,0\n");
    assert_int_equal(ctl("user enable wang"), 0);
    assert_int_equal(ctl("user role wang viewer"), 0);
    expect("-o csv audit list user:wang", 0, "user role");
    expect_text("user enable");
    expect_text("user disable");
    expect_text("user add");
}

static void t_wall_link_is_printed_once_and_stored_nowhere(void **state)
{
    char token[100];

    (void)state;
    assert_int_equal(ctl("wall link 7"), 0);
    assert_int_equal(strncmp(out, "/#/wall?token=", 14), 0);
    read_secret(token, sizeof(token));
    assert_int_equal(strlen(token + 14), 43);
    expect_secret(token + 14);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Session WHERE kind = 'link' AND "
                                   "until_at BETWEEN NOW(3) + INTERVAL 6 DAY AND NOW(3) "
                                   "+ INTERVAL 7 DAY"),
                     1);
    expect("wall link 31", 2, "DAYS");
    expect("wall link 0", 2, "DAYS");
    assert_int_equal(ctl("wall end"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Session"), 0);
    expect("wall end", 1, "there is no wall link");
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM Audit WHERE action LIKE 'wall%'"), 2);
}

/* --- the schema --------------------------------------------------------------------- */

static void t_missing_tables_of_the_audit_are_noticed_and_created_again(void **state)
{
    static const char *const table[] = {"Audit",       "RouteLog", "AlarmSilence",
                                        "AlarmTarget", "User",     "Session"};
    char text[60];
    size_t i;

    (void)state;
    assert_int_equal(ctl("db check"), 0);
    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        testdb_sqlf("DROP TABLE %s", table[i]);
        snprintf(text, sizeof(text), "table %s is missing", table[i]);
        expect("db check", 1, text);
        testdb_reset();
    }
    assert_int_equal(ctl("db check"), 0);
}

static void t_change_without_the_table_of_the_audit_says_what_to_do(void **state)
{
    (void)state;
    testdb_sql("RENAME TABLE Audit TO AuditAway");
    expect("route set 1 1 127.0.1.1:80 weight=50", 1, "larsctl db migrate");
    testdb_sql("RENAME TABLE AuditAway TO Audit");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE weight = 50"),
                     0);
}

static void t_audit_shows_what_a_refused_change_would_have_done(void **state)
{
    char args[60];
    json_t *row;

    (void)state;
    assert_int_equal(ctl("module remove 1 1"), 4);
    row = first_row("audit list");
    assert_string_equal(cell(row, "result"), "consent_needed");
    json_decref(row);
    snprintf(args, sizeof(args), "audit show %llu", last_id());
    row = first_row(args);
    assert_string_equal(cell(row, "node"), "127.0.1.1:80");
    assert_string_equal(cell(row, "to"), "");
    assert_string_equal(cell(row, "result"), "consent_needed");
    json_decref(row);
}

/* An import that is refused, and a change of a policy that was changed by another since
 * it was planned, have their values in the same way as a change that was made. */
static void t_audit_tells_for_each_value_whether_it_was_set(void **state)
{
    char args[60];

    (void)state;
    assert_int_equal(ctl("policy set 1 1 rule=p2c"), 0);
    snprintf(args, sizeof(args), "-o csv audit show %llu", last_id());
    expect(args, 0, "1/1,,rule=,rule=p2c,done\n");
    testdb_sql(
        "INSERT INTO Audit (actor, via, action, subject, result, detail) SELECT "
        "actor, via, action, subject, 'plan_changed', detail FROM Audit WHERE id = "
        "(SELECT MAX(id) FROM Audit)");
    snprintf(args, sizeof(args), "-o csv audit show %llu", last_id());
    expect(args, 0, "1/1,,rule=,rule=p2c,plan_changed\n");
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    testdb_sql("DELETE FROM Audit WHERE action = 'in force'");
    snprintf(args, sizeof(args), "-o csv audit show %llu", last_id());
    expect(args, 0, "weight=50 zone= state=up,done\n");
}

/* Only the first nodes of an import above 10,000 rows are recorded. */
static void t_audit_shows_the_first_nodes_of_a_large_import(void **state)
{
    char path[100], args[200];
    FILE *f;
    int i;

    (void)state;
    snprintf(path, sizeof(path), "%s/large.csv", testdb_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("modid,cmdid,node,zone,weight,state\n", f);
    for (i = 0; i < 10001; i++)
        fprintf(f, "1,1,10.0.%d.%d:80,b,100,up\n", i / 250, i % 250 + 1);
    fclose(f);
    snprintf(args, sizeof(args), "-y import %s", path);
    expect(args, 0, "added 10001");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteLog"), 0);
    snprintf(args, sizeof(args), "-o csv audit show %llu", last_id());
    expect(args, 0, "1/1,10.0.0.1:80,,weight=100 zone=b state=up,done\n");
}

static void t_audit_of_a_row_that_is_not_there_is_refused(void **state)
{
    (void)state;
    expect("audit show 4000000000", 1, "the audit has no row 4000000000");
    expect("audit show 18446744073709551615", 1, "the audit has no row 1844674407370955");
    expect("audit show 0", 2, "ID");
    expect("audit show -1", 2, "ID");
    expect("audit show 1x", 2, "ID");
    expect("audit show \"1' OR '1\"", 2, "ID");
    expect("audit show 18446744073709551616", 2, "ID");
    expect("audit routes 1", 2, "a module has two numbers");
}

static void t_arguments_that_are_not_utf8_are_refused(void **state)
{
    (void)state;
    expect("-r $(printf '\\273\\372') route set 1 1 127.0.1.1:80 weight=7", 2, "UTF-8");
    expect("route set 1 1 127.0.1.1:80 zone=$(printf '\\273\\372')", 2, "UTF-8");
    expect("module set 1 1 $(printf '\\377')", 2, "UTF-8");
    expect("alarm silence node_down 5 $(printf '\\377')", 2, "UTF-8");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteLog"), 0);
}

static void t_role_that_is_given_is_shown_by_the_audit(void **state)
{
    char args[60];

    (void)state;
    assert_int_equal(ctl("user add wang viewer"), 0);
    assert_int_equal(ctl("user role wang admin"), 0);
    snprintf(args, sizeof(args), "-o csv audit show %llu", last_id());
    expect(args, 0, ",,role=viewer,role=admin,done\n");
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, audit_setup, system_teardown)
TESTDB_MAIN(A(t_audit_shows_what_a_refused_change_would_have_done),
            A(t_audit_tells_for_each_value_whether_it_was_set),
            A(t_audit_shows_the_first_nodes_of_a_large_import),
            A(t_audit_of_a_row_that_is_not_there_is_refused),
            A(t_arguments_that_are_not_utf8_are_refused),
            A(t_role_that_is_given_is_shown_by_the_audit),
            A(t_audit_is_a_list_in_json_with_the_newest_first),
            A(t_audit_shows_a_change_of_a_policy), A(t_audit_shows_a_change_of_names),
            A(t_audit_of_routes_has_changes_by_sql),
            A(t_preview_prints_the_effect_and_changes_nothing),
            A(t_preview_of_what_has_none_changes_nothing),
            A(t_alarm_is_acknowledged_with_a_note),
            A(t_silence_is_listed_until_it_is_ended), A(t_test_of_a_target_is_asked_for),
            A(t_random_password_is_printed_once_and_stored_nowhere),
            A(t_user_that_is_wrong_is_refused_without_a_record),
            A(t_user_that_is_disabled_loses_its_sessions),
            A(t_wall_link_is_printed_once_and_stored_nowhere),
            A(t_missing_tables_of_the_audit_are_noticed_and_created_again),
            A(t_change_without_the_table_of_the_audit_says_what_to_do))
