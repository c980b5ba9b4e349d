/* The controller of a module with nodes in two zones: nodes of the other zone are checked
 * and called only when the own zone is in trouble, and then no call fails while one node
 * works anywhere. */
#include "lib/onemodule.h"

#define OWN (FX_N / 2)

static void two_zones(void)
{
    uint32_t i;

    fx.s.view.n_own = OWN;
    for (i = OWN; i < FX_N; i++)
        fx.member[i].zone = 1;
}

static void fail_own_zone(bool fails)
{
    uint32_t i;

    for (i = 0; i < OWN; i++)
        fx.bad[i] = fails;
}

static void t_nodes_of_other_zones_are_in_reserve_until_there_is_trouble(void **state)
{
    uint32_t i;

    (void)state;
    two_zones();
    fx_run(5000, NULL);
    for (i = OWN; i < FX_N; i++) {
        assert_int_equal(fx.cost[i], NODE_OUT | NODE_UNSEEN);
        assert_false(controller_wants_check(&fx.s, i, fx.now_ms));
        assert_int_equal(fx.node[i].state.checked_ms, 0);
        assert_int_equal(fx.calls[i], 0);
    }
    fx.bad[0] = true;
    fx_run(500, NULL);
    for (i = OWN; i < FX_N; i++)
        assert_true(controller_wants_check(&fx.s, i, fx.now_ms));
    assert_true(fx.cost[FX_N - 1] < NODE_OUT);
    assert_int_equal(fx.calls[FX_N - 1], 0); /* one of four down: calls stay */
}

static void t_nodes_of_other_zones_are_forgotten_2_s_after_the_trouble(void **state)
{
    uint32_t i;

    (void)state;
    two_zones();
    fx_run(5000, NULL);
    fx.bad[0] = fx.bad[FX_N - 1] = true;
    fx_run(3000, NULL);
    assert_int_equal(fx.node[FX_N - 1].state.status, NODE_STATUS_DOWN);
    assert_int_equal(fx.s.n_down, 2);
    fx.bad[0] = false;
    while (fx.node[0].state.status != NODE_STATUS_UP)
        fx_run(FX_TICK_MS, NULL);
    fx_run(1900, NULL);
    assert_int_equal(fx.s.n_down, 1);
    fx_run(200, NULL);
    assert_int_equal(fx.s.n_out, 0);
    for (i = OWN; i < FX_N; i++)
        assert_int_equal(fx.cost[i], NODE_OUT | NODE_UNSEEN);
}

/* An agent that starts adopts what its predecessor had found out, also of nodes of
 * other zones, and the trouble may be over by then. */
static void t_adopted_nodes_of_other_zones_are_forgotten_without_trouble(void **state)
{
    (void)state;
    two_zones();
    node_state_eject(&fx.node[FX_N - 1].state, &health_preset.state, EJECT_CHECK,
                     fx.now_ms);
    fx.node[FX_N - 1].state.status = NODE_STATUS_DOWN;
    node_state_eject(&fx.node[FX_N - 2].state, &health_preset.state, EJECT_STREAK,
                     fx.now_ms);
    fx.node[FX_N - 2].state.status = NODE_STATUS_TRIAL; /* no call comes to decide it */
    atomic_store(&fx.s.view.counter[FX_N - 2].streak, 200);
    fx.s.n_out = 2;
    fx.s.n_down = 1;
    fx_run(2500, NULL);
    assert_int_equal(fx.s.n_out, 0);
    fx_run(2500, NULL); /* nor are they ejected for what was counted before */
    assert_int_equal(fx.s.n_out, 0);
    assert_int_equal(fx.s.n_down, 0);
    assert_int_equal(fx.cost[FX_N - 1], NODE_OUT | NODE_UNSEEN);
}

static void t_every_policy_leaves_a_zone_that_is_down(void **state)
{
    static const char *const name[] = {"scan", "p2c", "wrr", "hash"};
    uint64_t before;
    size_t k;

    for (k = 0; k < sizeof(name) / sizeof(name[0]); k++) {
        fx_setup(state);
        two_zones();
        fx.s.view.policy = fx_policy(name[k]);
        fx_run(5000, NULL);
        fail_own_zone(true);
        fx_run(3000, NULL);
        before = fx_n_failed();
        fx_run(10000, NULL);
        if (fx_n_failed() != before)
            fail_msg("%s: %d calls failed", name[k], (int)(fx_n_failed() - before));
        fail_own_zone(false);
        fx_run(50000, NULL);
        assert_int_equal(fx.s.n_out, 0);
        assert_false(fx.s.spills);
    }
}

static void t_one_node_anywhere_gets_all_calls(void **state)
{
    static const char *const name[] = {"scan", "p2c", "wrr", "hash"};
    uint64_t before;
    uint32_t i;
    size_t k;

    for (k = 0; k < sizeof(name) / sizeof(name[0]); k++) {
        fx_setup(state);
        two_zones();
        fx.member[FX_N - 1].weight = 1;
        fx.s.view.policy = fx_policy(name[k]);
        fx_run(5000, NULL);
        for (i = 0; i < FX_N - 1; i++)
            fx.bad[i] = true;
        fx_run(4000, NULL);
        before = fx_n_failed();
        fx_run(10000, NULL);
        if (fx_n_failed() != before)
            fail_msg("%s: %d calls failed", name[k], (int)(fx_n_failed() - before));
    }
}

static void t_own_node_of_a_tiny_weight_is_not_overrun_beside_another_zone(void **state)
{
    uint64_t before;

    (void)state;
    two_zones();
    fx.member[0].weight = 1;
    fx_run(5000, NULL);
    fx.bad[1] = fx.bad[2] = fx.bad[3] = true;
    fx_run(3000, NULL);
    before = fx.calls[0];
    fx_run(10000, NULL);
    assert_in_range(fx.calls[0] - before, 0, 40); /* of 4,000 */
    assert_int_equal(fx.s.n_down, 3);
}

#define P(f) cmocka_unit_test_setup(f, fx_setup)

T_MAIN(P(t_nodes_of_other_zones_are_in_reserve_until_there_is_trouble),
       P(t_nodes_of_other_zones_are_forgotten_2_s_after_the_trouble),
       P(t_adopted_nodes_of_other_zones_are_forgotten_without_trouble),
       P(t_every_policy_leaves_a_zone_that_is_down),
       P(t_one_node_anywhere_gets_all_calls),
       P(t_own_node_of_a_tiny_weight_is_not_overrun_beside_another_zone))
