/* Failback: a client of the second server returns to the first one when that has answered
 * two looks in a row, and not when it only accepts connections. */
#include "net/failback.h"

#include "base/log.h"
#include "loop.h"
#include "net/sock.h"
#include "peer.h"

static struct {
    struct evloop *loop;
    struct dispatch *d;
    struct tcpcli *cli;
    struct failback *back;
    struct net_addr at[2];
    int lfd[2], n_up;
} fx;

static void on_up(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_up++;
}

static void listen_on(int i)
{
    fx.lfd[i] = sock_listen(&fx.at[i], 16, SOCK_NONBLOCK);
    assert_true(fx.lfd[i] >= 0);
    assert_int_equal(sock_local_addr(fx.lfd[i], &fx.at[i]), 0);
}

static int setup(void **state)
{
    struct tcpcli_config cfg = {.n_to = 2, .min_ms = 1, .max_ms = 4, .on_up = on_up};
    int i;

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(dispatch_create(&fx.d), 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(net_addr_set(&fx.at[i], "127.0.0.1", 0), 0);
        listen_on(i);
        cfg.to[i] = fx.at[i];
    }
    close(fx.lfd[0]); /* the first server does not run */
    fx.lfd[0] = -1;
    cfg.dispatch = fx.d;
    assert_int_equal(tcpcli_create(&fx.cli, fx.loop, &cfg), 0);
    return failback_create(&fx.back, fx.loop, fx.cli,
                           &(struct failback_config){fx.at[0], 20, 7, "ask", 3});
}

static int teardown(void **state)
{
    int i;

    failback_destroy(fx.back);
    failback_destroy(NULL);
    tcpcli_destroy(fx.cli);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
    for (i = 0; i < 2; i++)
        if (fx.lfd[i] >= 0)
            close(fx.lfd[i]);
    return t_fds_check(state);
}

/* Runs the loop until server <i> has a connection.  Returns it. */
static int take(int i)
{
    int fd = -EAGAIN;

    LOOP_UNTIL(fx.loop, (fd = sock_accept(fx.lfd[i], 0, NULL)) != -EAGAIN);
    assert_true(fd >= 0);
    return fd;
}

/* Reads the question of a look and answers it with a frame. */
static void answer(int fd)
{
    static const char want[] = "\7\0\0\0\3\0\0\0ask";
    char got[11];
    size_t n = 0;

    while (n < sizeof(got)) {
        ssize_t r = recv(fd, got + n, sizeof(got) - n, MSG_DONTWAIT);

        if (r > 0)
            n += (size_t)r;
        else
            loop_turn(fx.loop);
    }
    assert_memory_equal(got, want, sizeof(got));
    peer_send(fd, "\7\0\0\0\1\0\0\0x", 9);
}

static void t_first_server_that_answers_twice_is_used_again(void **state)
{
    int i, fd[8], second = take(1);

    (void)state;
    LOOP_UNTIL(fx.loop, fx.n_up == 1);
    assert_false(tcpcli_is_first(fx.cli));
    listen_on(0);
    for (i = 0; i < FAILBACK_PROBES; i++) {
        fd[i] = take(0);
        answer(fd[i]);
    }
    fd[i] = take(0); /* the client itself */
    LOOP_UNTIL(fx.loop, fx.n_up == 2);
    assert_true(tcpcli_is_first(fx.cli));
    peer_expect_close(second);
    close(second);
    for (i = 0; i < 20; i++)
        loop_turn(fx.loop);
    assert_int_equal(sock_accept(fx.lfd[0], 0, NULL),
                     -EAGAIN); /* there is no further look */
    for (i = 0; i <= FAILBACK_PROBES; i++)
        close(fd[i]);
}

/* The kernel accepts connections for a process that is stopped. */
static void t_first_server_that_only_accepts_is_not_used(void **state)
{
    int i, fd, second = take(1);

    (void)state;
    LOOP_UNTIL(fx.loop, fx.n_up == 1);
    listen_on(0);
    for (i = 0; i < 4; i++) {
        fd = take(0);
        if (i == 1)
            answer(fd); /* one good look among bad ones is not enough */
        else
            LOOP_UNTIL(fx.loop, recv(fd, &(char[64]){0}, 64, MSG_DONTWAIT) == 0);
        close(fd);
    }
    assert_int_equal(fx.n_up, 1);
    assert_false(tcpcli_is_first(fx.cli));
    close(second);
}

static void t_first_server_that_is_down_changes_nothing(void **state)
{
    int second = take(1), i;

    (void)state;
    LOOP_UNTIL(fx.loop, fx.n_up == 1);
    for (i = 0; i < 50; i++)
        loop_turn(fx.loop);
    assert_int_equal(fx.n_up, 1);
    assert_false(tcpcli_is_first(fx.cli));
    close(second);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_first_server_that_answers_twice_is_used_again),
       E(t_first_server_that_only_accepts_is_not_used),
       E(t_first_server_that_is_down_changes_nothing))
