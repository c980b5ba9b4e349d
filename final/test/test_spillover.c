/* The demand on the own zone, which decides how many calls spill over.  Each expected
 * value was computed by hand. */
#include "lb/spillover.h"
#include "lb/policies.h"
#include "t.h"

static uint32_t demand(uint64_t own, uint64_t all, uint64_t w_own, uint64_t w_all,
                       uint32_t rps)
{
    struct spillover_load c = {own, all, w_own, w_all, rps};
    bool spills = false;

    return spillover_demand(&c, &spills);
}

static void t_demand_without_rates_is_the_default(void **state)
{
    (void)state;
    assert_int_equal(demand(0, 0, 100, 200, 0), PICK_DEMAND_PRESET);
    assert_int_equal(demand(0, 0, 100, 200, 50), PICK_DEMAND_PRESET);
    assert_int_equal(demand(900, 900, 0, 200, 50),
                     PICK_DEMAND_PRESET); /* no node in the own zone */
    assert_int_equal(demand(900, 900, 200, 200, 50),
                     PICK_DEMAND_PRESET); /* no other zone */
    assert_int_equal(demand(99, 99, 100, 200, 50),
                     PICK_DEMAND_PRESET); /* too few calls */
}

static void t_demand_compares_calls_with_weights(void **state)
{
    (void)state;
    assert_int_equal(demand(50, 100, 100, 200, 0),
                     PICK_DEMAND_PRESET); /* both zones have half */
    assert_int_equal(demand(25, 100, 100, 200, 0), PICK_DEMAND_PRESET / 2);
    assert_int_equal(demand(100, 100, 100, 200, 0),
                     2 * PICK_DEMAND_PRESET); /* all calls are of the own zone */
    assert_int_equal(demand(600, 900, 200, 600, 0), 2 * PICK_DEMAND_PRESET);
}

static void t_demand_uses_a_known_capacity(void **state)
{
    (void)state;
    assert_int_equal(demand(500, 9999, 1000, 2000, 100),
                     PICK_FULL / 2); /* 500 of 1,000 calls/s */
    assert_int_equal(demand(1000, 1000, 1000, 2000, 100), PICK_FULL);
    assert_int_equal(demand(2000, 2000, 1000, 2000, 100), 2 * PICK_FULL);
    assert_int_equal(demand(2000, 2000, 50, 2000, 4000), PICK_FULL); /* half a node */
    assert_int_equal(demand(UINT64_MAX, UINT64_MAX, 1, 2, 1), 100 * PICK_FULL);
    assert_int_equal(demand(0, 500, 100, 200, 100), 1);
}

static void t_spill_ends_below_nine_tenths(void **state)
{
    struct spillover_load c = {0, 1000, 1000, 2000, 100};
    bool spills = false;

    (void)state;
    c.own_per_s = 1001;
    assert_int_equal(spillover_demand(&c, &spills), 10010);
    assert_true(spills);
    c.own_per_s = 950; /* below the capacity again */
    assert_int_equal(spillover_demand(&c, &spills), PICK_FULL + 1);
    assert_true(spills);
    c.own_per_s = 900;
    assert_int_equal(spillover_demand(&c, &spills), 9000);
    assert_false(spills);
    c.own_per_s = 1000;
    assert_int_equal(spillover_demand(&c, &spills), PICK_FULL);
    assert_false(spills);
}

/* Twice the demand that the own zone can take, with every node available: half of the
 * calls go to the other zone, under every policy that leaves zones to pick_node(). */
static void t_half_of_the_calls_spill_at_twice_the_capacity(void **state)
{
    _Atomic uint32_t cost[4];
    struct node_counter counter[4] = {{0}};
    struct node_member member[4];
    int64_t slot[4];
    struct pick_state st = {.slot = slot};
    struct pick_view v = {cost, counter, member, 4, 2, 2 * PICK_FULL, PICK_FULL, NULL};
    int i, n_left;
    uint32_t id;
    unsigned why;

    (void)state;
    for (i = 0; i < 4; i++) {
        cost[i] = 256000;
        member[i] = (struct node_member){(uint32_t)i, 100, i >= 2, 0};
    }
    rnd_init(&st.rnd, 5);
    for (id = 0; id < policies_n; id++) {
        v.policy = policies_at(id);
        if (v.policy->flags & POLICY_ANY_PART)
            continue;
        for (i = n_left = 0; i < 10000; i++) {
            bool left = pick_node(&v, &st, 1, (uint64_t)i, &why) >= 2;

            assert_int_equal(left, (why & PICK_OTHER_ZONE) != 0);
            n_left += left;
        }
        assert_in_range(n_left, 4700, 5300);
    }
}

T_MAIN(T(t_demand_without_rates_is_the_default), T(t_demand_compares_calls_with_weights),
       T(t_demand_uses_a_known_capacity), T(t_spill_ends_below_nine_tenths),
       T(t_half_of_the_calls_spill_at_twice_the_capacity))
