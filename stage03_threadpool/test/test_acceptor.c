/* Accepting clients with and without free descriptors. */
#include "t.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "loop.h"
#include "net/acceptor.h"
#include "net/sock.h"
#include "peer.h"

static struct fix {
    struct evloop *loop;
    struct acceptor *a;
    int port;
    int fd[2000], n;                      /* the accepted descriptors */
    struct rlimit before;
} fx;

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    (void)arg;
    assert_int_equal(peer->family, AF_INET);
    fx.fd[fx.n++] = fd;
}

static int setup(void **state)
{
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    int lfd;

    (void)t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    getrlimit(RLIMIT_NOFILE, &fx.before);
    lfd = sock_listen(&at, 1000, SOCK_NONBLOCK);
    if (lfd < 0 || sock_local_addr(lfd, &at) < 0 || evloop_create(&fx.loop) < 0)
        return -1;
    fx.port = at.port;
    return acceptor_create(&fx.a, fx.loop, lfd, on_accept, NULL);
}

static int teardown(void **state)
{
    setrlimit(RLIMIT_NOFILE, &fx.before);
    acceptor_destroy(fx.a);
    acceptor_destroy(NULL);
    evloop_destroy(fx.loop);
    while (fx.n > 0)
        close(fx.fd[--fx.n]);
    return t_fds_check(state);
}

static void t_every_client_is_handed_on_non_blocking(void **state)
{
    int c[300], i;
    char b;

    (void)state;
    for (i = 0; i < 300; i++)             /* several times the accept budget */
        c[i] = peer_connect(fx.port);
    LOOP_UNTIL(fx.loop, fx.n == 300);
    assert_int_equal(acceptor_stat(fx.a)->n_accepted, 300);
    assert_int_equal(sock_read(fx.fd[0], &b, 1), -EAGAIN);
    for (i = 0; i < 300; i++)
        close(c[i]);
}

/* Lower the limit so that exactly <n> descriptors are free. */
static void limit_fds(int n)
{
    struct rlimit rl = fx.before;
    int next = dup(0);

    close(next);
    rl.rlim_cur = (rlim_t)(next + n);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

static void t_out_of_descriptors_tells_the_client_and_goes_on(void **state)
{
    int c[5], i;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    for (i = 0; i < 5; i++)
        c[i] = peer_connect(fx.port);
    limit_fds(2);
    LOOP_UNTIL(fx.loop, acceptor_stat(fx.a)->n_shed == 3);
    assert_int_equal(fx.n, 2);
    for (i = 2; i < 5; i++)
        peer_expect_close(c[i]);          /* at once, not after a timeout */
    setrlimit(RLIMIT_NOFILE, &fx.before);
    close(c[4]);
    c[4] = peer_connect(fx.port);
    LOOP_UNTIL(fx.loop, fx.n == 3);
    for (i = 0; i < 5; i++)
        close(c[i]);
}

/* The reserve cannot be opened again, because no descriptor is free. */
static void t_without_a_reserve_it_pauses_and_recovers(void **state)
{
    struct rlimit rl = fx.before;
    uint64_t turns;
    int c, d;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    c = peer_connect(fx.port);
    d = peer_connect(fx.port);
    rl.rlim_cur = 3;                      /* the reserve cannot be opened again */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
    LOOP_UNTIL(fx.loop, acceptor_stat(fx.a)->n_pause > 0);
    turns = evloop_n_turns(fx.loop);
    loop_turn(fx.loop);
    assert_in_range(evloop_n_turns(fx.loop) - turns, 1, 3);
    setrlimit(RLIMIT_NOFILE, &fx.before);
    LOOP_UNTIL(fx.loop, fx.n + (int)acceptor_stat(fx.a)->n_shed == 2);
    close(c);
    close(d);
}

static void t_create_out_of_descriptors_is_emfile_and_takes_the_listener(void **state)
{
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    struct acceptor *a = NULL;
    int lfd = sock_listen(&at, 10, SOCK_NONBLOCK);

    (void)state;
    limit_fds(0);
    assert_int_equal(acceptor_create(&a, fx.loop, lfd, on_accept, NULL), -EMFILE);
    assert_null(a);
    assert_int_equal(close(lfd), -1);
}

static void t_clients_that_left_before_accept_do_no_harm(void **state)
{
    int i, c;

    (void)state;
    for (i = 0; i < 100; i++)
        peer_reset(peer_connect(fx.port));
    c = peer_connect(fx.port);
    LOOP_UNTIL(fx.loop, fx.n + (int)acceptor_stat(fx.a)->n_refused == 101);
    close(c);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(A(t_every_client_is_handed_on_non_blocking),
       A(t_out_of_descriptors_tells_the_client_and_goes_on),
       A(t_without_a_reserve_it_pauses_and_recovers),
       A(t_create_out_of_descriptors_is_emfile_and_takes_the_listener),
       A(t_clients_that_left_before_accept_do_no_harm))
