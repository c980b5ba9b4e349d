/* The controller of one module over minutes of virtual time: flapping nodes (F33) are
 * ejected seldom; any number of nodes may be
 * down (F32), and at most half are ejected by statistics; a node that is
 * down (F31) costs few calls and is readmitted when it returns. */
#include "lib/onemodule.h"

static void run_with_open_ports(uint32_t ms)
{
    fx.open_ports = true;
    fx_run(ms, NULL);
    fx.open_ports = false;
}

static void flap(void) /* half of the nodes, every 2 s */
{
    int i;

    for (i = 0; i < FX_N / 2; i++)
        fx.bad[i] = fx.now_ms / 2000 % 2 == 1;
}

static void t_flapping_nodes_are_ejected_seldom(void **state)
{
    int i;

    (void)state;
    fx_run(60000, flap); /* ejected for 1, 2, 4, 8, 16 s */
    assert_in_range(fx.n_changes[0], 6, 12);
    memset(fx.n_changes, 0, sizeof(fx.n_changes));
    fx_run(60000, flap);
    for (i = 0; i < FX_N; i++)
        assert_in_range(fx.n_changes[i], 0, 6);
    assert_true(fx.least_available >= FX_N / 2);
}

static void t_any_number_of_nodes_may_be_down(void **state)
{
    uint64_t before;
    int i;

    (void)state;
    fx_run(5000, NULL);
    for (i = 0; i < FX_N - 1; i++)
        fx.bad[i] = true;
    fx_run(3000, NULL);
    assert_int_equal(fx.s.n_down, FX_N - 1);
    assert_int_equal(fx.least_available, 1);
    before = fx.calls[FX_N - 1];
    fx_run(10000, NULL);
    assert_int_equal(fx.calls[FX_N - 1] - before, 4000); /* all of them */
    for (i = 0; i < FX_N - 1; i++)
        fx.bad[i] = false;
    fx_run(3000, NULL);
    assert_int_equal(fx.s.n_out, 0);
}

/* The nodes' ports are open, but their calls fail: only statistics can tell. */
static void t_statistics_eject_at_most_half(void **state)
{
    int i;

    (void)state;
    fx.kind = NODE_CHECK_PORT;
    fx_run(5000, NULL);
    for (i = 0; i < 5; i++)
        fx.bad[i] = true;
    run_with_open_ports(20000);
    assert_int_equal(fx.s.n_out, FX_N / 2);
    assert_int_equal(fx.s.n_down, 0);
    assert_int_equal(fx.least_available, FX_N / 2);
    assert_true(fx.s.n_vetoed > 0);
    for (i = 0; i < 5; i++)
        fx.bad[i] = false;
    run_with_open_ports(70000); /* the back-off may be 60 s */
    assert_int_equal(fx.s.n_out, 0);
}

static void t_dead_node_costs_few_calls_and_is_readmitted(void **state)
{
    uint64_t before, dead;

    (void)state;
    fx_run(5000, NULL);
    before = fx.calls[2];
    fx.bad[2] = true;
    fx_run(10000, NULL);
    dead = fx.calls[2] - before;
    assert_in_range(dead, 1, 4); /* the first failed call starts a check */
    fx.bad[2] = false;
    fx_run(3000, NULL); /* two checks */
    assert_int_equal(fx.s.n_out, 0);
    before = fx.calls[2];
    fx_run(5000, NULL);
    assert_in_range(fx.calls[2] - before, 25, 200); /* slow start */
    fx_run(5000, NULL);
    before = fx.calls[2];
    fx_run(5000, NULL);
    assert_in_range(fx.calls[2] - before, 240, 260); /* its eighth of 2,000 */
}

/* Under scan a failing node is hardly called, so it may not be ejected for a while; the
 * number of failed calls is bounded all the same, and it is tried again. */
static void t_scan_avoids_a_failing_node_and_tries_it_again(void **state)
{
    uint64_t before;

    (void)state;
    fx.s.view.policy = fx_policy("scan");
    fx_run(5000, NULL);
    before = fx.calls[2];
    fx.bad[2] = true;
    fx_run(60000, NULL);
    assert_in_range(fx.calls[2] - before, 1, 10);
    fx.bad[2] = false;
    fx_run(30000, NULL);
    assert_int_equal(fx.s.n_out, 0);
    before = fx.calls[2];
    fx_run(10000, NULL);
    assert_true(fx.calls[2] - before > 200);
}

/* --- the cap ------------------------------------------------------------------------ */

static void propose_all(void)
{
    uint32_t i;

    for (i = 0; i < FX_N; i++)
        fx.counter[i].ejected_until_ms = UINT64_MAX;
}

