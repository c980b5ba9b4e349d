/* Services and the database killed, stopped, filled and spoiled while callers call: no
 * wrong answer, nothing reported is lost or counted twice.  FAULTS' rows are named. */
#include "chaos.h"

#include <sys/stat.h>

static void t_f2_dnsd_killed(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    start_everything();
    load_start(agent.port);
    for (i = 0; i < rounds(); i++) {
        proc_end(&dns, SIGKILL);
        since = t_now_ms();
        add_node(2 * i);
        ms = in_force(4 + 2 * i, since);
        assert_int_equal(load.failed, 0);
        say("F2 DNSService of the own zone killed, a new node meanwhile", ms);
        proc_end(&dns2, SIGKILL);
        add_node(2 * i + 1);
        start_dnsd(&dns, dns_port, "dnsd1");
        since = t_now_ms();
        ms = in_force(5 + 2 * i, since);
        start_dnsd(&dns2, dns2_port, "dnsd2");
        assert_int_equal(load.failed, 0);
        say("F2 both DNSServices killed, one started again", ms);
    }
    all_counted();
}

static void t_f5_dnsd_stopped(void **state)
{
    uint64_t since, ms;

    (void)state;
    start_everything();
    load_start(agent.port);
    kill(dns.pid, SIGSTOP);
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    kill(dns.pid, SIGCONT);
    add_node(2);
    in_force(5, t_now_ms());
    assert_int_equal(load.failed, 0);
    say("F5 DNSService of the own zone stopped (SIGSTOP), a new node meanwhile", ms);
    all_counted();
}

static void t_f3_reportd_killed_and_f5_stopped(void **state)
{
    uint64_t ms;
    int i;

    (void)state;
    start_everything();
    load_start(agent.port);
    for (i = 0; i < rounds(); i++) {
        unsigned long long seen = load.n;

        proc_end(&rep, SIGKILL);
        T_WAIT(load.n > seen + 200);
        proc_end(&rep2, SIGKILL);
        T_WAIT(load.n > seen + 400);
        start_reportd(&rep, rep_port);
        start_reportd(&rep2, rep2_port);
        T_WAIT(load.n > seen + 600);
        kill(rep.pid, SIGSTOP);
        T_WAIT(load.n > seen + 800);
        kill(rep.pid, SIGCONT);
    }
    ms = all_counted();
    assert_int_equal(load.failed, 0);
    say("F3 F5 Report Services killed, stopped, started; every call counted once", ms);
}

static void t_f5_reportd_stopped_is_left(void **state)
{
    unsigned long long before;
    uint64_t since;

    (void)state;
    start_everything();
    load_start(agent.port);
    T_WAIT(total("succ_cnt") > 0);
    kill(rep.pid, SIGSTOP);
    since = t_now_ms();
    poll(NULL, 0, 200); /* what was on its way is there */
    before = total("succ_cnt");
    T_WAIT(total("succ_cnt") > before);
    say("F5 Report Service of the own zone stopped: the other one counts",
        t_now_ms() - since);
    kill(rep.pid, SIGCONT);
    all_counted();
}

static void t_f1_agent_killed(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    start_everything();
    load_start(agent.port);
    for (i = 0; i < rounds(); i++) {
        T_WAIT(total("succ_cnt") > 0);
        proc_end(&agent, SIGKILL);
        since = t_now_ms();
        start_chaos_agent();
        T_WAIT(n_nodes() == 3);
        ms = t_now_ms() - since;
        say("F1 agent killed and started again", ms);
    }
    load_stop();
}

static void t_f7_everything_restarted_without_database(void **state)
{
    uint64_t since, ms;

    (void)state;
    start_everything();
    assert_int_equal(mydb_run("stop"), 0);
    proc_end(&dns, SIGKILL);
    proc_end(&dns2, SIGKILL);
    proc_end(&agent, SIGTERM);
    start_dnsd(&dns, dns_port, "dnsd1");
    start_dnsd(&dns2, dns2_port, "dnsd2");
    start_chaos_agent();
    T_WAIT(n_nodes() == 3);
    load_start(agent.port);
    T_WAIT(load.n > 500);
    assert_int_equal(load.failed, 0);
    assert_int_equal(mydb_run("start"), 0);
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    say("F7 agent and DNSServices restarted without the database", ms);
    all_counted();
}

