/* When the targets get a message about an alarm, on a real MariaDB: silences,
 * repetitions, acknowledgements, tests, and what the table AlarmTarget shows.  The target
 * is a program that writes a line for each call. */
#include <sys/stat.h>

#include "alarmwatch.h"
#include "lib/receiver.h"
#include "lib/textfile.h"

#define DRAIN                                                                            \
    "INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES (7, 1, "   \
    "10, 80, 'drained')"
#define UNDRAIN "UPDATE RouteData SET state = 'up'"
#define SILENCE(kind, subject)                                                           \
    "INSERT INTO AlarmSilence (kind, subject, until_at, reason, actor) VALUES ('" kind   \
    "', '" subject "', NOW(3) + INTERVAL 1 HOUR, 'a test', 'me')"
#define RAISED "module_no_node 7/1 raised\n"
#define CLEARED "module_no_node 7/1 cleared\n"

static void put_program(const char *last)
{
    textfile_write(hook, "#!/bin/sh\necho \"$1 $2 $3\" >>%s\n%s\n", written, last);
    assert_int_equal(chmod(hook, 0755), 0);
}

static int begin(void **state)
{
    int rc = setup(state);

    put_program("exit 0");
    return rc;
}

/* What the program has written: a line for each message. */
static const char *told(void)
{
    static char text[2000];
    FILE *f = fopen(written, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

static bool was_told(const char *text)
{
    return strcmp(told(), text) == 0;
}

static void t_message_of_a_silenced_alarm_is_sent_when_the_silence_ends(void **state)
{
    (void)state;
    mydb_sql(SILENCE("module_no_node", "7/1"));
    mydb_sql(DRAIN);
    start(hook, "");
    T_WAIT(stat_now().n_silenced == 1);
    assert_int_equal(n_open("module_no_node", "7/1"), 1);
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, state) VALUES "
             "(8, 1, 10, 80, 'drained')"); /* another subject is not silenced */
    T_WAIT(was_told("module_no_node 8/1 raised\n"));
    mydb_sql("UPDATE AlarmSilence SET until_at = NOW(3)");
    T_WAIT(was_told("module_no_node 8/1 raised\n" RAISED));
    T_WAIT(stat_now().n_silenced == 0);
    mydb_sql(UNDRAIN " WHERE modid = 7");
    T_WAIT(was_told("module_no_node 8/1 raised\n" RAISED CLEARED));
}

static void t_alarm_that_was_silenced_until_its_end_sends_nothing(void **state)
{
    (void)state;
    mydb_sql(SILENCE("module_no_node", "")); /* of every subject */
    mydb_sql(DRAIN);
    start(hook, "");
    T_WAIT(stat_now().n_silenced == 1);
    mydb_sql(UNDRAIN);
    T_WAIT(stat_now().n_cleared == 1);
    mydb_sql("DELETE FROM AlarmSilence");
    mydb_sql("UPDATE RouteData SET state = 'drained'");
    T_WAIT(was_told(RAISED));
    assert_int_equal(stat_now().n_raised, 2);
}

static void
t_end_of_an_alarm_is_told_to_those_who_know_of_it_although_silenced(void **state)
{
    (void)state;
    mydb_sql(DRAIN);
    start(hook, "");
    T_WAIT(was_told(RAISED));
    mydb_sql(SILENCE("module_no_node", ""));
    mydb_sql(UNDRAIN);
    T_WAIT(was_told(RAISED CLEARED));
}

static void t_message_is_repeated_until_it_is_acknowledged(void **state)
{
    (void)state;
    mydb_sql(DRAIN);
    start(hook, "");
    T_WAIT(was_told(RAISED));
    mydb_sql("UPDATE Alarm SET told_at = told_at - INTERVAL 1790 SECOND");
    wait_rounds(5);
    assert_string_equal(told(), RAISED);
    mydb_sql("UPDATE Alarm SET told_at = told_at - INTERVAL 1800 SECOND");
    T_WAIT(was_told(RAISED RAISED));
    mydb_sql("INSERT INTO Audit (actor, via, action, subject, result) SELECT 'me', "
             "'larsctl', 'alarm ack', CONCAT('alarm:', id), 'done' FROM Alarm");
    mydb_sql("UPDATE Alarm SET told_at = told_at - INTERVAL 1800 SECOND");
    wait_rounds(5);
    mydb_sql(UNDRAIN);
    T_WAIT(was_told(RAISED RAISED CLEARED));
}

static void t_message_is_not_repeated_when_this_is_switched_off(void **state)
{
    struct notify_config n = {0};

    (void)state;
    snprintf(n.exec, sizeof(n.exec), "%s", hook);
    mydb_sql(DRAIN);
    start_with(&n, 0);
    T_WAIT(was_told(RAISED));
    mydb_sql("UPDATE Alarm SET told_at = told_at - INTERVAL 1 DAY");
    wait_rounds(5);
    mydb_sql(UNDRAIN);
    T_WAIT(was_told(RAISED CLEARED));
}

static void t_next_leader_repeats_no_message_early(void **state)
{
    (void)state;
    mydb_sql(DRAIN);
    start(hook, "");
    T_WAIT(was_told(RAISED));
    alarm_watch_stop(watch);
    start(hook, "");
    T_WAIT(stat_now().is_leader == 1);
    wait_rounds(5);
    assert_string_equal(told(), RAISED);
    mydb_sql("UPDATE Alarm SET told_at = told_at - INTERVAL 1800 SECOND");
    T_WAIT(was_told(RAISED RAISED));
    mydb_sql(UNDRAIN);
    T_WAIT(was_told(RAISED RAISED CLEARED));
}

