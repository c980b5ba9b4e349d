/* The row of a drill in the table Drill: larsctl drill run writes it each second, ends
 * when an operator of the console wants it, and continues while the database is away. */
#include "ctlrun.h"
#include "lib/freeport.h"

#include <jansson.h>

static struct proc node, drill;
static char script[140], folder[160], pid_path[140];
static int port;

static int drill_setup(void **state)
{
    char at[40];
    int rc = system_setup(state);

    memset(&node, 0, sizeof(node));
    memset(&drill, 0, sizeof(drill));
    testdb_sql("DELETE FROM Drill; DELETE FROM Audit");
    port = freeport_take();
    snprintf(at, sizeof(at), "127.0.0.1:%d", port);
    proc_start(&node, "http_node", at, NULL);
    system_wait_port(&node, "http_node");
    snprintf(pid_path, sizeof(pid_path), "%s",
             system_write_file("node.pid", "%d\n", (int)node.pid));
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[db]\nsocket = %s\ntimeout_s = 1\n[gateways]\nadmin =\n",
                               testdb_socket));
    snprintf(folder, sizeof(folder), "%s.drill", pid_path);
    return rc;
}

static int drill_teardown(void **state)
{
    char command[200];

    proc_kill(&drill);
    proc_kill(&node);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        return -1;
    return system_teardown(state);
}

/* The node is stopped from second 1 until the end. */
static void start_drill(unsigned seconds)
{
    snprintf(
        script, sizeof(script), "%s",
        system_write_file("drill.ini",
                          "[drill]\nname = row\n[load]\nurl = http://127.0.0.1:%d/x\n"
                          "rate = 20\nseconds = %u\narrivals = fixed\ntimeout_ms = "
                          "1000\n[event 1]\nat = 1\nfor = %u\ndo = stop %s\n"
                          "[target]\nmax_error_percent = 100\n[abort]\n"
                          "max_error_percent = 100\nmax_p99_ms = 60000\n",
                          port, seconds, seconds / 2, pid_path));
    proc_start(&drill, "larsctl", "-c", ini, "-r", "busy day", "drill", "run", script,
               folder, "--for-real", NULL);
}

static int finish(void)
{
    while (proc_line(drill.out, out, sizeof(out)))
        print_message("%s\n", out);
    return proc_wait(&drill);
}

static unsigned long long count(const char *where)
{
    char sql[900];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM Drill WHERE %s", where);
    return testdb_number(sql);
}

/* Rows of the audit about the one drill; <more> is a condition. */
static unsigned long long audited(const char *action, const char *more)
{
    char sql[900];

    snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM Audit a JOIN Drill d ON a.subject = CONCAT('drill:', "
        "d.id) WHERE a.action = '%s' AND a.via = 'larsctl' AND a.result = 'done' AND "
        "a.actor = d.who AND a.actor <> '' AND JSON_VALUE(a.detail, '$.folder') = "
        "d.folder AND JSON_VALUE(a.detail, '$.host') = d.host AND %s",
        action, more);
    return testdb_number(sql);
}

static bool node_is_stopped(void)
{
    char path[40], line[200] = "";
    const char *at;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)node.pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    if (!fgets(line, sizeof(line), f))
        line[0] = '\0';
    fclose(f);
    at = strrchr(line, ')');
    return at && at[1] == ' ' && at[2] == 'T';
}

