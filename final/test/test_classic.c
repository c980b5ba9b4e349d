/* The classic algorithm, with the exact numbers of ELB and the public Lars. */
#include "lb/classic.h"
#include "base/rnd.h"
#include "t.h"

#define NOW 1000000

static struct classic *lb;

static void nodes(uint32_t n)         /* nodes 1:80 to n:80 */
{
    struct route_node at[64];
    uint32_t i;

    for (i = 0; i < n; i++)
        at[i] = (struct route_node){i + 1, 80};
    assert_int_equal(classic_set_nodes(lb, at, n, NOW), 0);
}

static int setup(void **state)
{
    t_fds_save(state);
    return classic_create(&lb, &classic_defaults);
}

static int teardown(void **state)
{
    classic_destroy(lb);
    return t_fds_check(state);
}

static int report(uint32_t ip, bool ok, int times)
{
    struct route_node n = {ip, 80};
    int rc = 0;

    while (times-- > 0 && rc == 0)
        rc = classic_report(lb, &n, ok, 0, NOW);
    return rc;
}

static uint32_t pick(void)            /* the ip of the node; 0 = -EAGAIN */
{
    struct route_node n;
    int rc = classic_pick(lb, &n);

    if (rc == -EAGAIN)
        return 0;
    assert_int_equal(rc, 0);
    return n.ip;
}

static void look(const struct classic_node *n, void *arg)
{
    struct classic_node *want = arg;

    if (n->node.ip == want->node.ip)
        *want = *n;
}

static struct classic_node view(uint32_t ip)
{
    struct classic_node n = {.node = {ip, 80}, .gone = true};

    classic_each(lb, look, &n);
    return n;
}

/* The number of errors until node 1 is overloaded by its error rate.  Successes in
 * between prevent that errors in a row overload it. */
static int errors_until_overloaded(int successes)
{
    int n = 0;

    nodes(2);
    report(1, true, successes);
    while (!view(1).overload && n < 1000) {
        report(1, false, 1);
        n++;
    }
    return n;
}

static void t_pick_idle_nodes_in_turn(void **state)
{
    uint32_t i;

    (void)state;
    nodes(3);
    for (i = 0; i < 9; i++)
        assert_int_equal(pick(), i % 3 + 1);
}

static void t_pick_without_nodes_is_enoent(void **state)
{
    struct route_node n;

    (void)state;
    assert_int_equal(classic_pick(lb, &n), -ENOENT);
    nodes(1);
    nodes(0);
    assert_int_equal(classic_pick(lb, &n), -ENOENT);
}

static void t_fifteen_errors_in_a_row_overload(void **state)
{
    (void)state;
    assert_int_equal(errors_until_overloaded(0), 15);
    assert_int_equal(classic_n_overload(lb), 1);
}

/* verr > (180 + s) / 9, without the rule of errors in a row. */
static void t_error_rate_limits_are_the_sources_numbers(void **state)
{
    static const int want[][2] = {{0, 21},  {10, 22},  {20, 23},
                                  {90, 31}, {200, 43}, {500, 76}};
    struct classic_config cfg = classic_defaults;
    size_t i;

    (void)state;
    cfg.contin_err = 100000;
    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        classic_destroy(lb);
        assert_int_equal(classic_create(&lb, &cfg), 0);
        assert_int_equal(errors_until_overloaded(want[i][0]), want[i][1]);
    }
}

static void t_success_breaks_the_row_of_errors(void **state)
{
    (void)state;
    nodes(1);
    report(1, false, 14);
    report(1, true, 1);
    report(1, false, 5);              /* 19 of 200: below 10 % */
    assert_false(view(1).overload);
}

static void t_fifteen_successes_in_a_row_bring_it_back(void **state)
{
    (void)state;
    errors_until_overloaded(0);
    report(1, true, 14);
    assert_true(view(1).overload);
    report(1, true, 1);
    assert_false(view(1).overload);
}

static void t_success_rate_brings_it_back_after_96(void **state)
{
    struct classic_config cfg = classic_defaults;

    (void)state;
    cfg.contin_succ = 100000;
    classic_destroy(lb);
    assert_int_equal(classic_create(&lb, &cfg), 0);
    errors_until_overloaded(0);
    report(1, true, 95);
    assert_true(view(1).overload);    /* 95 of 100 is not above 95 % */
    report(1, true, 1);
    assert_false(view(1).overload);
}

