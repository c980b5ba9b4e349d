/* lars_nowait_module() and the shared memory of an agent that the test plays: which nodes
 * are in, what the operator has set, and what is returned when nothing can be read. */
#include "api/lars_nowait.h"

#include "lib/shmclient.h"
#include "shmem/segment_private.h"

static struct lars_client *c;

static int setup(void **state)
{
    int rc = shmclient_setup(state);

    c = shmclient_open(NULL);
    return rc;
}

static int teardown(void **state)
{
    lars_close(c);
    return shmclient_teardown(state);
}

static struct lars_module read_module(uint32_t cmdid)
{
    struct lars_module m = {.size = sizeof(m)};

    assert_int_equal(lars_nowait_module(c, 1, cmdid, &m), 0);
    assert_int_equal(m.size, sizeof(m));
    return m;
}

static void expect_nodes(uint32_t in, uint32_t out, uint32_t weight)
{
    struct lars_module m = read_module(1);

    assert_int_equal(m.nodes_in, in);
    assert_int_equal(m.nodes_out, out);
    assert_int_equal(m.weight_in, weight);
}

static void set_numbers(int64_t mid, uint32_t rps, uint32_t inflight, uint32_t target)
{
    struct module_table_settings set;

    module_table_get(shmfix_seg, (uint32_t)mid, &set);
    set.node_rps = rps;
    set.node_inflight = inflight;
    set.target_ms = target;
    module_table_set(shmfix_seg, (uint32_t)mid, &set);
}

static void t_nodes_that_get_no_calls_are_out(void **state)
{
    _Atomic uint32_t *cost = node_table_costs(shmfix_seg);

    (void)state;
    assert_true(shmfix_publish(1, 0, 5) >= 0);
    expect_nodes(5, 0, 500);
    cost[0] = NODE_OUT | NODE_DOWN | EJECT_CHECK;
    cost[1] = NODE_OUT | EJECT_OUTLIER;
    cost[2] = NODE_OUT | NODE_TRIAL | EJECT_STREAK;
    expect_nodes(2, 3, 200);
    node_table_counters(shmfix_seg)[3].ejected_until_ms = mono_ms() + 60000;
    expect_nodes(1, 4, 100);
    cost[4] = NODE_OUT | NODE_DOWN | EJECT_CHECK;
    expect_nodes(0, 5, 0);
    cost[0] = 1000;
    expect_nodes(1, 4, 100);
}

/* No check has looked at them, because the own zone suffices. */
static void t_nodes_of_another_zone_that_are_not_needed_yet_are_in(void **state)
{
    _Atomic uint32_t *cost = node_table_costs(shmfix_seg);

    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    cost[1] = NODE_OUT | NODE_UNSEEN;
    expect_nodes(3, 0, 300);
    cost[1] = NODE_OUT | NODE_UNSEEN | NODE_DOWN;
    expect_nodes(2, 1, 200);
}

static void t_weights_of_nodes_are_summed(void **state)
{
    struct route_writer_node node[2] = {
        {.addr = {.family = AF_INET, .port = 80, .ip = {10, 0, 0, 1}}, .weight = 50},
        {.addr = {.family = AF_INET, .port = 80, .ip = {10, 0, 0, 2}}, .weight = 10000}};

    (void)state;
    assert_true(route_writer_nodes(shmfix_writer, 1, 1, node, 2, 1000) >= 0);
    expect_nodes(2, 0, 10050);
}

static void t_numbers_are_those_of_the_policy(void **state)
{
    int64_t mid = shmfix_publish(1, 0, 1);
    struct lars_module m = read_module(1);

    (void)state;
    assert_int_equal(m.node_rps + m.node_inflight + m.target_ms, 0);
    set_numbers(mid, 500, 40, 200);
    m = read_module(1);
    assert_int_equal(m.node_rps, 500);
    assert_int_equal(m.node_inflight, 40);
    assert_int_equal(m.target_ms, 200);
    assert_true(shmfix_publish(2, 0, 1) >= 0);
    m = read_module(2);
    assert_int_equal(m.node_inflight, 0);
}

static void t_program_with_a_smaller_struct_gets_that_part(void **state)
{
    struct lars_module m = {.size = 2 * sizeof(uint32_t), .nodes_out = 77};

    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    assert_int_equal(lars_nowait_module(c, 1, 1, &m), 0);
    assert_int_equal(m.size, 2 * sizeof(uint32_t));
    assert_int_equal(m.nodes_in, 3);
    assert_int_equal(m.nodes_out, 77);
}

