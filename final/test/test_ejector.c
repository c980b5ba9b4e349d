/* The ejector of the agent: it counts exactly the nodes that are ejected now.  Ejections
 * of a predecessor are adopted; a node that leaves its module, or that joins a module
 * under the number of an ejected node, is not counted. */
#include "agent_data/ejector.h"

#include <stdatomic.h>

#include "lib/shmfix.h"
#include "shmem/call_log.h"
#include "shmem/log_owner.h"

static struct evloop *loop;
static struct client_logs *logs;
static struct module_policy *policy;
static struct ejector *ejector;
static int n_changed;                 /* calls of on_changed() */

static uint32_t timeout_ms(uint32_t mid, void *arg)
{
    (void)mid;
    (void)arg;
    return 30000;
}

static void on_ended(const struct call_log_end *e, bool died, void *arg)
{
    (void)e;
    (void)died;
    (void)arg;
}

static void on_changed(uint32_t mid, uint32_t nid, bool out, void *arg)
{
    (void)mid;
    (void)nid;
    (void)out;
    (void)arg;
    n_changed++;
}

static bool always_unused(uint32_t nid, void *arg)
{
    (void)nid;
    (void)arg;
    return true;
}

/* The number of node <i> of module 1/<cmdid>. */
static uint32_t nid_of(uint32_t cmdid, uint32_t i)
{
    struct route_reader route = {0};
    int64_t mid = module_table_find(shmfix_seg, 1, cmdid);
    uint32_t nid;

    assert_true(mid >= 0);
    assert_int_equal(route_reader_read(shmfix_seg, (uint32_t)mid, &route), 0);
    assert_in_range(i, 0, route.n - 1);
    nid = route.member[i].nid;
    route_reader_free(&route);
    return nid;
}

/* Module 1/1 has the nodes 1 to 4; the predecessor has ejected the first of them. */
static int setup(void **state)
{
    struct client_logs_hooks hooks = {timeout_ms, on_ended, NULL};
    struct module_policy_config cfg = {.timeout_ms = 30000};
    struct ejector_stat stat;
    int rc = shmfix_setup(state);

    n_changed = 0;
    assert_int_equal(shmfix_publish(1, 1, 4), 0);
    atomic_store(&node_table_costs(shmfix_seg)[nid_of(1, 0)],
                 NODE_OUT + EJECT_STREAK);
    assert_int_equal(evloop_create(&loop), 0);
    assert_int_equal(client_logs_create(&logs, shmfix_seg, &hooks, mono_us()), 0);
    assert_int_equal(module_policy_create(&policy, shmfix_seg, &cfg), 0);
    assert_int_equal(ejector_create(&ejector, loop, shmfix_seg, logs, policy,
                                    &health_preset, on_changed, NULL),
                     0);
    ejector_stat(ejector, &stat);
    assert_int_equal(stat.n_out, 1);  /* before the route is there */
    ejector_set_nodes(ejector, 0);
    return rc;
}

static int teardown(void **state)
{
    ejector_destroy(ejector);
    module_policy_destroy(policy);
    client_logs_destroy(logs);
    evloop_destroy(loop);
    return shmfix_teardown(state);
}

static void count_one(uint32_t mid, uint32_t nid, enum node_status status, void *arg)
{
    (void)status;
    (void)mid;
    (void)nid;
    ++*(int *)arg;
}

/* The figure of the metrics and the list for the database must agree. */
static int n_ejected(void)
{
    struct ejector_stat stat;
    int n = 0;

    ejector_each_out(ejector, count_one, &n);
    ejector_stat(ejector, &stat);
    assert_int_equal(stat.n_out, n);
    return n;
}

static void t_create_adopts_the_ejections_of_a_predecessor(void **state)
{
    (void)state;
    assert_int_equal(n_ejected(), 1);
    assert_int_equal(n_changed, 0);   /* the predecessor has reported it */
}

static void t_set_nodes_without_an_ejected_node_counts_it_no_more(void **state)
{
    (void)state;
    shmfix_publish(1, 2, 3);
    ejector_set_nodes(ejector, 0);
    assert_int_equal(n_ejected(), 0);
}

