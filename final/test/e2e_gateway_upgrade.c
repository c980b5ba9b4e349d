/* SIGRTMIN starts the program of a gateway anew, and no visitor notices: no request fails
 * under a load without a pause, and a new program that cannot serve changes nothing.  The
 * new process is a child of the old one; this test becomes its parent when that ends. */
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define LOOPS 2
#define ROOT "../../../../../../../../../.." /* from any folder of programs */
#define RULES "[rule site]\nmodule = 10/1\n"

static struct proc gateway; /* its output is that of all that follow */
static struct httpreply reply;
static struct gateload load;
static int port, http;
static pid_t newest; /* 0 = the first one */
static bool loading;
static char program[300], log_path[200];

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    close(fd);
    return ntohs(at.sin_port);
}

static const char *write_conf(int at, const char *more)
{
    return system_write_file(
        "gateway.ini",
        "[gateway]\nlisten = 127.0.0.1:%d\nrules = %s\nloops = %d\nloops_max = %d\n"
        "idle_ms = 1000\ndrain_ms = 20000\n[agent]\ndir = %s\nport = %d\n"
        "[http]\nlisten = 127.0.0.1:%d\n[log]\npath = %s\n%s",
        at, gatesys.rules, LOOPS, LOOPS, sys.dir, sys.agentd.port, http, log_path, more);
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    memset(&load, 0, sizeof(load));
    loading = false;
    newest = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    snprintf(log_path, sizeof(log_path), "%s/access.log", testdb_dir);
    unlink(log_path);
    return rc;
}

/* Ends what a failed test has left: all of it are children of this process by and by. */
static int teardown(void **state)
{
    if (loading && !load.stop)
        gateload_stop(&load);
    if (newest > 0)
        kill(newest, SIGKILL);
    proc_kill(&gateway);
    if (newest > 0)
        waitpid(newest, NULL, 0);
    if (program[0])
        unlink(program);
    program[0] = '\0';
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    return gatesys_teardown(state);
}

static void await_healthy(void)
{
    int fd;

    T_WAIT((fd = peer_try_connect(http)) >= 0);
    close(fd);
    T_WAIT((httppeer_get(http, "/healthz", &reply), reply.status == 200));
}

static void start(const char *name)
{
    port = free_port();
    do
        http = free_port();
    while (http == port);
    proc_start(&gateway, name, "-c", write_conf(port, ""), NULL);
    proc_wait_port(&gateway);
    await_healthy();
}

static void start_load(unsigned per_connection)
{
    loading = true;
    gateload_start(&load, port, per_connection);
    T_WAIT(load.n_ok > 200);
}

static pid_t serving(void)
{
    return newest ? newest : gateway.pid;
}

/* Reads the log up to the line with <text>; returns the pid in it. */
static pid_t pid_in_line(const char *text)
{
    char line[2048];
    const char *pid;

    while (proc_line(gateway.err, line, sizeof(line)))
        if (strstr(line, text)) {
            pid = strstr(line, "pid ");
            return pid ? atoi(pid + 4) : 0;
        }
    fail_msg("the log ended without \"%s\"", text);
    return 0;
}

static void expect_end(pid_t pid)
{
    uint64_t end = t_now_ms() + T_DEADLINE_MS;
    int status = -1;

    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (t_now_ms() > end)
            fail_msg("process %d has not ended", (int)pid);
        poll(NULL, 0, 5);
    }
    if (pid == gateway.pid)
        gateway.pid = 0;
    assert_int_equal(status, 0);
}

/* Returns when the new process serves and the old one has ended. */
static void upgrade(void)
{
    pid_t old = serving(), next;
    unsigned n = load.n_ok;

    kill(old, SIGRTMIN);
    next = pid_in_line("gateway.upgrade done: ");
    assert_true(next > 0);
    newest = next;
    expect_end(old);
    if (loading)
        T_WAIT(load.n_ok > n + 200 || load.n_failed);
}

