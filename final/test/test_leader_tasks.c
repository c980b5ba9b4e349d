/* The tasks of the leader on a real MariaDB: one of all Report Services does them; no
 * count is lost on the way to coarser tables; old rows are deleted. */
#include "report/leader_tasks.h"

#include <pthread.h>

#include "base/log.h"
#include "db/lease.h"
#include "mydb.h"

static struct leader_db *db;
static struct leader_tasks *tasks;

static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                         "lars",      "lars_dns", 5};

static int setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_reset();
    mydb_sql("DELETE FROM CallSecond; DELETE FROM CallMinute; DELETE FROM CallHour; "
             "DELETE FROM Lease");
    tasks = NULL;
    assert_int_equal(myconn_init(), 0);
    return leader_db_create(&db, &cfg);
}

static int teardown(void **state)
{
    leader_tasks_stop(tasks);
    leader_tasks_stop(NULL);
    leader_db_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static void t_lease_has_one_holder_until_it_expires(void **state)
{
    (void)state;
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
    assert_int_equal(leader_db_lease(db, 2, 100), 0);
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
    assert_int_equal(leader_db_release(db, 2), 0); /* another holder's */
    assert_int_equal(leader_db_lease(db, 2, 100), 0);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) - INTERVAL 1 SECOND");
    assert_int_equal(leader_db_lease(db, 2, 100), 1);
    assert_int_equal(leader_db_lease(db, 1, 100), 0);
    assert_int_equal(leader_db_release(db, 2), 0);
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
}

/* The server's clock was set back by an hour; no process could take the lease until
 * then. */
static void t_lease_that_ends_too_late_is_free(void **state)
{
    (void)state;
    assert_int_equal(leader_db_lease(db, 1, 100), 1);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) + INTERVAL 99 SECOND");
    assert_int_equal(leader_db_lease(db, 2, 100), 0);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) + INTERVAL 1 HOUR");
    assert_int_equal(leader_db_lease(db, 2, 100), 1);
    assert_int_equal(leader_db_lease(db, 1, 100), 0);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) + INTERVAL 1 HOUR");
    assert_int_equal(leader_db_lease(db, 2, 100), 1); /* its holder shortens it */
    assert_int_equal(number("SELECT COUNT(*) FROM Lease WHERE until_at < NOW() + "
                            "INTERVAL 101 SECOND"),
                     1);
}

static void t_count_that_overflows_stops_no_move(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 400 * 86400, 3600, 86400, 864000};
    static const char max[] = "SELECT succ FROM CallMinute WHERE ip = 10";

    (void)state;
    mydb_sql("SET @m = UNIX_TIMESTAMP() DIV 60 * 60 - 1200; "
             "INSERT INTO CallSecond VALUES (@m, 1, 1, 10, 80, 18446744073709551615, 0), "
             "(@m + 1, 1, 1, 10, 80, 9, 0), (@m, 1, 1, 11, 80, 5, 0)");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_true(number(max) == UINT64_MAX);
    assert_int_equal(number("SELECT succ FROM CallMinute WHERE ip = 11"), 5);
    mydb_sql("SET @m = UNIX_TIMESTAMP() DIV 60 * 60 - 1200; "
             "INSERT INTO CallSecond VALUES (@m, 1, 1, 10, 80, 7, 0)");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_true(number(max) == UINT64_MAX);
}

/* A year without a leader: all at once would take longer than a statement may. */
static void t_long_backlog_is_moved_in_parts(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 500 * 86400, 3600, 86400, 864000};
    int i;

    (void)state;
    mydb_sql("INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() - seq * 3600, 1, 1, 10, 80, "
             "3, 1 FROM seq_1_to_8760");
    for (i = 0; i < 100 && number("SELECT COUNT(*) FROM CallSecond WHERE at < "
                                  "UNIX_TIMESTAMP() - 900") > 0;
         i++) {
        assert_int_equal(leader_db_move_counts(db, &ages), 0);
        assert_int_equal(number("SELECT SUM(succ) FROM CallHistory"), 3 * 8760);
    }
    assert_in_range(i, 1, 99);
}

