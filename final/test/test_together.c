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
       T(t_more_nodes_than_a_simulation_holds_are_refused))