/* The table of leases is away, so every round fails. */
static void lose_database(void)
{
    unsigned long long n = stat_now().n_raised;

    mydb_sql("RENAME TABLE Lease TO LeaseGone");
    T_WAIT(stat_now().n_raised == n + 1);
}

/* As at a server that has stopped to answer, when the next one works: the round takes
 * longer than database_ms and fails, once. */
static void t_one_round_that_fails_late_is_no_alarm(void **state)
{
    (void)state;
    start("", "");
    T_WAIT(stat_now().is_leader == 1);
    mydb_sql("CREATE TABLE Once (n INT) ENGINE = MEMORY; CREATE TRIGGER late BEFORE "
             "INSERT ON Lease FOR EACH ROW IF (SELECT COUNT(*) FROM Once) = 0 THEN "
             "INSERT INTO Once VALUES (1); DO SLEEP(0.2); SIGNAL SQLSTATE '45000'; "
             "END IF");
    T_WAIT(stat_now().n_fail == 1 && stat_now().failing_ms == 0);
    mydb_sql("DROP TRIGGER late; DROP TABLE Once");
    assert_int_equal(stat_now().n_raised, 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm"), 0);
}

static void t_lost_database_is_not_told_while_it_is_silenced(void **state)
{
    (void)state;
    mydb_sql(SILENCE("database", ""));
    start(hook, "");
    T_WAIT(stat_now().is_leader == 1);
    lose_database();
    mydb_sql("RENAME TABLE LeaseGone TO Lease");
    T_WAIT(stat_now().n_cleared == 1);
    mydb_sql("DELETE FROM AlarmSilence");
    wait_rounds(2);
    assert_string_equal(told(), "");
    lose_database();
    T_WAIT(was_told("database the database raised\n"));
    mydb_sql("RENAME TABLE LeaseGone TO Lease");
    T_WAIT(was_told("database the database raised\ndatabase the database cleared\n"));
}

static void t_targets_of_the_leader_are_in_the_table(void **state)
{
    struct notify_config n = {.wecom = "http://127.0.0.1:1/"};

    (void)state;
    mydb_sql("INSERT INTO AlarmTarget (name, error) VALUES ('webhook', 'gone')");
    snprintf(n.exec, sizeof(n.exec), "%s", hook);
    start_with(&n, 1800);
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget WHERE name IN ('program', 'wecom') "
                  "AND told_at IS NULL AND error = ''") == 2);
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget") == 2);
    mydb_sql(DRAIN);
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget WHERE name = 'program' AND error = "
                  "'' AND told_at > NOW(3) - INTERVAL 1 MINUTE") == 1);
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget WHERE name = 'wecom' AND error <> '' "
                  "AND told_at > NOW(3) - INTERVAL 1 MINUTE") == 1);
}

#define ASK "UPDATE AlarmTarget SET test_at = NOW(3), tested_by = 'me'"
#define IS_TESTED "SELECT COUNT(*) FROM AlarmTarget WHERE told_at >= test_at AND error = "

static void t_test_is_sent_once_and_its_result_is_shown(void **state)
{
    (void)state;
    start(hook, "");
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget") == 1);
    mydb_sql(ASK);
    T_WAIT(number(IS_TESTED "''") == 1);
    alarm_watch_stop(watch);
    start(hook, "");
    T_WAIT(stat_now().is_leader == 1);
    wait_rounds(5);
    assert_string_equal(told(), "test program test\n");
    put_program("exit 3");
    mydb_sql(ASK);
    T_WAIT(number(IS_TESTED "'exit status 3'") == 1);
}

static void t_test_that_no_leader_has_sent_is_sent_by_the_next(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO AlarmTarget (name, told_at, test_at, tested_by) VALUES "
             "('program', NOW(3) - INTERVAL 1 HOUR, NOW(3) - INTERVAL 1 MINUTE, 'me')");
    start(hook, "");
    T_WAIT(number(IS_TESTED "''") == 1);
    assert_string_equal(told(), "test program test\n");
}

static void t_error_code_of_a_robot_is_in_the_table(void **state)
{
    struct notify_config n = {0};

    (void)state;
    receiver_start();
    receiver.answer = "{\"errcode\": 93000, \"errmsg\": \"invalid webhook url\"}";
    snprintf(n.wecom, sizeof(n.wecom), "http://127.0.0.1:%d/", receiver.port);
    start_with(&n, 1800);
    T_WAIT(number("SELECT COUNT(*) FROM AlarmTarget") == 1);
    mydb_sql(ASK);
    T_WAIT(number(IS_TESTED "'errcode 93000: invalid webhook url'") == 1);
    receiver.answer = "{\"errcode\": 0}";
    T_WAIT(number(IS_TESTED "''") == 1);
    receiver_stop();
}

#define M(fn) cmocka_unit_test_setup_teardown(fn, begin, teardown)

MYDB_MAIN_WITH(group_setup, group_teardown,
               M(t_message_of_a_silenced_alarm_is_sent_when_the_silence_ends),
               M(t_alarm_that_was_silenced_until_its_end_sends_nothing),
               M(t_end_of_an_alarm_is_told_to_those_who_know_of_it_although_silenced),
               M(t_message_is_repeated_until_it_is_acknowledged),
               M(t_message_is_not_repeated_when_this_is_switched_off),
               M(t_next_leader_repeats_no_message_early),
               M(t_lost_database_is_not_told_while_it_is_silenced),
               M(t_one_round_that_fails_late_is_no_alarm),
               M(t_targets_of_the_leader_are_in_the_table),
               M(t_test_is_sent_once_and_its_result_is_shown),
               M(t_test_that_no_leader_has_sent_is_sent_by_the_next),
               M(t_error_code_of_a_robot_is_in_the_table))