static void t_what_cannot_be_read_is_named_and_writes_nothing(void **state)
{
    struct lars_module m = {.size = sizeof(m), .nodes_in = 77};

    (void)state;
    assert_int_equal(lars_nowait_module(c, 1, 1, &m), -EINPROGRESS);
    assert_true(shmfix_publish(1, 0, 0) >= 0);
    assert_int_equal(lars_nowait_module(c, 1, 1, &m), -ENOENT);
    assert_int_equal(lars_nowait_module(c, 0, 0, &m), -EINVAL);
    assert_string_equal(lars_last_error(), "modid, cmdid: 0/0 is no module");
    assert_int_equal(lars_nowait_module(NULL, 1, 1, &m), -EINVAL);
    assert_string_equal(lars_last_error(), "c: the client is NULL");
    assert_int_equal(lars_nowait_module(c, 1, 1, NULL), -EINVAL);
    assert_string_equal(lars_last_error(), "out: it is NULL");
    assert_int_equal(m.nodes_in, 77);
    m.size = 0;
    assert_int_equal(lars_nowait_module(c, 1, 1, &m), -EINVAL);
    assert_non_null(strstr(lars_last_error(), "sizeof(struct lars_module)"));
}

static void t_without_shared_memory_it_is_not_connected(void **state)
{
    struct lars_options o = {.size = sizeof(o), .dir = "/nonexistent", .port = 9};
    struct lars_module m = {.size = sizeof(m)};
    struct lars_client *other;

    (void)state;
    assert_int_equal(lars_open(&other, &o), 0);
    assert_int_equal(lars_nowait_module(other, 1, 1, &m), -ENOTCONN);
    lars_close(other);
}

/* A thread that only reads must leave the segment as well. */
static void t_another_segment_is_followed_at_once(void **state)
{
    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    expect_nodes(3, 0, 300);
    assert_int_equal(segment_renew(shmfix_seg), 0);
    route_writer_destroy(shmfix_writer);
    assert_int_equal(route_writer_create(&shmfix_writer, shmfix_seg), 0);
    assert_true(shmfix_publish(1, 0, 5) >= 0);
    expect_nodes(5, 0, 500);
}

static bool has_nodes(uint32_t n)
{
    struct lars_module m = {.size = sizeof(m)};

    return lars_nowait_module(c, 1, 1, &m) == 0 && m.nodes_in == n;
}

/* Another agent has made another folder; what the client has mapped is never written
 * again. */
static void t_another_folder_is_followed_by_threads_that_only_read(void **state)
{
    struct lars_addr a[8];

    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    expect_nodes(3, 0, 300);
    shmfix_close_agent();
    segment_remove(shmfix_dir);
    shmfix_open_agent();
    assert_true(shmfix_publish(1, 0, 5) >= 0);
    T_WAIT(has_nodes(5));
    assert_int_equal(lars_get_route(c, 1, 1, a, 8), 5);
}

static void t_another_folder_is_followed_by_get_route(void **state)
{
    struct lars_addr a[8];

    (void)state;
    assert_true(shmfix_publish(1, 0, 3) >= 0);
    assert_int_equal(lars_get_route(c, 1, 1, a, 8), 3);
    shmfix_close_agent();
    segment_remove(shmfix_dir);
    shmfix_open_agent();
    assert_true(shmfix_publish(1, 0, 5) >= 0);
    T_WAIT(lars_get_route(c, 1, 1, a, 8) == 5);
}

/* The files of an agent of minor version 0 have zeros where the numbers are. */
static void t_an_agent_continues_with_files_of_the_first_minor_version(void **state)
{
    int64_t mid = shmfix_publish(1, 0, 2);

    (void)state;
    shmfix_seg->meta->minor = 0;
    shmfix_seg->routes->minor = 0;
    assert_int_equal(read_module(1).node_inflight, 0);
    shmfix_close_agent();
    shmfix_open_agent();
    assert_false(segment_is_new(shmfix_seg));
    assert_int_equal(shmfix_seg->meta->minor, LAYOUT_MINOR);
    set_numbers(mid, 0, 40, 0);
    assert_int_equal(read_module(1).node_inflight, 40);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_nodes_that_get_no_calls_are_out),
       S(t_nodes_of_another_zone_that_are_not_needed_yet_are_in),
       S(t_weights_of_nodes_are_summed), S(t_numbers_are_those_of_the_policy),
       S(t_program_with_a_smaller_struct_gets_that_part),
       S(t_what_cannot_be_read_is_named_and_writes_nothing),
       S(t_without_shared_memory_it_is_not_connected),
       S(t_another_segment_is_followed_at_once),
       S(t_another_folder_is_followed_by_threads_that_only_read),
       S(t_another_folder_is_followed_by_get_route),
       S(t_an_agent_continues_with_files_of_the_first_minor_version))
