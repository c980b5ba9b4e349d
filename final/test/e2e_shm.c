/* The data plane with real programs: a call makes no system call; totals stay exact when
 * agents and clients are killed, frozen, forked or restarted, or a client misbehaves. */
#include "system.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lb/pick.h"
#include "shmem/log_owner.h"
#include "shmem/node_table.h"
#include "shmem/segment_private.h"
#include "shmem/route_reader.h"

static char shm[120], conf[300];
static struct segment *seg;           /* as any client sees it */

static int shm_setup(void **state)
{
    int rc = setup(state);

    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    snprintf(conf, sizeof(conf), "[shm]\ndir = %s\nmax_nodes = 4096\ntimeout_ms = 400\n",
             shm);
    more_conf = conf;
    mydb_sql("DELETE FROM ReportSeen; DELETE FROM CallSecond");
    return rc;
}

static void wipe(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
}

static int shm_teardown(void **state)
{
    segment_close(seg);
    seg = NULL;
    lars_close(client);
    client = NULL;
    proc_kill(&agent);
    wipe();
    return teardown(state);
}

static uint64_t said;                 /* calls that were reported, until we were up */

static bool by_shm(struct lars_client *c)
{
    struct lars_host h;

    if (lars_get_host(c, 1, 1, &h) != 0)
        return false;
    assert_int_equal(lars_report(c, &h, 0), 0);
    said++;
    return h.opaque[2] != 0;
}

static void up(void)
{
    start_all();
    T_WAIT(segment_open(&seg, shm) == 0);
    said = 0;
    T_WAIT(by_shm(client));
    if (said > 1)                     /* by UDP, at the very start: on its way */
        T_WAIT(total("succ_cnt") >= said); /* when the agent is killed */
}

static struct lars_client *another(void)
{
    struct lars_options opt = {.dir = dir, .port = (uint16_t)agent.port};
    struct lars_client *c;

    return lars_open(&c, &opt) == 0 ? c : NULL;
}

static void calls(struct lars_client *c, int n, int failed_each)
{
    struct lars_host h;
    int i;

    for (i = 1; i <= n; i++) {
        assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
        assert_int_not_equal(h.opaque[2], 0);
        assert_int_equal(lars_report(c, &h, failed_each && i % failed_each == 0), 0);
    }
}

static void all_said(uint64_t succ, uint64_t err)
{
    T_WAIT(total("succ_cnt") + total("err_cnt") >= succ + err);
    assert_int_equal(total("succ_cnt"), succ);
    assert_int_equal(total("err_cnt"), err);
}

static bool nothing_open(void)
{
    uint32_t i;

    for (i = 0; i < node_table_count(seg); i++)
        if (node_table_counters(seg)[i].inflight != 0)
            return false;
    return true;
}

/* --- calls -------------------------------------------------------------------------- */

/* From here on any system call but exit() kills this process.  (Strict mode would forbid
 * the processor's clock as well.) */
