/* The controller of one module over minutes of virtual time: flapping nodes (F33) are
 * ejected seldom; any number of nodes may be
 * down (F32), and at most half are ejected by statistics; a node that is
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
static enum node_check kind;
static bool open_ports;               /* checks succeed although calls fail */
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

static void changed(uint32_t nid, enum node_event event, void *arg)
{
    (void)arg;
    n_changes[nid] += event == NODE_EVENT_OUT || event == NODE_EVENT_UP;
}

static const struct controller_hooks hooks = {totals, changed, NULL};

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
    kind = NODE_CHECK_SERVICE;
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

/* The checks of the agent, four times a second; what they ask is <kind>. */
static void check(void)
{
    uint32_t i;

    for (i = 0; i < N; i++)
        if (controller_wants_check(&s, i, now_ms))
            controller_checked(&s, &health_preset, &hooks, i, kind,
                               open_ports || !bad[i], now_ms);
}

/* <ms> of virtual time with 400 calls a second and the ticks and probes of the agent.
 * <each> is called at each step. */
static void run(uint32_t ms, void (*each)(void))
{
    uint64_t end = now_ms + ms;
    struct pick_census in;
    int k;

    for (; now_ms < end; now_ms += TICK_MS) {
        if (each)
            each();
        for (k = 0; k < 4; k++)
            call();
        controller_step(&s, &health_preset, &hooks, part, now_ms);
        if (now_ms % 250 == 0)
            check();
        pick_count(&s.view, now_ms, &in);
        if ((int)in.own < least_available)
            least_available = (int)in.own;
    }
}

static void run_with_open_ports(uint32_t ms)
{
    open_ports = true;
    run(ms, NULL);
    open_ports = false;
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

static void t_any_number_of_nodes_may_be_down(void **state)
{
    uint64_t before;
    int i;

    (void)state;
    run(5000, NULL);
    for (i = 0; i < N - 1; i++)
        bad[i] = true;
    run(3000, NULL);
    assert_int_equal(s.n_down, N - 1);
    assert_int_equal(least_available, 1);
    before = calls[N - 1];
    run(10000, NULL);
    assert_int_equal(calls[N - 1] - before, 4000); /* all of them */
    for (i = 0; i < N - 1; i++)
        bad[i] = false;
    run(3000, NULL);
    assert_int_equal(s.n_out, 0);
}

/* The nodes' ports are open, but their calls fail: only statistics can tell. */
static void t_statistics_eject_at_most_half(void **state)
{
    int i;

    (void)state;
    kind = NODE_CHECK_PORT;
    run(5000, NULL);
    for (i = 0; i < 5; i++)
        bad[i] = true;
    run_with_open_ports(20000);
    assert_int_equal(s.n_out, N / 2);
    assert_int_equal(s.n_down, 0);
    assert_int_equal(least_available, N / 2);
    assert_true(s.n_vetoed > 0);
    for (i = 0; i < 5; i++)
        bad[i] = false;
    run_with_open_ports(70000);       /* the back-off may be 60 s */
    assert_int_equal(s.n_out, 0);
}

static void t_dead_node_costs_few_calls_and_is_readmitted(void **state)
{
    uint64_t before, dead;

    (void)state;
    run(5000, NULL);
    before = calls[2];
    bad[2] = true;
    run(10000, NULL);
    dead = calls[2] - before;
    assert_in_range(dead, 1, 4);      /* the first failed call starts a check */
    bad[2] = false;
    run(3000, NULL);                  /* two checks */
    assert_int_equal(s.n_out, 0);
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
    assert_in_range(calls[2] - before, 1, 10);
    bad[2] = false;
    run(30000, NULL);
    assert_int_equal(s.n_out, 0);
    before = calls[2];
    run(10000, NULL);
    assert_true(calls[2] - before > 200);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_flapping_nodes_are_ejected_seldom), P(t_any_number_of_nodes_may_be_down),
       P(t_statistics_eject_at_most_half),
       P(t_dead_node_costs_few_calls_and_is_readmitted),
       P(t_scan_avoids_a_failing_node_and_tries_it_again))
