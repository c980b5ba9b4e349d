/* How much of our zone's capacity is wanted: all cases by hand. */
#include "lb/spillover.h"
#include "lb/pick.h"
#include "t.h"

static uint32_t need(uint64_t own, uint64_t all, uint64_t w_own, uint64_t w_all,
                     uint32_t rps)
{
    struct spillover_load c = {own, all, w_own, w_all, rps};
    bool spills = false;

    return spillover_demand(&c, &spills);
}

static void t_without_rates_it_is_the_preset(void **state)
{
    (void)state;
    assert_int_equal(need(0, 0, 100, 200, 0), PICK_DEMAND_PRESET);
    assert_int_equal(need(0, 0, 100, 200, 50), PICK_DEMAND_PRESET);
    assert_int_equal(need(900, 900, 0, 200, 50),
                     PICK_DEMAND_PRESET); /* no node is ours */
    assert_int_equal(need(900, 900, 200, 200, 50),
                     PICK_DEMAND_PRESET); /* nowhere to go */
    assert_int_equal(need(99, 99, 100, 200, 50),
                     PICK_DEMAND_PRESET); /* too few to tell */
}

static void t_shares_are_compared(void **state)
{
    (void)state;
    assert_int_equal(need(50, 100, 100, 200, 0), PICK_DEMAND_PRESET); /* half and half */
    assert_int_equal(need(25, 100, 100, 200, 0), PICK_DEMAND_PRESET / 2);
    assert_int_equal(need(100, 100, 100, 200, 0),
                     2 * PICK_DEMAND_PRESET); /* all calls are ours */
    assert_int_equal(need(600, 900, 200, 600, 0), 2 * PICK_DEMAND_PRESET);
}

static void t_a_known_capacity_counts(void **state)
{
    (void)state;
    assert_int_equal(need(500, 9999, 1000, 2000, 100), PICK_FULL / 2); /* of 1,000/s */
    assert_int_equal(need(1000, 1000, 1000, 2000, 100), PICK_FULL);
    assert_int_equal(need(2000, 2000, 1000, 2000, 100), 2 * PICK_FULL);
    assert_int_equal(need(2000, 2000, 50, 2000, 4000), PICK_FULL); /* half a node */
    assert_int_equal(need(UINT64_MAX, UINT64_MAX, 1, 2, 1), 100 * PICK_FULL);
    assert_int_equal(need(0, 500, 100, 200, 100), 1);
}

static void t_it_ends_below_nine_tenths(void **state)
{
    struct spillover_load c = {0, 1000, 1000, 2000, 100};
    bool spills = false;

    (void)state;
    c.own_per_s = 1001;
    assert_int_equal(spillover_demand(&c, &spills), 10010);
    assert_true(spills);
    c.own_per_s = 950; /* room again, but for how long? */
    assert_int_equal(spillover_demand(&c, &spills), PICK_FULL + 1);
    assert_true(spills);
    c.own_per_s = 900;
    assert_int_equal(spillover_demand(&c, &spills), 9000);
    assert_false(spills);
    c.own_per_s = 1000;
    assert_int_equal(spillover_demand(&c, &spills), PICK_FULL);
    assert_false(spills);
}

/* What follows of it: calls that our zone has no room for go to the other one, with every
 * node in. */
static void t_what_is_too_much_goes_away(void **state)
{
    _Atomic uint32_t cost[4];
    struct node_counter counter[4] = {{0}};
    struct node_member member[4];
    struct pick_state st = {.turn = 0};
    struct pick_view v = {cost, counter,       member,    4,
                          2,    2 * PICK_FULL, PICK_FULL, PICK_SCAN};
    int away = 0, i, rule;
    unsigned why;

    (void)state;
    for (i = 0; i < 4; i++) {
        cost[i] = 256000;
        member[i] = (struct node_member){(uint32_t)i, 100, i >= 2, 0};
    }
    rnd_init(&st.rnd, 5);
    for (rule = PICK_SCAN; rule <= PICK_HASH; rule++) {
        v.rule = (enum pick_rule)rule;
        for (i = away = 0; i < 10000; i++) {
            bool out = pick_node(&v, &st, 1, (uint64_t)i, &why) >= 2;

            assert_int_equal(out, (why & PICK_OTHER_ZONE) != 0);
            away += out;
        }
        assert_in_range(away, 4700, 5300);
    }
}

T_MAIN(T(t_without_rates_it_is_the_preset), T(t_shares_are_compared),
       T(t_a_known_capacity_counts), T(t_it_ends_below_nine_tenths),
       T(t_what_is_too_much_goes_away))
