/* The reconnecting client; the test plays the server. */
#include "net/tcpcli.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/log.h"
#include "loop.h"
#include "net/sock.h"
#include "peer.h"
#include "t.h"

static struct {
    struct evloop *loop;
    struct dispatch *d;
    struct tcpcli *cli;
    struct tcpcli_config cfg;
    int lfd, n_taken, n_up, n_down, n_frames;
    struct net_addr at;
} fx;

static void on_up(struct tcpcli *c, void *arg)
{
    (void)arg;
    fx.n_up++;
    assert_int_equal(tcpcli_send(c, 5, "hello", 5), 0);
}

static void on_down(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_down++;
}

static void on_frame(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)f;
    (void)arg;
    fx.n_frames++;
}

static void listen_again(void)
{
    fx.lfd = sock_listen(&fx.at, 16, SOCK_NONBLOCK);
    assert_true(fx.lfd >= 0);
    assert_int_equal(sock_local_addr(fx.lfd, &fx.at), 0);
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(dispatch_create(&fx.d), 0);
    assert_int_equal(dispatch_set(fx.d, 9, on_frame, NULL), 0);
    assert_int_equal(net_addr_set(&fx.at, "127.0.0.1", 0), 0);
    listen_again();
    fx.cfg = (struct tcpcli_config){.to = {fx.at},
                                    .n_to = 1,
                                    .dispatch = fx.d,
                                    .min_ms = 1,
                                    .max_ms = 4,
                                    .on_up = on_up,
                                    .on_down = on_down};
    return 0;
}

static int teardown(void **state)
{
    tcpcli_destroy(fx.cli);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
    if (fx.lfd >= 0)
        close(fx.lfd);
    return t_fds_check(state);
}

static void start(void)
{
    assert_int_equal(tcpcli_create(&fx.cli, fx.loop, &fx.cfg), 0);
}

/* Run the loop long enough for several attempts: the waits are 4 ms at most. */
static void let_it_try(void)
{
    int i;

    for (i = 0; i < 20; i++)
        loop_turn(fx.loop);
}

/* Run the loop until the client has connected and called on_up(): the server may accept
 * a connection before the client's loop has seen that it is there.  Returns the fd of the
 * server side. */
static int take(void)
{
    int fd = -EAGAIN;

    LOOP_UNTIL(fx.loop, (fd = sock_accept(fx.lfd, 0, NULL)) != -EAGAIN);
    assert_true(fd >= 0);
    fx.n_taken++;
    LOOP_UNTIL(fx.loop, fx.n_up >= fx.n_taken);
    return fd;
}

static void expect_hello(int fd)
{
    char in[13];
    ssize_t n;

    LOOP_UNTIL(fx.loop, (n = recv(fd, in, sizeof(in), MSG_DONTWAIT | MSG_PEEK)) == 13);
    peer_recv(fd, in, 13);
    assert_memory_equal(in, "\5\0\0\0\5\0\0\0hello", 13);
}

static void t_connects_and_calls_on_up(void **state)
{
    struct net_addr me;
    int fd;

    (void)state;
    start();
    assert_int_equal(tcpcli_local_addr(fx.cli, &me), -ENOTCONN);
    fd = take();
    expect_hello(fd);
    assert_int_equal(fx.n_up, 1);
    assert_int_equal(tcpcli_local_addr(fx.cli, &me), 0);
    assert_int_equal(me.ip[0], 127);
    close(fd);
}

static void t_frames_of_the_server_reach_their_handler(void **state)
{
    int fd;

    (void)state;
    start();
    fd = take();
    peer_send(fd, "\11\0\0\0\1\0\0\0x", 9);
    LOOP_UNTIL(fx.loop, fx.n_frames == 1);
    close(fd);
}

static void t_reconnects_after_each_loss(void **state)
{
    int i, fd;

    (void)state;
    start();
    for (i = 1; i <= 5; i++) {
        fd = take();
        expect_hello(fd);
        if (i % 2)
            peer_reset(fd);
        else
            close(fd);
        LOOP_UNTIL(fx.loop, fx.n_down == i);
    }
    assert_int_equal(fx.n_up, 5);
}

/* A server that accepts and closes at once is broken as well.  The fifth wait is at least
 * 400 ms; a slow machine only adds to it. */
static void t_server_that_closes_at_once_is_called_less_and_less(void **state)
{
    uint64_t t0 = 0;
    int i, fd;

    (void)state;
    fx.cfg.min_ms = 50;
    fx.cfg.max_ms = 5000;
    start();
    for (i = 1; i <= 5; i++) {
        fd = take();
        t0 = t_now_ms();
        close(fd);
        LOOP_UNTIL(fx.loop, fx.n_down == i);
    }
    close(take());
    assert_true(t_now_ms() - t0 >= 400);
}

static void t_server_that_starts_late_is_found(void **state)
{
    int fd;

    (void)state;
    close(fx.lfd);
    start();
    LOOP_UNTIL(fx.loop, fx.n_down >= 1);
    let_it_try();
    assert_int_equal(tcpcli_send(fx.cli, 5, "x", 1), -ENOTCONN);
    listen_again();
    fd = take();
    expect_hello(fd);
    assert_int_equal(fx.n_down, 1);   /* one loss, many failed attempts */
    close(fd);
}