static void t_proposal_to_eject_all_nodes_ejects_half_and_ends(void **state)
{
    (void)state;
    fx_run(5000, NULL);
    propose_all();
    fx_step();
    assert_int_equal(fx.s.n_out, FX_N / 2);
    fx_run(5000, NULL);
    assert_int_equal(fx.s.n_out, 0);
    assert_int_equal(fx_n_failed(), 0);
}

static void t_nodes_that_go_down_lead_to_the_readmission_of_ejected_ones(void **state)
{
    uint32_t i;

    (void)state;
    fx.kind = NODE_CHECK_PORT; /* nothing but a readmission ends it soon */
    fx_run(5000, NULL);
    propose_all();
    fx_step();
    assert_int_equal(fx.s.n_out, FX_N / 2);
    for (i = 0; i < FX_N; i++)
        fx.bad[i] = fx.node[i].state.status == NODE_STATUS_UP;
    fx_run(4000, NULL);
    assert_int_equal(fx.s.n_down, FX_N / 2);
    assert_in_range(fx.s.n_out - fx.s.n_down, 1, FX_N / 4);
}

static void t_stopped_nodes_are_ejected_within_the_cap(void **state)
{
    uint32_t i;

    (void)state;
    fx.kind = NODE_CHECK_PROCESS;
    fx_run(5000, NULL);
    fx.kind = NODE_CHECK_PORT; /* all of them accept, and close no more */
    for (i = 0; i < FX_N; i++)
        fx.bad[i] = true; /* a call fails by its time-out */
    fx.s.view.policy = fx_policy("scan");
    run_with_open_ports(3000);
    assert_in_range(fx.s.n_out, 1, FX_N / 2);
    assert_int_equal(fx.s.n_down, 0);
}

/* A version of the service that does not close its half, or is slow to, works. */
static void t_node_whose_calls_succeed_is_not_stopped(void **state)
{
    (void)state;
    fx.kind = NODE_CHECK_PROCESS;
    fx_run(5000, NULL);
    fx.kind = NODE_CHECK_PORT;
    fx.bad[0] = true; /* the trouble, in which the others are checked */
    fx_run(5000, NULL);
    assert_int_equal(fx.s.n_out, 1);
    assert_int_equal(fx.s.n_down, 1);
}

/* --- panic and trials --------------------------------------------------------------- */

/* The agent has just started: calls have shown that the node works, and no check has. */
static void t_node_that_dies_before_its_first_check_goes_down(void **state)
{
    uint64_t failed;
    int i;

    (void)state;
    for (i = 0; i < FX_N; i++)
        fx.total[i].done = 1;
    fx_step();
    fx.bad[3] = true;
    fx_run(3000, NULL);
    assert_int_equal(fx.node[3].state.status, NODE_STATUS_DOWN);
    failed = fx_n_failed();
    fx_run(70000, NULL);              /* longer than any back-off */
    assert_int_equal(fx_n_failed(), failed);
}

/* One node fails before the others were called; a check can see none of them. */
static void t_check_that_never_succeeds_takes_down_no_node_without_calls(void **state)
{
    (void)state;
    fx.closed_ports = true;
    fx.total[0].done = 1;             /* the node has answered a call */
    fx_step();
    fx.bad[0] = true;
    fx_run(3000, NULL);
    assert_int_equal(fx.s.n_down, 0);
    assert_in_range(fx_n_failed(), 1, 10);
}

static void t_module_that_is_down_as_a_whole_is_tried_at_a_bounded_rate(void **state)
{
    uint32_t i, n = 0, none = 0;

    (void)state;
    fx_run(5000, NULL);
    for (i = 0; i < FX_N; i++) {
        controller_checked(&fx.s, &health_preset, &fx.hooks, i, fx.kind, false,
                           fx.now_ms);
        controller_checked(&fx.s, &health_preset, &fx.hooks, i, fx.kind, false,
                           fx.now_ms);
    }
    assert_int_equal(fx.s.n_down, FX_N);
    for (i = 0; i < 100; i++) { /* a tenth of a second */
        if (pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL) == PICK_NONE)
            none++;
        else
            n++;
        fx.now_ms += i % 2;
    }
    assert_int_equal(n, FX_N); /* each once */
    assert_int_equal(none, 100 - FX_N);
}

static void t_success_in_panic_readmits(void **state)
{
    uint32_t i;

    (void)state;
    fx_run(5000, NULL);
    for (i = 0; i < FX_N; i++) { /* by a check that errs */
        controller_checked(&fx.s, &health_preset, &fx.hooks, i, fx.kind, false,
                           fx.now_ms);
        controller_checked(&fx.s, &health_preset, &fx.hooks, i, fx.kind, false,
                           fx.now_ms);
    }
    fx_step();
    fx_call();
    fx_step();
    assert_int_equal(fx.s.n_down, FX_N - 1);
}

