/* The ejector with checks of real sockets: what a failed call of a node leads to, and how
 * a node that works again comes back, also after the agent was started again. */
#include "agent_data/ejector.h"

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/shmfix.h"
#include "loop.h"
#include "net/sock.h"
#include "shmem/call_log.h"
#include "shmem/log_owner.h"

#define NODES 3

static struct evloop *loop;
static struct client_logs *logs;
static struct module_policy *policy;
static struct ejector *ejector;
static struct call_log *calls;
static struct net_addr at[NODES];
static int lfd[NODES];                /* -1: the node refuses */
static uint32_t nid[NODES];

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

static void on_changed(uint32_t mid, uint32_t n, bool out, void *arg)
{
    (void)mid;
    (void)n;
    (void)out;
    (void)arg;
}

static void on_connection(int fd, uint32_t events, void *arg)
{
    int c = sock_accept(fd, 0, NULL);

    (void)events;
    (void)arg;
    if (c >= 0)
        close(c);                     /* as a process that works */
}

static void start_node(int i)
{
    lfd[i] = sock_listen(&at[i], 64, SOCK_NONBLOCK);
    assert_true(lfd[i] >= 0);
    assert_int_equal(sock_local_addr(lfd[i], &at[i]), 0);
    assert_int_equal(evloop_add_fd(loop, lfd[i], EPOLLIN, on_connection, NULL), 0);
}

static void stop_node(int i)
{
    evloop_del_fd(loop, lfd[i]);
    close(lfd[i]);
    lfd[i] = -1;
}

static void publish(void)
{
    struct route_writer_node node[NODES] = {0};
    struct route_reader route = {0};
    int i, k;

    for (i = 0; i < NODES; i++)
        node[i] = (struct route_writer_node){at[i], 100, 0};
    assert_int_equal(route_writer_nodes(shmfix_writer, 1, 1, node, NODES, 256000), 0);
    assert_int_equal(route_reader_read(shmfix_seg, 0, &route), 0);
    for (i = 0; i < NODES; i++)
        for (k = 0; k < NODES; k++) {
            struct net_addr a;

            node_table_addr(shmfix_seg, route.member[k].nid, &a);
            if (net_addr_equal(&a, &at[i]))
                nid[i] = route.member[k].nid;
        }
    route_reader_free(&route);
}

static void start_agent(void)
{
    struct client_logs_hooks hooks = {timeout_ms, on_ended, NULL};
    struct module_policy_config cfg = {.timeout_ms = 30000};

    assert_int_equal(client_logs_create(&logs, shmfix_seg, &hooks, mono_us()), 0);
    assert_int_equal(module_policy_create(&policy, shmfix_seg, &cfg), 0);
    assert_int_equal(ejector_create(&ejector, loop, shmfix_seg, logs, policy,
                                    &health_preset, on_changed, NULL),
                     0);
    ejector_set_nodes(ejector, 0);
}

static void stop_agent(void)
{
    ejector_destroy(ejector);
    module_policy_destroy(policy);
    client_logs_destroy(logs);
}

static int setup(void **state)
{
    int rc = shmfix_setup(state), i;

    assert_int_equal(evloop_create(&loop), 0);
    for (i = 0; i < NODES; i++) {
        assert_int_equal(net_addr_set(&at[i], "127.0.0.1", 0), 0);
        start_node(i);
    }
    assert_true(shmfix_publish(1, 1, 1) == 0); /* with settings */
    publish();
    start_agent();
    assert_int_equal(log_owner_take(&calls, shmfix_seg), 0);
    return rc;
}

static int teardown(void **state)
{
    int i;

    log_owner_give(shmfix_seg, calls);
    stop_agent();
    for (i = 0; i < NODES; i++)
        if (lfd[i] >= 0)
            stop_node(i);
    evloop_destroy(loop);
    return shmfix_teardown(state);
}

static void call(int i, bool ok)
{
    assert_int_equal(call_log_count(calls, nid[i], 0, ok, 1000), 0);
}

/* A tick of the agent; returns the state of node <i>. */
static const char *state_of(int i)
{
    static uint64_t second;

    ejector_tick(ejector, mono_ms());
    if (mono_ms() / 1000 != second) {
        second = mono_ms() / 1000;
        ejector_second(ejector);
    }
    return node_state_str(atomic_load(&node_table_costs(shmfix_seg)[nid[i]]));
}

static bool is(int i, const char *state)
{
    return strcmp(state_of(i), state) == 0;
}

static bool is_up(int i)
{
    return is(i, "up") || is(i, "warming up");
}

static struct ejector_stat stats(void)
{
    struct ejector_stat s;

    ejector_stat(ejector, &s);
    return s;
}

static void t_one_failed_call_takes_a_node_down_that_refuses(void **state)
{
    (void)state;
    stop_node(0);
    call(0, false);
    LOOP_UNTIL(loop, is(0, "down"));
    assert_int_equal(stats().n_down, 1);
    assert_true(is_up(1));
    assert_true(is_up(2));
}

static void t_one_failed_call_leaves_a_node_up_that_works(void **state)
{
    (void)state;
    call(0, false);
    LOOP_UNTIL(loop, is_up(0) && stats().n_checks >= 2);
    assert_true(is_up(0));
    assert_int_equal(stats().n_check_failed, 0);
}

/* What stopped the node has stopped the others, too: no call of theirs has to fail. */
static void t_one_failed_call_takes_all_nodes_down_that_refuse(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < NODES; i++)
        stop_node(i);
    call(0, false);
    LOOP_UNTIL(loop, is(0, "down") && is(1, "down") && is(2, "down"));
    assert_int_equal(stats().n_down, NODES);
}

static void t_node_that_listens_again_is_up_again(void **state)
{
    (void)state;
    stop_node(0);
    call(0, false);
    LOOP_UNTIL(loop, is(0, "down"));
    start_node(0);
    LOOP_UNTIL(loop, is_up(0));
    assert_int_equal(stats().n_down, 0);
}

static void t_agent_that_starts_again_readmits_a_node_that_was_down(void **state)
{
    (void)state;
    stop_node(0);
    call(0, false);
    LOOP_UNTIL(loop, is(0, "down"));
    stop_agent();
    start_agent();
    assert_int_equal(stats().n_down, 1);
    LOOP_UNTIL(loop, !is(0, "down") || stats().n_check_failed > 0);
    assert_true(is(0, "down"));       /* a check has found it so again */
    start_node(0);
    LOOP_UNTIL(loop, is_up(0));
}

static void t_route_change_keeps_a_node_down(void **state)
{
    (void)state;
    stop_node(0);
    call(0, false);
    LOOP_UNTIL(loop, is(0, "down"));
    publish();
    ejector_set_nodes(ejector, 0);
    assert_true(is(0, "down"));
    assert_int_equal(stats().n_down, 1);
}

#define E(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(E(t_one_failed_call_takes_a_node_down_that_refuses),
       E(t_one_failed_call_leaves_a_node_up_that_works),
       E(t_one_failed_call_takes_all_nodes_down_that_refuse),
       E(t_node_that_listens_again_is_up_again),
       E(t_agent_that_starts_again_readmits_a_node_that_was_down),
       E(t_route_change_keeps_a_node_down))
