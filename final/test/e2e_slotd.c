/* lars-slotd as a process, with orders from the tables by DNSService and its state in the
 * tables by the Report Service: what an operator sees, and that nodes survive it. */
#include <limits.h>

#include "lib/httppeer.h"
#include "lib/slotfix.h"
#include "lib/system.h"

static struct proc slotd;
static struct httpreply reply;
static int http_port;

static int setup(void **state)
{
    if (system_setup(state) != 0)
        return -1;
    memset(&slotd, 0, sizeof(slotd));
    slotfix_open();
    testdb_sql("DELETE FROM ScaleWanted; DELETE FROM ScaleSlot; DELETE FROM ScaleHost; "
               "REPLACE INTO Lease (name, holder, until_at, fence) "
               "VALUES ('scale', 1, NOW(3), 3)");
    system_start_dnsd();
    system_start_reportd();
    slotfix_write("modules.ini",
                  "[module 20/1]\nrun = %s {address}:{port}\n"
                  "check = /healthz\n",
                  slotfix_script("node", slotfix_serve()));
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&slotd);
    slotfix_close();
    return system_teardown(state);
}

/* The configuration, with more lines of [slots]. */
static const char *conf(const char *more)
{
    return slotfix_write("slotd.ini",
                         "[slots]\nhost = h1\nzone = a\nclass = small\nn = 4\n"
                         "first_port = %u\nstate_dir = %s\nmodules = %s/modules.ini\n"
                         "check_ms = 50\n%s\n[dns]\nservers = 127.0.0.1:%s\n"
                         "[report]\nservers = 127.0.0.1:%s\n"
                         "[http]\nlisten = 127.0.0.1:0\n",
                         slotfix_port, slotfix_dir, slotfix_dir, more, sys.dnsd_port,
                         sys.reportd_port);
}

static void start_slotd(const char *more)
{
    proc_start(&slotd, "lars-slotd", "-c", conf(more), NULL);
    system_wait_port(&slotd, "lars-slotd");
    http_port = slotd.port;
}

/* The slots 1 to <n> are to run module 20/1, and the others nothing. */
static void order(unsigned n)
{
    unsigned k;

    testdb_sqlf("DELETE FROM ScaleWanted WHERE slot > %u", n);
    for (k = 1; k <= n; k++)
        testdb_sqlf("INSERT IGNORE INTO ScaleWanted (host, slot, modid, cmdid, fence) "
                    "VALUES ('h1', %u, 20, 1, 3)",
                    k);
}

static unsigned long long n_rows(const char *state)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'h1' AND state LIKE '%s'",
             state);
    return testdb_number(sql);
}

static int health(void)
{
    httppeer_get(http_port, "/healthz", &reply);
    return reply.status;
}

static void wait_random(unsigned most_ms)
{
    uint64_t end = t_now_ms() + (uint64_t)rand() % most_ms;

    while (t_now_ms() < end)
        poll(NULL, 0, 1);
}

/* --- orders and state --------------------------------------------------------------- */

static void t_order_in_the_table_becomes_a_node_and_its_state_a_row(void **state)
{
    (void)state;
    start_slotd("");
    order(2);
    T_WAIT(n_rows("ready") == 2);
    assert_int_equal(testdb_number("SELECT port FROM ScaleSlot WHERE slot = 2"),
                     slotfix_port + 1);
    assert_int_equal(testdb_number("SELECT pid FROM ScaleSlot WHERE slot = 2"),
                     slotfix_pid(2));
    assert_int_equal(testdb_number("SELECT slots FROM ScaleHost WHERE host = 'h1' AND "
                                   "zone = 'a' AND address = '127.0.0.1' AND "
                                   "class = 'small'"),
                     4);
    T_WAIT(health() == 200);
    httppeer_get(http_port, "/metrics", &reply);
    assert_true(httppeer_check_text(reply.body) >= 10);
    assert_true(httppeer_value(&reply, "lars_slotd_slots{state=\"ready\"}") == 2);
    assert_true(httppeer_value(&reply, "lars_slotd_fence") >= 3);
    order(0);
    T_WAIT(slotfix_n_alive() == 0);
    T_WAIT(n_rows("%") == 0);
    assert_int_equal(slotfix_n_alive(), 0);
    assert_int_equal(proc_end(&slotd, SIGTERM), 0);
}

static void t_node_that_cannot_start_is_failed_in_the_table_with_the_reason(void **state)
{
    (void)state;
    slotfix_script("node", "exit 3");
    start_slotd("");
    order(1);
    T_WAIT(n_rows("failed") == 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleSlot WHERE "
                                   "note LIKE '%exit status 3%' AND starts >= 1"),
                     1);
    slotfix_script("node", slotfix_serve());
    T_WAIT(n_rows("ready") == 1); /* at its next attempt */
}

/* As after a restore of the database: its leader has a lower fence than has been obeyed.
 * What larsctl host adopt checks before it raises the fence is in e2e_larsctl_scale. */
