/* alarmwatch.h -- an alarm_watch on a real MariaDB, and what a test needs to see of it.
 * Thread: that of the test. */
#ifndef LARS_TEST_ALARMWATCH_H
#define LARS_TEST_ALARMWATCH_H

#include "base/log.h"
#include "db/db_mysql.h"
#include "db/lease.h"
#include "mydb.h"
#include "report/alarm_watch.h"

static struct alarm_watch *watch;
static char hook[100], written[100];

static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                         "lars",      "lars_dns", 5};

static inline int setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_reset();
    mydb_sql("DELETE FROM CallSecond; DELETE FROM CallLatency; DELETE FROM Lease; "
             "DELETE FROM Alarm; DELETE FROM Service; DELETE FROM AgentRoute; "
             "DELETE FROM AgentNode; DELETE FROM RouteHold; DELETE FROM StreamConflict; "
             "DELETE FROM AlarmSilence; DELETE FROM AlarmTarget; DELETE FROM Audit");
    watch = NULL;
    snprintf(hook, sizeof(hook), "%s/hook", mydb_dir);
    snprintf(written, sizeof(written), "%s/written", mydb_dir);
    unlink(written);
    assert_int_equal(myconn_init(), 0);
    return 0;
}

static inline int teardown(void **state)
{
    alarm_watch_stop(watch);
    alarm_watch_stop(NULL);
    myconn_fini();
    return t_fds_check(state);
}

static inline unsigned long long number(const char *sql)
{
    return mydb_number(sql);
}

static inline void start_with(const struct notify_config *notify, uint32_t repeat_s)
{
    struct alarm_watch_config c = {.round_ms = 5,
                                   .lease_s = LEASE_S,
                                   .rules = {20, 1000, "me/127.0.0.1:7779"},
                                   .database = "the database",
                                   .database_ms = 50,
                                   .other_ms = 1000000,
                                   .retry_ms = 1,
                                   .repeat_s = repeat_s,
                                   .notify = *notify};
    struct wanted_routes *wanted;
    struct alarm_db *own;
    struct db *routes;

    assert_int_equal(alarm_db_create(&own, &cfg), 0);
    assert_int_equal(db_mysql_create(&routes, &cfg), 0);
    assert_int_equal(wanted_routes_create(&wanted, routes), 0);
    assert_int_equal(alarm_watch_start(&watch, own, wanted, &c), 0);
}

static inline void start(const char *exec, const char *webhook)
{
    struct notify_config n = {0};

    snprintf(n.exec, sizeof(n.exec), "%s", exec);
    snprintf(n.webhook, sizeof(n.webhook), "%s", webhook);
    start_with(&n, 1800);
}

static inline struct alarm_watch_stat stat_now(void)
{
    struct alarm_watch_stat st;

    alarm_watch_stat(watch, &st);
    return st;
}

/* The number of alarms of that kind and subject that are open. */
static inline unsigned long long n_open(const char *kind, const char *subject)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Alarm WHERE kind = '%s' AND subject = '%s' AND "
             "cleared_at IS NULL",
             kind, subject);
    return number(sql);
}

/* Until this round is over, everything has been judged once more. */
static inline void wait_rounds(unsigned n)
{
    uint64_t until = stat_now().n_round + n;

    T_WAIT(stat_now().n_round >= until);
}

/* Two zones of two nodes, with an agent each that is alive until the year 2037. */
static inline void put_two_zones(void)
{
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 1, 1, 80, 'a'), (1, 1, 2, 80, 'a'), (1, 1, 3, 80, 'b'), "
             "(1, 1, 4, 80, 'b'); INSERT INTO Service (kind, name, zone, seen_at) VALUES "
             "('agent', 'A', 'a', '2037-01-01'), ('agent', 'B', 'b', '2037-01-01')");
}

static inline int group_setup(void **state)
{
    return notifier_init() < 0 ? -1 : mydb_setup(state);
}

static inline int group_teardown(void **state)
{
    notifier_fini();
    return mydb_teardown(state);
}

#define W(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