/* Puts node 0 on trial: it was ejected, and checks show its process. */
static void put_on_trial(void)
{
    fx.kind = NODE_CHECK_PROCESS;
    fx_run(5000, NULL);
    fx.counter[0].ejected_until_ms = fx.now_ms + 1000;
    fx_step();
    assert_int_equal(fx.node[0].state.status, NODE_STATUS_EJECTED);
    fx.now_ms += 1000;
    controller_checked(&fx.s, &health_preset, &fx.hooks, 0, fx.kind, true, fx.now_ms);
    controller_checked(&fx.s, &health_preset, &fx.hooks, 0, fx.kind, true, fx.now_ms);
    assert_int_equal(fx.node[0].state.status, NODE_STATUS_TRIAL);
    fx_step();
}

static void t_node_on_trial_takes_one_call_which_decides(void **state)
{
    unsigned why = 0;

    (void)state;
    put_on_trial();
    assert_int_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, &why), 0);
    assert_true((why & PICK_PROBE) != 0);
    assert_int_not_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, &why), 0);
    fx_step();
    assert_false(node_cost_has(fx.cost[0], NODE_TRIAL));
    fx.now_ms += 5000; /* the ticket is over, but the call has not ended */
    assert_int_not_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, &why), 0);
    fx.total[0].done++;
    fx.total[0].lat_us += 2000;
    fx_step();
    assert_int_equal(fx.node[0].state.status, NODE_STATUS_UP);
    assert_int_equal(fx.s.n_out, 0);
}

static void t_ticket_of_a_caller_that_died_is_lost_after_a_minute(void **state)
{
    uint64_t taken_ms;

    (void)state;
    put_on_trial();
    taken_ms = fx.now_ms;
    assert_int_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL), 0);
    fx_step();
    fx.now_ms = taken_ms + 60000;
    fx_step();
    assert_false(node_cost_has(fx.cost[0], NODE_TRIAL));
    fx.now_ms++;
    fx_step();
    assert_true(node_cost_has(fx.cost[0], NODE_TRIAL));
    assert_int_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL), 0);
}

/* The call was cancelled after the agent had seen that its ticket was taken. */
static void t_ticket_that_was_given_back_is_offered_again(void **state)
{
    (void)state;
    put_on_trial();
    assert_int_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL), 0);
    fx_step();
    assert_false(node_cost_has(fx.cost[0], NODE_TRIAL));
    fx.counter[0].ejected_until_ms = 0;
    fx.now_ms++;
    fx_step();
    assert_true(node_cost_has(fx.cost[0], NODE_TRIAL));
    assert_int_equal(pick_node(&fx.s.view, &fx.st, fx.now_ms, 0, NULL), 0);
}

/* --- nodes without calls ------------------------------------------------------------ */

static void
t_nodes_without_calls_are_checked_only_while_the_module_is_called(void **state)
{
    uint64_t end;
    uint32_t i, n = 0;

    (void)state;
    fx_run(5000, NULL);
    for (end = fx.now_ms + 20000; fx.now_ms < end; fx.now_ms += FX_TICK_MS) {
        fx_step();
        for (i = 0; i < FX_N; i++) {
            bool wants = controller_wants_check(&fx.s, i, fx.now_ms);

            assert_false(wants && fx.now_ms > end - 14900);
            n += wants;
        }
    }
    assert_true(n > 0);
}

#define P(f) cmocka_unit_test_setup(f, fx_setup)

T_MAIN(P(t_flapping_nodes_are_ejected_seldom), P(t_any_number_of_nodes_may_be_down),
       P(t_statistics_eject_at_most_half),
       P(t_dead_node_costs_few_calls_and_is_readmitted),
       P(t_scan_avoids_a_failing_node_and_tries_it_again),
       P(t_proposal_to_eject_all_nodes_ejects_half_and_ends),
       P(t_nodes_that_go_down_lead_to_the_readmission_of_ejected_ones),
       P(t_stopped_nodes_are_ejected_within_the_cap),
       P(t_node_whose_calls_succeed_is_not_stopped),
       P(t_node_that_dies_before_its_first_check_goes_down),
       P(t_check_that_never_succeeds_takes_down_no_node_without_calls),
       P(t_module_that_is_down_as_a_whole_is_tried_at_a_bounded_rate),
       P(t_success_in_panic_readmits), P(t_node_on_trial_takes_one_call_which_decides),
       P(t_ticket_of_a_caller_that_died_is_lost_after_a_minute),
       P(t_ticket_that_was_given_back_is_offered_again),
       P(t_nodes_without_calls_are_checked_only_while_the_module_is_called))
