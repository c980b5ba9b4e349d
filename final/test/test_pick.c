/* The choice of a node: what each policy promises; ejected nodes get no call, and at
 * most half of the nodes can be ejected; calls prefer the own zone and spill over when
 * it lacks capacity. */
#include "lib/pickfix.h"

#include <errno.h>

static void t_scan_takes_the_lowest_cost_times_calls(void **state)
{
    (void)state;
    cost[5] = 999;
    assert_int_equal(pick_node(&v, &st, NOW, 0, NULL), 5);
    counter[5].inflight = 1; /* its product is 1,998 now */
    cost[2] = 998;
    assert_int_equal(pick_node(&v, &st, NOW, 0, NULL), 2);
    counter[2].inflight = -3; /* a counter that drifted is no advantage */
    counter[3].inflight = 0;
    cost[3] = 997;
    assert_int_equal(pick_node(&v, &st, NOW, 0, NULL), 3);
}

static void t_scan_shares_evenly_between_equals(void **state)
{
    int i;

    (void)state;
    picks(8000);
    for (i = 0; i < 8; i++)
        assert_in_range(hits[i], 800, 1200);
}

static void t_scan_of_more_than_64_nodes_takes_a_sample(void **state)
{
    (void)state;
    nodes(100, 100);
    cost[50] = 1;
    picks(10000);
    assert_in_range(hits[50], 500, 1200); /* it is in the sample of 8 of 100 picks */
}

static void t_names_of_policies_fit_and_differ(void **state)
{
    char names[200];
    uint32_t id;

    (void)state;
    for (id = 0; id < policies_n; id++) {
        const char *name = policies_at(id)->name;

        assert_in_range(strlen(name), 1, 15); /* ModulePolicy.rule, message 37 */
        assert_int_equal(strcspn(name, " =,*/"), strlen(name)); /* [choice] rules */
        assert_int_equal(policies_find(name), id);
        assert_in_range(strlen(policies_at(id)->summary), 1, 38 - strlen(name));
        assert_non_null(policies_at(id)->pick);
    }
    assert_int_equal(policies_find("best"), -EINVAL);
    assert_string_equal(policies_at(1000)->name, "scan"); /* a rule of a newer agent */
    assert_ptr_equal(strstr(policies_names(names, sizeof(names)), "scan, p2c"), names);
    assert_string_equal(policies_names(names, 7), "scan, ");
}

static void t_no_policy_chooses_an_ejected_node(void **state)
{
    uint32_t id;

    (void)state;
    eject(1);
    counter[2].ejected_until_ms = NOW + 1; /* a proposal */
    for (id = 0; id < policies_n; id++) {
        v.policy = policies_at(id);
        picks(2000);
        assert_int_equal(hits[0] > 0 && hits[7] > 0, true);
        if (!(v.policy->flags & POLICY_ANY_PART)) /* classic probes with calls */
            assert_int_equal(hits[1] + hits[2], 0);
    }
}

static void t_ejected_node_gets_no_call(void **state)
{
    (void)state;
    eject(1);
    counter[2].ejected_until_ms = NOW + 1; /* a proposal */
    counter[3].ejected_until_ms = NOW; /* has expired */
    assert_int_equal(picks(2000), 0);
    assert_int_equal(hits[1] + hits[2], 0);
    assert_true(hits[3] > 0);
    assert_int_equal(available(), 6);
}

static void t_ejected_nodes_are_used_when_no_other_is_up(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 8; i++)
        cost[i] = NODE_OUT | NODE_DOWN;
    for (i = 4; i < 8; i++)           /* a faulty client ejects all that are up */
        cost[i] = 1000;
    for (i = 4; i < 8; i++)
        counter[i].ejected_until_ms = NOW + 60000;
    assert_int_equal(picks(1000), PICK_PANIC);
    for (i = 0; i < 4; i++)
        assert_int_equal(hits[i], 0);
    for (i = 4; i < 8; i++)
        assert_true(hits[i] > 0);
}

static void t_nodes_that_are_down_get_ten_calls_a_second_each(void **state)
{
    unsigned why;
    uint32_t i, k, n = 0, ms;

    (void)state;
    for (i = 0; i < 8; i++)
        cost[i] = NODE_OUT | NODE_DOWN | EJECT_CHECK;
    memset(hits, 0, sizeof(hits));
    for (ms = 0; ms < 1000; ms++)
        for (k = 0; k < 10; k++) {
            i = pick_node(&v, &st, NOW + ms, k, &why);
            assert_int_equal(why, PICK_PANIC);
            n += i != PICK_NONE;
            if (i != PICK_NONE)
                hits[i]++;
        }
    assert_int_equal(n, 80);
    for (i = 0; i < 8; i++)
        assert_int_equal(hits[i], 10);
}