static void t_next_address_takes_over(void **state)
{
    struct net_addr dead = fx.at;
    int fd;

    (void)state;
    close(fx.lfd);
    fx.at.port = 0;
    listen_again();
    fx.cfg.to[0] = dead;
    fx.cfg.to[1] = fx.at;
    fx.cfg.n_to = 2;
    start();
    fd = take();
    expect_hello(fd);
    close(fd);
}

static void t_go_first_leaves_the_second(void **state)
{
    struct net_addr first = fx.at;
    int fd, lfd2;

    (void)state;
    close(fx.lfd);                    /* the first server is down */
    fx.at.port = 0;
    listen_again();
    fx.cfg.to[0] = first;
    fx.cfg.to[1] = fx.at;
    fx.cfg.n_to = 2;
    start();
    assert_true(tcpcli_is_first(fx.cli));
    fd = take();
    LOOP_UNTIL(fx.loop, fx.n_up == 1);
    assert_false(tcpcli_is_first(fx.cli));
    lfd2 = fx.lfd;
    fx.at = first;
    listen_again();
    tcpcli_go_first(fx.cli);
    close(fd);
    fd = take();
    LOOP_UNTIL(fx.loop, fx.n_up == 2);
    assert_true(tcpcli_is_first(fx.cli));
    tcpcli_go_first(fx.cli);          /* connected to it already: no effect */
    expect_hello(fd);
    assert_int_equal(fx.n_down, 2);   /* the failed attempt and the change */
    close(fd);
    close(lfd2);
}

static void t_attempt_without_an_answer_ends(void **state)
{
    struct net_addr full;
    int lfd, c[8], i;

    (void)state;
    assert_int_equal(net_addr_set(&full, "127.0.0.1", 0), 0);
    lfd = sock_listen(&full, 0, 0);   /* one fits; then SYNs are dropped */
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &full), 0);
    for (i = 0; i < 8; i++)
        c[i] = sock_connect_start(&full);
    fx.cfg.to[0] = full;
    fx.cfg.connect_ms = 20;
    start();
    LOOP_UNTIL(fx.loop, fx.n_down == 1);
    assert_int_equal(fx.n_up, 0);
    for (i = 0; i < 8; i++)
        close(c[i]);
    close(lfd);
}

static void t_finish_sends_waiting_frames_and_does_not_reconnect(void **state)
{
    int fd;

    (void)state;
    start();
    fd = take();
    tcpcli_finish(fx.cli);
    expect_hello(fd);
    peer_expect_close(fd);
    close(fd);
    LOOP_UNTIL(fx.loop, fx.n_down == 1);
    let_it_try();
    assert_int_equal(sock_accept(fx.lfd, 0, NULL), -EAGAIN);
    tcpcli_destroy(fx.cli);
    fx.cli = NULL;
    close(fx.lfd);                    /* finish without a connection */
    fx.lfd = -1;
    start();
    LOOP_UNTIL(fx.loop, fx.n_down == 2);
    tcpcli_finish(fx.cli);
}

static void t_connection_has_keepalive(void **state)
{
    int fd, n = 0;

    (void)state;
    start();
    fd = take();
    for (int i = 3; i < 64; i++) {    /* find the socket of the client */
        struct sockaddr_in a;
        socklen_t len = sizeof(a), one = sizeof(int);
        int on = 0, ms = 0;

        if (getpeername(i, (struct sockaddr *)&a, &len) == -1 ||
            ntohs(a.sin_port) != fx.at.port)
            continue;
        assert_int_equal(getsockopt(i, SOL_SOCKET, SO_KEEPALIVE, &on, &one), 0);
        assert_int_equal(getsockopt(i, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &one), 0);
        assert_int_equal(on, 1);
        assert_int_equal(ms, 15000);
        n++;
    }
    assert_int_equal(n, 1);
    close(fd);
}

static void t_bad_configuration_is_refused(void **state)
{
    (void)state;
    fx.cfg.n_to = 0;
    assert_int_equal(tcpcli_create(&fx.cli, fx.loop, &fx.cfg), -EINVAL);
    fx.cfg.n_to = TCPCLI_MAX_ADDRS + 1;
    assert_int_equal(tcpcli_create(&fx.cli, fx.loop, &fx.cfg), -EINVAL);
    fx.cli = NULL;
    tcpcli_destroy(NULL);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_connects_and_calls_on_up), E(t_frames_of_the_server_reach_their_handler),
       E(t_reconnects_after_each_loss),
       E(t_server_that_closes_at_once_is_called_less_and_less),
       E(t_server_that_starts_late_is_found), E(t_next_address_takes_over),
       E(t_go_first_leaves_the_second), E(t_attempt_without_an_answer_ends),
       E(t_finish_sends_waiting_frames_and_does_not_reconnect),
       E(t_connection_has_keepalive), E(t_bad_configuration_is_refused))