static void t_task_that_fails_keeps_no_other_from_being_done(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql("CREATE TRIGGER no_minute BEFORE INSERT ON CallMinute FOR EACH ROW SIGNAL "
             "SQLSTATE '45000' SET MESSAGE_TEXT = 'disk full'; INSERT INTO CallSecond "
             "VALUES (UNIX_TIMESTAMP() - 5000, 1, 1, 10, 80, 7, 0);"
             "INSERT INTO CallHour VALUES (UNIX_TIMESTAMP() - 90000, 1, 1, 1, 1, 1, 1)");
    assert_int_equal(leader_db_move_counts(db, &ages), -EIO);
    assert_non_null(strstr(leader_db_error(db), "disk full"));
    assert_int_equal(number("SELECT COUNT(*) FROM CallHour"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM CallSecond"), 1);
    mydb_sql("DROP TRIGGER no_minute");
}

#define SUMS                                                                             \
    "SELECT COALESCE(SUM(succ), 0) * 1000 + COALESCE(SUM(err), 0) FROM CallHistory"

static void t_moved_counts_keep_their_sum(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 400 * 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql(
        "INSERT INTO CallSecond SELECT UNIX_TIMESTAMP() - seq * 7, 1, 1, 10, 80, 3, 1"
        " FROM seq_1_to_2000");
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    assert_true(number("SELECT COUNT(*) FROM CallSecond") <= 600 / 7 + 1);
    assert_true(number("SELECT COUNT(*) FROM CallMinute") >= 100);
    assert_true(number("SELECT COUNT(*) FROM CallHour") >= 2);
    assert_int_equal(number("SELECT COUNT(*) FROM CallMinute WHERE at MOD 60 <> 0"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM CallHour WHERE at MOD 3600 <> 0"), 0);
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000);
    mydb_sql(
        "INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - 5000, 1, 1, 10, 80, 1, 0)");
    assert_int_equal(leader_db_move_counts(db, &ages),
                     0); /* they are added to their minute */
    assert_int_equal(number(SUMS), 2000 * 3000 + 2000 + 1000);
    assert_int_equal(number(
                         "SELECT COUNT(*) FROM CallSecond WHERE at < UNIX_TIMESTAMP() - "
                         "700"),
                     0);
}

static void t_only_old_rows_are_deleted(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql(
        "DELETE FROM RouteChange; DELETE FROM ReportSeen;"
        "INSERT INTO RouteChange (modid, cmdid, version) VALUES (1, 1, 0), (2, 1, 0);"
        "UPDATE RouteChange SET changed_at = NOW() - INTERVAL 2 HOUR WHERE modid = 1;"
        "INSERT INTO ReportSeen (stream, seq, updated_at) VALUES "
        "(X'00112233445566778899aabbccddeeff', 5, NOW() - INTERVAL 2 DAY),"
        "(X'ff112233445566778899aabbccddeeff', 5, NOW());"
        "INSERT INTO CallHour VALUES (UNIX_TIMESTAMP() - 90000, 1, 1, 1, 1, 1, 1)");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT MIN(modid) * 10 + COUNT(*) FROM RouteChange"), 21);
    assert_int_equal(number("SELECT COUNT(*) FROM ReportSeen"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM CallHour"), 0);
}

#define DAYS_AGO(n) "NOW(3) - INTERVAL " #n " DAY"

static void t_records_of_changes_are_deleted_by_their_own_age(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 10 * 86400};

    (void)state;
    mydb_sql(
        "DELETE FROM Audit; DELETE FROM RouteLog; DELETE FROM AlarmSilence;"
        "SET @old = " DAYS_AGO(11) ", @new = " DAYS_AGO(
            9) ";"
               "INSERT INTO Audit (at, actor, via, action, result) VALUES "
               "(@old, 'old', '', '', ''), (@new, 'new', '', '', '');"
               "INSERT INTO RouteLog (at, db_user, modid, cmdid, ip, port) VALUES "
               "(@old, 'old', 1, 1, 1, 1), (@new, 'new', 1, 1, 1, 1);"
               "INSERT INTO AlarmSilence (kind, subject, until_at, reason, actor) VALUES "
               "('', '', @old, 'old', ''), ('', '', @new, 'new', '')");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Audit"), 1);
    assert_int_equal(number("SELECT actor = 'new' FROM Audit"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteLog"), 1);
    assert_int_equal(number("SELECT db_user = 'new' FROM RouteLog"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM AlarmSilence"), 1);
    assert_int_equal(number("SELECT reason = 'new' FROM AlarmSilence"), 1);
}

/* By the last sign of life: one that was lost has no end, and goes as well. */
static void t_drills_are_deleted_by_the_age_of_changes(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 10 * 86400};

    (void)state;
    mydb_sql(
        "DELETE FROM Drill; INSERT INTO Drill (token, name, script, state, who, "
        "host, folder, live, started_at, seen_at, ended_at) VALUES "
        "('1', 'old', '', 'passed', '', '', '', '{}', " DAYS_AGO(11) ", " DAYS_AGO(
            11) ", " DAYS_AGO(11) "), ('2', 'lost', '', 'running', '', '', '', "
                                  "'{}', " DAYS_AGO(11) ", " DAYS_AGO(
                                      11) ", NULL), ('3', 'new', '', 'passed', '', "
                                          "'', '', '{}', " DAYS_AGO(11) ", " DAYS_AGO(
                                              9) ", " DAYS_AGO(9) ")");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Drill"), 1);
    assert_int_equal(number("SELECT name = 'new' FROM Drill"), 1);
    mydb_sql("DELETE FROM Drill");
}

static void t_sessions_are_deleted_a_day_after_their_end(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql("DELETE FROM Session; INSERT INTO Session (id, user, kind, until_at) VALUES "
             "('1', 'old', 'user', " DAYS_AGO(2) "), ('2', 'new', 'user', NOW(3))");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Session"), 1);
    assert_int_equal(number("SELECT user = 'new' FROM Session"), 1);
    mydb_sql("DELETE FROM Session");
}

static void t_decisions_of_scaling_are_deleted_after_90_days(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql(
        "DELETE FROM ScaleDecision; INSERT INTO ScaleDecision (modid, cmdid, rule, "
        "at) VALUES (1, 1, 'keep', " DAYS_AGO(91) "), (2, 1, 'keep', " DAYS_AGO(89) ")");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision"), 1);
    assert_int_equal(number("SELECT modid FROM ScaleDecision"), 2);
    mydb_sql("DELETE FROM ScaleDecision");
}

#define EMPTY_PROCESSES                                                                  \
    "DELETE FROM Service; DELETE FROM AgentRoute; DELETE FROM AgentNode; "               \
    "DELETE FROM RouteHold;"

static void t_processes_gone_for_long_are_deleted_with_their_rows(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 86400, 3600, 86400, 864000};

    (void)state;
    mydb_sql(EMPTY_PROCESSES
             "INSERT INTO Service (kind, name, seen_at) VALUES ('agent', 'old', NOW(3) - "
             "INTERVAL 3 DAY), ('agent', 'new', NOW(3)), ('dnsd', 'olddns', NOW(3) - "
             "INTERVAL 3 DAY); INSERT INTO AgentRoute (agent, modid, cmdid) VALUES "
             "('old', 1, 1), ('new', 1, 1); INSERT INTO AgentNode VALUES ('old', 1, 1, "
             "1, 1, 1), ('new', 1, 1, 1, 1, 1); INSERT INTO RouteHold (dnsd, modid, "
             "cmdid, had, gone) VALUES ('olddns', 1, 1, 2, 1), ('new', 1, 1, 2, 1)");
    assert_int_equal(leader_db_move_counts(db, &ages), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Service"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM AgentRoute WHERE agent = 'new'"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM AgentRoute"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM AgentNode"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteHold"), 1);
    mydb_sql(EMPTY_PROCESSES);
}

static _Atomic bool enough;

static void *add_late(void *arg)
{
    _Atomic int *n = arg;

    char cmd[300];

    snprintf(
        cmd, sizeof(cmd),
        "sh common/mariadb sql %s \"INSERT INTO CallSecond VALUES (UNIX_TIMESTAMP() - "
        "700, 1, 1, 10, 80, 1, 0) ON DUPLICATE KEY UPDATE succ = succ + 1\" "
        ">/dev/null 2>&1",
        mydb_dir);
    while (!enough)
        *n += system(cmd) == 0; /* a statement that lost a deadlock added nothing */
    return NULL;
}

static void t_late_batch_during_a_move_loses_no_count(void **state)
{
    const struct leader_db_ages ages = {600, 7200, 400 * 86400, 3600, 86400, 864000};
    pthread_t th;
    _Atomic int n = 0;
    int i, moved = 0;

    (void)state;
    enough = false;
    assert_int_equal(pthread_create(&th, NULL, add_late, &n), 0);
    for (i = 0; i < 60 || n == 0; i++) { /* a client that starts late is waited for */
        int rc = leader_db_move_counts(db, &ages);

        assert_true(rc == 0 || rc == -EDEADLK); /* it may lose a deadlock as well */
        assert_true(i < 20000);
        moved += rc == 0;
    }
    enough = true;
    pthread_join(th, NULL);
    assert_true(n > 0 && moved > 0);
    assert_int_equal(number("SELECT COALESCE(SUM(succ), 0) FROM CallHistory"), n);
}

static void start(void)
{
    struct leader_tasks_config c = {.round_ms = 5,
                                    .lease_s = LEASE_S,
                                    .ages = {600, 7200, 86400, 3600, 86400, 864000}};
    struct leader_db *own;

    assert_int_equal(leader_db_create(&own, &cfg), 0);
    assert_int_equal(leader_tasks_start(&tasks, own, &c), 0);
}

static struct leader_tasks_stat stat_now(void)
{
    struct leader_tasks_stat st;

    leader_tasks_stat(tasks, &st);
    return st;
}

static void t_one_of_two_services_is_leader(void **state)
{
    struct leader_tasks *first;

    (void)state;
    start();
    first = tasks;
    T_WAIT(stat_now().is_leader == 1);
    start();
    T_WAIT(number("SELECT COUNT(*) FROM Lease") == 1);
    assert_int_equal(stat_now().is_leader, 0);
    leader_tasks_stop(first); /* it releases the lease at once */
    T_WAIT(stat_now().is_leader == 1);
}

#define K(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(K(t_lease_has_one_holder_until_it_expires), K(t_moved_counts_keep_their_sum),
          K(t_only_old_rows_are_deleted),
          K(t_records_of_changes_are_deleted_by_their_own_age),
          K(t_drills_are_deleted_by_the_age_of_changes),
          K(t_sessions_are_deleted_a_day_after_their_end),
          K(t_decisions_of_scaling_are_deleted_after_90_days),
          K(t_processes_gone_for_long_are_deleted_with_their_rows),
          K(t_late_batch_during_a_move_loses_no_count),
          K(t_lease_that_ends_too_late_is_free), K(t_count_that_overflows_stops_no_move),
          K(t_long_backlog_is_moved_in_parts),
          K(t_task_that_fails_keeps_no_other_from_being_done),
          K(t_one_of_two_services_is_leader))