static void t_one_overloaded_is_every_eleventh_pick(void **state)
{
    int i, probes = 0;

    (void)state;
    nodes(4);
    report(2, false, 15);
    for (i = 1; i <= 110; i++) {
        bool probe = pick() == 2;

        assert_int_equal(probe, i % 11 == 0);
        probes += probe;
    }
    assert_int_equal(probes, 10);
}

static void t_all_overloaded_is_eagain_but_every_eleventh(void **state)
{
    int i;

    (void)state;
    nodes(2);
    report(1, false, 15);
    report(2, false, 15);
    for (i = 1; i <= 33; i++)
        assert_int_equal(pick() != 0, i % 11 == 0);
}

static void t_probes_take_the_overloaded_in_turn(void **state)
{
    int i, k;
    uint32_t probed[3] = {0};

    (void)state;
    nodes(3);
    for (i = 1; i <= 3; i++)
        report((uint32_t)i, false, 15);
    for (i = k = 0; k < 3; i++) {
        uint32_t ip = pick();

        if (ip)
            probed[k++] = ip;
    }
    assert_true(probed[0] != probed[1] && probed[1] != probed[2] &&
                probed[0] != probed[2]);
}

static void t_slow_failures_weigh_more(void **state)
{
    struct route_node n = {1, 80};

    (void)state;
    nodes(1);
    assert_int_equal(classic_report(lb, &n, false, 1999, NOW), 0); /* 19 of 199 */
    assert_false(view(1).overload);
    assert_int_equal(classic_report(lb, &n, false, 250, NOW), 0); /* 21 of 201 */
    assert_true(view(1).overload);
    assert_int_equal(view(1).err, 2); /* totals count calls */
    nodes(0);
    nodes(1);
    assert_int_equal(classic_report(lb, &n, false, 4000000000u, NOW), 0); /* counts 50 */
    assert_true(view(1).overload);
    assert_int_equal(view(1).err, 3);
}

static void t_overload_ends_after_its_time_by_the_timer(void **state)
{
    (void)state;
    errors_until_overloaded(0);
    classic_tick(lb, NOW + 14999);
    assert_true(view(1).overload);
    classic_tick(lb, NOW + 15000);
    assert_false(view(1).overload);
}

static void window(int succ, int err, int number)
{
    report(1, true, succ);
    report(1, false, err);
    classic_tick(lb, NOW + 15000u * (unsigned)number);
}

static void t_two_bad_windows_in_a_row_overload(void **state)
{
    (void)state;
    nodes(2);
    window(3, 7, 1);                  /* 70 %: bad */
    assert_false(view(1).overload);
    window(3, 7, 2);
    assert_true(view(1).overload);
}

static void t_good_or_empty_window_breaks_the_row(void **state)
{
    (void)state;
    nodes(2);
    window(3, 7, 1);
    window(4, 7, 2);                  /* 63 % */
    window(3, 7, 3);
    assert_false(view(1).overload);
    window(0, 0, 4);
    window(3, 7, 5);
    assert_false(view(1).overload);
    window(3, 7, 6);
    assert_true(view(1).overload);
}

static void t_window_resets_the_counters(void **state)
{
    int i;

    (void)state;
    nodes(2);
    for (i = 1; i <= 10; i++)         /* 14 errors, then a success */
        window(6, 13, i);
    assert_false(view(1).overload);
    assert_int_equal(view(1).err, 130); /* the totals are kept */
    assert_int_equal(view(1).succ, 60);
}

static void t_route_change_keeps_nodes_that_stay(void **state)
{
    struct route_node ab[] = {{1, 80}, {2, 80}}, bc[] = {{2, 80}, {3, 80}, {3, 80}};

    (void)state;
    assert_int_equal(classic_set_nodes(lb, ab, 2, NOW), 0);
    report(2, false, 15);
    report(1, true, 4);
    assert_int_equal(classic_set_nodes(lb, bc, 3, NOW), 0);
    assert_int_equal(classic_n_nodes(lb), 2); /* 3:80 counts once */
    assert_true(view(2).overload);
    assert_true(view(1).gone);
    assert_int_equal(pick(), 3);
    assert_int_equal(pick(), 3);
}

static void t_report_of_a_gone_node_is_counted(void **state)
{
    (void)state;
    nodes(2);
    report(2, true, 3);
    nodes(1);
    assert_int_equal(report(2, true, 1), 0); /* a call was in flight */
    assert_int_equal(report(2, false, 40), 0);
    assert_int_equal(view(2).succ, 4);
    assert_int_equal(view(2).err, 40);
    assert_int_equal(classic_n_overload(lb), 0);
    nodes(2);                         /* it returns idle, with its totals */
    assert_false(view(2).overload);
    report(2, true, 1);
    assert_int_equal(view(2).succ, 5);
    assert_int_equal(report(99, true, 1), -ENOENT);
}

