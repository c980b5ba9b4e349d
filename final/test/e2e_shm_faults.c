/* Faults around shared memory with real programs: calls continue, and totals stay exact,
 * while the agent is killed, frozen or replaced; calls of a killed client are abandoned;
 * a failing node is ejected; a client that damages what it may write stops no other
 * one. */
#include "lib/proc_stop.h"
#include "lib/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "shmem/log_owner.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"
#include "shmem/segment_private.h"

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

static void t_calls_continue_while_the_agent_is_killed(void **state)
{
    int i;

    (void)state;
    n_first = system_start_shm();
    system_make_calls_shm(sys.client, 500, 0);
    for (i = 0; i < 3; i++) {
        proc_kill(&sys.agentd);
        system_make_calls_shm(sys.client, 500, 0);
        system_start_agentd();
        system_make_calls_shm(sys.client, 500, 0);
    }
    system_check_totals(n_first + 3500, 0);
    T_WAIT(system_none_in_flight());
}

/* With the default time-out of 30 s, because the call lasts as long as the restart. */
static void t_successor_of_the_agent_accepts_calls_in_flight(void **state)
{
    struct lars_host h;

    (void)state;
    n_first = system_start_shm();
    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
    assert_int_equal(access(sys.shm, F_OK), 0); /* the client still uses it */
    system_start_agentd();
    assert_int_equal(lars_report(sys.client, &h, 0), 0); /* begun before the restart */
    system_make_calls_shm(sys.client, 10, 0);
    system_check_totals(n_first + 11, 0);
}

static uint32_t n_nodes(void)
{
    struct route_reader route = {0};
    int64_t mid = module_table_find(sys.seg, 1, 1);
    uint32_t n;

    assert_true(mid >= 0);
    T_WAIT(route_reader_read(sys.seg, (uint32_t)mid, &route) == 0);
    n = route.n;
    route_reader_free(&route);
    return n;
}

/* The file is up to a minute old, and callers by shared memory ask nothing. */
static void t_successor_follows_a_module_that_is_not_in_its_route_file(void **state)
{
    char file[300];
    uint32_t n;

    (void)state;
    system_start_shm();
    n = n_nodes();
    proc_kill(&sys.agentd);
    snprintf(file, sizeof(file), "%s/routes", sys.dir);
    unlink(file);
    system_start_agentd();
    system_make_calls_shm(sys.client, 10, 0);
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1, 1, INET_ATON('127.9.9.9'), 9)");
    T_WAIT(n_nodes() == n + 1);
}

static void t_agent_without_clients_removes_its_files(void **state)
{
    (void)state;
    n_first = system_start_shm();
    system_check_totals(n_first, 0);
    segment_close(sys.seg);
    sys.seg = NULL;
    lars_close(sys.client);
    sys.client = NULL;
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
    assert_int_equal(access(sys.shm, F_OK), -1);
}

static void t_calls_continue_while_the_agent_is_frozen(void **state)
{
    (void)state;
    n_first = system_start_shm();
    proc_stop(&sys.agentd);
    system_make_calls_shm(sys.client, 2000, 0);
    proc_continue(&sys.agentd);
    system_check_totals(n_first + 2000, 0);
}

static void t_calls_of_a_killed_client_are_abandoned(void **state)
{
    int status, ready[2];
    pid_t pid;
    char one;

    (void)state;
    n_first = system_start_shm();
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct lars_client *c = system_another_client();
        struct lars_host h;

        while (!call_by_shm(c))
            poll(NULL, 0, 5);
        lars_get_host(c, 1, 1, &h);
        lars_get_host(c, 1, 1, &h);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &one, 1), 1);
    assert_false(system_none_in_flight());
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    T_WAIT(system_none_in_flight());
    T_WAIT(!log_owner_is_taken(sys.seg, 1));
    close(ready[0]);
    close(ready[1]);
}

/* As os.closerange() does in the process itself: the lock of its call log is dropped. */
static void close_call_logs(void)
{
    char path[32], file[256];
    ssize_t n;
    int fd;

    for (fd = 3; fd < 256; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = readlink(path, file, sizeof(file) - 1);
        file[n > 0 ? n : 0] = '\0';
        if (strstr(file, "/L.") != NULL)
            close(fd);
    }
}

/* A call through shared memory.  False: it went by UDP, and is not reported. */
static bool one_call_by_shm(void)
{
    struct lars_host h;

    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    if (!system_is_by_shm(&h))
        return false;
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    return true;
}

/* Calls of two clients that are open at the same time: in one call log each would take
 * the slots of the other's calls. */