static void t_trial_takes_one_call_at_a_time(void **state)
{
    unsigned why;

    (void)state;
    cost[3] = NODE_OUT | NODE_TRIAL | EJECT_STREAK;
    assert_int_equal(pick_node(&v, &st, NOW, 0, &why), 3);
    assert_int_equal(why, PICK_PROBE);
    assert_int_equal(picks(1000), 0);
    assert_int_equal(hits[3], 0);
    assert_int_equal(counter[3].ejected_until_ms, NOW + PICK_TRIAL_MS);
    cost[3] = NODE_OUT | EJECT_STREAK; /* the agent has seen the ticket */
    counter[3].ejected_until_ms = 0;
    picks(1000);
    assert_int_equal(hits[3], 0);
}

static void t_unseen_nodes_of_other_zones_get_no_call(void **state)
{
    (void)state;
    nodes(6, 3);
    cost[3] = cost[4] = NODE_OUT | NODE_UNSEEN;
    cost[0] = cost[1] = NODE_OUT | NODE_DOWN;
    picks(5000);
    assert_int_equal(hits[0] + hits[1] + hits[3] + hits[4], 0);
    assert_true(hits[2] > 0);
    assert_true(hits[5] > 0);
}

/* The agent died before the own zone did: there are no checks. */
static void t_unseen_nodes_are_used_when_no_other_is_left(void **state)
{
    (void)state;
    nodes(6, 3);
    cost[0] = cost[1] = cost[2] = NODE_OUT | NODE_DOWN;
    cost[3] = cost[4] = cost[5] = NODE_OUT | NODE_UNSEEN;
    picks(3000);
    assert_int_equal(hits[0] + hits[1] + hits[2], 0);
    assert_true(hits[3] > 500);
    assert_true(hits[5] > 500);
}

static void t_last_node_and_half_of_all_stay_available(void **state)
{
    (void)state;
    nodes(2, 2);
    assert_true(pick_may_eject(&v, NOW));
    eject(0);
    assert_false(pick_may_eject(&v, NOW)); /* it is the last node */
    nodes(5, 5);
    assert_true(pick_may_eject(&v, NOW));
    eject(1);
    assert_false(pick_may_eject(&v, NOW)); /* 3 of 5 would be a majority */
    cost[0] = NODE_OUT | NODE_DOWN;
    assert_true(pick_may_eject(&v, NOW)); /* 2 of 4 that are not down */
    nodes(1, 1);
    cost[0] = 1;
    assert_false(pick_may_eject(&v, NOW));
}

static void t_p2c_compares_two_distinct_nodes(void **state)
{
    (void)state;
    use("p2c");
    nodes(2, 2);
    cost[1] = 2000;
    picks(1000);
    assert_int_equal(hits[1], 0); /* drawn with replacement it would get a quarter */
    nodes(8, 8);
    picks(8000);
    assert_int_equal(hits[1], 0); /* the most expensive node never wins */
    assert_in_range(hits[0], 900, 1400);
}

static void t_wrr_is_smooth(void **state)
{
    static const uint32_t want[7] = {0, 0, 1, 0, 2, 0, 0};
    int i;

    (void)state;
    use("wrr");
    nodes(3, 3);
    member[0].weight = 500;
    for (i = 0; i < 7; i++)
        assert_int_equal(pick_node(&v, &st, NOW, 0, NULL), want[i]);
}

static void t_wrr_shares_the_turns_of_an_ejected_node(void **state)
{
    (void)state;
    use("wrr");
    nodes(3, 3);
    eject(1);
    picks(1000);
    assert_int_equal(hits[0], 500);
    assert_int_equal(hits[1], 0);
    assert_int_equal(hits[2], 500);
}

static void t_hash_moves_only_the_keys_of_a_removed_node(void **state)
{
    static uint32_t at[4000];
    uint32_t i, moved = 0;

    (void)state;
    use("hash");
    for (i = 0; i < 4000; i++)
        at[i] = pick_node(&v, &st, NOW, i, NULL);
    eject(3);
    for (i = 0; i < 4000; i++) {
        uint32_t now = pick_node(&v, &st, NOW, i, NULL);

        assert_int_not_equal(now, 3);
        moved += now != at[i];
        assert_true(now == at[i] || at[i] == 3);
    }
    assert_in_range(moved, 400, 600); /* an eighth */
}

static void t_hash_honours_weights(void **state)
{
    (void)state;
    use("hash");
    nodes(2, 2);
    member[0].weight = 300;
    picks(4000);
    assert_in_range(hits[0], 2800, 3200);
}

static void t_classic_probes_each_11th_call(void **state)
{
    (void)state;
    use("classic");
    eject(1);
    assert_int_equal(picks(1100), PICK_PROBE);
    assert_int_equal(hits[1], 100);
    assert_in_range(hits[0], 142, 144); /* the other calls take turns */
    assert_in_range(hits[7], 142, 144);
}

