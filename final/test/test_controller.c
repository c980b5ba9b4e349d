/* The controller of one module over minutes of virtual time: flapping nodes (F33) are
 * ejected seldom; with most nodes down (F32) half of them stay available; a node that is
 * down (F31) costs few calls and is readmitted when it returns. */
#include "lb/controller.h"

#include <stdatomic.h>

#include "lb/policies.h"
#include "t.h"

#define N 8
#define TICK_MS 10

static _Atomic uint32_t cost[N];
static struct node_counter counter[N];
static struct node_member member[N];
static struct health_node node[N], *part[N];
static struct health_totals total[N];
static bool bad[N];
static struct pick_state st;
static int64_t slot[N];
static struct controller s;
static uint64_t now_ms, calls[N];
static int n_changes[N], least_available;

static void totals(uint32_t nid, struct health_totals *out, void *arg)
{
    (void)arg;
    *out = total[nid];
}

static void ejected(uint32_t nid, enum eject_reason why, void *arg)
{
    (void)why;
    (void)arg;
    n_changes[nid]++;
}

static const struct lb_policy *policy(const char *name)
{
    return policies_at((uint32_t)policies_find(name));
}

static int setup(void **state)
{
    uint32_t i;

    (void)state;
    memset(counter, 0, sizeof(counter));
    memset(node, 0, sizeof(node));
    memset(total, 0, sizeof(total));
    memset(bad, 0, sizeof(bad));
    memset(n_changes, 0, sizeof(n_changes));
    memset(calls, 0, sizeof(calls));
    memset(&st, 0, sizeof(st));
    memset(slot, 0, sizeof(slot));
    rnd_init(&st.rnd, 3);
    st.slot = slot;
    for (i = 0; i < N; i++) {
        cost[i] = 1000 * 256;
        member[i] = (struct node_member){i, 100, 0, 0};
    }
    s = (struct controller){.view = {.cost = cost,
                                     .counter = counter,
                                     .member = member,
                                     .n = N,
                                     .n_own = N,
                                     .demand = PICK_DEMAND_PRESET,
                                     .own_max = PICK_FULL,
                                     .policy = policy("wrr")}, /* ignores costs */
                            .cost = cost,
                            .node = node,
                            .eject_after = 3,
                            .penalty_us = CONTROLLER_PENALTY_MIN_US};
    now_ms = 1000;
    least_available = N;
    return 0;
}

static void call(void)
{
    uint32_t i = pick_node(&s.view, &st, now_ms, 0, NULL);

    calls[i]++;
    total[i].done++;
    total[i].err += bad[i];
    total[i].lat_us += bad[i] ? s.penalty_us : 2000;
    pick_call_ended(&s.view, i, s.eject_after, !bad[i], false, now_ms);
}

static void probe(void)
{
    uint32_t i;

    for (i = 0; i < N; i++) {
        if (!node[i].ejected_until_ms)
            continue;
        health_record_probe(&node[i], !bad[i]);
        if (!health_may_readmit(&node[i], now_ms))
            continue;
        counter[i].streak = health_readmit(&node[i], s.eject_after, now_ms);
        s.n_ejected--;
        n_changes[i]++;
    }
}

/* <ms> of virtual time with 400 calls a second and the ticks and probes of the agent.
 * <each> is called at each step. */
static void run(uint32_t ms, void (*each)(void))
{
    const struct controller_hooks hooks = {totals, ejected, NULL};
    uint64_t end = now_ms + ms;
    int k, in;

    for (; now_ms < end; now_ms += TICK_MS) {
        if (each)
            each();
        for (k = 0; k < 4; k++)
            call();
        controller_step(&s, &health_preset, &hooks, part, now_ms);
        if (now_ms % 1000 == 0)
            probe();
        in = (int)pick_count_available(&s.view, now_ms, NULL);
        least_available = in < least_available ? in : least_available;
    }
}

static void flap(void)                /* half of the nodes, every 2 s */
{
    int i;

    for (i = 0; i < N / 2; i++)
        bad[i] = now_ms / 2000 % 2 == 1;
}

static void t_flapping_nodes_are_ejected_seldom(void **state)
{
    int i;

    (void)state;
    run(60000, flap);                 /* ejected for 1, 2, 4, 8, 16 s */
    assert_in_range(n_changes[0], 6, 12);
    memset(n_changes, 0, sizeof(n_changes));
    run(60000, flap);
    for (i = 0; i < N; i++)
        assert_in_range(n_changes[i], 0, 6);
    assert_true(least_available >= N / 2);
}

static void t_most_nodes_down_keeps_half_available(void **state)
{
    int i;

    (void)state;
    run(5000, NULL);
    for (i = 0; i < 5; i++)
        bad[i] = true;
    run(20000, NULL);
    assert_int_equal(s.n_ejected, N / 2);
    assert_int_equal(least_available, N / 2);
    assert_true(s.n_vetoed > 0);
    for (i = 0; i < 5; i++)
        bad[i] = false;
    run(20000, NULL);
    assert_int_equal(s.n_ejected, 0);
}

static void t_a_dead_node_costs_few_calls_and_is_readmitted(void **state)
{
    uint64_t before, dead;

    (void)state;
    run(5000, NULL);
    before = calls[2];
    bad[2] = true;
    run(10000, NULL);
    dead = calls[2] - before;
    assert_in_range(dead, 3, 5);      /* eject_after is 3; calls in flight */
    bad[2] = false;
    run(3000, NULL);                  /* two probes */
    assert_int_equal(s.n_ejected, 0);
    before = calls[2];
    run(5000, NULL);
    assert_in_range(calls[2] - before, 25, 200); /* slow start */
    run(5000, NULL);
    before = calls[2];
    run(5000, NULL);
    assert_in_range(calls[2] - before, 240, 260); /* its eighth of 2,000 */
}

/* Under scan a failing node is hardly called, so it may not be ejected for a while; the
 * number of failed calls is bounded all the same, and it is tried again. */
static void t_scan_avoids_a_failing_node_and_tries_it_again(void **state)
{
    uint64_t before;

    (void)state;
    s.view.policy = policy("scan");
    run(5000, NULL);
    before = calls[2];
    bad[2] = true;
    run(60000, NULL);
    assert_in_range(calls[2] - before, 3, 10);
    bad[2] = false;
    run(30000, NULL);
    assert_int_equal(s.n_ejected, 0);
    before = calls[2];
    run(10000, NULL);
    assert_true(calls[2] - before > 200);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_flapping_nodes_are_ejected_seldom), P(t_most_nodes_down_keeps_half_available),
       P(t_a_dead_node_costs_few_calls_and_is_readmitted),
       P(t_scan_avoids_a_failing_node_and_tries_it_again))
