/* The listeners of a port change in number while clients connect, and each client is
 * accepted.  A client counts as accepted when it reads the byte that the loop sends. */
#include <pthread.h>

#include "gateway/listeners.h"
#include "net/portgroup.h"
#include "net/sock.h"
#include "peer.h"

#define LOOPS 3
#define CLIENTS 60

static struct evloop *loop; /* of the daemon: run by the test's thread */
static struct looppool *pool;
static struct listeners *ls;
static void *args[LOOPS];
static _Atomic unsigned n_accepted[LOOPS];
static struct evtimer look;

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    _Atomic unsigned *n = arg;

    (void)peer;
    ++*n;
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int setup(void **state)
{
    struct listeners_config c = {.pool = NULL, .fn = on_accept, .arg = args};
    int i;

    (void)t_fds_save(state);
    for (i = 0; i < LOOPS; i++) {
        n_accepted[i] = 0;
        args[i] = (void *)&n_accepted[i];
    }
    assert_int_equal(evloop_create(&loop), 0);
    assert_int_equal(looppool_create(&pool, LOOPS), 0);
    c.loop = loop;
    c.pool = pool;
    assert_int_equal(net_addr_set(&c.at, "127.0.0.1", 0), 0);
    assert_int_equal(listeners_create(&ls, &c, LOOPS), 0);
    assert_int_equal(looppool_start(pool), 0);
    return 0;
}

static int teardown(void **state)
{
    looppool_stop(pool);
    evloop_clear_timer(loop, &look);
    listeners_destroy(ls);
    looppool_destroy(pool);
    evloop_destroy(loop);
    return t_fds_check(state);
}

static unsigned wanted;

static void stop_when_there(void *arg)
{
    (void)arg;
    if (listeners_n(ls) == wanted)
        evloop_stop(loop);
    else
        evloop_set_timer(loop, &look, 1, stop_when_there, NULL);
}

/* Have <n> listeners, and return when it is so. */
static void change_to(unsigned n)
{
    wanted = n;
    listeners_want(ls, n);
    evloop_set_timer(loop, &look, 1, stop_when_there, NULL);
    assert_int_equal(evloop_run(loop), 0);
}

static int port(void)
{
    return listeners_address(ls)->port;
}

static void connect_some(int *fd, int n)
{
    int i;

    for (i = 0; i < n; i++)
        fd[i] = peer_connect(port());
}

static void expect_accepted(const int *fd, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        peer_expect(fd[i], "x");
        close(fd[i]);
    }
}

/* --- one change --------------------------------------------------------------------- */

static int held[2]; /* a pipe: loop 2 waits until a byte comes */

static void hold_loop(void *arg, void *user)
{
    char c;

    (void)arg;
    (void)user;
    listeners_set_budget(ls, 2, 1);
    assert_int_equal(read(held[0], &c, 1), 1);
}

static void release(void *arg)
{
    (void)arg;
    assert_int_equal(write(held[1], "x", 1), 1);
}

static void t_clients_in_the_queue_of_a_listener_that_is_closed_are_accepted(void **state)
{
    struct evtimer timer = {0};
    int fd[CLIENTS];

    (void)state;
    assert_int_equal(pipe(held), 0);
    assert_int_equal(looppool_post(pool, 2, &(struct msgq_task){hold_loop, NULL, NULL}),
                     0);
    connect_some(fd, CLIENTS);
    T_WAIT(n_accepted[0] > 0 && n_accepted[1] > 0);
    evloop_set_timer(loop, &timer, 2500, release, NULL); /* after the order to close */
    change_to(2);
    expect_accepted(fd, CLIENTS);
    assert_in_range(n_accepted[2], 1, CLIENTS);
    close(held[0]);
    close(held[1]);
}

