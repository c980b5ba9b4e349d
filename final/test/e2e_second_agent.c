/* A second agent is started in the folders of one that runs, after a cleaner has emptied
 * them: no lock keeps it out.  In the end one agent owns the folders, and each call is
 * counted once. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/system.h"

#define N_CALLERS 4

static atomic_bool calling;
static atomic_ullong n_true; /* reports that returned 0 */

static int get_by_shm(struct lars_host *h)
{
    struct lars_get_options opt = {.size = sizeof(opt), .flags = LARS_GET_NOWAIT};

    return lars_get_host_opt(sys.client, 1, 1, &opt, h);
}

static void end_call(const struct lars_host *h)
{
    assert_int_equal(lars_report(sys.client, h, 0), 0);
    n_true++;
}

static void *caller(void *arg)
{
    struct lars_host h;

    (void)arg;
    while (calling) {
        if (get_by_shm(&h) == 0)
            end_call(&h);
        sched_yield();
    }
    return NULL;
}

static void start_callers(pthread_t t[N_CALLERS])
{
    int i;

    calling = true;
    for (i = 0; i < N_CALLERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, caller, NULL), 0);
}

static void end_callers(pthread_t t[N_CALLERS])
{
    int i;

    calling = false;
    for (i = 0; i < N_CALLERS; i++)
        pthread_join(t[i], NULL);
}

static void restart_resized(int max_nodes)
{
    proc_end(&sys.agentd, SIGTERM);
    sys.agentd_conf[0] = '\0';
    system_agentd_conf("[shm]\ndir = %s\nmax_nodes = %d\n", sys.shm, max_nodes);
    system_start_agentd();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
}

static void check_exact(void)
{
    T_WAIT(system_total("succ_cnt") >= n_true);
    proc_end(&sys.agentd, SIGTERM); /* it sends what it has: nothing is counted twice */
    assert_int_equal(system_total("succ_cnt"), n_true);
    assert_int_equal(system_total("err_cnt"), 0);
}

static struct proc second;

/* /proc/self/exe, by which the agent starts again, is valgrind's own program there. */
static void skip_under_valgrind(void)
{
    const char *mode = getenv("LARS_MODE");

    if (mode && strcmp(mode, "memcheck") == 0)
        skip();
}

static int setup(void **state)
{
    n_true = 0;
    memset(&second, 0, sizeof(second));
    return system_setup_shm(state);
}

static int teardown(void **state)
{
    proc_kill(&second);
    return system_teardown(state);
}

/* Starts it in the folders of the first one; <port> "0": with ports of its own. */
static void start_second(const char *port)
{
    const char *file = system_write_file(
        "second.ini",
        "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %s\n"
        "[reporter]\nport = %s\n%s",
        port, sys.dir, sys.dnsd_port, sys.reportd_port, sys.agentd_conf);

    proc_start(&second, "lars-agentd", "-c", file, NULL);
}

static void empty_folders(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'/* '%s'/*", sys.dir, sys.shm);
    assert_int_equal(system(cmd), 0);
}

/* Has the first agent mapped the file <name> of its shared memory? */
static bool agent_has_mapped(const char *name)
{
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "grep -q '%s$' /proc/%d/maps", name, (int)sys.agentd.pid);
    return system(cmd) == 0;
}

/* The first agent collects calls of an old segment, number 1, and of the one in force. */
static void start_with_old_segment(struct lars_host *old, struct lars_host *open)
{
    n_true = system_start_shm();
    assert_int_equal(get_by_shm(old), 0);
    restart_resized(8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    T_WAIT(get_by_shm(open) == 0 && open->opaque[2] != old->opaque[2]);
    T_WAIT(agent_has_mapped("A.1.0") && agent_has_mapped("A.2.0"));
}

/* Calls of more threads than the first agent knows, and by UDP, all to the second one. */
static void call_second(void)
{
    struct lars_options o = {.size = sizeof(o),
                             .dir = "/nowhere",
                             .port = (uint16_t)second.port,
                             .timeout_ms = 5000};
    struct lars_client *by_udp;
    unsigned long long made = n_true;
    pthread_t t[N_CALLERS];
    struct lars_host h;
    int i;

    assert_int_equal(lars_open(&by_udp, &o), 0);
    T_WAIT(lars_register(by_udp, 1, 1) == 0);
    T_WAIT(get_by_shm(&h) == 0);
    end_call(&h);
    start_callers(t);
    for (i = 0; i < 100; i++) {
        assert_int_equal(lars_get_host(by_udp, 1, 1, &h), 0);
        assert_int_equal(lars_report(by_udp, &h, 0), 0);
        n_true++;
    }
    T_WAIT(n_true > made + 1000);
    end_callers(t);
    lars_close(by_udp);
    T_WAIT(system_total("succ_cnt") >= n_true - 1); /* and the first one collects on */
}

static ino_t inode_in(const char *dir, const char *name)
{
    char path[200];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (stat(path, &st) == -1)
        fail_msg("%s is not there", path);
    return st.st_ino;
}

/* The second agent owns the folders, and the first one ends without touching its files:
 * it collects the calls that were begun with it, and none that were not. */
static void t_second_agent_owns_the_emptied_folder_and_the_first_ends(void **state)
{
    struct lars_host old, open;
    ino_t meta, routes;

    (void)state;
    skip_under_valgrind();
    start_with_old_segment(&old, &open);
    empty_folders();
    start_second("0");
    system_wait_port(&second, "lars-agentd");
    proc_expect_line(sys.agentd.err, "folder.lost");
    meta = inode_in(sys.shm, "meta");
    routes = inode_in(sys.shm, "R.1");
    call_second();
    end_call(&old);
    end_call(&open);
    proc_expect_line(sys.agentd.err, "cannot use the folder");
    assert_int_equal(proc_wait(&sys.agentd), 1);
    assert_int_equal(inode_in(sys.shm, "meta"), meta);
    assert_int_equal(inode_in(sys.shm, "R.1"), routes);
    T_WAIT(system_total("succ_cnt") >= n_true);
    sys.agentd = second;
    second = (struct proc){0};
    check_exact();
}

/* It ends, and its lock with it, so the first one has the folders again. */
static void t_second_agent_with_the_ports_of_the_first_one_ends_at_once(void **state)
{
    (void)state;
    skip_under_valgrind();
    n_true = system_start_shm();
    restart_resized(4096); /* the file has the port, no longer 0 */
    empty_folders();
    start_second(sys.agentd_port);
    proc_expect_line(second.err, "and the next two UDP ports: Address already in use");
    assert_int_equal(proc_wait(&second), 1);
    proc_expect_line(sys.agentd.err, "folder.lost");
    sys.agentd.port = 0;
    system_wait_port(&sys.agentd, "lars-agentd");
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    check_exact();
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(X(t_second_agent_owns_the_emptied_folder_and_the_first_ends),
            X(t_second_agent_with_the_ports_of_the_first_one_ends_at_once))