static int only_exit(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog prog = {4, f};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void t_a_call_makes_no_system_call(void **state)
{
    int status, i;
    pid_t pid;

    (void)state;
    up();
    pid = fork();
    if (pid == 0) {
        struct lars_client *c = another();
        struct lars_host h;

        while (!by_shm(c))
            poll(NULL, 0, 5);
        for (i = 0; i < 1000; i++)    /* each node once: its page is made then */
            if (lars_get_host(c, 1, 1, &h) != 0 || lars_report(c, &h, 0) != 0)
                _exit(3);
        if (!t_mode_is("memcheck") && !t_mode_is("asan") && !t_mode_is("tsan") &&
            only_exit() != 0)
            _exit(1);
        for (i = 0; i < 10000; i++)
            if (lars_get_host(c, 1, 1, &h) != 0 || lars_report(c, &h, 0) != 0)
                syscall(SYS_exit, 2);
        syscall(SYS_exit, 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));   /* or it was killed for a system call */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void t_totals_are_exact(void **state)
{
    (void)state;
    up();
    calls(client, 5000, 10);
    all_said(said + 4500, 500);
    assert_true(nothing_open());
    assert_true(mydb_number("SELECT SUM(n) FROM CallLatency") >= 4500);
}

static void t_a_call_is_reported_once(void **state)
{
    struct lars_host h;

    (void)state;
    up();
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    assert_int_equal(lars_report(client, &h, 0), 0);
    assert_int_equal(lars_report(client, &h, 1), -EALREADY);
    all_said(said + 1, 0);
}

static void t_a_call_that_nobody_reports_fails_in_time(void **state)
{
    struct lars_host h;

    (void)state;
    up();
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    all_said(said, 1);
    assert_int_equal(lars_report(client, &h, 0), -EALREADY); /* too late */
    T_WAIT(nothing_open());
    all_said(said, 1);
}

/* It is gone before the agent looks who is there. */
static void t_a_short_life_is_counted(void **state)
{
    struct lars_options opt = {.dir = dir};
    struct lars_client *c[20];
    struct lars_host h[20];
    int i;

    (void)state;
    up();
    opt.port = (uint16_t)agent.port;
    kill(agent.pid, SIGSTOP);         /* it will not have looked */
    for (i = 0; i < 20; i++) {
        assert_int_equal(lars_open(&c[i], &opt), 0);
        assert_int_equal(lars_get_host(c[i], 1, 1, &h[i]), 0);
    }
    for (i = 0; i < 20; i++) {
        assert_int_equal(lars_report(c[i], &h[i], i % 4 == 0), 0);
        lars_close(c[i]);
    }
    kill(agent.pid, SIGCONT);
    all_said(said + 15, 5);
}

static void *call_much(void *arg)
{
    atomic_int *n = arg;
    struct lars_host h;
    int i;

    for (i = 0; i < 200; i++)
        if (lars_get_host(client, 1, 1, &h) == 0 && lars_report(client, &h, 0) == 0)
            ++*n;
    return NULL;
}

static void t_sixty_four_threads_of_one_client(void **state)
{
    pthread_t thread[64];
    atomic_int n = 0;
    int i;

    (void)state;
    up();
    for (i = 0; i < 64; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_much, &n), 0);
    for (i = 0; i < 64; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(n, 64 * 200);
    all_said(said + 64 * 200, 0);
    T_WAIT(nothing_open());
}

static void t_a_child_goes_on_with_its_parents_client(void **state)
{
    struct lars_host h;
    int status;
    pid_t pid;

    (void)state;
    up();
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    pid = fork();
    if (pid == 0) {
        struct lars_host mine;
        int i, n = 0;

        for (i = 0; i < 100; i++)
            n += lars_get_host(client, 1, 1, &mine) == 0 && mine.opaque[2] &&
                 lars_report(client, &mine, 0) == 0;
        _exit(n == 100 && lars_report(client, &h, 0) == -EPERM ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(lars_report(client, &h, 0), 0);
    calls(client, 100, 0);
    all_said(said + 201, 0);
}

/* --- deaths ------------------------------------------------------------------------- */

static void t_the_agent_is_killed_and_nobody_notices(void **state)
{
    int i;

    (void)state;
    up();
    calls(client, 500, 0);
    for (i = 0; i < 3; i++) {
        proc_kill(&agent);
        calls(client, 500, 0);
        start_agent();
        calls(client, 500, 0);
    }
    all_said(said + 3500, 0);
    T_WAIT(nothing_open());
}

static void t_the_agent_ends_and_its_successor_adopts_us(void **state)
{
    struct lars_host h;

    (void)state;
    snprintf(conf, sizeof(conf), "[shm]\ndir = %s\nmax_nodes = 4096\n", shm);
    up();                             /* its call takes as long as the restart takes */
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    assert_int_equal(proc_end(&agent, SIGTERM), 0);
    assert_int_equal(access(shm, F_OK), 0); /* we are here still */
    start_agent();
    assert_int_equal(lars_report(client, &h, 0), 0); /* begun before, ended after */
    calls(client, 10, 0);
    all_said(said + 11, 0);
}

static void t_without_clients_nothing_is_left(void **state)
{
    (void)state;
    up();
    all_said(said, 0);
    segment_close(seg);
    seg = NULL;
    lars_close(client);
    client = NULL;
    assert_int_equal(proc_end(&agent, SIGTERM), 0);
    assert_int_equal(access(shm, F_OK), -1);
}

static void t_a_frozen_agent_is_not_missed(void **state)
{
    (void)state;
    up();
    kill(agent.pid, SIGSTOP);
    calls(client, 2000, 0);
    kill(agent.pid, SIGCONT);
    all_said(said + 2000, 0);
}

static void t_a_killed_client_gives_its_calls_back(void **state)
{
    int status, ready[2];
    pid_t pid;
    char one;

    (void)state;
    up();
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct lars_client *c = another();
        struct lars_host h;

        while (!by_shm(c))
            poll(NULL, 0, 5);
        lars_get_host(c, 1, 1, &h);
        lars_get_host(c, 1, 1, &h);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &one, 1), 1);
    assert_false(nothing_open());
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    T_WAIT(nothing_open());
    T_WAIT(!log_owner_is_taken(seg, 1));
    close(ready[0]);
    close(ready[1]);
}

/* --- bad company -------------------------------------------------------------------- */

/* One call; the node 200.1.2.3 fails it.  Returns whether it was that one. */
static bool call_of_the_bad_node(void)
{
    struct lars_host h;

    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    lars_report(client, &h, h.addr.ip[0] == 200);
    return h.addr.ip[0] == 200;
}

/* A busy machine may delay the first failure: what it costs is counted from there. */
static void t_a_node_that_fails_is_left_after_k_calls(void **state)
{
    int i, failed = 1;
    uint64_t end;

    (void)state;
    up();
    T_WAIT(call_of_the_bad_node());
    for (i = 0; i < 1000; i++)
        failed += call_of_the_bad_node();
    assert_in_range(failed, 1, 5);
    for (end = t_now_ms() + 2500; t_now_ms() < end; poll(NULL, 0, 1))
        failed += call_of_the_bad_node();
    assert_in_range(failed, 1, 10);   /* out for 1 s, then until a probe goes through */
}

static void t_whoever_ejects_everything_hurts_nobody(void **state)
{
    uint64_t end = t_now_ms() + 1500;
    struct lars_host h;
    uint32_t i;

    (void)state;
    up();
    while (t_now_ms() < end) {
        for (i = 0; i < node_table_count(seg); i++) {
            node_table_counters(seg)[i].ejected_until_ms = t_now_ms() + 600000;
            node_table_counters(seg)[i].streak = 1000000;
        }
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
        assert_int_equal(lars_report(client, &h, 0), 0);
    }
    calls(client, 100, 0);
}

static void t_a_ledger_that_is_cut_off_stops_nobody(void **state)
{
    char path[200];

    (void)state;
    up();
    seg->counters->claim[9] = 99;     /* a process claims a log and damages it */
    snprintf(path, sizeof(path), "%s/L.%u.9", shm, seg->number);
    T_WAIT(!log_owner_is_taken(seg, 9)); /* the agent has it open now, and freed it */
    seg->counters->claim[9] = 99;
    assert_int_equal(truncate(path, 0), 0);
    proc_expect_line(agent.err, "call_log.dropped");
    calls(client, 100, 0);
    all_said(said + 100, 0);
}

static void t_more_clients_than_ledgers_go_by_udp(void **state)
{
    struct lars_client *c;
    struct lars_host h;
    uint32_t i;
    int locks = 0;

    (void)state;
    up();
    kill(agent.pid, SIGSTOP);         /* a running agent would free it */
    for (i = 1; i < SEGMENT_CLIENT_LOGS; i++)
        seg->counters->claim[i] = 1 + (uint64_t)locks;
    kill(agent.pid, SIGCONT);
    c = another();                    /* the 1,025th */
    assert_non_null(c);
    assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
    assert_int_equal(lars_report(c, &h, 0), 0);
    all_said(said + 1, 0);
    lars_close(c);
}

static void t_files_of_another_abi_are_left_alone(void **state)
{
    struct lars_client *c;
    struct lars_host h;
    char path[200];
    uint32_t major = LAYOUT_MAJOR + 1;
    int fd;

    (void)state;
    up();
    snprintf(path, sizeof(path), "%s/meta", shm);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &major, 4, 8), 4);
    close(fd);
    c = another();
    assert_non_null(c);
    T_WAIT(lars_get_host(c, 1, 1, &h) == 0);
    assert_int_equal(h.opaque[2], 0);
    lars_close(c);
}