static void t_orders_of_a_restored_database_wait_for_the_fence_to_be_raised(void **state)
{
    (void)state;
    start_slotd("");
    order(2);
    T_WAIT(n_rows("ready") == 2);
    T_WAIT(testdb_number("SELECT fence FROM ScaleHost WHERE host = 'h1'") == 3);
    testdb_sql("UPDATE Lease SET fence = 1; UPDATE ScaleWanted SET fence = 1; INSERT "
               "INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES ('h1', 3, 20, "
               "1, 1)");
    proc_expect_line(slotd.err, "slot.stale fence=1 highest=3");
    assert_int_equal(slotfix_n_alive(), 2);
    testdb_sql("UPDATE Lease SET fence = 1048579");
    T_WAIT(n_rows("ready") == 3);
    T_WAIT(testdb_number("SELECT fence FROM ScaleHost WHERE host = 'h1'") == 1048579);
    assert_int_equal(slotfix_n_starts(), 3);
}

/* Another test steps the clock of the database; here it is that of the host. */
static void t_jumps_of_the_wall_clock_restart_no_node_and_state_stays_fresh(void **state)
{
    const char *build = getenv("BUILD");
    char path[PATH_MAX];
    uint64_t end;

    (void)state;
    if (getenv("LARS_MODE"))
        skip();
    assert_non_null(realpath(build ? build : "build", path));
    strncat(path, "/shim.so", sizeof(path) - strlen(path) - 1);
    setenv("LD_PRELOAD", path, 1);
    setenv("SHIM_CLOCK", "3600", 1);
    start_slotd("");
    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_CLOCK");
    order(2);
    T_WAIT(n_rows("ready") == 2);
    for (end = t_now_ms() + 3000; t_now_ms() < end; wait_random(50)) { /* two jumps */
        assert_int_equal(slotfix_n_starts(), 2);
        assert_int_equal(slotfix_n_alive(), 2);
    }
    T_WAIT(testdb_number("SELECT COUNT(*) FROM ScaleHost WHERE ABS(TIMESTAMPDIFF(SECOND, "
                         "seen_at, NOW(3))) < 5") == 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleSlot WHERE ABS("
                                   "TIMESTAMPDIFF(SECOND, since, NOW(3))) > 600"),
                     0);
    order(3);
    T_WAIT(n_rows("ready") == 3);
}

/* The row has the program of each process, also while another file is there already. */
static void t_row_has_the_build_of_the_program_that_runs(void **state)
{
    char sql[200];

    (void)state;
    slotfix_script("node", slotfix_serve_by("one"));
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM ScaleSlot WHERE build = '%s'",
             slotfix_digits("timeout"));
    start_slotd("");
    order(2);
    T_WAIT(testdb_number(sql) == 2);
    slotfix_script("node", slotfix_serve_by("two"));
    proc_end(&slotd, SIGKILL);
    testdb_sql("UPDATE ScaleSlot SET build = ''");
    start_slotd("");
    T_WAIT(testdb_number(sql) == 2);
    kill(-slotfix_pid(2), SIGKILL);
    T_WAIT(testdb_number(sql) == 1);
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM ScaleSlot WHERE build = '%s' AND slot = 2 AND "
             "build_since > NOW(3) - INTERVAL 1 HOUR",
             slotfix_digits("timeout"));
    T_WAIT(testdb_number(sql) == 1);
}

/* --- the end of lars-slotd ---------------------------------------------------------- */

static void t_killed_100_times_no_node_ends_and_none_runs_twice(void **state)
{
    int i, n = t_mode_is("memcheck") ? 4 : 100;

    (void)state;
    order(4);
    start_slotd("");
    T_WAIT(n_rows("ready") == 4);
    for (i = 0; i < n; i++) {
        proc_end(&slotd, SIGKILL);
        start_slotd("");
        if (i % 2)
            wait_random(60);
        assert_int_equal(slotfix_n_alive(), 4);
        assert_int_equal(slotfix_n_starts(), 4);
    }
    T_WAIT(health() == 200);
    T_WAIT(n_rows("ready") == 4);
    assert_int_equal(slotfix_n_starts(), 4);
}

/* The moment of the kill is random, and a node of every second round is to be started. */
static void t_killed_while_it_starts_nodes_none_runs_twice(void **state)
{
    int i, n = t_mode_is("memcheck") ? 3 : 20;
    unsigned seed = (unsigned)getpid(), k;
    uint64_t end;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    order(4);
    for (i = 0; i < n; i++) {
        start_slotd("");
        if (i % 2 && slotfix_pid(1 + (unsigned)i % 4) > 0)
            kill(-slotfix_pid(1 + (unsigned)i % 4), SIGKILL);
        end = t_now_ms() + (uint64_t)rand() % 1500;
        do {
            for (k = 1; k <= 4; k++)
                assert_true(slotfix_n_alive_in(k) <= 1);
        } while (t_now_ms() < end);
        proc_end(&slotd, SIGKILL);
    }
    start_slotd("");
    T_WAIT(n_rows("ready") == 4 && slotfix_n_alive() == 4);
    for (k = 1; k <= 4; k++)
        assert_int_equal(slotfix_n_alive_in(k), 1);
}

