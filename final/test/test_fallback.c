/* The nodes that rules name: in turn, with a bound each, and without those that could not
 * be connected to. */
#include "gateway/fallback.h"

#include "t.h"

static struct fallback f;
static struct lars_retry r;
static struct lars_host host;

static void name_nodes(unsigned n)
{
    struct net_addr at[FALLBACK_NODES_MAX] = {0};
    unsigned i;

    for (i = 0; i < n; i++)
        assert_int_equal(net_addr_set(&at[i], "10.0.1.7", (uint16_t)(i + 1)), 0);
    fallback_set(&f, at, n);
}

/* The port of the next node for another request, at <now_ms>; below 0: an error. */
static int next_port(uint64_t now_ms)
{
    int rc;

    r = (struct lars_retry){.modid = 7, .cmdid = 8, .timeout_ms = 60000};
    rc = fallback_next(&f, &r, now_ms, &host);
    return rc < 0 ? rc : host.addr.port;
}

static int setup(void **state)
{
    (void)state;
    fallback_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fallback_fini(&f);
    return 0;
}

static void t_only_a_missing_route_is_a_case_for_the_nodes_of_the_rules(void **state)
{
    (void)state;
    assert_true(fallback_is_for(-EINPROGRESS));
    assert_true(fallback_is_for(-ENOTCONN));
    assert_false(fallback_is_for(-EAGAIN)); /* every node is down */
    assert_false(fallback_is_for(-ENOENT)); /* the module has no nodes */
    assert_false(fallback_is_for(-EDQUOT));
    assert_false(fallback_is_for(0));
}

static void t_nodes_are_used_in_turn(void **state)
{
    int i;

    (void)state;
    assert_int_equal(next_port(0), -ENOENT);
    name_nodes(3);
    for (i = 0; i < 9; i++)
        assert_int_equal(next_port(0), i % 3 + 1);
    assert_int_equal(host.modid, 7);
    assert_int_equal(host.cmdid, 8);
}

static void t_an_attempt_counts_and_has_the_time_of_its_request(void **state)
{
    (void)state;
    name_nodes(2);
    assert_int_equal(next_port(0), 1);
    assert_int_equal(r.n, 1);
    assert_in_range(r.left_ms, 1, 60000);
    assert_int_equal(r.tried[0].port, 1);
}

static void t_a_node_has_at_most_32_requests(void **state)
{
    struct lars_addr second;
    int i;

    (void)state;
    name_nodes(2);
    for (i = 0; i < 2 * FALLBACK_INFLIGHT; i++)
        assert_int_equal(next_port(0), i % 2 + 1);
    second = host.addr;
    assert_int_equal(next_port(0), -EBUSY);
    assert_int_equal(r.n, 0);
    fallback_end(&f, &second);
    assert_int_equal(next_port(0), 2);
    assert_int_equal(next_port(0), -EBUSY);
}

static void t_a_request_tries_another_node_while_there_is_one(void **state)
{
    (void)state;
    name_nodes(2);
    assert_int_equal(next_port(0), 1);
    assert_int_equal(fallback_next(&f, &r, 0, &host), 0);
    assert_int_equal(host.addr.port, 2);
    assert_int_equal(fallback_next(&f, &r, 0, &host), 0);
    assert_int_equal(host.addr.port, 1);
    assert_int_equal(r.n, 3);
}

static void t_a_node_that_refused_is_left_out_for_a_second(void **state)
{
    struct lars_addr first;

    (void)state;
    name_nodes(2);
    assert_int_equal(next_port(5000), 1);
    first = host.addr;
    fallback_refused(&f, &first, 5000);
    assert_int_equal(next_port(5001), 2);
    assert_int_equal(next_port(5999), 2);
    assert_int_equal(next_port(6000), 1);
}

static void t_a_node_that_refused_is_used_when_it_is_the_only_one(void **state)
{
    (void)state;
    name_nodes(1);
    assert_int_equal(next_port(5000), 1);
    fallback_refused(&f, &host.addr, 5000);
    assert_int_equal(next_port(5001), 1);
}

static void t_a_node_that_stays_in_the_rules_keeps_its_count(void **state)
{
    int i;

    (void)state;
    name_nodes(1);
    for (i = 0; i < FALLBACK_INFLIGHT; i++)
        assert_int_equal(next_port(0), 1);
    name_nodes(2);
    assert_int_equal(next_port(0), 2);
    assert_int_equal(next_port(0), 2);
    name_nodes(0);
    fallback_end(&f, &host.addr);
    assert_int_equal(next_port(0), -ENOENT);
}

static void t_a_change_is_noted_once(void **state)
{
    (void)state;
    assert_false(fallback_note(&f, false));
    assert_true(fallback_note(&f, true));
    assert_false(fallback_note(&f, true));
    assert_true(fallback_is_used(&f));
    assert_true(fallback_note(&f, false));
    assert_false(fallback_is_used(&f));
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(F(t_only_a_missing_route_is_a_case_for_the_nodes_of_the_rules),
       F(t_nodes_are_used_in_turn),
       F(t_an_attempt_counts_and_has_the_time_of_its_request),
       F(t_a_node_has_at_most_32_requests),
       F(t_a_request_tries_another_node_while_there_is_one),
       F(t_a_node_that_refused_is_left_out_for_a_second),
       F(t_a_node_that_refused_is_used_when_it_is_the_only_one),
       F(t_a_node_that_stays_in_the_rules_keeps_its_count), F(t_a_change_is_noted_once))