static void t_the_row_follows_the_drill_to_its_report(void **state)
{
    (void)state;
    start_drill(6);
    T_WAIT(count("state = 'running' AND name = 'row' AND second >= 3 AND due > 0 AND "
                 "happened = 1 AND undo_open = 1 AND report IS NULL AND "
                 "JSON_LENGTH(live, '$.seconds.due') >= 3 AND "
                 "JSON_VALUE(live, '$.events[0].did_s') >= 1") == 1);
    assert_int_equal(finish(), 0);
    assert_int_equal(
        count("state = 'passed' AND second = 6 AND seconds = 6 AND undo_open "
              "= 0 AND due >= 110 AND ok > 0 AND failed > 0 AND ended_at IS NOT "
              "NULL AND script LIKE '%stop %' AND host <> '' AND folder "
              "LIKE '/%' AND JSON_VALUE(report, '$.all.due') = due AND "
              "JSON_VALUE(report, '$.all.failed') = failed AND "
              "JSON_LENGTH(report, '$.seconds') >= 6"),
        1);
    assert_int_equal(count("1 = 1"), 1);
    assert_int_equal(audited("drill run",
                             "a.reason = 'busy day' AND JSON_VALUE(a.detail, "
                             "'$.file') LIKE '/%drill.ini'"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 1);
}

static void t_the_audit_says_who_ended_it_on_the_command_line(void **state)
{
    char args[200];

    (void)state;
    start_drill(600);
    T_WAIT(node_is_stopped() && count("undo_open = 1") == 1);
    snprintf(args, sizeof(args), "-r enough drill abort %s", folder);
    assert_int_equal(ctl(args), 0);
    assert_int_equal(finish(), 1);
    assert_false(node_is_stopped());
    assert_int_equal(count("state = 'aborted' AND undo_open = 0"), 1);
    assert_int_equal(audited("drill run", "1 = 1"), 1);
    assert_int_equal(audited("drill abort", "a.reason = 'enough'"), 1);
    assert_int_equal(ctl(args), 1); /* it does not run: nothing was done */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 2);
}

static void t_a_wish_of_the_console_ends_it_and_everything_is_undone(void **state)
{
    (void)state;
    start_drill(600);
    T_WAIT(node_is_stopped() && count("undo_open = 1") == 1);
    testdb_sql("UPDATE Drill SET abort_at = NOW(3), abort_by = 'li', abort_why = "
               "'visitors'");
    proc_expect_line(drill.out, "the drill ends early: the console: li: visitors");
    assert_int_equal(finish(), 1);
    assert_false(node_is_stopped());
    assert_int_equal(count("state = 'aborted' AND undo_open = 0 AND why = 'the console: "
                           "li: visitors' AND second < 60 AND report IS NOT NULL"),
                     1);
}

static void t_a_killed_drill_is_undone_in_the_table_too(void **state)
{
    char args[200];

    (void)state;
    start_drill(600);
    T_WAIT(node_is_stopped() && count("undo_open = 1") == 1);
    proc_kill(&drill);
    snprintf(args, sizeof(args), "drill undo %s", folder);
    assert_int_equal(ctl(args), 0);
    assert_false(node_is_stopped());
    assert_int_equal(count("state = 'undone' AND undo_open = 0 AND ended_at IS NOT NULL"),
                     1);
    assert_int_equal(audited("drill undo", "a.reason = ''"), 1);
}

/* The table is taken away, which is what a database that is away is for the drill. */
static void t_what_could_not_be_written_is_written_later(void **state)
{
    char args[200];

    (void)state;
    start_drill(8);
    T_WAIT(count("second >= 1") == 1);
    testdb_sql("RENAME TABLE Drill TO DrillAway");
    proc_expect_line(drill.out, "    4 s  due ");
    testdb_sql("RENAME TABLE DrillAway TO Drill");
    T_WAIT(count("second >= 4 AND state = 'running'") == 1);
    assert_int_equal(finish(), 0);
    assert_int_equal(count("state = 'passed' AND second = 8"), 1);
    testdb_sql("DELETE FROM Drill"); /* as if it had been away all the time */
    snprintf(args, sizeof(args), "drill report %s", folder);
    assert_int_equal(ctl(args), 0);
    assert_int_equal(count("state = 'passed' AND second = 8 AND due >= 140 AND "
                           "JSON_LENGTH(report, '$.seconds') >= 8"),
                     1);
    assert_int_equal(ctl(args), 0); /* and not a second time */
    assert_int_equal(count("1 = 1"), 1);
    assert_int_equal(audited("drill run", "1 = 1"), 1); /* of this row, and that before */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit"), 2);
    snprintf(args, sizeof(args), "drill undo %s", folder);
    assert_int_equal(ctl(args), 0); /* nothing is in force, and it stays "passed" */
    assert_int_equal(count("state = 'passed'"), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, drill_setup, drill_teardown)

TESTDB_MAIN(E(t_the_row_follows_the_drill_to_its_report),
            E(t_the_audit_says_who_ended_it_on_the_command_line),
            E(t_a_wish_of_the_console_ends_it_and_everything_is_undone),
            E(t_a_killed_drill_is_undone_in_the_table_too),
            E(t_what_could_not_be_written_is_written_later))
