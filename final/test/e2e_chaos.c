/* Services and the database are killed, stopped, filled and damaged while callers call:
 * no answer is wrong, and no reported call is lost or counted twice.  A number such as F3
 * identifies the fault in the printed lines and on the pages. */
#include "lib/chaos.h"

#include <sys/stat.h>

static atomic_bool is_slow; /* of the test of F8 */

static void t_f2_killed_dnsd_fails_no_call(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < chaos_rounds(); i++) {
        proc_end(&sys.dnsd, SIGKILL);
        since = t_now_ms();
        chaos_add_node(2 * i);
        ms = chaos_wait_nodes(4 + 2 * i, since);
        assert_int_equal(load.failed, 0);
        chaos_print("F2 DNSService of the own zone killed, a node was added meanwhile",
                    ms);
        proc_end(&chaos.dnsd2, SIGKILL);
        chaos_add_node(2 * i + 1);
        chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
        since = t_now_ms();
        ms = chaos_wait_nodes(5 + 2 * i, since);
        chaos_start_dnsd(&chaos.dnsd2, chaos.dnsd2_port, "dnsd2");
        assert_int_equal(load.failed, 0);
        chaos_print("F2 both DNSServices killed, one started again", ms);
    }
    chaos_check_totals();
}

static void t_f5_stopped_dnsd_fails_no_call(void **state)
{
    uint64_t since, ms;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    kill(sys.dnsd.pid, SIGSTOP);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    kill(sys.dnsd.pid, SIGCONT);
    chaos_add_node(2);
    chaos_wait_nodes(5, t_now_ms());
    assert_int_equal(load.failed, 0);
    chaos_print(
        "F5 DNSService of the own zone stopped (SIGSTOP), a node was added meanwhile",
        ms);
    chaos_check_totals();
}

static void t_f3_f5_killed_or_stopped_reportd_loses_no_call(void **state)
{
    uint64_t ms;
    int i;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < chaos_rounds(); i++) {
        unsigned long long seen = load.n;

        proc_end(&sys.reportd, SIGKILL);
        T_WAIT(load.n > seen + 200);
        proc_end(&chaos.reportd2, SIGKILL);
        T_WAIT(load.n > seen + 400);
        chaos_start_reportd(&sys.reportd, sys.reportd_port);
        chaos_start_reportd(&chaos.reportd2, chaos.reportd2_port);
        T_WAIT(load.n > seen + 600);
        kill(sys.reportd.pid, SIGSTOP);
        T_WAIT(load.n > seen + 800);
        kill(sys.reportd.pid, SIGCONT);
    }
    ms = chaos_check_totals();
    assert_int_equal(load.failed, 0);
    chaos_print("F3 F5 Report Services killed, stopped, started; every call counted once",
                ms);
}

static void t_f5_stopped_reportd_is_replaced_by_the_second(void **state)
{
    unsigned long long before;
    uint64_t since;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    T_WAIT(system_total("succ_cnt") > 0);
    kill(sys.reportd.pid, SIGSTOP);
    since = t_now_ms();
    poll(NULL, 0, 200); /* rows in flight are written */
    before = system_total("succ_cnt");
    T_WAIT(system_total("succ_cnt") > before);
    chaos_print("F5 Report Service of the own zone stopped: the second one counts",
                t_now_ms() - since);
    kill(sys.reportd.pid, SIGCONT);
    chaos_check_totals();
}

static void t_f1_killed_agent_has_its_routes_again(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < chaos_rounds(); i++) {
        T_WAIT(system_total("succ_cnt") > 0);
        proc_end(&sys.agentd, SIGKILL);
        since = t_now_ms();
        chaos_start_agentd();
        T_WAIT(system_n_nodes() == 3);
        ms = t_now_ms() - since;
        chaos_print("F1 agent killed and started again", ms);
    }
    chaos_load_stop();
}

