/* Shared memory is replaced while clients are in calls: what they report in the old
 * segment, and what they report in the new one, is counted exactly once.
 *
 * The callers use shared memory only, because a report by UDP may be lost when the agent
 * ends before it has read it. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "api/lars_status.h"
#include "lib/oldlayout.h"
#include "lib/system.h"
#include "shmem/layout.h"

#define N_CALLERS 4
#define ROUNDS (getenv("LARS_MODE") ? 2 : 4) /* valgrind makes each start slow */

static atomic_bool calling;
static atomic_ullong n_true, n_refused; /* reports that returned 0, and others */
static atomic_uint n_begun; /* callers that have made a call */
static atomic_uint moved_to; /* the last segment that a caller used */
static unsigned ended_by[LARS_PATHS]; /* reports, by their way */

static int get_by_shm(struct lars_host *h)
{
    struct lars_get_options opt = {.size = sizeof(opt), .flags = LARS_GET_NOWAIT};

    return lars_get_host_opt(sys.client, 1, 1, &opt, h);
}

static void end_call(const struct lars_host *h)
{
    if (lars_report(sys.client, h, 0) == 0)
        n_true++;
    else
        n_refused++;
}

/* Other threads run between the begin of a call and its end, so that some calls are open
 * when the segment is replaced. */