static void count(const struct classic_node *n, void *arg)
{
    (void)n;
    ++*(int *)arg;
}

static void t_gone_nodes_are_bounded(void **state)
{
    struct route_node n = {0, 80};
    int all = 0;

    (void)state;
    for (n.ip = 1; n.ip <= 5000; n.ip++)
        assert_int_equal(classic_set_nodes(lb, &n, 1, NOW), 0);
    classic_each(lb, count, &all);
    assert_int_equal(all, CLASSIC_MAX_GONE + 1);
    assert_int_equal(report(1, true, 1), -ENOENT); /* the oldest is forgotten */
    assert_int_equal(report(4999, true, 1), 0);
}

/* A weakness: while half of the nodes are down, every eleventh call fails as a probe. */
static void t_weakness_probes_are_users_calls(void **state)
{
    int i, failed = 0;
    uint64_t now = NOW;

    (void)state;
    nodes(8);
    for (i = 1; i <= 4; i++)
        report((uint32_t)i, false, 15);
    for (i = 0; i < 11000; i++) {
        uint32_t ip = pick();
        struct route_node n = {ip, 80};

        failed += ip <= 4;
        assert_int_equal(classic_report(lb, &n, ip > 4, 0, now), 0);
    }
    assert_int_equal(failed, 1000);
}

/* A weakness: when all nodes fail some of their calls, all nodes are overloaded. */
static void t_weakness_uniform_errors_collapse(void **state)
{
    struct rnd r;
    int i, ok = 0;

    (void)state;
    rnd_init(&r, 1);
    nodes(4);
    for (i = 0; i < 100000; i++) {    /* 1,000 calls a second, 20 % fail */
        uint64_t now = NOW + (uint64_t)i;
        struct route_node n;

        if (classic_pick(lb, &n) == 0) {
            bool good = rnd_u32(&r) % 100 >= 20;

            ok += good;
            classic_report(lb, &n, good, 0, now);
        }
        if (i % 100 == 0)
            classic_tick(lb, now);
    }
    assert_true(ok < 40000);          /* of 80,000 that could have succeeded */
}

/* After any sequence of calls each node is in one queue, and no memory is lost. */
static void t_random_use_keeps_the_invariant(void **state)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : t_now_ms(), now = NOW;
    struct route_node set[8], n;
    struct rnd r;
    int i, k;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    for (i = 0; i < 20000; i++) {
        uint32_t what = rnd_u32(&r) % 100;

        n = (struct route_node){rnd_u32(&r) % 12, 80};
        now += rnd_u32(&r) % 200;
        if (what < 5) {
            for (k = 0; k < 8; k++)
                set[k] = (struct route_node){rnd_u32(&r) % 12, 80};
            assert_int_equal(classic_set_nodes(lb, set, rnd_u32(&r) % 9, now), 0);
        } else if (what < 50) {
            int rc = classic_pick(lb, &n);

            assert_true(rc == 0 || rc == (classic_n_nodes(lb) ? -EAGAIN : -ENOENT));
            assert_true(rc < 0 || !view(n.ip).gone);
        } else if (what < 95) {
            classic_report(lb, &n, rnd_u32(&r) % 2, rnd_u32(&r) % 3000, now);
        } else {
            classic_tick(lb, now);
        }
        assert_true(classic_n_overload(lb) <= classic_n_nodes(lb));
    }
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_pick_idle_nodes_in_turn), E(t_pick_without_nodes_is_enoent),
       E(t_fifteen_errors_in_a_row_overload),
       E(t_error_rate_limits_are_the_sources_numbers),
       E(t_success_breaks_the_row_of_errors),
       E(t_fifteen_successes_in_a_row_bring_it_back),
       E(t_success_rate_brings_it_back_after_96),
       E(t_one_overloaded_is_every_eleventh_pick),
       E(t_all_overloaded_is_eagain_but_every_eleventh),
       E(t_probes_take_the_overloaded_in_turn), E(t_slow_failures_weigh_more),
       E(t_overload_ends_after_its_time_by_the_timer),
       E(t_two_bad_windows_in_a_row_overload), E(t_good_or_empty_window_breaks_the_row),
       E(t_window_resets_the_counters), E(t_route_change_keeps_nodes_that_stay),
       E(t_report_of_a_gone_node_is_counted), E(t_gone_nodes_are_bounded),
       E(t_weakness_probes_are_users_calls), E(t_weakness_uniform_errors_collapse),
       E(t_random_use_keeps_the_invariant))