static void t_a_loop_without_a_listener_gets_no_client_and_gets_them_again(void **state)
{
    int fd[CLIENTS];

    (void)state;
    change_to(1);
    connect_some(fd, CLIENTS);
    expect_accepted(fd, CLIENTS);
    assert_int_equal(n_accepted[0], CLIENTS);
    assert_int_equal(n_accepted[1] + n_accepted[2], 0);
    change_to(3);
    connect_some(fd, CLIENTS);
    expect_accepted(fd, CLIENTS);
    assert_in_range(n_accepted[2], 1, CLIENTS);
}

static void t_a_change_of_mind_keeps_the_listener(void **state)
{
    int fd[CLIENTS];

    (void)state;
    listeners_want(ls, 2); /* the third one leaves */
    change_to(3);
    connect_some(fd, CLIENTS);
    expect_accepted(fd, CLIENTS);
    assert_in_range(n_accepted[2], 1, CLIENTS);
}

static void t_the_last_listener_leaves_clients_to_another_process(void **state)
{
    int fd[CLIENTS], lfd = portgroup_listen(listeners_address(ls), 100), i, got;
    unsigned before;

    (void)state;
    assert_true(lfd >= 0);
    change_to(1);
    before = n_accepted[0] + n_accepted[1] + n_accepted[2];
    listeners_want(ls, 0);
    connect_some(fd, CLIENTS);
    for (i = 0; i < CLIENTS; i++) {
        got = accept(lfd, NULL, NULL);
        assert_true(got >= 0);
        close(got);
        close(fd[i]);
    }
    assert_int_equal(n_accepted[0] + n_accepted[1] + n_accepted[2], before);
    change_to(0);
    close(lfd);
    assert_int_equal(peer_try_connect(port()), -1);
}

static uint64_t end_ms;

/* One client after another, until loop 2 has one. */
static void connect_until_spread(void *arg)
{
    int fd = peer_connect(port());

    (void)arg;
    peer_expect(fd, "x");
    close(fd);
    if (n_accepted[2] > 0 || t_now_ms() > end_ms)
        evloop_stop(loop);
    else
        evloop_set_timer(loop, &look, 20, connect_until_spread, NULL);
}

static void t_what_a_process_that_ended_has_selected_does_not_last(void **state)
{
    int lfd = portgroup_listen(listeners_address(ls), 100);

    (void)state;
    assert_true(lfd >= 0);
    assert_int_equal(portgroup_select_only(lfd, 0), 0);
    close(lfd);
    end_ms = t_now_ms() + T_DEADLINE_MS;
    evloop_set_timer(loop, &look, 1, connect_until_spread, NULL);
    assert_int_equal(evloop_run(loop), 0);
    assert_true(n_accepted[2] > 0);
}

/* --- many changes ------------------------------------------------------------------- */

static _Atomic bool stop;
static _Atomic unsigned n_ok, n_lost;

static void *run_client(void *arg)
{
    (void)arg;
    while (!stop) {
        int fd = peer_try_connect(port());
        char c;

        if (fd >= 0 && recv(fd, &c, 1, 0) == 1)
            n_ok++;
        else
            n_lost++;
        close(fd);
    }
    return NULL;
}

static void t_45_retired_listeners_lose_no_client(void **state)
{
    pthread_t thread[4];
    unsigned before;
    int i;

    (void)state;
    stop = false;
    n_ok = n_lost = 0;
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_client, NULL), 0);
    for (i = 0; i < 45 && n_lost == 0; i += 2) {
        before = n_ok;
        change_to(1);
        change_to(3);
        T_WAIT(n_ok > before || n_lost);
    }
    stop = true;
    for (i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(n_lost, 0);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(L(t_clients_in_the_queue_of_a_listener_that_is_closed_are_accepted),
       L(t_a_loop_without_a_listener_gets_no_client_and_gets_them_again),
       L(t_a_change_of_mind_keeps_the_listener),
       L(t_the_last_listener_leaves_clients_to_another_process),
       L(t_what_a_process_that_ended_has_selected_does_not_last),
       L(t_45_retired_listeners_lose_no_client))
