/* lars-reportd on a database that others configured, and while it is away: each part that
 * has logged db.down logs db.back; a task that fails stops no alarm. */
#include "lib/textfile.h"

#include "mydb.h"
#include "proc.h"

static struct proc srv;

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    (void)t_fds_save(state);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&srv);
    return t_fds_check(state);
}

static void start(void)
{
    char file[100];

    snprintf(file, sizeof(file), "%s/reportd.ini", mydb_dir);
    textfile_write(file, "[reportd]\nport = 0\n[db]\nsocket = %s\n", mydb_socket);
    proc_start(&srv, "lars-reportd", "-c", file, NULL);
    proc_wait_port(&srv);
}

/* Read the log until each of the parts has written <event>. */
static void expect_of_each(const char *event)
{
    static const char *const part[] = {"of=rows", "of=leader_tasks", "of=alarm_watch",
                                       "of=agent_states"};
    unsigned seen = 0, i;
    char line[2048];

    while (seen != 15) {
        if (!proc_line(srv.err, line, sizeof(line)))
            fail_msg("the log ended before each part wrote %s", event);
        for (i = 0; i < 4 && strstr(line, event); i++)
            seen |= strstr(line, part[i]) ? 1u << i : 0;
    }
}

static void t_each_part_reports_that_the_database_is_back(void **state)
{
    (void)state;
    assert_int_equal(mydb_run("stop"), 0);
    start();
    expect_of_each("db.down");
    assert_int_equal(mydb_run("start"), 0);
    expect_of_each("db.back");
}

static void t_alarms_and_moves_work_with_the_defaults_of_mysql(void **state)
{
    (void)state;
    mydb_reset();
    mydb_sql("SET GLOBAL sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,"
             "NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
             "NO_ENGINE_SUBSTITUTION', GLOBAL time_zone = '-11:00';"
             "INSERT INTO CallSecond VALUES "
             "(UNIX_TIMESTAMP() - 5000, 1, 1, 10, 80, 7, 0);"
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(7, 1, 10, 80, 'drained')");
    start();
    T_WAIT(mydb_number("SELECT COUNT(*) FROM CallMinute") == 1);
    T_WAIT(mydb_number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL AND "
                       "subject LIKE '7/1%'") >= 1);
    mydb_sql("SET GLOBAL sql_mode = DEFAULT, GLOBAL time_zone = DEFAULT");
}

static void t_task_that_fails_stops_no_alarm(void **state)
{
    (void)state;
    mydb_reset();
    mydb_sql("CREATE TRIGGER no_minute BEFORE INSERT ON CallMinute FOR EACH ROW SIGNAL "
             "SQLSTATE '45000' SET MESSAGE_TEXT = 'disk full';"
             "INSERT INTO CallSecond VALUES "
             "(UNIX_TIMESTAMP() - 5000, 1, 1, 10, 80, 7, 0);"
             "DELETE FROM Alarm;"
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(8, 1, 10, 80, 'drained')");
    start();
    proc_expect_line(srv.err, "disk full");
    T_WAIT(mydb_number("SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL AND "
                       "subject LIKE '8/1%'") >= 1);
    mydb_sql("DROP TRIGGER no_minute");
    proc_expect_line(srv.err, "db.back of=leader_tasks");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_each_part_reports_that_the_database_is_back),
          E(t_alarms_and_moves_work_with_the_defaults_of_mysql),
          E(t_task_that_fails_stops_no_alarm))
