/* Clients and the agent are killed at random under full load.  No answer is wrong and no
 * call hangs; at the end every call was either reported or abandoned, and the call logs
 * and the database agree.
 *   LARS_CHAOS=N   N times as many kills (make chaos) */
#include "lib/system.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/rnd.h"
#include "shmem/call_log.h"
#include "shmem/node_table.h"

#define CLIENTS 4
#define KILLS 40 /* of clients; the agent is killed once for each ten of them */

/* What the child processes count, in memory that they share with the test. */
struct truth {
    _Atomic uint64_t begun, done, wrong, failed, ready;
};

static struct truth *truth;
static pid_t child[CLIENTS];
static struct rnd rnd;

static int torture_setup(void **state)
{
    int rc = system_setup_shm(state);

    truth = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (truth == MAP_FAILED) {
        print_error("cannot map a page: %s\n", strerror(errno));
        return -1;
    }
    return rc;
}

static int torture_teardown(void **state)
{
    int i;

    for (i = 0; i < CLIENTS; i++)
        if (child[i] > 0) {
            kill(child[i], SIGKILL);
            waitpid(child[i], NULL, 0);
        }
    munmap(truth, 4096);
    return system_teardown(state);
}

static bool is_right(const struct lars_host *h)
{
    return h->modid == 1 && h->cmdid == 1 && h->addr.port == 80 &&
           ((h->addr.ip[0] == 127 && h->addr.ip[2] == 1) || h->addr.ip[0] == 224);
}

static void call_until_killed(struct truth *t, uint64_t seed)
{
    struct lars_options opt = {.dir = sys.dir,
                               .port = (uint16_t)sys.agentd.port,
                               .timeout_ms = 5000}; /* the first call is by UDP */
    struct lars_host h[4];
    bool open[4] = {false};
    struct lars_client *c;
    struct rnd r;
    int i;

    rnd_init(&r, seed);
    if (lars_open(&c, &opt) < 0)
        _exit(1);
    for (;;) {
        i = (int)(rnd_u32(&r) % 4);
        if (open[i]) {
            t->failed += lars_report(c, &h[i], rnd_u32(&r) % 50 == 0) != 0;
            t->done++;
            open[i] = false;
        } else if (lars_get_host(c, 1, 1, &h[i]) == 0) {
            t->wrong += !is_right(&h[i]);
            if (!system_is_by_shm(&h[i])) { /* by UDP: shared memory has no nodes yet */
                poll(NULL, 0, 20);
                continue;
            }
            t->begun++;
            open[i] = true;
            t->ready = 1;
        } else {
            t->failed++;
        }
        if (rnd_u32(&r) % 64 == 0)
            poll(NULL, 0, 1); /* leave the agent some processor time */
    }
}

static void start_child(int i)
{
    truth[i].ready = 0;
    child[i] = fork();
    if (child[i] == 0)
        call_until_killed(&truth[i], (uint64_t)rnd_u32(&rnd) + 1);
    T_WAIT(truth[i].ready);
}

static void kill_child(int i)
{
    kill(child[i], SIGKILL);
    assert_int_equal(waitpid(child[i], NULL, 0), child[i]);
    child[i] = 0;
}

static struct call_log_sum all_call_logs(void)
{
    struct call_log_sum s = {0};
    uint32_t i, nid;

    for (i = 0; i < SEGMENT_LOGS; i++) {
        struct call_log *c;

        if (i >= 64 && i < SEGMENT_CLIENT_LOGS)
            continue; /* this test never uses them */
        assert_int_equal(call_log_open(&c, sys.seg, i), 0);
        for (nid = 0; nid < node_table_count(sys.seg); nid++)
            call_log_sum(c, nid, &s);
        call_log_close(c);
    }
    return s;
}

static void t_random_kills_leave_every_call_reported_or_abandoned(void **state)
{
    int i, n, kills = KILLS * (getenv("LARS_CHAOS") ? atoi(getenv("LARS_CHAOS")) * 5 : 1);
    uint64_t begun = 0, done = 0, since;
    struct call_log_sum s;

    (void)state;
    rnd_init_any(&rnd);
    system_start();
    T_WAIT(segment_open(&sys.seg, sys.shm) == 0);
    for (i = 0; i < CLIENTS; i++)
        start_child(i);
    for (n = 1; n <= kills; n++) {
        poll(NULL, 0, (int)(rnd_u32(&rnd) % 20));
        i = (int)(rnd_u32(&rnd) % CLIENTS);
        kill_child(i);
        if (n % 10 == 0) {
            proc_kill(&sys.agentd);
            poll(NULL, 0, (int)(rnd_u32(&rnd) % 20));
            system_start_agentd();
        }
        start_child(i);
    }
    for (i = 0; i < CLIENTS; i++)
        kill_child(i);
    since = t_now_ms();
    T_WAIT(system_none_in_flight());
    print_message("chaos: torture: in-flight counters were 0 after %llu ms\n",
                  (unsigned long long)(t_now_ms() - since));
    T_WAIT((s = all_call_logs(), s.begun == s.done + s.abandoned));
    for (i = 0; i < CLIENTS; i++) {
        begun += truth[i].begun;
        done += truth[i].done;
        assert_int_equal(truth[i].wrong, 0);
        assert_int_equal(truth[i].failed, 0);
    }
    print_message("chaos: torture: %d kills of clients, %d of the agent: begun %llu = "
                  "reported %llu + abandoned %llu; the callers counted %llu and %llu\n",
                  kills + CLIENTS, kills / 10, (unsigned long long)s.begun,
                  (unsigned long long)s.done, (unsigned long long)s.abandoned,
                  (unsigned long long)begun, (unsigned long long)done);
    assert_int_equal(s.begun, s.done + s.abandoned);
    assert_in_range(s.done, done, done + (uint64_t)(kills + CLIENTS) + 2 * CLIENTS);
    T_WAIT(system_total("succ_cnt") + system_total("err_cnt") >= s.done);
    assert_int_equal(system_total("succ_cnt") + system_total("err_cnt"), s.done);
}

#define S(f) cmocka_unit_test_setup_teardown(f, torture_setup, torture_teardown)

TESTDB_MAIN(S(t_random_kills_leave_every_call_reported_or_abandoned))
