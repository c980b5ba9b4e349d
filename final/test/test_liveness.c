/* Liveness: a connected server that does not answer a question is left for the next one;
 * a server that sends any frame is kept. */
#include "net/liveness.h"

#include "base/log.h"
#include "loop.h"
#include "net/sock.h"
#include "peer.h"

static struct {
    struct evloop *loop;
    struct dispatch *d;
    struct tcpcli *cli;
    struct liveness *pulse;
    int lfd[2], n_up, n_asked, ask_rc;
} fx;

static void on_up(struct tcpcli *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_up++;
}

static int ask(void *arg)
{
    (void)arg;
    fx.n_asked++;
    return fx.ask_rc;
}

static int setup(void **state)
{
    struct tcpcli_config cfg = {.n_to = 2, .min_ms = 1, .max_ms = 4, .on_up = on_up};
    struct liveness_config pc = {5, 3, ask, NULL};
    int i;

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(dispatch_create(&fx.d), 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(net_addr_set(&cfg.to[i], "127.0.0.1", 0), 0);
        fx.lfd[i] = sock_listen(&cfg.to[i], 16, SOCK_NONBLOCK);
        assert_true(fx.lfd[i] >= 0);
        assert_int_equal(sock_local_addr(fx.lfd[i], &cfg.to[i]), 0);
    }
    cfg.dispatch = fx.d;
    assert_int_equal(tcpcli_create(&fx.cli, fx.loop, &cfg), 0);
    return liveness_create(&fx.pulse, fx.loop, fx.cli, &pc);
}

static int teardown(void **state)
{
    int i;

    liveness_destroy(fx.pulse);
    liveness_destroy(NULL);
    tcpcli_destroy(fx.cli);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
    for (i = 0; i < 2; i++)
        close(fx.lfd[i]);
    return t_fds_check(state);
}

static int take(int i)
{
    int fd = -EAGAIN;

    LOOP_UNTIL(fx.loop, (fd = sock_accept(fx.lfd[i], 0, NULL)) != -EAGAIN);
    assert_true(fd >= 0);
    return fd;
}

static void t_silent_server_is_left_for_the_next(void **state)
{
    int first = take(0), second = take(1);

    (void)state;
    LOOP_UNTIL(fx.loop, fx.n_up == 2);
    assert_true(fx.n_asked >= 3);
    peer_expect_close(first);
    close(first);
    close(second);
}

static void t_server_that_answers_any_frame_stays(void **state)
{
    int first = take(0), seen = 0, n = 0;

    (void)state;
    while (n < 20) { /* a frame for each question */
        LOOP_UNTIL(fx.loop, fx.n_asked > seen);
        seen = fx.n_asked;
        peer_send(first, "\x09\0\0\0\0\0\0\0", 8);
        n++;
        LOOP_UNTIL(fx.loop, tcpcli_n_frames(fx.cli) == (uint64_t)n);
    }
    assert_int_equal(fx.n_up, 1);
    close(first);
}

static void t_silent_server_without_a_question_is_kept(void **state)
{
    int first = take(0);

    (void)state;
    fx.ask_rc = -ENOENT;
    LOOP_UNTIL(fx.loop, fx.n_asked >= 12);
    assert_int_equal(fx.n_up, 1);
    close(first);
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(P(t_silent_server_is_left_for_the_next), P(t_server_that_answers_any_frame_stays),
       P(t_silent_server_without_a_question_is_kept))