static void pass_a_minute(void)
{
    uint64_t end = t_now_ms() + 60000;

    while (t_now_ms() < end)
        poll(NULL, 0, 100);
}

static void t_f7_restart_without_the_database_fails_no_call(void **state)
{
    uint64_t since, ms;

    (void)state;
    chaos_start();
    testdb_stop();
    proc_end(&sys.dnsd, SIGKILL);
    proc_end(&chaos.dnsd2, SIGKILL);
    proc_end(&sys.agentd, SIGTERM);
    chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
    chaos_start_dnsd(&chaos.dnsd2, chaos.dnsd2_port, "dnsd2");
    chaos_start_agentd();
    T_WAIT(system_n_nodes() == 3);
    chaos_load_start(sys.agentd.port);
    T_WAIT(load.n > 500);
    if (getenv("LARS_CHAOS"))
        pass_a_minute();
    assert_int_equal(load.failed, 0);
    testdb_start();
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    chaos_print("F7 agent and DNSServices restarted without the database", ms);
    chaos_check_totals();
}

static void t_f8_hanging_database_fails_no_call(void **state)
{
    unsigned long long seen;
    uint64_t since, ms;
    pid_t pid;
    int c;

    (void)state;
    chaos_start();
    pid = testdb_pid();
    chaos_load_start(sys.agentd.port);
    kill(pid, SIGSTOP);
    seen = load.n;
    T_WAIT(load.n > seen + 1500); /* longer than the time-outs of the services */
    c = peer_connect(sys.dnsd.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 3); /* the loops do not wait for it */
    close(c);
    kill(pid, SIGCONT);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    assert_int_equal(load.failed, 0);
    chaos_print("F8 database hangs (SIGSTOP)", ms);
    chaos_check_totals();
}

/* Most statements of the services wait for up to two seconds. */
static void *make_slow(void *arg)
{
    int i, n = getenv("LARS_CHAOS") ? 10 : 2;
    char cmd[200];
    FILE *f;

    (void)arg;
    snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s >/dev/null", testdb_dir);
    f = popen(cmd, "w");
    for (i = 0; f && i < n; i++)
        fprintf(f, "LOCK TABLES RouteVersion WRITE, RouteData WRITE, ReportSeen WRITE, "
                   "ServerCallStatus WRITE, CallSecond WRITE; SELECT SLEEP(2); "
                   "UNLOCK TABLES; SELECT SLEEP(0.1);\n");
    i = f ? pclose(f) : -1;
    is_slow = false;
    return i == 0 ? NULL : (void *)1;
}

static void t_f8_slow_database_fails_no_call(void **state)
{
    uint64_t since, ms, longest = 0;
    void *failed;
    pthread_t th;
    int c, n = 0;

    (void)state;
    chaos_start();
    is_slow = true;
    chaos_load_start(sys.agentd.port);
    c = peer_connect(sys.dnsd.port);
    assert_int_equal(pthread_create(&th, NULL, make_slow, NULL), 0);
    for (; is_slow; n++) {
        since = t_now_ms();
        dnspeer_ask(c, 1, 1);
        dnspeer_expect(c, 1, 1, 3);
        ms = t_now_ms() - since;
        longest = ms > longest ? ms : longest;
        poll(NULL, 0, 10);
    }
    pthread_join(th, &failed);
    assert_null(failed);
    close(c);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    assert_int_equal(load.failed, 0);
    print_message("chaos: F8 statements of two seconds: lars-dnsd gave %d answers, the "
                  "slowest in %llu ms\n",
                  n, (unsigned long long)longest);
    chaos_print("F8 database slow", ms);
    chaos_check_totals();
}

static void t_f9_killed_database_loses_no_call(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < chaos_rounds(); i++) {
        unsigned long long before = system_total("succ_cnt");

        T_WAIT(system_total("succ_cnt") > before);
        kill(testdb_pid(), SIGKILL);
        T_WAIT(testdb_try_stop());
        testdb_start();
        since = t_now_ms();
        chaos_add_node(i);
        ms = chaos_wait_nodes(4 + i, since);
        chaos_print("F9 database killed under load", ms);
    }
    chaos_check_totals();
    assert_int_equal(load.failed, 0);
}

