/* Faults that come together, in virtual time with the code of production: wherever one
 * node is up, no call fails once the fault has been seen.  Every number of nodes down in
 * each of two zones of 2 to 8 nodes, dead or silent. */
#include "sim/together.h"

#include "t.h"

static void run(bool silent)
{
    struct together_config c = {.zones = 2, .silent = silent, .seed = 1, .seeds = 10};
    struct together_result r;

    if (getenv("LARS_MODE") && *getenv("LARS_MODE"))
        c.seeds = 1;
    for (c.per_zone = 2; c.per_zone <= (t_mode_is("memcheck") ? 2 : 8); c.per_zone++) {
        assert_int_equal(together_run(&c, &r), 0);
        assert_int_equal(r.n, ((c.per_zone + 1) * (c.per_zone + 1) - 2) * c.seeds);
        if (r.n_unsteady > 0)
            fail_msg("%u of %u runs have failed calls in the steady state; the first: %u "
                     "nodes a zone, %s: %s",
                     r.n_unsteady, r.n, c.per_zone, silent ? "silent" : "dead",
                     r.unsteady);
    }
}

static void t_any_number_of_dead_nodes_fails_no_call_once_it_is_seen(void **state)
{
    (void)state;
    run(false);
}

static void t_any_number_of_silent_nodes_fails_no_call_once_it_is_seen(void **state)
{
    (void)state;
    run(true);
}

/* Also the agent of the first zone's host dies, from 4 s before the nodes to 1.5 s after
 * them.  Its callers choose alone, so a call of a user fails at each trial of a node. */
static void lose_agent(bool silent, uint32_t most)
{
    static const int32_t gap_ms[] = {-4000, -1000, 0, 10, 40, 200, 500, 1500};
    struct together_config c = {.zones = 2,
                                .per_zone = 3,
                                .silent = silent,
                                .agent_dies = true,
                                .seed = 1,
                                .seeds = getenv("LARS_MODE") ? 1 : 10};
    struct together_result r;
    size_t i;

    for (i = 0; i < sizeof(gap_ms) / sizeof(*gap_ms); i++) {
        c.agent_gap_ms = gap_ms[i];
        assert_int_equal(together_run(&c, &r), 0);
        if (r.most > most)
            fail_msg("%llu calls fail, more than %u: the agent dies %d ms after the "
                     "nodes, %s: %s",
                     (unsigned long long)r.most, most, gap_ms[i],
                     silent ? "silent" : "dead", r.worst);
    }
}

static void t_nodes_that_die_with_the_agent_cost_few_calls(void **state)
{
    (void)state;
    lose_agent(false, 40);
}

static void t_nodes_that_fall_silent_with_the_agent_cost_few_calls(void **state)
{
    (void)state;
    lose_agent(true, 210);
}

static void t_more_nodes_than_a_simulation_holds_are_refused(void **state)
{
    struct together_config c = {.zones = 3, .per_zone = 22, .seed = 1, .seeds = 1};
    struct together_result r;

    (void)state;
    assert_int_equal(together_run(&c, &r), -EINVAL);
    c = (struct together_config){.zones = 4, .per_zone = 2, .seed = 1, .seeds = 1};
    assert_int_equal(together_run(&c, &r), -EINVAL);
}

T_MAIN(T(t_any_number_of_dead_nodes_fails_no_call_once_it_is_seen),
       T(t_any_number_of_silent_nodes_fails_no_call_once_it_is_seen),
       T(t_nodes_that_die_with_the_agent_cost_few_calls),
       T(t_nodes_that_fall_silent_with_the_agent_cost_few_calls),
       T(t_more_nodes_than_a_simulation_holds_are_refused))