static void calls_of_both(struct lars_client *one, struct lars_client *other, int n)
{
    struct lars_host a, b;

    while (n-- > 0) {
        assert_int_equal(lars_get_host(one, 1, 1, &a), 0);
        assert_int_equal(lars_get_host(other, 1, 1, &b), 0);
        assert_true(system_is_by_shm(&a) && system_is_by_shm(&b));
        assert_int_equal(lars_report(one, &a, 0), 0);
        assert_int_equal(lars_report(other, &b, 0), 0);
    }
}

static void t_client_that_closes_its_lock_takes_a_new_log(void **state)
{
    struct lars_client *other;
    uint64_t claim;

    (void)state;
    n_first = system_start_shm();
    claim = sys.seg->counters->claim[0];
    assert_true(claim != 0);
    close_call_logs();
    T_WAIT(sys.seg->counters->claim[0] == 0); /* the agent took it for dead */
    other = system_another_client();
    system_make_calls_shm(other, 1, 0); /* takes the log that was given back */
    assert_true(sys.seg->counters->claim[0] != 0);
    assert_true(sys.seg->counters->claim[0] != claim);
    T_WAIT(one_call_by_shm());
    calls_of_both(sys.client, other, 500);
    system_check_totals(n_first + 1002, 0);
    T_WAIT(system_none_in_flight());
    lars_close(other);
}

/* --- nodes that fail, clients that damage what they share --------------------------- */

/* One call, which the node 224.1.2.3 fails.  Returns true when it was that node. */
static bool call_meets_the_failing_node(void)
{
    struct lars_host h;

    assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
    lars_report(sys.client, &h, h.addr.ip[0] == 224);
    return h.addr.ip[0] == 224;
}

/* A node that a busy machine made slow is not chosen for a while, so the failed calls are
 * counted from the first one on. */
static void t_failing_node_is_ejected_after_few_calls(void **state)
{
    int i, failed = 1;
    uint64_t end;

    (void)state;
    n_first = system_start_shm();
    T_WAIT(call_meets_the_failing_node());
    for (i = 0; i < 1000; i++)
        failed += call_meets_the_failing_node();
    assert_in_range(failed, 1, 5);
    for (end = t_now_ms() + 2500; t_now_ms() < end; poll(NULL, 0, 1))
        failed += call_meets_the_failing_node();
    assert_in_range(failed, 1, 10); /* ejected for 1 s, then until probes succeed */
}

static void t_client_that_ejects_every_node_stops_no_call(void **state)
{
    uint64_t end = t_now_ms() + 1500;
    struct lars_host h;
    uint32_t i;

    (void)state;
    n_first = system_start_shm();
    while (t_now_ms() < end) {
        for (i = 0; i < node_table_count(sys.seg); i++) {
            node_table_counters(sys.seg)[i].ejected_until_ms = t_now_ms() + 600000;
            node_table_counters(sys.seg)[i].streak = 1000000;
        }
        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        assert_int_equal(lars_report(sys.client, &h, 0), 0);
    }
    system_make_calls_shm(sys.client, 100, 0);
}

/* --- more threads of clients than the agent may have descriptors ------------------- */

#define THREADS 300
#define DESCRIPTORS "150"

static _Atomic int n_by_shm;
static _Atomic bool may_end;

static int n_descriptors(pid_t pid)
{
    char path[40];
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void *call_in_a_log_of_its_own(void *arg)
{
    struct lars_host h;

    (void)arg;
    if (lars_get_host(sys.client, 1, 1, &h) == 0) {
        n_by_shm += system_is_by_shm(&h);
        lars_report(sys.client, &h, 0);
    }
    while (!may_end)                  /* a thread that ends gives its log back */
        poll(NULL, 0, 10);
    return NULL;
}

static void t_threads_of_clients_take_no_descriptors_of_the_agent(void **state)
{
    static pthread_t th[THREADS];
    const char *wrap = getenv("LARS_WRAP");
    char before[200];
    int i;

    (void)state;
    if (wrap && wrap[0])
        skip();                       /* under valgrind another program has the limit */
    snprintf(before, sizeof(before), "%s", wrap ? wrap : "");
    n_first = system_start_shm();
    proc_end(&sys.agentd, SIGTERM);
    setenv("LARS_WRAP", "prlimit --nofile=" DESCRIPTORS ":" DESCRIPTORS, 1);
    system_start_agentd();
    setenv("LARS_WRAP", before, 1);
    T_WAIT(system_n_nodes() == 3);
    n_by_shm = 0;
    may_end = false;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&th[i], NULL, call_in_a_log_of_its_own, NULL), 0);
    T_WAIT(system_total("succ_cnt") >= n_first + THREADS);
    assert_int_equal(n_by_shm, THREADS);
    assert_in_range(n_descriptors(sys.agentd.pid), 1, THREADS / 3);
    proc_end(&sys.reportd, SIGTERM);  /* another connection needs another descriptor */
    system_start_reportd();
    system_make_calls_shm(sys.client, 100, 0);
    T_WAIT(system_total("succ_cnt") >= n_first + THREADS + 100);
    assert_int_equal(system_total("succ_cnt + err_cnt"), n_first + THREADS + 100);
    may_end = true;
    for (i = 0; i < THREADS; i++)
        pthread_join(th[i], NULL);
}