static void *caller(void *arg)
{
    struct lars_host h;
    bool has_called = false;

    (void)arg;
    while (calling) {
        bool began = get_by_shm(&h) == 0;

        sched_yield();
        if (!began)
            continue;
        end_call(&h);
        n_begun += !has_called;
        has_called = true;
        moved_to = (unsigned)h.opaque[2];
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

static int setup(void **state)
{
    n_true = n_refused = 0;
    moved_to = n_begun = 0;
    return system_setup_shm(state);
}

/* The agent is started again with another size, and asked for the module: a killed one
 * may not have written its routes. */
static void restart_resized(int signo, int max_nodes)
{
    proc_end(&sys.agentd, signo);
    sys.agentd_conf[0] = '\0';
    system_agentd_conf("[shm]\ndir = %s\nmax_nodes = %d\n", sys.shm, max_nodes);
    system_start_agentd();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
}

static void check_exact(void)
{
    T_WAIT(system_total("succ_cnt") >= n_true);
    proc_end(&sys.agentd, SIGTERM); /* it sends what it has: nothing is counted twice */
    assert_int_equal(n_refused, 0);
    assert_int_equal(system_total("succ_cnt"), n_true);
    assert_int_equal(system_total("err_cnt"), 0);
}

static void check_resized(int signo)
{
    pthread_t t[N_CALLERS];
    int i;

    n_true = system_start_shm();
    start_callers(t);
    for (i = 0; i < ROUNDS; i++) {
        unsigned before = moved_to;
        unsigned long long made = n_true;

        T_WAIT(n_true > made + 100);
        restart_resized(signo, i % 2 ? 4096 : 8192);
        T_WAIT(moved_to > before && moved_to > 1);
    }
    end_callers(t);
    check_exact();
}

static void t_resized_shared_memory_loses_no_call_of_live_clients(void **state)
{
    (void)state;
    check_resized(SIGTERM);
}

static void t_killed_agent_with_another_size_loses_no_call_of_live_clients(void **state)
{
    (void)state;
    check_resized(SIGKILL);
}

/* The call is reported seconds after the new segment is in force, and a second agent
 * collects the old one after the first was killed. */
static void t_call_begun_before_the_resize_is_counted_by_a_later_agent(void **state)
{
    struct lars_host h;

    (void)state;
    n_true = system_start_shm();
    assert_int_equal(get_by_shm(&h), 0);
    restart_resized(SIGTERM, 8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    end_call(&h);
    restart_resized(SIGKILL, 8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    check_exact();
}

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

/* An agent was upgraded, and its clients have the library of the layout before. */
static void t_call_begun_in_the_layout_before_is_counted(void **state)
{
    struct lars_host h;

    (void)state;
    n_true = system_start_shm();
    assert_int_equal(get_by_shm(&h), 0);
    T_WAIT(system_total("succ_cnt") >= n_true);
    proc_end(&sys.agentd, SIGKILL);
    oldlayout_write_routes(sys.seg, sys.shm, "R.1");
    write_major("meta", LAYOUT_OLD_MAJOR);
    system_start_agentd();
    proc_expect_line(sys.agentd.err, "segment.old number=1");
    end_call(&h);
    check_exact();
}

/* --- a thread that has moved, and then reports calls of the old segment ------------- */

static void note_path(void *arg, const struct lars_ended *e)
{
    (void)arg;
    ended_by[e->path]++;
}

/* sys.client becomes a client that counts the ways of its reports. */
static void open_noting_client(void)
{
    static const struct lars_hooks hooks = {.size = sizeof(hooks), .ended = note_path};
    struct lars_options o = {.size = sizeof(o),
                             .dir = sys.dir,
                             .port = (uint16_t)atoi(sys.agentd_port),
                             .timeout_ms = 5000,
                             .hooks = &hooks};

    memset(ended_by, 0, sizeof(ended_by));
    lars_close(sys.client);
    assert_int_equal(lars_open(&sys.client, &o), 0);
}

static void *begin_call(void *arg)
{
    T_WAIT(get_by_shm(arg) == 0);
    return NULL;
}

/* Three calls of this thread and one of a thread that has ended are open while the
 * segment is replaced, and this thread has begun a call in the new one before it reports
 * them. */
static void t_thread_that_has_moved_reports_its_calls_of_the_old_segment(void **state)
{
    struct lars_host old[3], of_other, h;
    pthread_t t;
    int i;

    (void)state;
    n_true = system_start_shm();
    open_noting_client();
    for (i = 0; i < 3; i++)
        T_WAIT(get_by_shm(&old[i]) == 0);
    assert_int_equal(pthread_create(&t, NULL, begin_call, &of_other), 0);
    pthread_join(t, NULL);
    restart_resized(SIGTERM, 8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    T_WAIT(get_by_shm(&h) == 0 && h.opaque[2] != old[0].opaque[2]);
    for (i = 0; i < 3; i++)
        end_call(&old[i]);
    end_call(&of_other);
    end_call(&h);
    assert_int_equal(n_refused, 0);
    assert_int_equal(ended_by[LARS_PATH_SHM], 5);
    assert_int_equal(lars_report(sys.client, &old[0], 0), -EALREADY);
    proc_expect_line(sys.agentd.err, "segment.ended");
    check_exact();
}

static atomic_bool may_end;

/* A thread that makes no other call while the segment is replaced. */
static void *begin_call_and_stay(void *arg)
{
    begin_call(arg);
    n_begun++;
    T_WAIT(may_end);
    return NULL;
}

static void t_call_of_an_idle_thread_is_reported_by_one_that_has_moved(void **state)
{
    struct lars_host old, of_idle, h;
    pthread_t t;

    (void)state;
    n_true = system_start_shm();
    open_noting_client();
    may_end = false;
    T_WAIT(get_by_shm(&old) == 0);
    assert_int_equal(pthread_create(&t, NULL, begin_call_and_stay, &of_idle), 0);
    T_WAIT(n_begun == 1);
    restart_resized(SIGTERM, 8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    T_WAIT(get_by_shm(&h) == 0 && h.opaque[2] != old.opaque[2]);
    end_call(&of_idle);
    end_call(&old);
    end_call(&h);
    assert_int_equal(ended_by[LARS_PATH_SHM], 3);
    assert_int_equal(lars_report(sys.client, &of_idle, 0), -EALREADY);
    may_end = true;
    pthread_join(t, NULL);
    check_exact();
}

/* The files of the old segment have no names any more, as after the end of its
 * collection. */
static void t_call_of_a_segment_that_is_not_collected_is_reported_by_udp(void **state)
{
    struct lars_host old[2], h;
    char cmd[200];

    (void)state;
    n_true = system_start_shm();
    open_noting_client();
    T_WAIT(get_by_shm(&old[0]) == 0);
    T_WAIT(get_by_shm(&old[1]) == 0);
    restart_resized(SIGTERM, 8192);
    snprintf(cmd, sizeof(cmd), "rm '%s'/L.1.*", sys.shm);
    assert_int_equal(system(cmd), 0);
    end_call(&old[0]);                /* before its thread has moved */
    T_WAIT(get_by_shm(&h) == 0 && h.opaque[2] != old[0].opaque[2]);
    end_call(&old[1]);
    end_call(&h);
    assert_int_equal(ended_by[LARS_PATH_UDP], 2);
    assert_int_equal(ended_by[LARS_PATH_SHM], 1);
    check_exact();
}

/* The files of an old segment are there only as long as a client owns a log of it. */
static void t_old_segment_is_deleted_when_its_clients_have_left(void **state)
{
    char path[160];

    (void)state;
    n_true = system_start_shm();
    snprintf(path, sizeof(path), "%s/R.1", sys.shm);
    restart_resized(SIGTERM, 8192);
    proc_expect_line(sys.agentd.err, "segment.old");
    assert_int_equal(access(path, F_OK), 0);
    lars_close(sys.client);
    sys.client = NULL;
    proc_expect_line(sys.agentd.err, "segment.ended");
    T_WAIT(access(path, F_OK) == -1);
}

/* Waits until the agent has opened the log of each caller: two collections have begun
 * since all callers have called. */
static void wait_collected(void)
{
    int i;

    T_WAIT(n_begun == N_CALLERS);
    for (i = 0; i < 2; i++) {
        unsigned long long made = n_true;

        T_WAIT(system_total("succ_cnt") > made);
    }
}

/* Has this thread left the segment of <h>?  It makes a call to find out. */
static bool has_left(const struct lars_host *h)
{
    struct lars_host now;

    if (get_by_shm(&now) < 0)
        return true;
    end_call(&now);
    return now.opaque[2] != h->opaque[2];
}

/* <lost>: the folder that is emptied while callers run, and while calls are open that are
 * reported only after the agent has noticed: one before its thread has found that out,
 * and one after. */
static void check_emptied(const char *lost)
{
    struct lars_host open, open_longer;
    pthread_t t[N_CALLERS];
    char cmd[200];
    unsigned long long made;

    n_true = system_start_shm();
    restart_resized(SIGTERM, 4096);   /* the file has the port, no longer 0 */
    start_callers(t);
    wait_collected();
    assert_int_equal(get_by_shm(&open), 0);
    assert_int_equal(get_by_shm(&open_longer), 0);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'/*", lost);
    assert_int_equal(system(cmd), 0);
    proc_expect_line(sys.agentd.err, "folder.lost");
    end_call(&open);
    T_WAIT(has_left(&open));
    end_call(&open_longer);
    sys.agentd.port = 0;
    system_wait_port(&sys.agentd, "lars-agentd"); /* it has started again */
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    made = n_true;
    T_WAIT(n_true > made + 100);
    end_callers(t);
    check_exact();
}

/* /proc/self/exe, by which the agent starts again, is valgrind's own program there. */
static void skip_under_valgrind(void)
{
    const char *mode = getenv("LARS_MODE");

    if (mode && strcmp(mode, "memcheck") == 0)
        skip();
}

static void t_emptied_shared_memory_is_created_again_and_loses_no_call(void **state)
{
    (void)state;
    skip_under_valgrind();
    check_emptied(sys.shm);
}

static void t_emptied_folder_of_the_agent_is_created_again_and_loses_no_call(void **state)
{
    (void)state;
    skip_under_valgrind();
    check_emptied(sys.dir);
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, setup, system_teardown)

TESTDB_MAIN(X(t_resized_shared_memory_loses_no_call_of_live_clients),
            X(t_killed_agent_with_another_size_loses_no_call_of_live_clients),
            X(t_call_begun_before_the_resize_is_counted_by_a_later_agent),
            X(t_call_begun_in_the_layout_before_is_counted),
            X(t_emptied_shared_memory_is_created_again_and_loses_no_call),
            X(t_emptied_folder_of_the_agent_is_created_again_and_loses_no_call),
            X(t_thread_that_has_moved_reports_its_calls_of_the_old_segment),
            X(t_call_of_an_idle_thread_is_reported_by_one_that_has_moved),
            X(t_call_of_a_segment_that_is_not_collected_is_reported_by_udp),
            X(t_old_segment_is_deleted_when_its_clients_have_left))
