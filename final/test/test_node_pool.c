/* The pool of connections to nodes: the one used last is taken first, each node has its
 * own, and a connection that a node closes or writes to while it waits is gone. */
#include "loop.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "gateway/node_pool.h"
#include "net/sock.h"

#define NODES 2

static struct fix {
    struct evloop *loop;
    struct node_pool *pool;
    struct lars_addr addr[NODES];
    int lfd[NODES], n_connect, n_event, rc;
} f;

static void on_event(struct stream *s)
{
    (void)s;
    f.n_event++;
}

static void on_error(struct stream *s, int rc)
{
    (void)s;
    f.n_event++;
    f.rc = rc;
}

static void on_connect(struct stream *s, int rc)
{
    f.n_connect++;
    f.rc = rc;
    if (rc < 0)
        node_pool_drop((struct node_conn *)(void *)s);
}

static const struct stream_owner owner = {on_event, on_event, on_error, on_connect};

static int setup(void **state)
{
    struct net_addr at;
    int i;

    (void)t_fds_save(state);
    memset(&f, 0, sizeof(f));
    assert_int_equal(evloop_create(&f.loop), 0);
    assert_int_equal(node_pool_create(&f.pool, f.loop), 0);
    for (i = 0; i < NODES; i++) {
        assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
        f.lfd[i] = sock_listen(&at, 64, 0);
        sock_local_addr(f.lfd[i], &at);
        f.addr[i].family = AF_INET;
        f.addr[i].port = at.port;
        memcpy(f.addr[i].ip, at.ip, 4);
    }
    return 0;
}

static int teardown(void **state)
{
    int i;

    node_pool_destroy(f.pool);
    evloop_destroy(f.loop);
    for (i = 0; i < NODES; i++)
        if (f.lfd[i] >= 0)
            close(f.lfd[i]);
    return t_fds_check(state);
}

static struct node_conn *take(int node, bool fresh)
{
    struct node_conn *c;
    int n = f.n_connect;

    assert_int_equal(node_pool_take(f.pool, &f.addr[node], fresh, &owner, &f, &c), 0);
    assert_ptr_equal(c->user, &f);
    if (!c->reused)
        LOOP_UNTIL(f.loop, f.n_connect > n);
    return c;
}

static void t_waiting_connection_is_taken_again_the_last_one_first(void **state)
{
    struct node_conn *a = take(0, false), *b = take(0, false);

    (void)state;
    assert_false(a->reused);
    node_pool_keep(a, UINT32_MAX);
    node_pool_keep(b, UINT32_MAX);
    assert_int_equal(node_pool_n_waiting(f.pool), 2);
    assert_null(a->user);
    assert_ptr_equal(take(0, false), b);
    assert_true(b->reused);
    assert_ptr_equal(take(0, false), a);
    assert_int_equal(node_pool_n_waiting(f.pool), 0);
    assert_int_equal(f.n_connect, 2);
}

static void t_each_node_has_its_own_and_fresh_takes_none(void **state)
{
    struct node_conn *a = take(0, false);

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    assert_ptr_not_equal(take(1, false), a);
    assert_ptr_not_equal(take(0, true), a);
    assert_int_equal(node_pool_n_waiting(f.pool), 1);
    assert_ptr_equal(take(0, false), a);
}

static void t_at_most_32_wait_for_one_node(void **state)
{
    struct node_conn *c[NODE_IDLE_MAX + 2];
    int i;

    (void)state;
    for (i = 0; i < NODE_IDLE_MAX + 2; i++)
        c[i] = take(0, false);
    for (i = 0; i < NODE_IDLE_MAX + 2; i++)
        node_pool_keep(c[i], UINT32_MAX);
    assert_int_equal(node_pool_n_waiting(f.pool), NODE_IDLE_MAX);
    node_pool_keep(take(1, false), UINT32_MAX);
    assert_int_equal(node_pool_n_waiting(f.pool), NODE_IDLE_MAX + 1);
}

