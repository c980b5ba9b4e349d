/* Nodes that are killed, hang, are slow or flap; a restart of every program: how many
 * calls fail, with real nodes.  A number such as F31 identifies the fault in the printed
 * lines and on the pages.
 *   LARS_CHAOS=N   F33 takes N times 24 s (make chaos) */
#include "lib/chaosnodes.h"

#include <pthread.h>

/* Calls until node <i> is chosen, and adds the failures to <*failed>.  Returns the number
 * of calls. */
static int calls_until_called(int i, int *failed)
{
    uint64_t end = t_now_ms() + T_DEADLINE_MS;
    int n = 0;

    memset(&seen, 0, sizeof(seen));
    for (; seen.to[i] == 0 && t_now_ms() < end; n++)
        chaosnodes_call();
    assert_int_equal(seen.no_host, 0);
    if (seen.to[i] == 0)
        fail_msg("node %d was not chosen in %d calls, of which %d failed; its cost is "
                 "%08x, that of the next node %08x",
                 i, n, seen.failed, chaosnodes_cost(i), chaosnodes_cost((i + 1) % 4));
    *failed += seen.failed;
    return n;
}

/* lars-node alone, also under valgrind. */
static void t_node_answers_until_sigterm(void **state)
{
    struct lars_addr a = {.ip = {127, 0, 3, 1}};
    int i;

    (void)state;
    proc_start(&chaosnodes.node[0], "lars-node", "-d", "1", "127.0.3.1:0", NULL);
    system_wait_port(&chaosnodes.node[0], "lars-node");
    a.port = (uint16_t)chaosnodes.node[0].port;
    for (i = 0; i < 20; i++)
        T_WAIT(chaosnodes_ask(&a));
    assert_int_equal(proc_end(&chaosnodes.node[0], SIGTERM), 0);
}

static void t_f31_killed_node_costs_few_calls(void **state)
{
    int first, later;
    uint64_t since;

    (void)state;
    chaosnodes_up(8, false);
    assert_int_equal(chaosnodes_calls(400), 0);
    proc_kill(&chaosnodes.node[3]);
    first = chaosnodes_calls(1000);
    later = chaosnodes_calls(1000);
    chaosnodes_start(3);
    since = t_now_ms();
    chaosnodes_wait_called_again(3);
    print_message("chaos: F31 killed: %d failed calls until it was ejected, %d later; "
                  "called again %llu ms after its start\n",
                  first, later, (unsigned long long)(t_now_ms() - since));
    assert_in_range(first, 0, 10);
    assert_int_equal(later, 0);
}

/* The kernel still accepts connections for the frozen node, so that a probe by TCP
 * succeeds: each readmission, after 1, 2, 4 .. 60 s, costs a call. */
static void t_f31_frozen_node_costs_few_calls(void **state)
{
    int first, later;

    (void)state;
    chaosnodes_up(8, false);
    assert_int_equal(chaosnodes_calls(400), 0);
    kill(chaosnodes.node[3].pid, SIGSTOP);
    first = chaosnodes_calls(1000);
    later = chaosnodes_calls(1000);
    kill(chaosnodes.node[3].pid, SIGCONT);
    chaosnodes_wait_called_again(3);
    print_message("chaos: F31 frozen: %d failed calls until it was ejected, %d in 1,000 "
                  "later\n",
                  first, later);
    assert_in_range(first, 0, 10);
    assert_in_range(later, 0, 10); /* 1 % */
}

static void t_f31_slow_node_gets_few_calls(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        chaosnodes.delay[i] = i == 3 ? "30" : "3";
    chaosnodes_up(8, false);
    chaosnodes_calls(200);
    chaosnodes_calls(600);
    print_message("chaos: F31 ten times as slow as 7 others: %d of 600 calls; an "
                  "equal share is 75\n",
                  seen.to[3]);
    assert_int_equal(seen.failed, 0);
    assert_in_range(seen.to[3], 0, 25);
}

static void t_f32_most_nodes_down_costs_a_bounded_share(void **state)
{
    int i, failed, later;

    (void)state;
    chaosnodes_up(10, false);
    assert_int_equal(chaosnodes_calls(400), 0);
    for (i = 0; i < 6; i++)
        proc_kill(&chaosnodes.node[i]);
    failed = chaosnodes_calls(20000);
    later = chaosnodes_calls(20000);
    print_message(
        "chaos: F32 6 of 10 down: %d of 20,000 calls failed, then %d of 20,000\n", failed,
        later);
    /* At most half of the nodes are ejected, so that one of the six stays available; its
     * cost rises at the next tick of the agent. */
    assert_in_range(failed, 1, 6000);
    assert_in_range(later, 0, 1000);
    for (i = 0; i < 6; i++)
        chaosnodes_start(i);
    for (i = 0; i < 10; i++)
        chaosnodes_wait_called_again(i);
    assert_int_equal(chaosnodes_calls(200), 0);
}

#define CALLERS 8

static void *call_n_times(void *arg)
{
    int n = *(int *)arg;

    while (n-- > 0)
        chaosnodes_call();
    return NULL;
}

/* Makes <n> calls in each of eight threads at once, counted in seen. */
static void calls_at_once(int n)
{
    pthread_t thread[CALLERS];
    int i;

    for (i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_n_times, &n), 0);
    for (i = 0; i < CALLERS; i++)
        pthread_join(thread[i], NULL);
}

