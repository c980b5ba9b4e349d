/* The io of a connection: when its functions are called, and what their results mean. */
#include "connfix.h"

#include <sys/epoll.h>
#include <unistd.h>

static struct {
    int n_connect, n_shutdown, n_close; /* calls */
    int connect_again, shutdown_again; /* calls that are to return -EAGAIN */
    int connect_rc; /* of the last one */
    int32_t refused; /* a message that is not handled */
} io;

static ssize_t io_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n = read(conn_fd(c), buf, len);

    return n == -1 ? -errno : n;
}

static ssize_t io_write(struct conn *c, const void *buf, size_t len)
{
    ssize_t n = write(conn_fd(c), buf, len);

    return n == -1 ? -errno : n;
}

static int io_connect(struct conn *c)
{
    io.n_connect++;
    if (io.n_connect > io.connect_again)
        return io.connect_rc;
    conn_io_wait(c, EPOLLOUT);
    return -EAGAIN;
}

static int io_shutdown(struct conn *c)
{
    (void)c;
    return ++io.n_shutdown > io.shutdown_again ? 0 : -EAGAIN;
}

static bool io_allow(struct conn *c, int32_t msgid)
{
    (void)c;
    return msgid != io.refused;
}

static void io_close(struct conn *c)
{
    assert_ptr_equal(c, conn_io_arg(c, (const struct conn_io *)conn_user(c)));
    io.n_close++;
}

static const struct conn_io table = {.read = io_read,
                                     .write = io_write,
                                     .connect = io_connect,
                                     .shutdown = io_shutdown,
                                     .allow = io_allow,
                                     .close = io_close};

static int choose(struct conn *c, void *arg)
{
    assert_ptr_equal(arg, &io);
    conn_set_io(c, &table);
    conn_set_io_arg(c, c);
    conn_set_user(c, (void *)&table);
    return 0;
}

static int choose_nothing(struct conn *c, void *arg)
{
    (void)c;
    (void)arg;
    return -ENOMEM;
}

static int setup_io(void **state)
{
    struct conn_config cfg = {.choose_io = choose, .io_arg = &io};

    memset(&io, 0, sizeof(io));
    return setup_with(state, &cfg);
}

static int setup_nothing(void **state)
{
    struct conn_config cfg = {.choose_io = choose_nothing};

    return setup_with(state, &cfg);
}

static void t_start_is_called_after_connect(void **state)
{
    int p;

    (void)state;
    io.connect_again = 3;
    p = start();
    assert_int_equal(fx.n_start, 0);
    send_frame(p, 1, "early");
    LOOP_UNTIL(fx.loop, fx.n_start == 1);
    assert_int_equal(io.n_connect, 4);
    expect_frame(p, 1, "early");
    close(p);
}

static void t_connect_that_fails_ends_the_connection(void **state)
{
    int p;

    (void)state;
    io.connect_again = 1;
    io.connect_rc = -EPROTO;
    p = start();
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.n_start, 0);
    assert_int_equal(fx.why, CONN_WHY_ERROR);
    assert_int_equal(io.n_close, 1);
    close(p);
}

static void t_shutdown_is_repeated_when_there_is_room(void **state)
{
    char b[8];
    int p = start();

    (void)state;
    io.shutdown_again = 2;
    send_frame(p, 3, "x");
    expect_frame(p, 1, "x");
    assert_int_equal(collect(p, b, sizeof(b)), 0); /* the end of its stream */
    assert_int_equal(io.n_shutdown, 3);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(io.n_close, 1);
}

static void t_a_message_that_is_not_allowed_is_not_handled(void **state)
{
    int p = start();

    (void)state;
    io.refused = 1;
    send_frame(p, 1, "refused");
    send_frame(p, 3, "allowed");
    expect_frame(p, 1, "allowed");
    close(p);
}

static void close_each(struct conn *c, void *arg)
{
    (void)arg;
    conn_close(c);
}

static void t_each_leaves_out_what_has_not_started(void **state)
{
    int p;

    (void)state;
    io.connect_again = 1000000;
    p = start();
    conn_group_each(fx.g, close_each, NULL);
    assert_int_equal(conn_group_n_open(fx.g), 1);
    close(p);
}

static void t_no_io_ends_the_connection(void **state)
{
    int p = start();

    (void)state;
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.n_start, 0);
    assert_int_equal(fx.why, CONN_WHY_ERROR);
    close(p);
}

#define I(fn) cmocka_unit_test_setup_teardown(fn, setup_io, teardown)
#define N(fn) cmocka_unit_test_setup_teardown(fn, setup_nothing, teardown)

T_MAIN(I(t_start_is_called_after_connect), I(t_connect_that_fails_ends_the_connection),
       I(t_shutdown_is_repeated_when_there_is_room),
       I(t_a_message_that_is_not_allowed_is_not_handled),
       I(t_each_leaves_out_what_has_not_started), N(t_no_io_ends_the_connection))
