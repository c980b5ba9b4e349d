/* The program of a module is replaced, and its nodes are restarted one after another, by
 * real lars-slotd, lars-reportd and larsctl: the alarm capacity_stale opens, names what
 * mends it, and closes after a measurement, a typed capacity or the former program. */
#include "ctlrun.h"

#include "lib/slotfix.h"

#define N 3 /* slots, each with a node */
#define ALL "SELECT COUNT(*) FROM Alarm WHERE kind = 'capacity_stale'"
#define OPEN ALL " AND cleared_at IS NULL"

static struct proc slotd;

static int setup(void **state)
{
    unsigned k;

    ctl_setup(state);
    memset(&slotd, 0, sizeof(slotd));
    slotfix_open();
    testdb_sql("DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM ScaleHost; "
               "DELETE FROM Capacity; DELETE FROM Alarm; DELETE FROM ModulePolicy; "
               "REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 1, "
               "NOW(3), 3); INSERT INTO RouteData (modid, cmdid, "
               "serverip, serverport) VALUES (20, 1, INET_ATON('127.0.1.9'), 80)");
    for (k = 1; k <= N; k++)
        testdb_sqlf("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES "
                    "('h1', %u, 20, 1, 3)",
                    k);
    system_start_dnsd();
    system_start_reportd();
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&slotd);
    slotfix_close();
    return system_teardown(state);
}

/* Puts a program with these bytes at its end in the place of the one before. */
static const char *install(const char *bytes)
{
    slotfix_script("node", slotfix_serve_by(bytes));
    return slotfix_digits("timeout");
}

static void start_slotd(void)
{
    slotfix_write("modules.ini",
                  "[module 20/1]\nrun = %s/node {address}:{port}\ncheck = /healthz\n",
                  slotfix_dir);
    proc_start(&slotd, "lars-slotd", "-c",
               slotfix_write("slotd.ini",
                             "[slots]\nhost = h1\nzone = a\nclass = small\nn = %d\n"
                             "first_port = %u\nstate_dir = %s\n"
                             "modules = %s/modules.ini\ncheck_ms = 50\n"
                             "[dns]\nservers = 127.0.0.1:%s\n"
                             "[report]\nservers = 127.0.0.1:%s\n",
                             N, slotfix_port, slotfix_dir, slotfix_dir, sys.dnsd_port,
                             sys.reportd_port),
               NULL);
}

static unsigned long long n_run(const char *build)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM ScaleSlot WHERE state = 'ready' AND build = '%s'",
             build);
    return testdb_number(sql);
}

/* One node after the other ends, and lars-slotd starts it again. */
static void restart_all(const char *build)
{
    unsigned k;

    for (k = 1; k <= N; k++) {
        assert_int_equal(n_run(build), k - 1);
        kill(slotfix_pid(k), SIGTERM);
        T_WAIT(n_run(build) == k);
    }
}

/* The builds that run have run for so many minutes longer; lars-reportd leaves the time
 * as it is while they run on. */
static void pass_minutes(unsigned n)
{
    testdb_sqlf("UPDATE ScaleSlot SET build_since = build_since - INTERVAL %u MINUTE",
                n);
}

static void measure(const char *build)
{
    char args[200], sql[200];

    snprintf(args, sizeof(args),
             "capacity measure 20 1 node=127.0.0.1:%u from=10 to=12 step_s=2 "
             "confirm_s=2 p99=900ms",
             slotfix_port);
    if (ctl(args) != 0)
        fail_msg("larsctl %s printed: %s", args, out);
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Capacity WHERE build = '%s' AND build_from = "
             "'measured' AND modid = 20",
             build);
    if (testdb_number(sql) != 1)
        fail_msg("not %s was measured: %s", build, out);
    expect_text("the build of its program is");
}

static void expect_alarm(const char *was, const char *is)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             OPEN " AND subject = '20/1' AND detail = 'build %s was measured, and %d "
                  "nodes run %s: larsctl capacity measure 20 1'",
             was, N, is);
    T_WAIT(testdb_number(sql) == 1);
}

static void t_replaced_program_is_seen_until_it_is_measured_or_taken_back(void **state)
{
    char one[SLOT_BUILD], two[SLOT_BUILD];

    (void)state;
    snprintf(one, sizeof(one), "%s", install("one"));
    start_slotd();
    T_WAIT(n_run(one) == N);
    measure(one);
    pass_minutes(60);

    snprintf(two, sizeof(two), "%s", install("two"));
    assert_int_equal(n_run(one), N); /* they were not restarted */
    restart_all(two);
    pass_minutes(8);
    assert_int_equal(testdb_number(ALL), 0);
    pass_minutes(3);
    expect_alarm(one, two);
    measure(two);
    T_WAIT(testdb_number(OPEN) == 0);

    install("one");
    restart_all(one);
    pass_minutes(11);
    expect_alarm(two, one);
    install("two");
    restart_all(two); /* what was measured is back */
    pass_minutes(11);
    T_WAIT(testdb_number(OPEN) == 0);
}

static void t_typed_build_closes_the_alarm_and_is_listed_as_typed(void **state)
{
    char one[SLOT_BUILD];

    (void)state;
    snprintf(one, sizeof(one), "%s", install("one"));
    start_slotd();
    T_WAIT(n_run(one) == N);
    expect("capacity set 20 1 rps=12 inflight=1 target=900ms build=1.2", 0, "typed");
    testdb_sql("UPDATE Capacity SET build = '00000000000000ff', build_from = "
               "'measured'");
    pass_minutes(11);
    expect_alarm("00000000000000ff", one);
    expect("host slots h1", 0, one);
    expect("capacity set 20 1 rps=12 inflight=1 target=900ms build=1.3", 0, "typed");
    T_WAIT(testdb_number(OPEN) == 0);
}

/* lars-slotd is killed and starts again while the file has another content: the nodes
 * that it finds keep the build that they run, and the time since which they run it. */
static void t_restart_of_lars_slotd_with_another_file_opens_no_alarm(void **state)
{
    char one[SLOT_BUILD];

    (void)state;
    snprintf(one, sizeof(one), "%s", install("one"));
    start_slotd();
    T_WAIT(n_run(one) == N);
    measure(one);
    install("two");
    proc_end(&slotd, SIGKILL);
    start_slotd();
    T_WAIT(testdb_number("SELECT COUNT(DISTINCT former) FROM ScaleHost WHERE former <> "
                         "''") == 1);
    T_WAIT(n_run(one) == N);
    assert_int_equal(slotfix_n_starts(), N);
}

#define STALE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(STALE_TEST(t_replaced_program_is_seen_until_it_is_measured_or_taken_back),
            STALE_TEST(t_typed_build_closes_the_alarm_and_is_listed_as_typed),
            STALE_TEST(t_restart_of_lars_slotd_with_another_file_opens_no_alarm))
