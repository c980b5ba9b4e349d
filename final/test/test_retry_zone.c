/* Where a call goes after it has failed: not to a node that it has tried, and to another
 * zone, because the own one may be failing as a whole. */
#include "lib/shmfix.h"

#define N_OWN 4
#define N 6

static struct picker *picker;

/* Four nodes 10.0.0.i of the own zone, two of another, all at the same cost. */
static int setup(void **state)
{
    struct route_writer_node node[N];
    struct module_table_settings set = {.eject_after = 3,
                                        .demand = PICK_DEMAND_PRESET,
                                        .own_max = PICK_FULL,
                                        .timeout_ms = 30000,
                                        .penalty_us = 20000};
    int rc = shmfix_setup(state);
    int64_t mid;
    uint8_t i;

    memset(node, 0, sizeof(node));
    for (i = 0; i < N; i++) {
        node[i].addr =
            (struct net_addr){.family = AF_INET, .port = 80, .ip = {10, 0, 0, i}};
        node[i].weight = 100;
        node[i].zone = i < N_OWN ? 0 : 1;
    }
    mid = route_writer_nodes(shmfix_writer, 1, 1, node, N, 1000 * 256);
    assert_true(mid >= 0);
    module_table_set(shmfix_seg, (uint32_t)mid, &set);
    assert_int_equal(picker_create(&picker, shmfix_dir, PICKER_CLAIM), 0);
    return rc;
}

static int teardown(void **state)
{
    picker_destroy(picker);
    return shmfix_teardown(state);
}

static uint32_t nid_of(uint8_t i)
{
    struct route_reader snap = {0};
    struct net_addr a;
    uint32_t k, nid = 0;

    assert_int_equal(route_reader_read(shmfix_seg, 0, &snap), 0);
    for (k = 0; k < snap.n; k++) {
        node_table_addr(shmfix_seg, snap.member[k].nid, &a);
        nid = a.ip[3] == i ? snap.member[k].nid : nid;
    }
    route_reader_free(&snap);
    return nid;
}

static void set_cost(uint8_t first, uint8_t last, uint32_t cost)
{
    for (; first <= last; first++)
        atomic_store(&node_table_costs(shmfix_seg)[nid_of(first)], cost);
}

/* The node of a call that has failed at the first <n> of <tried>. */
static uint8_t next(const uint8_t *tried, unsigned n)
{
    struct net_addr avoid[4];
    struct picker_pick p = {.avoid = avoid, .n_avoid = n};
    unsigned k;

    for (k = 0; k < n; k++)
        avoid[k] =
            (struct net_addr){.family = AF_INET, .port = 80, .ip = {10, 0, 0, tried[k]}};
    assert_int_equal(picker_get(picker, 1, 1, 0, &p), 0);
    assert_int_equal(picker_end(picker, NULL, &p, PICKER_CANCELLED, NULL), 0);
    return p.addr.ip[3];
}

#define TIMES 50

static void t_a_call_that_failed_goes_to_another_zone_that_works(void **state)
{
    const uint8_t tried[] = {0, 4};
    int i;

    (void)state;
    for (i = 0; i < TIMES; i++) {
        uint8_t third = next(tried, 2);

        assert_in_range(next(tried, 1), N_OWN, N - 1);
        assert_true(third != 0 && third != 4);
    }
}

static void t_a_zone_that_was_never_checked_is_tried_after_two_failures(void **state)
{
    const uint8_t tried[] = {0, 1};
    int i;

    (void)state;
    set_cost(4, 5, NODE_OUT | NODE_UNSEEN);
    for (i = 0; i < TIMES; i++) {
        assert_in_range(next(tried, 1), 1, N_OWN - 1);
        assert_in_range(next(tried, 2), N_OWN, N - 1);
    }
}

/* The agent is about to check the other zone: until then a first attempt goes to a node
 * that is out. */
static void t_it_is_tried_after_one_failure_when_the_own_zone_is_out(void **state)
{
    const uint8_t tried[] = {0};
    int i;

    (void)state;
    set_cost(0, 3, NODE_OUT | EJECT_STREAK);
    set_cost(4, 5, NODE_OUT | NODE_UNSEEN | NODE_DOWN);
    for (i = 0; i < TIMES; i++)
        assert_in_range(next(tried, 1), N_OWN, N - 1);
}

/* Each node that is down takes one call in 100 ms; the agent has not checked the other
 * zone yet. */
static void t_a_first_attempt_has_a_node_when_the_own_zone_is_down(void **state)
{
    int i;

    (void)state;
    set_cost(0, 3, NODE_OUT | NODE_DOWN | EJECT_CHECK);
    set_cost(4, 5, NODE_OUT | NODE_UNSEEN | NODE_DOWN);
    for (i = 0; i < TIMES; i++)
        next(NULL, 0);
}

static void t_a_zone_that_is_down_is_not_tried(void **state)
{
    const uint8_t tried[] = {0, 1};
    int i;

    (void)state;
    set_cost(4, 5, NODE_OUT | NODE_DOWN | EJECT_CHECK);
    for (i = 0; i < TIMES; i++)
        assert_in_range(next(tried, 2), 2, N_OWN - 1);
}

static void t_a_first_attempt_stays_in_its_zone(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < TIMES; i++)
        assert_in_range(next(NULL, 0), 0, N_OWN - 1);
}

#define A(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(A(t_a_call_that_failed_goes_to_another_zone_that_works),
       A(t_a_zone_that_was_never_checked_is_tried_after_two_failures),
       A(t_it_is_tried_after_one_failure_when_the_own_zone_is_out),
       A(t_a_first_attempt_has_a_node_when_the_own_zone_is_down),
       A(t_a_zone_that_is_down_is_not_tried), A(t_a_first_attempt_stays_in_its_zone))