static void t_f10_emptied_table_and_bad_rows_fail_no_call(void **state)
{
    uint64_t since, ms;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    testdb_sql("TRUNCATE TABLE RouteData");
    proc_expect_line(sys.dnsd.err, "route.held");
    proc_expect_line(chaos.dnsd2.err, "route.held");
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1,1,INET_ATON('127.0.1.1'),80), (1,1,INET_ATON('127.0.1.2'),80), "
               "(1,1,INET_ATON('224.1.2.3'),80), (1,1,5,0), (1,1,6,70000), (0,0,7,7), "
               "(4294967295,4294967295,4294967295,4294967295)");
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    assert_int_equal(load.failed, 0);
    chaos_print("F10 table truncated, then filled with bad rows as well", ms);
    chaos_check_totals();
}

static void t_f17_f18_unwritable_and_damaged_file_fail_no_call(void **state)
{
    char path[140], new_file[160];
    struct stat st;
    int fd;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    snprintf(path, sizeof(path), "%s/dnsd1/dnsd.routes", testdb_dir);
    snprintf(new_file, sizeof(new_file), "%s.new", path);
    T_WAIT(stat(path, &st) == 0);
    assert_int_equal(mkdir(new_file, 0700), 0); /* the file beside cannot be made */
    chaos_add_node(1);
    proc_expect_line(sys.dnsd.err, "route.file");
    chaos_wait_nodes(4, t_now_ms());
    chaos_add_node(2);
    chaos_wait_nodes(5, t_now_ms());
    assert_int_equal(rmdir(new_file), 0);
    proc_end(&sys.dnsd, SIGKILL);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\x80", 1, 30), 1);
    close(fd);
    testdb_stop();
    chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
    proc_expect_line(sys.dnsd.err, "not used");
    testdb_start();
    chaos_add_node(3);
    assert_true(chaos_wait_nodes(6, t_now_ms()) < T_DEADLINE_MS);
    assert_int_equal(load.failed, 0);
    chaos_print("F17 F18 the last known good file cannot be written, then damaged", 0);
    chaos_check_totals();
}

static void t_killed_services_of_the_own_zone_fail_no_call(void **state)
{
    uint64_t since, ms;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    kill(sys.dnsd.pid, SIGKILL);
    kill(sys.reportd.pid, SIGKILL);
    proc_wait(&sys.dnsd);
    proc_wait(&sys.reportd);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    chaos_remove_node(1);
    chaos_wait_nodes(3, t_now_ms());
    chaos_print("services of the own zone killed", ms);
    assert_int_equal(load.failed, 0);
    chaos_check_totals();
}

TESTDB_MAIN(CHAOS_TEST(t_f2_killed_dnsd_fails_no_call),
            CHAOS_TEST(t_f5_stopped_dnsd_fails_no_call),
            CHAOS_TEST(t_f3_f5_killed_or_stopped_reportd_loses_no_call),
            CHAOS_TEST(t_f5_stopped_reportd_is_replaced_by_the_second),
            CHAOS_TEST(t_f1_killed_agent_has_its_routes_again),
            CHAOS_TEST(t_f7_restart_without_the_database_fails_no_call),
            CHAOS_TEST(t_f8_hanging_database_fails_no_call),
            CHAOS_TEST(t_f8_slow_database_fails_no_call),
            CHAOS_TEST(t_f9_killed_database_loses_no_call),
            CHAOS_TEST(t_f10_emptied_table_and_bad_rows_fail_no_call),
            CHAOS_TEST(t_f17_f18_unwritable_and_damaged_file_fail_no_call),
            CHAOS_TEST(t_killed_services_of_the_own_zone_fail_no_call))