/* Has each of the four running nodes between 70 and 110 % of an equal share? */
static bool is_shared_equally(void)
{
    const atomic_int *to = seen.to;
    int i, fair = (to[6] + to[7] + to[8] + to[9]) / 4;

    for (i = 6; i < 10; i++)
        if (to[i] * 10 < fair * 7 || to[i] * 10 > fair * 11)
            return false;
    return true;
}

/* A reply takes 5 ms and eight callers wait at once, so that the calls in flight decide
 * between the nodes.  With one caller and replies of 0.1 ms, the choice would follow each
 * delay that a busy machine causes.  A round that a long delay disturbs is repeated. */
static void t_f32_running_nodes_have_equal_shares(void **state)
{
    const atomic_int *to = seen.to;
    uint64_t end;
    int i;

    (void)state;
    for (i = 0; i < CHAOSNODES_MAX; i++)
        chaosnodes.delay[i] = "5";
    chaosnodes_up(10, false);
    for (i = 0; i < 6; i++)
        proc_kill(&chaosnodes.node[i]);
    calls_at_once(100); /* the six are ejected meanwhile */
    end = t_now_ms() + T_DEADLINE_MS;
    do {
        memset(&seen, 0, sizeof(seen));
        calls_at_once(250);
        print_message("chaos: F32 6 of 10 down, of 2,000 calls 4 got %d %d %d %d\n",
                      to[6], to[7], to[8], to[9]);
    } while (!is_shared_equally() && t_now_ms() < end);
    assert_int_equal(seen.no_host, 0);
    assert_true(is_shared_equally());
}

/* Eight callers and replies of 5 ms, so that a busy machine does not hide a node. */
static void t_f33_flapping_nodes_are_ejected_seldom(void **state)
{
    int s = 12 * (getenv("LARS_CHAOS") ? 2 * atoi(getenv("LARS_CHAOS")) : 1), i, in;
    int changes[8] = {0}, most = 0, least_in = 8, n = 0;
    bool out[8] = {false}, up_now = true;
    uint64_t start, next;

    (void)state;
    for (i = 0; i < 8; i++)
        chaosnodes.delay[i] = "5";
    chaosnodes_up(8, false);
    chaosnodes_calls(200);
    start = t_now_ms();
    next = start + 2000;
    memset(&seen, 0, sizeof(seen));
    while (t_now_ms() < start + (uint64_t)s * 1000) {
        for (i = 0; i < 4 && t_now_ms() >= next; i++) {
            if (up_now)
                proc_kill(&chaosnodes.node[i]);
            else
                chaosnodes_start(i);
        }
        if (t_now_ms() >= next) {
            up_now = !up_now;
            next += 2000;
        }
        calls_at_once(2);
        n += 2 * CALLERS;
        for (i = in = 0; i < 8; i++) {
            changes[i] += chaosnodes_is_ejected(i) != out[i];
            out[i] = chaosnodes_is_ejected(i);
            in += !out[i];
        }
        least_in = in < least_in ? in : least_in;
    }
    for (i = 0; i < 8; i++)
        most = changes[i] > most ? changes[i] : most;
    print_message(
        "chaos: F33 half of 8 nodes flap for %d s: at most %d changes of a node, "
        "at least %d not ejected; %d of %d calls failed\n",
        s, most, least_in, seen.failed, n);
    assert_int_equal(seen.no_host, 0);
    assert_in_range(least_in, 4, 8);
    assert_in_range(most, 1, 11 + 6 * s / 60);
    for (i = 0; i < 4; i++)
        if (chaosnodes.node[i].pid == 0)
            chaosnodes_start(i);
}

/* Every node and every program is restarted, one after the other; every call gets a
 * node. */
static void t_f29_restart_of_every_program_leaves_calls_a_node(void **state)
{
    int i, failed = 0, n = 0;

    (void)state;
    chaosnodes_up(4, false);
    for (i = 0; i < 4; i++) {
        proc_end(&chaosnodes.node[i], SIGTERM);
        failed += chaosnodes_calls(100);
        chaosnodes_start(i);
        n += 100 + calls_until_called(i, &failed);
    }
    assert_int_equal(proc_end(&sys.dnsd, SIGTERM), 0);
    failed += chaosnodes_calls(100);
    system_start_dnsd();
    failed += chaosnodes_calls(100);
    assert_int_equal(proc_end(&sys.reportd, SIGTERM), 0);
    failed += chaosnodes_calls(100);
    system_start_reportd();
    failed += chaosnodes_calls(100);
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
    failed += chaosnodes_calls(100);
    system_start_agentd();
    failed += chaosnodes_calls(100);
    n += 600;
    print_message("chaos: F29 everything restarted in turn: %d calls, all had a node, %d "
                  "failed\n",
                  n, failed);
    T_WAIT(system_total("succ_cnt + err_cnt") >= chaosnodes.n_first + (unsigned)n);
    assert_int_equal(system_total("succ_cnt + err_cnt"),
                     chaosnodes.n_first + (unsigned)n);
}

TESTDB_MAIN(CHAOSNODES_TEST(t_node_answers_until_sigterm),
            CHAOSNODES_TEST(t_f31_killed_node_costs_few_calls),
            CHAOSNODES_TEST(t_f31_frozen_node_costs_few_calls),
            CHAOSNODES_TEST(t_f31_slow_node_gets_few_calls),
            CHAOSNODES_TEST(t_f32_most_nodes_down_costs_a_bounded_share),
            CHAOSNODES_TEST(t_f32_running_nodes_have_equal_shares),
            CHAOSNODES_TEST(t_f33_flapping_nodes_are_ejected_seldom),
            CHAOSNODES_TEST(t_f29_restart_of_every_program_leaves_calls_a_node))
