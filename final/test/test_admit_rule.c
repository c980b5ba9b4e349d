/* The limit of admission in virtual time: it follows what was measured, a factor corrects
 * it within bounds, and the state is left after 5 s of calm. */
#include "gateway/admit.h"

#include "t.h"

static const struct admit_capacity measured = {
    .nodes_in = 4, .inflight = 40, .target_ms = 200, .share = 1};
static const struct admit_capacity unmeasured = {.nodes_in = 2, .share = 1};

static double factor_after(const struct admit_capacity *c, double f, unsigned seconds,
                           struct admit_seen seen)
{
    while (seconds-- > 0)
        f = admit_rule_factor(c, f, &seen);
    return f;
}

static void t_limit_is_one_and_a_half_times_what_the_nodes_can_do(void **state)
{
    struct admit_capacity half = measured;

    (void)state;
    assert_int_equal(admit_rule_limit(&measured, 32, 1), 60);
    assert_int_equal(admit_rule_limit(&unmeasured, 32, 1), 96);
    half.share = 0.5;
    assert_int_equal(admit_rule_limit(&half, 32, 1), 30);
}

static void t_limit_is_never_above_its_bound(void **state)
{
    struct admit_capacity bound = measured;

    (void)state;
    bound.most = 40;
    assert_int_equal(admit_rule_limit(&bound, 32, 1), 40);
    assert_int_equal(admit_rule_limit(&bound, 32, 0.5), 30);
}

static void t_limit_is_never_zero(void **state)
{
    struct admit_capacity none = {.share = 0};

    (void)state;
    assert_int_equal(admit_rule_limit(&none, 32, 1), 1);
    assert_int_equal(admit_rule_limit_new(1, 90), 1);
    assert_int_equal(admit_rule_limit_new(60, 10), 54);
}

static void t_late_responses_lower_the_factor_to_its_bound(void **state)
{
    struct admit_seen late = {.first_bytes = 100, .over_target = 11, .over_half = 11};
    double f = factor_after(&measured, 1, 1, late);

    (void)state;
    assert_true(f > 0.899 && f < 0.901);
    assert_true(factor_after(&measured, 1, 60, late) == 0.5);
    assert_true(factor_after(&unmeasured, 1, 60, late) == 0.25);
}

static void t_a_tenth_of_late_responses_is_not_late(void **state)
{
    struct admit_seen tenth = {.first_bytes = 100, .over_target = 10, .over_half = 50};

    (void)state;
    assert_true(factor_after(&measured, 1, 10, tenth) == 1);
}

static void t_limit_rises_only_while_it_holds_fast_nodes_back(void **state)
{
    struct admit_seen fast = {.first_bytes = 100, .over_half = 9, .limit_reached = true};
    double f = factor_after(&measured, 1, 1, fast);

    (void)state;
    assert_true(f > 1.049 && f < 1.051);
    assert_true(factor_after(&measured, 1, 60, fast) == 1.2);
    assert_true(factor_after(&unmeasured, 1, 100, fast) == 4);
    fast.limit_reached = false;
    assert_true(factor_after(&measured, 1.2, 1, fast) < 1.2);
}

static void t_factor_returns_to_one_without_load(void **state)
{
    struct admit_seen nothing = {0};

    (void)state;
    assert_true(factor_after(&measured, 0.5, 24, nothing) < 1);
    assert_true(factor_after(&measured, 0.5, 26, nothing) == 1);
    assert_true(factor_after(&measured, 1.2, 26, nothing) == 1);
}

static void t_refused_visitors_cost_at_most_what_is_affordable(void **state)
{
    (void)state;
    assert_int_equal(admit_rule_refresh_s(8, 10, 1000), 8);
    assert_int_equal(admit_rule_refresh_s(8, 2000, 1000), 16);
    assert_int_equal(admit_rule_refresh_s(16, 1000, 1000), 16);
    assert_int_equal(admit_rule_refresh_s(100, 1e9, 1000), 120);
    assert_int_equal(admit_rule_refresh_s(8, 0, 0), 120);
}

static void t_state_is_left_after_five_seconds_of_calm(void **state)
{
    uint64_t seen[ADMIT_STATES] = {0};

    (void)state;
    assert_int_equal(admit_rule_state(seen, 1000), ADMIT_NORMAL);
    seen[ADMIT_SHEDDING] = 10000;
    seen[ADMIT_QUEUEING] = 12000;
    assert_int_equal(admit_rule_state(seen, 14999), ADMIT_SHEDDING);
    assert_int_equal(admit_rule_state(seen, 15000), ADMIT_QUEUEING);
    assert_int_equal(admit_rule_state(seen, 17000), ADMIT_NORMAL);
}