static void t_calls_stay_in_their_zone(void **state)
{
    (void)state;
    nodes(6, 3);
    cost[4] = 1; /* a cheap node of another zone */
    assert_int_equal(picks(1000), 0);
    assert_int_equal(hits[3] + hits[4] + hits[5], 0);
}

static void t_zone_without_nodes_of_its_own_uses_all(void **state)
{
    (void)state;
    nodes(6, 0);
    picks(6000);
    assert_in_range(hits[0], 800, 1200);
}

/* The demand is 71 % of the capacity.  1 of 4 ejected leaves 75 %, which suffices; 2 of 4
 * leave 50 %, so 30 % of the calls spill over; 3 of 4 open the breaker of the zone. */
static void t_calls_spill_by_the_missing_capacity(void **state)
{
    (void)state;
    nodes(8, 4);
    eject(0);
    assert_int_equal(picks(4000), 0);
    eject(1);
    assert_int_equal(picks(10000), PICK_OTHER_ZONE);
    assert_in_range(hits[4] + hits[5] + hits[6] + hits[7], 2700, 3300);
    eject(2);
    assert_int_equal(picks(10000), PICK_OTHER_ZONE | PICK_ZONE_BROKEN);
    assert_in_range(hits[3], 5, 50); /* 0.2 % of the calls test the zone */
    eject(3);
    picks(1000);
    assert_int_equal(hits[0] + hits[1] + hits[2] + hits[3], 0);
}

static void t_capacity_is_counted_by_weight(void **state)
{
    (void)state;
    nodes(6, 3);
    member[0].weight = 800; /* 80 % of the weight of the zone */
    eject(0);
    assert_int_equal(picks(10000), PICK_OTHER_ZONE);
    assert_in_range(hits[1] + hits[2], 2500,
                    3100); /* a capacity of 20 % for a demand of 71 % */
}

static void t_zone_of_one_node_spills_over(void **state)
{
    (void)state;
    nodes(2, 1);
    eject(0);
    picks(100);
    assert_int_equal(hits[1], 100);
}

static void t_returning_zone_gets_a_limited_share(void **state)
{
    (void)state;
    nodes(4, 2);
    v.own_max = PICK_FULL / 10;
    picks(10000);
    assert_in_range(hits[0] + hits[1], 850, 1150);
}

static void t_failures_in_a_row_propose_ejection(void **state)
{
    (void)state;
    pick_call_ended(&v, 2, 3, false, NOW, NOW);
    pick_call_ended(&v, 2, 3, false, NOW, NOW);
    pick_call_ended(&v, 2, 3, true, NOW, NOW); /* not in a row */
    pick_call_ended(&v, 2, 3, false, NOW, NOW);
    pick_call_ended(&v, 2, 3, false, NOW, NOW);
    assert_false(pick_is_out(&v, 2, NOW));
    pick_call_ended(&v, 2, 3, false, NOW, NOW);
    assert_int_equal(counter[2].ejected_until_ms, NOW + 1000);
    pick_call_ended(&v, 2, 3, false, NOW + 2000, NOW + 2000);
    assert_int_equal(counter[2].ejected_until_ms, NOW + 3000);
}

static void t_proposals_eject_at_most_half(void **state)
{
    uint32_t i, k;

    (void)state;
    for (i = 0; i < 8; i++)
        for (k = 0; k < 20; k++)
            pick_call_ended(&v, i, 3, false, NOW, NOW);
    assert_int_equal(available(), 4);
}


T_MAIN(P(t_scan_takes_the_lowest_cost_times_calls),
       P(t_scan_shares_evenly_between_equals),
       P(t_scan_of_more_than_64_nodes_takes_a_sample),
       P(t_names_of_policies_fit_and_differ), P(t_no_policy_chooses_an_ejected_node),
       P(t_ejected_node_gets_no_call), P(t_ejected_nodes_are_used_when_no_other_is_up),
       P(t_nodes_that_are_down_get_ten_calls_a_second_each),
       P(t_trial_takes_one_call_at_a_time), P(t_unseen_nodes_of_other_zones_get_no_call),
       P(t_unseen_nodes_are_used_when_no_other_is_left),
       P(t_last_node_and_half_of_all_stay_available),
       P(t_p2c_compares_two_distinct_nodes), P(t_wrr_is_smooth),
       P(t_wrr_shares_the_turns_of_an_ejected_node),
       P(t_hash_moves_only_the_keys_of_a_removed_node), P(t_hash_honours_weights),
       P(t_classic_probes_each_11th_call), P(t_calls_stay_in_their_zone),
       P(t_zone_without_nodes_of_its_own_uses_all),
       P(t_calls_spill_by_the_missing_capacity), P(t_capacity_is_counted_by_weight),
       P(t_zone_of_one_node_spills_over), P(t_returning_zone_gets_a_limited_share),
       P(t_failures_in_a_row_propose_ejection),
       P(t_proposals_eject_at_most_half))