static void t_truncated_call_log_stops_no_other_client(void **state)
{
    char path[200];

    (void)state;
    n_first = system_start_shm();
    sys.seg->counters->claim[9] = 99; /* a process claims a log and damages it */
    snprintf(path, sizeof(path), "%s/L.%u.9", sys.shm, sys.seg->number);
    T_WAIT(!log_owner_is_taken(sys.seg, 9)); /* the agent has opened and freed it */
    sys.seg->counters->claim[9] = 99;
    assert_int_equal(truncate(path, 0), 0);
    proc_expect_line(sys.agentd.err, "call_log.dropped");
    system_make_calls_shm(sys.client, 100, 0);
    system_check_totals(n_first + 100, 0);
}

static void t_client_without_a_free_call_log_uses_udp(void **state)
{
    struct lars_client *c;
    struct lars_host h;
    uint32_t i;
    int locks = 0;

    (void)state;
    n_first = system_start_shm();
    proc_stop(&sys.agentd); /* a running agent would free the logs */
    for (i = 1; i < SEGMENT_CLIENT_LOGS; i++)
        sys.seg->counters->claim[i] = 1 + (uint64_t)locks;
    proc_continue(&sys.agentd);
    c = system_another_client(); /* the 1,025th */
    assert_non_null(c);
    assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
    assert_int_equal(lars_report(c, &h, 0), 0);
    system_check_totals(n_first + 1, 0);
    lars_close(c);
}

/* Both kinds of file have the version at the same place. */
static void write_major(const char *name, uint32_t major)
{
    char path[200];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", sys.shm, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &major, 4, offsetof(struct layout_meta, major)), 4);
    close(fd);
}

static bool call_is_by_shm(void)
{
    struct lars_host h;

    return lars_get_host(sys.client, 1, 1, &h) == 0 &&
           lars_report(sys.client, &h, 0) == 0 && system_is_by_shm(&h);
}

static void t_segment_of_another_major_version_is_not_used(void **state)
{
    struct lars_client *c;
    struct lars_host h;

    (void)state;
    n_first = system_start_shm();
    write_major("meta", LAYOUT_MAJOR + 1);
    c = system_another_client();
    assert_non_null(c);
    T_WAIT(lars_get_host(c, 1, 1, &h) == 0);
    assert_false(system_is_by_shm(&h));
    lars_close(c);
}

/* An agent was replaced by one whose shared memory has another layout. */
static void t_agent_replaces_the_files_of_another_major_version(void **state)
{
    uint32_t major = LAYOUT_MAJOR + 1, number;

    (void)state;
    n_first = system_start_shm();
    number = segment_number(sys.seg);
    proc_end(&sys.agentd, SIGKILL);
    write_major("meta", major);
    write_major("R.1", major);
    assert_int_equal(number, 1);
    system_start_agentd();
    proc_expect_line(sys.agentd.err, "segment.unread number=1 err=EPROTO");
    segment_close(sys.seg);
    sys.seg = NULL;
    T_WAIT(segment_open(&sys.seg, sys.shm) == 0);
    assert_int_equal(sys.seg->meta->major, LAYOUT_MAJOR);
    assert_int_equal(segment_number(sys.seg), 2);
    T_WAIT(call_is_by_shm());
}

#define S(f) cmocka_unit_test_setup_teardown(f, setup, system_teardown)
#define D(f) cmocka_unit_test_setup_teardown(f, system_setup_shm, system_teardown)

TESTDB_MAIN(S(t_calls_continue_while_the_agent_is_killed),
            D(t_successor_of_the_agent_accepts_calls_in_flight),
            D(t_successor_follows_a_module_that_is_not_in_its_route_file),
            S(t_agent_without_clients_removes_its_files),
            S(t_calls_continue_while_the_agent_is_frozen),
            S(t_calls_of_a_killed_client_are_abandoned),
            S(t_client_that_closes_its_lock_takes_a_new_log),
            S(t_failing_node_is_ejected_after_few_calls),
            S(t_client_that_ejects_every_node_stops_no_call),
            S(t_threads_of_clients_take_no_descriptors_of_the_agent),
            S(t_truncated_call_log_stops_no_other_client),
            S(t_client_without_a_free_call_log_uses_udp),
            S(t_segment_of_another_major_version_is_not_used),
            S(t_agent_replaces_the_files_of_another_major_version))
