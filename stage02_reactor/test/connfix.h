/* connfix.h -- the fixture of test_conn and test_conn_close: one group on one loop.  A
 * test starts connections on one end of a socketpair and acts as the peer on the other
 * end. */
#ifndef LARS_TEST_CONNFIX_H
#define LARS_TEST_CONNFIX_H

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/log.h"
#include "loop.h"
#include "net/conn_group.h"
#include "t.h"

static struct fix {
    struct evloop *loop;
    struct conn_group *g;
    struct dispatch *d;
    struct conn_config cfg;
    struct conn *last;                    /* the connection started last */
    int n_start, n_close, n_drain;
    enum conn_why why;                    /* of the last on_close */
} fx;

static inline void on_start(struct conn *c, void *arg)
{
    (void)arg;
    fx.last = c;
    fx.n_start++;
}

static inline void on_close(struct conn *c, enum conn_why why, void *arg)
{
    (void)arg;
    assert_int_equal(conn_fd(c), -1);
    fx.n_close++;
    fx.why = why;
}

static inline void on_drain(struct conn *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_drain++;
}

static inline void echo(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    if (f->len > 0)
        conn_send(c, f->msgid, f->body, f->len);
}

static inline void close_it(struct conn *c, const struct frame *f, void *arg)
{
    (void)f;
    (void)arg;
    conn_close(c);
    conn_close(c);                        /* a second call must be harmless */
    assert_int_equal(conn_send(c, 1, "x", 1), -EPIPE);
}

static inline void finish_it(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    assert_int_equal(conn_send(c, 1, f->body, f->len), 0);
    conn_finish(c);
    conn_finish(c);
    assert_int_equal(conn_send(c, 1, "x", 1), -EPIPE);
}

static inline void pause_it(struct conn *c, const struct frame *f, void *arg)
{
    echo(c, f, arg);
    conn_pause_read(c);
}

/* Message ids: 1 echo, 2 close, 3 answer and finish, 4 echo and pause. */
static inline int setup_with(void **state, const struct conn_config *cfg)
{
    static dispatch_fn *const fn[] = {echo, close_it, finish_it, pause_it};
    int i;

    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR);
    memset(&fx, 0, sizeof(fx));
    fx.cfg = *cfg;
    if (dispatch_create(&fx.d) < 0 || evloop_create(&fx.loop) < 0)
        return -1;
    for (i = 0; i < 4; i++)
        dispatch_set(fx.d, i + 1, fn[i], NULL);
    fx.cfg.dispatch = fx.d;
    fx.cfg.on_start = on_start;
    fx.cfg.on_close = on_close;
    fx.cfg.on_drain = on_drain;
    return conn_group_create(&fx.g, fx.loop, &fx.cfg);
}

static inline int setup(void **state)
{
    struct conn_config cfg = {.max_out = 100000, .max_body = 1000};

    return setup_with(state, &cfg);
}

static inline int setup_short_times(void **state)
{
    struct conn_config cfg = {.idle_ms = 40, .linger_ms = 40};

    return setup_with(state, &cfg);
}

/* For connections that must stay open: the timeout is long, because a busy machine may
 * stop a test for a while. */
static inline int setup_half_a_second(void **state)
{
    struct conn_config cfg = {.idle_ms = 500};

    return setup_with(state, &cfg);
}

static inline int teardown(void **state)
{
    conn_group_destroy(fx.g);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
    return t_fds_check(state);
}

/* Start a connection.  Returns the peer's end of it, which is non-blocking. */
static inline int start(void)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    assert_int_equal(conn_group_start(fx.g, fd[0], NULL), 0);
    return fd[1];
}

static inline size_t put_frame(char *at, int32_t msgid, const char *body, size_t len)
{
    frame_put_head((uint8_t *)at, msgid, (uint32_t)len);
    memcpy(at + 8, body, len);
    return 8 + len;
}

static inline void send_frame(int fd, int32_t msgid, const char *body)
{
    char b[2000];
    size_t n = put_frame(b, msgid, body, strlen(body));

    assert_int_equal(write(fd, b, n), (ssize_t)n);
}

/* Turn the loop until <len> bytes have arrived at the peer, or the stream has ended.
 * Returns the number of bytes. */
static inline size_t collect(int fd, char *buf, size_t len)
{
    uint64_t end = t_now_ms() + t_deadline_ms();
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, buf + got, len - got);

        if (n == 0 || (n == -1 && errno != EAGAIN))
            return got;
        if (n > 0)
            got += (size_t)n;
        else
            loop_turn(fx.loop);
        if (t_now_ms() > end)
            fail_msg("%zu bytes of %zu after %d ms", got, len, t_deadline_ms());
    }
    return got;
}

static inline void expect_frame(int fd, int32_t msgid, const char *body)
{
    char want[2000], got[2000];
    size_t n = put_frame(want, msgid, body, strlen(body));

    assert_int_equal(collect(fd, got, n), n);
    assert_memory_equal(got, want, n);
}

static inline void expect_end(int fd)
{
    char b[70000];

    while (collect(fd, b, sizeof(b)) == sizeof(b))
        continue;
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define S(fn) cmocka_unit_test_setup_teardown(fn, setup_short_times, teardown)
#define H(fn) cmocka_unit_test_setup_teardown(fn, setup_half_a_second, teardown)

#endif