static void t_set_nodes_with_a_returned_node_does_not_count_it(void **state)
{
    uint32_t nid = nid_of(1, 0);

    (void)state;
    shmfix_publish(1, 2, 3);
    ejector_set_nodes(ejector, 0);
    shmfix_publish(1, 1, 4);
    assert_int_equal(nid_of(1, 0), nid); /* it has its number again */
    ejector_set_nodes(ejector, 0);
    assert_int_equal(n_ejected(), 0);
}

static void t_set_nodes_with_a_reused_number_does_not_count_it(void **state)
{
    uint32_t nid = nid_of(1, 0), i;
    bool reused = false;
    int64_t mid;

    (void)state;
    mid = shmfix_publish(2, 50, 1);
    ejector_set_nodes(ejector, (uint32_t)mid);
    shmfix_publish(1, 2, 3);
    ejector_set_nodes(ejector, 0);
    for (i = 0; i < 3; i++)           /* the third call frees the number */
        route_writer_reclaim(shmfix_writer, always_unused, NULL);
    shmfix_publish(2, 50, 4);         /* one of the new nodes gets that number */
    for (i = 0; i < 4; i++)
        reused |= nid_of(2, i) == nid;
    assert_true(reused);
    ejector_set_nodes(ejector, (uint32_t)mid);
    assert_int_equal(n_ejected(), 0);
}

/* The same in a module that has had no nodes until now. */
static void t_first_node_of_a_module_with_a_reused_number_is_not_ejected(void **state)
{
    uint32_t nid = nid_of(1, 0), i;
    int64_t mid;

    (void)state;
    shmfix_publish(1, 2, 3);
    ejector_set_nodes(ejector, 0);
    for (i = 0; i < 3; i++)
        route_writer_reclaim(shmfix_writer, always_unused, NULL);
    mid = shmfix_publish(2, 50, 4);
    for (i = 0; i < 4 && nid_of(2, i) != nid; i++)
        continue;
    assert_true(i < 4);
    ejector_set_nodes(ejector, (uint32_t)mid);
    assert_int_equal(n_ejected(), 0);
}

/* Module 1/1 has six nodes; <n> calls of each end, those of node <bad> fail. */
static void count_calls(struct call_log *log, int n, int bad)
{
    int i;

    for (i = 0; i < 6 * n; i++)
        assert_int_equal(call_log_count(log, nid_of(1, (uint32_t)i % 6), 0, i % 6 != bad,
                                        1000),
                         0);
}

/* A node is taken out of the table because it fails, mended, and added again. */
static void t_node_that_is_added_again_is_not_judged_by_its_earlier_calls(void **state)
{
    struct call_log *log;
    uint64_t now_ms = mono_ms();
    uint32_t nid;

    (void)state;
    assert_int_equal(log_owner_take(&log, shmfix_seg), 0);
    shmfix_publish(1, 1, 6);
    ejector_set_nodes(ejector, 0);
    nid = nid_of(1, 5);
    count_calls(log, 200, 5);
    shmfix_publish(1, 1, 5);
    ejector_set_nodes(ejector, 0);
    ejector_tick(ejector, now_ms);
    shmfix_publish(1, 1, 6);
    ejector_set_nodes(ejector, 0);
    assert_int_equal(nid_of(1, 5), nid);
    count_calls(log, 30, -1);
    ejector_tick(ejector, now_ms + 10);
    ejector_tick(ejector, now_ms + 20);
    assert_true(atomic_load(&node_table_costs(shmfix_seg)[nid]) < NODE_OUT);
    log_owner_give(shmfix_seg, log);
}

#define E(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(E(t_create_adopts_the_ejections_of_a_predecessor),
       E(t_set_nodes_without_an_ejected_node_counts_it_no_more),
       E(t_set_nodes_with_a_returned_node_does_not_count_it),
       E(t_set_nodes_with_a_reused_number_does_not_count_it),
       E(t_first_node_of_a_module_with_a_reused_number_is_not_ejected),
       E(t_node_that_is_added_again_is_not_judged_by_its_earlier_calls))
