/* Calls through shared memory with real programs: a call makes no system call; every call
 * is counted exactly once, whether it is reported twice, late or never, by a client that
 * closes at once, by many threads or by a child process; a route change reaches the
 * clients. */
#include "lib/proc_stop.h"
#include "lib/system.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint64_t n_first; /* calls that the set-up made and reported */

static int setup(void **state)
{
    int rc = system_setup_shm(state);

    system_agentd_conf("timeout_ms = 400\n"); /* of a call without a report */
    return rc;
}

static bool call_by_shm(struct lars_client *c)
{
    struct lars_host h;

    if (lars_get_host(c, 1, 1, &h) != 0)
        return false;
    if (lars_report(c, &h, 0) != 0)
        return false;
    return system_is_by_shm(&h);
}

/* From here on the kernel kills this process at any system call except exit_group().
 * Rejected: SECCOMP_MODE_STRICT, which forbids reading the processor's clock as well, and
 * SYS_exit, which ends one thread only: a sanitizer has a second one, and the process
 * would never end. */
static int forbid_system_calls(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog prog = {4, f};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void t_call_makes_no_system_call(void **state)
{
    int status, i;
    pid_t pid;

    (void)state;
    n_first = system_start_shm();
    pid = fork();
    if (pid == 0) {
        struct lars_client *c = system_another_client();
        struct lars_host h;

        while (!call_by_shm(c))
            poll(NULL, 0, 5);
        for (i = 0; i < 1000; i++) /* the first call of a node allocates a page */
            if (lars_get_host(c, 1, 1, &h) != 0 || lars_report(c, &h, 0) != 0)
                _exit(3);
        if (!t_mode_is("memcheck") && !t_mode_is("asan") && !t_mode_is("tsan") &&
            forbid_system_calls() != 0)
            _exit(1);
        for (i = 0; i < 10000; i++)
            if (lars_get_host(c, 1, 1, &h) != 0 || lars_report(c, &h, 0) != 0)
                syscall(SYS_exit_group, 2);
        syscall(SYS_exit_group, 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* it was killed if it made a system call */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void t_calls_are_counted_exactly(void **state)
{
    (void)state;
    n_first = system_start_shm();
    system_make_calls_shm(sys.client, 5000, 10);
    system_check_totals(n_first + 4500, 500);
    assert_true(system_none_in_flight());
    assert_true(testdb_number("SELECT SUM(n) FROM CallLatency") >= 4500);
}

static void t_report_of_a_reported_call_is_ealready(void **state)
{
    struct lars_host h;

    (void)state;
    n_first = system_start_shm();
    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    assert_int_equal(lars_report(sys.client, &h, 1), -EALREADY);
    system_check_totals(n_first + 1, 0);
}

static void t_call_without_a_report_fails_at_its_timeout(void **state)
{
    struct lars_host h;

    (void)state;
    n_first = system_start_shm();
    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    system_check_totals(n_first, 1);
    assert_int_equal(lars_report(sys.client, &h, 0),
                     -EALREADY); /* the time-out has reported it */
    T_WAIT(system_none_in_flight());
    system_check_totals(n_first, 1);
}

/* The clients close before the agent looks for new call logs. */
static void t_calls_of_a_short_lived_client_are_counted(void **state)
{
    struct lars_options opt = {.dir = sys.dir};
    struct lars_client *c[20];
    struct lars_host h[20];
    int i;

    (void)state;
    n_first = system_start_shm();
    opt.port = (uint16_t)sys.agentd.port;
    proc_stop(&sys.agentd); /* so that it finds no new call log */
    for (i = 0; i < 20; i++) {
        assert_int_equal(lars_open(&c[i], &opt), 0);
        assert_int_equal(lars_get_host(c[i], 1, 1, &h[i]), 0);
    }
    for (i = 0; i < 20; i++) {
        assert_int_equal(lars_report(c[i], &h[i], i % 4 == 0), 0);
        lars_close(c[i]);
    }
    proc_continue(&sys.agentd);
    system_check_totals(n_first + 15, 5);
}

static void *make_200_calls(void *arg)
{
    atomic_int *n = arg;
    struct lars_host h;
    int i;

    for (i = 0; i < 200; i++)
        if (lars_get_host(sys.client, 1, 1, &h) == 0 &&
            lars_report(sys.client, &h, 0) == 0)
            ++*n;
    return NULL;
}

static void t_calls_of_64_threads_of_one_client_are_exact(void **state)
{
    pthread_t thread[64];
    atomic_int n = 0;
    int i;

    (void)state;
    n_first = system_start_shm();
    for (i = 0; i < 64; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, make_200_calls, &n), 0);
    for (i = 0; i < 64; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(n, 64 * 200);
    system_check_totals(n_first + 64 * 200, 0);
    T_WAIT(system_none_in_flight());
}

static void t_client_of_the_parent_works_in_a_child(void **state)
{
    struct lars_host h;
    int status;
    pid_t pid;

    (void)state;
    n_first = system_start_shm();
    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    pid = fork();
    if (pid == 0) {
        struct lars_host mine;
        int i, n = 0;

        for (i = 0; i < 100; i++)
            n += lars_get_host(sys.client, 1, 1, &mine) == 0 && system_is_by_shm(&mine) &&
                 lars_report(sys.client, &mine, 0) == 0;
        _exit(n == 100 && lars_report(sys.client, &h, 0) == -EPERM ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    system_make_calls_shm(sys.client, 100, 0);
    system_check_totals(n_first + 201, 0);
}

static void t_route_change_reaches_a_client(void **state)
{
    struct lars_addr a[8];

    (void)state;
    n_first = system_start_shm();
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, zone) "
               "VALUES (1,1,INET_ATON('127.0.1.9'),80,300,'x')");
    T_WAIT(lars_get_route(sys.client, 1, 1, a, 8) == 4);
    testdb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.9')");
    T_WAIT(lars_get_route(sys.client, 1, 1, a, 8) == 3);
}

#define S(f) cmocka_unit_test_setup_teardown(f, setup, system_teardown)

TESTDB_MAIN(S(t_call_makes_no_system_call), S(t_calls_are_counted_exactly),
            S(t_report_of_a_reported_call_is_ealready),
            S(t_call_without_a_report_fails_at_its_timeout),
            S(t_calls_of_a_short_lived_client_are_counted),
            S(t_calls_of_64_threads_of_one_client_are_exact),
            S(t_client_of_the_parent_works_in_a_child),
            S(t_route_change_reaches_a_client))