static void upgrade_in_vain(const char *reason)
{
    unsigned n = load.n_ok;

    kill(serving(), SIGRTMIN);
    pid_in_line(reason);
    assert_int_equal(kill(serving(), 0), 0);
    if (loading)
        T_WAIT(load.n_ok > n + 200 || load.n_failed);
}

static void end_newest(void)
{
    pid_t pid = serving();

    kill(pid, SIGTERM);
    expect_end(pid);
    newest = 0;
    close(gateway.in);
    close(gateway.out);
    close(gateway.err);
}

/* Listening sockets of the port in this network. */
static int n_listeners(void)
{
    char line[300], want[40];
    FILE *f = fopen("/proc/net/tcp", "r");
    int n = 0;

    assert_non_null(f);
    snprintf(want, sizeof(want), "0100007F:%04X 00000000:0000 0A", port);
    while (fgets(line, sizeof(line), f))
        n += strstr(line, want) != NULL;
    fclose(f);
    return n;
}

/* All processes wrote whole lines: each has a time and as many columns as the first. */
static void expect_whole_log(unsigned at_least)
{
    char line[2000];
    unsigned n = 0, blanks, first = 0;
    FILE *f = fopen(log_path, "r");
    const char *p;

    assert_non_null(f);
    for (; fgets(line, sizeof(line), f); n++) {
        for (blanks = 0, p = line; *p; p++)
            blanks += *p == ' ';
        first = n ? first : blanks;
        if (blanks != first || first < 18 || line[10] != 'T' || !strchr(line, '\n'))
            fail_msg("line %u: \"%s\" has %u blanks", n + 1, line, blanks);
    }
    fclose(f);
    assert_true(n >= at_least);
}

static void upgrade_three_times(unsigned per_connection)
{
    start("lars-gateway");
    start_load(per_connection);
    upgrade();
    gatesys_write_rules("[rule site]\nmodule = 10\n"); /* the second new one is broken */
    upgrade_in_vain("ended with exit status 1 before it was ready");
    gatesys_write_rules(RULES);
    upgrade();
    upgrade();
    T_WAIT(load.n_ok > 2000 || load.n_failed);
    gateload_expect_no_failure(&load);
    assert_int_equal(n_listeners(), LOOPS);
    await_healthy();
    end_newest();
    assert_int_equal(n_listeners(), 0);
    expect_whole_log(load.n_ok);
}

static void t_three_upgrades_fail_no_request_on_kept_connections(void **state)
{
    (void)state;
    upgrade_three_times(0);
}

static void t_three_upgrades_fail_no_request_on_new_connections(void **state)
{
    (void)state;
    upgrade_three_times(1);
}

static const char *build(void)
{
    return getenv("BUILD") ? getenv("BUILD") : "build";
}

static void install_copy(void)
{
    char command[700];

    snprintf(command, sizeof(command), "cp '%s/lars-gateway' '%s'", build(), program);
    assert_int_equal(system(command), 0);
}

static void write_program(const char *text, mode_t mode)
{
    FILE *f;

    unlink(program);
    f = fopen(program, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(program, mode), 0);
}

/* Starts a copy of the gateway, which write_program() replaces. */
static void start_copy(void)
{
    char name[360];

    snprintf(program, sizeof(program), "%s/gateway-program", testdb_dir);
    snprintf(name, sizeof(name), ROOT "%s", program);
    install_copy();
    start(name);
    start_load(0);
}

static void check_copy_takes_over(void)
{
    assert_int_equal(n_listeners(), LOOPS);
    install_copy();
    upgrade();
    gateload_expect_no_failure(&load);
    end_newest();
}

/* What is installed now is started, and not the file of the process that runs. */
static void t_a_broken_new_program_changes_nothing_and_is_named(void **state)
{
    (void)state;
    start_copy();
    write_program("#!/bin/sh\nexit 7\n", 0755);
    upgrade_in_vain("ended with exit status 7 before it was ready");
    write_program("#!/bin/sh\nkill -9 $$\n", 0755);
    upgrade_in_vain("was ended by signal 9 before it was ready");
    check_copy_takes_over();
}

