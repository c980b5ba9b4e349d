/* The policies in virtual time, with the code of production: what each promises when
 * nodes differ, fail or are down, and that a run with the same seed has the same
 * result. */
#include "sim/sim.h"

#include "t.h"

static struct sim_config cfg;

static int setup(void **state)
{
    uint32_t i;

    (void)state;
    cfg = sim_preset;
    cfg.seconds = t_mode_is("memcheck") ? 4 : 12;
    cfg.n_node = cfg.n_own = 8;
    for (i = 0; i < 8; i++)
        cfg.speed[i] = 1;
    cfg.load = 0.4;
    cfg.hiccups = false;
    return 0;
}

static struct sim_result run(void)
{
    struct sim_result r;

    assert_int_equal(sim_run(&cfg, &r), 0);
    assert_true(r.n > 1000);
    return r;
}

static double failed(const struct sim_result *r)
{
    return (double)r->n_err / (double)r->n;
}

static void t_same_seed_gives_the_same_result(void **state)
{
    struct sim_result a, b;

    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    a = run();
    b = run();
    assert_memory_equal(&a, &b, sizeof(a));
    cfg.seed = 2;
    b = run();
    assert_true(a.n != b.n);
}

static void t_scan_is_close_to_the_best_choice(void **state)
{
    struct sim_result scan, p2c, wrr, oracle;

    (void)state;
    cfg = sim_preset;
    cfg.seconds = t_mode_is("memcheck") ? 6 : 20;
    scan = run();
    cfg.policy = policies_at((uint32_t)policies_find("p2c"));
    p2c = run();
    cfg.policy = policies_at((uint32_t)policies_find("wrr"));
    wrr = run();
    cfg.balancer = SIM_ORACLE;
    oracle = run();
    assert_true(scan.p99_ms < 1.6 * oracle.p99_ms);
    assert_true(failed(&scan) < 0.0002);
    assert_true(scan.p99_ms < p2c.p99_ms);
    assert_true(failed(&wrr) > 0.01); /* wrr does not measure speeds */
}

static void t_failures_of_all_nodes_collapse_no_policy(void **state)
{
    static const double p[] = {0.05, 0.2, 0.5};
    struct sim_result r;
    int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        cfg.err = p[i];
        r = run();
        assert_true(failed(&r) < p[i] + 0.02);
    }
}

static void t_classic_algorithm_collapses(void **state)
{
    struct sim_result r;

    (void)state;
    cfg.balancer = SIM_CLASSIC;
    cfg.err = 0.3;
    cfg.seconds = 20;
    r = run();
    assert_true(failed(&r) > 0.5); /* so it is not the default */
}

static void t_dead_nodes_get_no_more_calls(void **state)
{
    struct sim_result r;

    (void)state;
    cfg.dead = 0xf;
    cfg.load = 0.3;
    cfg.seconds = 12;
    r = run();
    assert_true((double)r.n_err_late < 0.01 * (double)r.n_late);
    cfg.balancer = SIM_CLASSIC;
    r = run();
    assert_true((double)r.n_err_late >
                0.08 * (double)r.n_late); /* each 11th call probes */
}

static void t_dead_zone_gets_no_more_calls(void **state)
{
    struct sim_result r;

    (void)state;
    cfg.n_own = 4;
    cfg.dead = 0xf;
    cfg.load = 0.3;
    cfg.seconds = 12;
    r = run();
    assert_true((double)r.n_err_late < 0.01 * (double)r.n_late);
}

/* --- changes during a run ----------------------------------------------------------- */

static uint64_t n_ended, n_to_first; /* calls; of these, to node 0 from 4 s on */

static void see(const struct sim_call *c, void *arg)
{
    assert_ptr_equal(arg, &cfg);
    assert_true(c->ended_us >= c->begun_us && c->host < cfg.n_host);
    n_ended++;
    n_to_first += c->node == 0 && c->begun_us >= 4000000;
}

static void t_faults_come_and_go(void **state)
{
    const struct sim_change change[] = {{2, SIM_DEAD, 1, 1}, {4, SIM_DEAD, 1, 0}};
    struct sim_result r;

    (void)state;
    cfg.seconds = 20;
    cfg.change = change;
    cfg.n_change = 2;
    cfg.ended = see;
    cfg.arg = &cfg;
    n_ended = n_to_first = 0;
    r = run();
    assert_true(r.n_err > 0 && r.n_err_late == 0);
    assert_true(n_ended > r.n);       /* those of the first second are seen as well */
    assert_true((double)n_to_first > 0.3 * (double)r.n / 8);
}

static void t_speed_errors_and_load_change(void **state)
{
    struct sim_change change = {1, SIM_SPEED, 0xff, 0.5};
    struct sim_result before, r;

    (void)state;
    before = run();
    cfg.change = &change;
    cfg.n_change = 1;
    r = run();
    assert_true(r.p50_ms > 1.5 * before.p50_ms);
    change = (struct sim_change){1, SIM_ERR, 0xff, 0.2};
    r = run();
    assert_true(failed(&r) > 0.19 && failed(&r) < 0.21);
    change = (struct sim_change){1, SIM_LOAD, 0, 2};
    r = run();
    assert_true((double)r.n > 1.9 * (double)before.n);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_same_seed_gives_the_same_result), P(t_scan_is_close_to_the_best_choice),
       P(t_failures_of_all_nodes_collapse_no_policy),
       P(t_classic_algorithm_collapses), P(t_dead_nodes_get_no_more_calls),
       P(t_dead_zone_gets_no_more_calls), P(t_faults_come_and_go),
       P(t_speed_errors_and_load_change))
