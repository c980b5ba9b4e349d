/* Clients and the agent are killed at random under full load: no wrong answer and no
 * hang, and at the end every call is accounted for, in the call logs and in the database.
 *   LARS_CHAOS=N   N times as many kills (make chaos) */
#include "system.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/rnd.h"
#include "shmem/call_log.h"
#include "shmem/node_table.h"

#define CLIENTS 4
#define KILLS 40 /* of clients; the agent is killed a tenth as often */

struct truth {
    _Atomic uint64_t begun, done, wrong, failed, ready;
};

static char shm[120], conf[300];
static struct segment *seg;
static struct truth *truth;
static pid_t child[CLIENTS];
static struct rnd rnd;

static int torture_setup(void **state)
{
    int rc = setup(state);

    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    snprintf(conf, sizeof(conf), "[shm]\ndir = %s\nmax_nodes = 4096\n", shm);
    more_conf = conf;
    mydb_sql("DELETE FROM ReportSeen; DELETE FROM CallSecond");
    truth = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return truth == MAP_FAILED ? -1 : rc;
}

static int torture_teardown(void **state)
{
    char cmd[300];
    int i;

    for (i = 0; i < CLIENTS; i++)
        if (child[i] > 0) {
            kill(child[i], SIGKILL);
            waitpid(child[i], NULL, 0);
        }
    segment_close(seg);
    lars_close(client);
    client = NULL;
    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
    munmap(truth, 4096);
    return teardown(state);
}

static bool is_right(const struct lars_host *h)
{
    return h->modid == 1 && h->cmdid == 1 && h->addr.port == 80 &&
           ((h->addr.ip[0] == 127 && h->addr.ip[2] == 1) || h->addr.ip[0] == 200);
}

static void call_until_killed(struct truth *t, uint64_t seed)
{
    struct lars_options opt = {.dir = dir,
                               .port = (uint16_t)agent.port,
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
            if (h[i].opaque[2] == 0) { /* by UDP, before shared memory has the module */
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
            poll(NULL, 0, 1);         /* leave the agent some processor time */
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

static bool nothing_open(void)
{
    uint32_t i;

    for (i = 0; i < node_table_count(seg); i++)
        if (node_table_counters(seg)[i].inflight != 0)
            return false;
    return true;
}

static struct call_log_sum all_call_logs(void)
{
    struct call_log_sum s = {0};
    uint32_t i, nid;

    for (i = 0; i < SEGMENT_LOGS; i++) {
        struct call_log *c;

        if (i >= 64 && i < SEGMENT_CLIENT_LOGS)
            continue;                 /* this test never uses them */
        assert_int_equal(call_log_open(&c, seg, i), 0);
        for (nid = 0; nid < node_table_count(seg); nid++)
            call_log_sum(c, nid, &s);
        call_log_close(c);
    }
    return s;
}

static void t_after_random_kills_every_call_is_accounted_for(void **state)
{
    int i, n, kills = KILLS * (getenv("LARS_CHAOS") ? atoi(getenv("LARS_CHAOS")) * 5 : 1);
    uint64_t begun = 0, done = 0, since;
    struct call_log_sum s;

    (void)state;
    rnd_init_any(&rnd);
    start_all();
    T_WAIT(segment_open(&seg, shm) == 0);
    for (i = 0; i < CLIENTS; i++)
        start_child(i);
    for (n = 1; n <= kills; n++) {
        poll(NULL, 0, (int)(rnd_u32(&rnd) % 20));
        i = (int)(rnd_u32(&rnd) % CLIENTS);
        kill_child(i);
        if (n % 10 == 0) {
            proc_kill(&agent);
            poll(NULL, 0, (int)(rnd_u32(&rnd) % 20));
            start_agent();
        }
        start_child(i);
    }
    for (i = 0; i < CLIENTS; i++)
        kill_child(i);
    since = t_now_ms();
    T_WAIT(nothing_open());
    print_message("chaos: torture: in-flight counters right after %llu ms\n",
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
    T_WAIT(total("succ_cnt") + total("err_cnt") >= s.done);
    assert_int_equal(total("succ_cnt") + total("err_cnt"), s.done);
}

#define S(f) cmocka_unit_test_setup_teardown(f, torture_setup, torture_teardown)

MYDB_MAIN(S(t_after_random_kills_every_call_is_accounted_for))