static void t_a_route_change_is_seen_at_once(void **state)
{
    struct lars_addr a[8];

    (void)state;
    up();
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, zone) "
             "VALUES (1,1,INET_ATON('127.0.1.9'),80,300,'x')");
    T_WAIT(lars_get_route(client, 1, 1, a, 8) == 4);
    mydb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.9')");
    T_WAIT(lars_get_route(client, 1, 1, a, 8) == 3);
}

#define S(f) cmocka_unit_test_setup_teardown(f, shm_setup, shm_teardown)

MYDB_MAIN(S(t_a_call_makes_no_system_call), S(t_totals_are_exact),
          S(t_a_call_is_reported_once), S(t_a_call_that_nobody_reports_fails_in_time),
          S(t_a_short_life_is_counted), S(t_sixty_four_threads_of_one_client),
          S(t_a_child_goes_on_with_its_parents_client),
          S(t_the_agent_is_killed_and_nobody_notices),
          S(t_the_agent_ends_and_its_successor_adopts_us),
          S(t_without_clients_nothing_is_left), S(t_a_frozen_agent_is_not_missed),
          S(t_a_killed_client_gives_its_calls_back),
          S(t_a_node_that_fails_is_left_after_k_calls),
          S(t_whoever_ejects_everything_hurts_nobody),
          S(t_a_ledger_that_is_cut_off_stops_nobody),
          S(t_more_clients_than_ledgers_go_by_udp),
          S(t_files_of_another_abi_are_left_alone), S(t_a_route_change_is_seen_at_once))