/* Under valgrind the child of posix_spawn() does not share the memory of the gateway,
 * which therefore learns the exit status of the child and not its error. */
static void upgrade_cannot_start(const char *error)
{
    char reason[700];

    snprintf(reason, sizeof(reason),
             "gateway.upgrade failed: cannot start %s/%s%s: %s; this process serves on",
             build(), ROOT, program, error);
    if (t_mode_is("memcheck"))
        upgrade_in_vain("ended with exit status 127 before it was ready");
    else
        upgrade_in_vain(reason);
}

/* As start_copy(), but valgrind looks for no leaks.  It would look for them also in a
 * child that cannot execute the program: that child still has all allocations of the
 * gateway, so its exit status would be that of valgrind. */
static void start_copy_without_leak_check(void)
{
    char was[512], wrap[540];
    const char *env = getenv("LARS_WRAP");

    snprintf(was, sizeof(was), "%s", env ? env : "");
    snprintf(wrap, sizeof(wrap), "%s --leak-check=no", was);
    if (t_mode_is("memcheck"))
        setenv("LARS_WRAP", wrap, 1);
    start_copy();
    setenv("LARS_WRAP", was, 1);
}

static void
t_a_new_program_that_cannot_be_started_changes_nothing_and_is_named(void **state)
{
    (void)state;
    start_copy_without_leak_check();
    write_program("text\n", 0644);
    upgrade_cannot_start("Permission denied");
    unlink(program);
    upgrade_cannot_start("No such file or directory");
    check_copy_takes_over();
}

static bool is_refused(int at)
{
    int fd = peer_try_connect(at);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void t_the_new_program_has_the_new_configuration(void **state)
{
    int old = 0, fd;

    (void)state;
    start("lars-gateway");
    old = port;
    do
        port = free_port();
    while (port == old || port == http);
    write_conf(port, "");
    upgrade();
    assert_true(is_refused(old));
    fd = peer_connect(port);
    httppeer_ask(fd, "GET", "/");
    httppeer_read(fd, &reply);
    assert_int_equal(reply.status, 200);
    close(fd);
    assert_int_equal(n_listeners(), LOOPS);
    await_healthy();
    end_newest();
}

/* The rules name a module whose routes no agent has. */
static void t_sigterm_ends_a_new_program_that_is_not_ready(void **state)
{
    pid_t next;

    (void)state;
    start("lars-gateway");
    gatesys_write_rules("[rule site]\nmodule = 10/77\n");
    kill(gateway.pid, SIGRTMIN);
    next = pid_in_line("gateway.upgrade started: ");
    kill(gateway.pid, SIGRTMIN);
    pid_in_line("gateway.upgrade refused: another upgrade is in progress");
    end_newest();
    assert_int_equal(kill(next, 0), -1);
    assert_int_equal(n_listeners(), 0);
    gatesys_write_rules(RULES);
}

static void expect_notice(int fd, const char *text)
{
    struct timeval limit = {.tv_sec = T_DEADLINE_MS / 1000};
    char got[200];
    ssize_t n;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    n = recv(fd, got, sizeof(got) - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, text);
}

static void
t_systemd_learns_when_it_serves_and_which_process_is_the_main_one(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[40];

    (void)state;
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", testdb_dir);
    unlink(at.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    start("lars-gateway");
    unsetenv("NOTIFY_SOCKET");
    expect_notice(fd, "READY=1");
    upgrade();
    snprintf(text, sizeof(text), "MAINPID=%d", (int)newest);
    expect_notice(fd, text);
    end_newest();
    close(fd);
    unlink(at.sun_path);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_three_upgrades_fail_no_request_on_kept_connections),
            E(t_three_upgrades_fail_no_request_on_new_connections),
            E(t_a_broken_new_program_changes_nothing_and_is_named),
            E(t_a_new_program_that_cannot_be_started_changes_nothing_and_is_named),
            E(t_the_new_program_has_the_new_configuration),
            E(t_sigterm_ends_a_new_program_that_is_not_ready),
            E(t_systemd_learns_when_it_serves_and_which_process_is_the_main_one))