/* The pid of the private server. */
static pid_t db_pid(void)
{
    char path[100];
    int pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/pid", mydb_dir);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

static void t_f8_database_hangs(void **state)
{
    unsigned long long seen;
    uint64_t since, ms;
    pid_t pid;
    int c;

    (void)state;
    start_everything();
    pid = db_pid();
    load_start(agent.port);
    kill(pid, SIGSTOP);
    seen = load.n;
    T_WAIT(load.n > seen + 1500); /* longer than its time-outs */
    c = peer_connect(dns.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 3); /* the loops answer as ever */
    close(c);
    kill(pid, SIGCONT);
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    assert_int_equal(load.failed, 0);
    say("F8 database hangs (SIGSTOP)", ms);
    all_counted();
}

static void t_f9_database_killed_under_load(void **state)
{
    uint64_t since, ms;
    int i;

    (void)state;
    start_everything();
    load_start(agent.port);
    for (i = 0; i < rounds(); i++) {
        unsigned long long before = total("succ_cnt");

        T_WAIT(total("succ_cnt") > before);
        kill(db_pid(), SIGKILL);
        T_WAIT(mydb_run("stop") == 0);
        assert_int_equal(mydb_run("start"), 0);
        since = t_now_ms();
        add_node(i);
        ms = in_force(4 + i, since);
        say("F9 database killed under load", ms);
    }
    all_counted();
    assert_int_equal(load.failed, 0);
}

static void t_f10_table_emptied_and_spoiled(void **state)
{
    uint64_t since, ms;

    (void)state;
    start_everything();
    load_start(agent.port);
    mydb_sql("TRUNCATE TABLE RouteData");
    proc_expect_line(dns.err, "route.held");
    proc_expect_line(dns2.err, "route.held");
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1,1,INET_ATON('127.0.1.1'),80), (1,1,INET_ATON('127.0.1.2'),80), "
             "(1,1,INET_ATON('200.1.2.3'),80), (1,1,5,0), (1,1,6,70000), (0,0,7,7), "
             "(4294967295,4294967295,4294967295,4294967295)");
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    assert_int_equal(load.failed, 0);
    say("F10 table truncated, then filled with bad rows as well", ms);
    all_counted();
}

static void t_f17_f18_disk_full_and_file_spoiled(void **state)
{
    char path[140], beside[160];
    struct stat st;
    int fd;

    (void)state;
    start_everything();
    load_start(agent.port);
    snprintf(path, sizeof(path), "%s/dnsd1/dnsd.routes", mydb_dir);
    snprintf(beside, sizeof(beside), "%s.new", path);
    T_WAIT(stat(path, &st) == 0);
    assert_int_equal(symlink("/dev/full", beside), 0);
    add_node(1);
    proc_expect_line(dns.err, "route.file");
    in_force(4, t_now_ms());
    add_node(2);
    in_force(5, t_now_ms());
    proc_end(&dns, SIGKILL);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\x80", 1, 30), 1);
    close(fd);
    assert_int_equal(mydb_run("stop"), 0);
    start_dnsd(&dns, dns_port, "dnsd1");
    proc_expect_line(dns.err, "not used");
    assert_int_equal(mydb_run("start"), 0);
    add_node(3);
    assert_true(in_force(6, t_now_ms()) < T_DEADLINE_MS);
    assert_int_equal(load.failed, 0);
    say("F17 F18 no space for the last known good file, then a spoiled one", 0);
    all_counted();
}

static void t_zone_killed(void **state)
{
    uint64_t since, ms;

    (void)state;
    start_everything();
    load_start(agent.port);
    kill(dns.pid, SIGKILL);
    kill(rep.pid, SIGKILL);
    proc_wait(&dns);
    proc_wait(&rep);
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    remove_node(1);
    in_force(3, t_now_ms());
    say("control plane of the own zone killed", ms);
    assert_int_equal(load.failed, 0);
    all_counted();
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, chaos_setup, chaos_teardown)

MYDB_MAIN(C(t_f2_dnsd_killed), C(t_f5_dnsd_stopped),
          C(t_f3_reportd_killed_and_f5_stopped), C(t_f5_reportd_stopped_is_left),
          C(t_f1_agent_killed), C(t_f7_everything_restarted_without_database),
          C(t_f8_database_hangs), C(t_f9_database_killed_under_load),
          C(t_f10_table_emptied_and_spoiled), C(t_f17_f18_disk_full_and_file_spoiled),
          C(t_zone_killed))