/* --- a module with its counters ----------------------------------------------------- */

static struct admit *admit;

static int setup(void **state)
{
    struct admit_config c = {
        .n_modules = 2, .unmeasured = 10, .reserve_percent = 10, .affordable = 1000};

    (void)t_fds_save(state);
    return admit_create(&admit, &c); /* a limit of 15, 14 of them for new visitors */
}

static int teardown(void **state)
{
    admit_destroy(admit);
    return t_fds_check(state);
}

static unsigned enter_all(unsigned module, enum admit_class class)
{
    unsigned n = 0;

    while (n < 1000 && admit_enter(admit, module, class))
        n++;
    return n;
}

static void t_part_of_the_limit_is_kept_for_visitors_inside(void **state)
{
    (void)state;
    assert_int_equal(enter_all(0, ADMIT_CLASS_NEW), 14);
    assert_false(admit_enter(admit, 0, ADMIT_CLASS_WAITING));
    assert_int_equal(enter_all(0, ADMIT_CLASS_INSIDE), 1);
    assert_int_equal(enter_all(1, ADMIT_CLASS_NEW), 14); /* modules are independent */
}

static void t_a_request_that_ends_makes_room_for_one(void **state)
{
    (void)state;
    assert_int_equal(enter_all(0, ADMIT_CLASS_INSIDE), 15);
    admit_leave(admit, 0);
    assert_int_equal(enter_all(0, ADMIT_CLASS_INSIDE), 1);
}

static void t_requests_in_flight_stay_when_nodes_leave(void **state)
{
    struct admit_capacity more = {.nodes_in = 2, .share = 1};
    struct admit_view now;

    (void)state;
    admit_set_capacity(admit, 0, &more);
    assert_int_equal(enter_all(0, ADMIT_CLASS_INSIDE), 30);
    more.nodes_in = 1;
    admit_set_capacity(admit, 0, &more);
    admit_look(admit, 0, 1, &now);
    assert_int_equal(now.inflight, 30);
    assert_int_equal(now.limit, 15);
    assert_false(admit_enter(admit, 0, ADMIT_CLASS_INSIDE));
}

static void t_nodes_that_do_not_answer_lower_the_limit(void **state)
{
    struct admit_view now;
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        admit_first_byte(admit, 0, 1000);
    admit_first_byte(admit, 0, UINT64_MAX);
    admit_tick(admit);
    admit_look(admit, 0, 1, &now);
    assert_int_equal(now.limit, 13);
    assert_true(now.factor == 0.9);
}

static void t_refusals_are_counted_and_lengthen_the_wait(void **state)
{
    struct admit_view now;
    int s, i;

    (void)state;
    for (s = 0; s < 30; s++) {
        for (i = 0; i < 2000; i++)
            admit_refused(admit, 0, ADMIT_CLASS_NEW, 1000);
        admit_tick(admit);
    }
    admit_look(admit, 0, 1000, &now);
    assert_int_equal(now.refused[ADMIT_CLASS_NEW], 60000);
    assert_int_equal(now.refresh_s, 120);
    assert_true(now.wait_s > 3600); /* none was admitted */
    assert_int_equal(now.state, ADMIT_WAITING);
    admit_refused(admit, 0, ADMIT_CLASS_INSIDE, 2000);
    admit_look(admit, 0, 2000, &now);
    assert_int_equal(now.state, ADMIT_SHEDDING);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(T(t_limit_is_one_and_a_half_times_what_the_nodes_can_do),
       T(t_limit_is_never_above_its_bound), T(t_limit_is_never_zero),
       T(t_late_responses_lower_the_factor_to_its_bound),
       T(t_a_tenth_of_late_responses_is_not_late),
       T(t_limit_rises_only_while_it_holds_fast_nodes_back),
       T(t_factor_returns_to_one_without_load),
       T(t_refused_visitors_cost_at_most_what_is_affordable),
       T(t_state_is_left_after_five_seconds_of_calm),
       A(t_part_of_the_limit_is_kept_for_visitors_inside),
       A(t_a_request_that_ends_makes_room_for_one),
       A(t_requests_in_flight_stay_when_nodes_leave),
       A(t_nodes_that_do_not_answer_lower_the_limit),
       A(t_refusals_are_counted_and_lengthen_the_wait))