static void t_sigterm_leaves_the_nodes_unless_they_are_to_end(void **state)
{
    (void)state;
    order(2);
    start_slotd("");
    T_WAIT(n_rows("ready") == 2);
    assert_int_equal(proc_end(&slotd, SIGTERM), 0);
    assert_int_equal(slotfix_n_alive(), 2);
    start_slotd("stop_nodes = 1");
    assert_int_equal(proc_end(&slotd, SIGTERM), 0);
    assert_int_equal(slotfix_n_alive(), 0);
    assert_int_equal(slotfix_n_starts(), 2);
}

static void t_without_dnsservice_the_last_orders_hold(void **state)
{
    (void)state;
    order(1);
    start_slotd("");
    T_WAIT(n_rows("ready") == 1);
    proc_kill(&sys.dnsd);
    proc_end(&slotd, SIGKILL);
    kill(-slotfix_pid(1), SIGKILL);
    start_slotd("");
    T_WAIT(slotfix_n_starts() == 2);
    T_WAIT(n_rows("ready") == 1);
    T_WAIT(health() == 503);
    assert_non_null(strstr(reply.body, "no DNSService answers"));
}

/* --- the configuration -------------------------------------------------------------- */

static void t_sighup_reads_the_modules_again_unless_the_file_is_wrong(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) "
               "VALUES ('h1', 1, 20, 2, 3)");
    start_slotd("");
    T_WAIT(n_rows("failed") == 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleSlot WHERE "
                                   "note LIKE 'there is no [module 20/2]%'"),
                     1);
    slotfix_write("modules.ini", "[module 20/2]\nrum = x\n");
    kill(slotd.pid, SIGHUP);
    proc_expect_line(slotd.err, "modules.ini:2: rum is no key of a module");
    slotfix_write("modules.ini", "[module 20/2]\nrun = %s/node {address}:{port}\n",
                  slotfix_dir);
    kill(slotd.pid, SIGHUP);
    T_WAIT(n_rows("ready") == 1);
}

/* Starts a program that is to end with this status, and text in its standard error. */
static void expect_end(int status, const char *text)
{
    struct proc p = {0};

    proc_start(&p, "lars-slotd", "-c", conf(""), NULL);
    proc_expect_line(p.err, text);
    assert_int_equal(proc_wait(&p), status);
}

static void t_second_one_in_the_same_folder_does_not_start(void **state)
{
    (void)state;
    start_slotd("");
    expect_end(1, "another lars-slotd has it; end that one first");
    assert_int_equal(proc_end(&slotd, SIGTERM), 0);
}

static void
t_start_without_a_folder_or_with_wrong_modules_names_what_to_mend(void **state)
{
    struct proc p = {0};

    (void)state;
    proc_start(&p, "lars-slotd", "-c", conf(""), "-d", "/nonexistent/slots", NULL);
    proc_expect_line(p.err, "cannot use the folder /nonexistent/slots, [slots] "
                            "state_dir: No such file or directory (ENOENT); create");
    assert_int_equal(proc_wait(&p), 1);
    slotfix_write("modules.ini", "[module 20/1]\nrun = node\n");
    expect_end(1, "modules.ini:2: run = node does not begin with the path of a program");
    proc_start(&p, "lars-slotd", "-c", conf(""), "--check-config", NULL);
    proc_expect_line(p.err, "modules.ini:2: run = node does not begin with the path");
    assert_int_equal(proc_wait(&p), 2);
}

#define SLOTD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(SLOTD_TEST(t_order_in_the_table_becomes_a_node_and_its_state_a_row),
            SLOTD_TEST(t_node_that_cannot_start_is_failed_in_the_table_with_the_reason),
            SLOTD_TEST(t_orders_of_a_restored_database_wait_for_the_fence_to_be_raised),
            SLOTD_TEST(t_jumps_of_the_wall_clock_restart_no_node_and_state_stays_fresh),
            SLOTD_TEST(t_row_has_the_build_of_the_program_that_runs),
            SLOTD_TEST(t_killed_100_times_no_node_ends_and_none_runs_twice),
            SLOTD_TEST(t_killed_while_it_starts_nodes_none_runs_twice),
            SLOTD_TEST(t_sigterm_leaves_the_nodes_unless_they_are_to_end),
            SLOTD_TEST(t_without_dnsservice_the_last_orders_hold),
            SLOTD_TEST(t_sighup_reads_the_modules_again_unless_the_file_is_wrong),
            SLOTD_TEST(t_second_one_in_the_same_folder_does_not_start),
            SLOTD_TEST(t_start_without_a_folder_or_with_wrong_modules_names_what_to_mend))
