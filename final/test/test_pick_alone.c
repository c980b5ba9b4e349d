/* Callers without an agent: they eject nodes by themselves, and a node that they have
 * ejected stays out until one call at a time has shown that it works. */
#include "lib/pickfix.h"

static void t_alone_every_node_but_the_last_may_be_ejected(void **state)
{
    uint32_t i, k;

    (void)state;
    v.alone = true;
    for (i = 0; i < 8; i++)
        for (k = 0; k < 20; k++)
            pick_call_ended(&v, i, 3, false, NOW, NOW);
    assert_int_equal(available(), 1);
    nodes(2, 1);
    memset(counter, 0, sizeof(counter));
    cost[1] = NODE_OUT | NODE_UNSEEN;
    for (k = 0; k < 20; k++)
        pick_call_ended(&v, 0, 3, false, NOW, NOW);
    assert_int_equal(pick_node(&v, &st, NOW, 0, NULL), 1);
}

/* Node <i> is ejected by its callers, at NOW. */
static void eject_by_calls(uint32_t i)
{
    uint32_t k;

    for (k = 0; k < 3; k++)
        pick_call_ended(&v, i, 3, false, NOW, NOW);
    assert_true(pick_is_out(&v, i, NOW));
}

/* Else every call would go to the node when its time is over, until one has failed; with
 * a node that does not answer that is the whole time-out. */
static void t_alone_an_ejected_node_is_tried_with_one_call(void **state)
{
    unsigned why;

    (void)state;
    v.alone = true;
    eject_by_calls(2);
    assert_int_equal(picks_at(NOW + 999, 1000), 0);
    assert_int_equal(hits[2], 0);
    assert_int_equal(pick_node(&v, &st, NOW + 1000, 0, &why), 2);
    assert_int_equal(why, PICK_PROBE);
    assert_int_equal(picks_at(NOW + 1000, 1000), 0);
    assert_int_equal(hits[2], 0);
    pick_call_ended(&v, 2, 3, false, NOW + 1000, NOW + 1001);
    assert_int_equal(counter[2].ejected_until_ms, NOW + 5001);
    assert_int_equal(pick_node(&v, &st, NOW + 5001, 0, &why), 2);
    pick_call_ended(&v, 2, 3, true, NOW + 5001, NOW + 5002);
    assert_int_equal(picks_at(NOW + 5002, 1000), 0);
    assert_true(hits[2] > 0);
}

/* Else each of its trials would be a second after the one before. */
static void t_alone_a_failed_trial_lengthens_the_ejection_with_one_node_left(void **state)
{
    uint64_t now = NOW + 1000;
    uint32_t i;

    (void)state;
    v.alone = true;
    for (i = 1; i < 8; i++)
        eject_by_calls(i);
    assert_int_equal(available(), 1);
    while (pick_node(&v, &st, now, 0, NULL) != 2)
        continue;
    pick_call_ended(&v, 2, 3, false, now, now + 1);
    assert_int_equal(counter[2].ejected_until_ms, now + 4001);
    for (i = 0; i < 9; i++)
        pick_call_ended(&v, 0, 3, false, now, now + 1);
    assert_int_equal(counter[0].ejected_until_ms, 0); /* it is the last one */
}

/* The caller that has the ticket may die. */
static void t_alone_a_lost_ticket_is_given_again(void **state)
{
    (void)state;
    v.alone = true;
    eject_by_calls(2);
    assert_int_equal(pick_node(&v, &st, NOW + 1000, 0, NULL), 2);
    assert_int_equal(pick_node(&v, &st, NOW + 1000 + PICK_TRIAL_MS, 0, NULL), 2);
}

static void t_alone_a_call_from_before_the_ejection_does_not_count(void **state)
{
    (void)state;
    v.alone = true;
    eject_by_calls(2);
    pick_call_ended(&v, 2, 3, true, NOW - 1, NOW + 1);
    assert_true(pick_is_out(&v, 2, NOW + 1));
    pick_call_ended(&v, 2, 3, false, NOW - 1, NOW + 1);
    assert_int_equal(counter[2].ejected_until_ms, NOW + 1000);
    pick_call_ended(&v, 2, 3, true, NOW, NOW + 1); /* it was chosen with no other left */
    assert_false(pick_is_out(&v, 2, NOW + 1));
}

static void t_with_an_agent_an_ejection_by_callers_ends_by_itself(void **state)
{
    (void)state;
    eject_by_calls(2);
    assert_int_equal(picks_at(NOW + 1000, 1000), 0);
    assert_true(hits[2] > 0);
}

/* The agent died when it was about to check the nodes of the other zone. */
static void t_alone_nodes_that_wait_for_a_check_are_in_reserve(void **state)
{
    uint32_t i;

    (void)state;
    nodes(6, 3);
    for (i = 0; i < 6; i++)
        cost[i] = NODE_OUT | NODE_DOWN | (i < 3 ? EJECT_CHECK : NODE_UNSEEN);
    v.alone = true;
    assert_int_equal(picks(3000), PICK_PANIC);
    assert_int_equal(hits[0] + hits[1] + hits[2], 0);
    assert_int_equal(hits[3] + hits[4] + hits[5], 3000);
    eject_by_calls(3);
    picks(3000);
    assert_int_equal(hits[3], 0);
    assert_int_equal(hits[4] + hits[5], 3000);
}

static void t_alone_each_failed_trial_lengthens_the_ejection(void **state)
{
    static const uint32_t want[8] = {0, 0, 1000, 4000, 16000, 30000, 30000, 30000};
    int i;

    (void)state;
    v.alone = true;
    for (i = 0; i < 8; i++) {
        uint64_t now = NOW + (uint64_t)i * 100000;

        pick_call_ended(&v, 2, 3, false, now, now);
        assert_int_equal(counter[2].ejected_until_ms, want[i] ? now + want[i] : 0);
    }
}

T_MAIN(P(t_alone_every_node_but_the_last_may_be_ejected),
       P(t_alone_an_ejected_node_is_tried_with_one_call),
       P(t_alone_a_failed_trial_lengthens_the_ejection_with_one_node_left),
       P(t_alone_a_lost_ticket_is_given_again),
       P(t_alone_a_call_from_before_the_ejection_does_not_count),
       P(t_with_an_agent_an_ejection_by_callers_ends_by_itself),
       P(t_alone_nodes_that_wait_for_a_check_are_in_reserve),
       P(t_alone_each_failed_trial_lengthens_the_ejection))