static void t_connection_that_the_node_closes_is_gone(void **state)
{
    struct node_conn *a = take(0, false);
    int peer = sock_accept(f.lfd[0], 0, NULL);

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    close(peer);
    LOOP_UNTIL(f.loop, node_pool_n_waiting(f.pool) == 0);
    assert_int_equal(f.n_event, 0); /* its last user is not called */
    assert_false(take(0, false)->reused);
}

static void t_connection_with_bytes_that_no_request_asked_for_is_gone(void **state)
{
    const char *extra = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    struct node_conn *a = take(0, false);
    int peer = sock_accept(f.lfd[0], 0, NULL);

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    assert_int_equal(send(peer, extra, strlen(extra), MSG_NOSIGNAL), strlen(extra));
    LOOP_UNTIL(f.loop, node_pool_n_waiting(f.pool) == 0);
    assert_int_equal(f.n_event, 0);
    close(peer);
}

static void t_reset_of_a_waiting_connection_ends_it(void **state)
{
    struct linger now = {1, 0};
    struct node_conn *a = take(0, false);
    int peer = sock_accept(f.lfd[0], 0, NULL);

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(peer);
    LOOP_UNTIL(f.loop, node_pool_n_waiting(f.pool) == 0);
}

static void t_connect_that_is_refused_is_told(void **state)
{
    struct node_conn *c;

    (void)state;
    close(f.lfd[1]);
    f.lfd[1] = -1;
    assert_int_equal(node_pool_take(f.pool, &f.addr[1], false, &owner, &f, &c), 0);
    LOOP_UNTIL(f.loop, f.n_connect == 1);
    assert_int_equal(f.rc, -ECONNREFUSED);
}

static void t_dropped_in_any_state_frees_all(void **state)
{
    struct node_conn *a = take(0, false), *b = take(0, false), *c = take(1, false), *d;

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    node_pool_keep(b, UINT32_MAX);
    node_pool_drop(a); /* the older of two that wait */
    node_pool_drop(c);
    assert_int_equal(node_pool_n_waiting(f.pool), 1);
    assert_int_equal(node_pool_take(f.pool, &f.addr[1], true, &owner, &f, &d), 0);
    node_pool_drop(d); /* still connecting */
    loop_turn(f.loop);
    assert_ptr_equal(take(0, false), b);
    (void)take(1, false); /* teardown: the pool is destroyed with one in use */
}

static void t_waiting_connection_is_closed_before_common_servers_do(void **state)
{
    struct node_conn *a = take(0, false);
    uint64_t begin = t_now_ms();

    (void)state;
    node_pool_keep(a, UINT32_MAX);
    LOOP_UNTIL(f.loop, node_pool_n_waiting(f.pool) == 0);
    assert_in_range(t_now_ms() - begin, NODE_IDLE_MS - 1, T_DEADLINE_MS);
}

static void t_waiting_connection_is_closed_a_second_before_the_node_does(void **state)
{
    struct node_conn *a = take(0, false), *b = take(0, false);

    (void)state;
    node_pool_keep(a, 1000000); /* not longer than without a number */
    node_pool_keep(b, 2);
    LOOP_UNTIL(f.loop, node_pool_n_waiting(f.pool) == 1);
    assert_ptr_equal(take(0, false), a);
}

static void t_connection_that_the_node_closes_within_a_second_is_not_kept(void **state)
{
    (void)state;
    node_pool_keep(take(0, false), 0);
    node_pool_keep(take(0, false), 1);
    assert_int_equal(node_pool_n_waiting(f.pool), 0);
    assert_false(take(0, false)->reused);
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(P(t_waiting_connection_is_taken_again_the_last_one_first),
       P(t_each_node_has_its_own_and_fresh_takes_none), P(t_at_most_32_wait_for_one_node),
       P(t_connection_that_the_node_closes_is_gone),
       P(t_connection_with_bytes_that_no_request_asked_for_is_gone),
       P(t_reset_of_a_waiting_connection_ends_it), P(t_connect_that_is_refused_is_told),
       P(t_dropped_in_any_state_frees_all),
       P(t_waiting_connection_is_closed_before_common_servers_do),
       P(t_waiting_connection_is_closed_a_second_before_the_node_does),
       P(t_connection_that_the_node_closes_within_a_second_is_not_kept))
