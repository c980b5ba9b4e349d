/* Connections: frames in and out, limits, user data, replaced I/O functions. */
#include "connfix.h"

static void t_frame_reaches_its_handler_and_the_reply_comes_back(void **state)
{
    int p = start();

    (void)state;
    send_frame(p, 1, "hello");
    expect_frame(p, 1, "hello");
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 1);
    assert_int_equal(conn_group_n_open(fx.g), 1);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    assert_int_equal(conn_group_n_open(fx.g), 0);
}

/* Three frames: cut in two at every position, then sent byte by byte. */
static void t_frames_split_at_every_byte_are_the_same_frames(void **state)
{
    char b[200], got[200];
    size_t n = put_frame(b, 1, "first", 5), cut;
    int p = start();

    (void)state;
    n += put_frame(b + n, 1, "2", 1);
    n += put_frame(b + n, 1, "the third", 9);
    for (cut = 1; cut < n; cut++) {
        assert_int_equal(write(p, b, cut), (ssize_t)cut);
        loop_turn(fx.loop);
        assert_int_equal(write(p, b + cut, n - cut), (ssize_t)(n - cut));
        assert_int_equal(collect(p, got, n), n);
        assert_memory_equal(got, b, n);
    }
    for (cut = 0; cut < n; cut++) {
        assert_int_equal(write(p, b + cut, 1), 1);
        loop_turn(fx.loop);
    }
    assert_int_equal(collect(p, got, n), n);
    assert_memory_equal(got, b, n);
    close(p);
}

static void t_coalesced_frames_are_all_handled(void **state)
{
    char b[40000], got[40000];
    size_t n = 0;
    int p = start(), i;

    (void)state;
    for (i = 0; i < 1000; i++)
        n += put_frame(b + n, 1, "coalesced", 1 + (size_t)i % 9);
    assert_int_equal(write(p, b, n), (ssize_t)n);
    assert_int_equal(collect(p, got, n), n);
    assert_memory_equal(got, b, n);
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 1000);
    close(p);
}

static void t_bad_length_closes_that_connection_only(void **state)
{
    static const uint32_t bad[] = {1001, 0x80000000u, 0xffffffffu};
    uint8_t head[8];
    int good = start(), p;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        p = start();
        frame_put_head(head, 1, bad[i]);
        assert_int_equal(write(p, head, 8), 8);
        expect_end(p);
        close(p);
        LOOP_UNTIL(fx.loop, fx.n_close == (int)i + 1);
        assert_int_equal(fx.why, CONN_WHY_BAD_FRAME);
    }
    assert_int_equal(conn_group_stat(fx.g)->n_ended[CONN_WHY_BAD_FRAME], 3);
    send_frame(good, 1, "still here");
    expect_frame(good, 1, "still here");
    close(good);
}

static void t_good_frames_before_a_bad_one_are_answered(void **state)
{
    char b[100];
    size_t n = put_frame(b, 1, "good", 4);
    int p = start();

    (void)state;
    frame_put_head((uint8_t *)b + n, 1, 0xffffffffu);
    assert_int_equal(write(p, b, n + 8), (ssize_t)n + 8);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 1);
    close(p);
}

static void t_empty_body_and_unknown_id_are_counted_and_skipped(void **state)
{
    int p = start();

    (void)state;
    send_frame(p, 1, "");
    send_frame(p, 77, "who?");
    send_frame(p, -5, "who?");
    send_frame(p, 1000000, "who?");
    send_frame(p, 1, "known");
    expect_frame(p, 1, "known");
    assert_int_equal(conn_group_stat(fx.g)->n_unknown, 3);
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 5);
    close(p);
}

static void t_send_refuses_empty_and_too_long_bodies(void **state)
{
    static char big[FRAME_MAX_BODY + 1];
    int p = start();

    (void)state;
    assert_int_equal(conn_send(fx.last, 1, "", 0), -EINVAL);
    assert_int_equal(conn_send(fx.last, 1, big, sizeof(big)), -EINVAL);
    assert_int_equal(conn_send(fx.last, 1, big, FRAME_MAX_BODY), 0);
    close(p);
}

static void t_send_outside_a_handler_goes_out_at_once(void **state)
{
    char b[16];
    int p = start();

    (void)state;
    assert_int_equal(conn_send(fx.last, 9, "push", 4), 0);
    assert_int_equal(conn_out_bytes(fx.last), 0);
    assert_int_equal(read(p, b, sizeof(b)), 12); /* without a turn of the loop */
    assert_memory_equal(b + 8, "push", 4);
    close(p);
}

static void t_slow_reader_gets_every_byte_and_on_drain(void **state)
{
    static char body[1000], got[1008];
    struct conn *c;
    int p = start(), n = 0, i;

    (void)state;
    c = fx.last;
    while (conn_out_bytes(c) < 50000) {
        memset(body, 'a' + n % 26, sizeof(body));
        assert_int_equal(conn_send(c, 1, body, sizeof(body)), 0);
        n++;
    }
    assert_int_equal(fx.n_drain, 0);
    for (i = 0; i < n; i++) {
        assert_int_equal(collect(p, got, 1008), 1008);
        assert_int_equal(got[8], 'a' + i % 26);
        assert_int_equal(got[1007], 'a' + i % 26);
    }
    LOOP_UNTIL(fx.loop, conn_out_bytes(c) == 0);
    assert_int_equal(fx.n_drain, 1);
    close(p);
}

static void t_start_on_a_bad_fd_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(conn_group_start(fx.g, 999, NULL), -EBADF);
    assert_int_equal(fx.n_start, 0);
    assert_int_equal(conn_group_n_open(fx.g), 0);
}

static void t_user_data_and_peer_are_kept(void **state)
{
    struct net_addr a, none = {0};
    int fd[2], x;

    (void)state;
    net_addr_set(&a, "10.1.2.3", 99);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    assert_int_equal(conn_group_start(fx.g, fd[0], &a), 0);
    conn_set_user(fx.last, &x);
    assert_ptr_equal(conn_owner(fx.last), fx.g);
    conn_group_set_user(fx.g, &fx);
    assert_ptr_equal(conn_group_user(fx.g), &fx);
    assert_ptr_equal(conn_user(fx.last), &x);
    assert_true(net_addr_equal(conn_peer(fx.last), &a));
    close(fd[1]);
    x = start();
    assert_true(net_addr_equal(conn_peer(fx.last), &none));
    close(x);
}

static ssize_t upper_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n = read(conn_fd(c), buf, len), i;

    for (i = 8; i < n; i++)
        ((char *)buf)[i] = 'U';
    return n == -1 ? -errno : n;
}

static ssize_t slow_write(struct conn *c, const void *buf, size_t len)
{
    ssize_t n = write(conn_fd(c), buf, len < 3 ? len : 3);

    return n == -1 ? -errno : n;
}

/* The functions that TLS would replace.  These accept three bytes at a time, which is
 * also the hardest case for the write path. */
static void t_io_can_be_replaced(void **state)
{
    static const struct conn_io io = {upper_read, slow_write};
    int p = start();

    (void)state;
    conn_set_io(fx.last, &io);
    send_frame(p, 1, "hello");
    expect_frame(p, 1, "UUUUU");
    close(p);
}

static int n_writes;

static ssize_t plain_read(struct conn *c, void *buf, size_t len)
{
    ssize_t n = read(conn_fd(c), buf, len);

    return n == -1 ? -errno : n;
}

static ssize_t counted_write(struct conn *c, const void *buf, size_t len)
{
    ssize_t n = write(conn_fd(c), buf, len);

    n_writes++;
    return n == -1 ? -errno : n;
}

static void t_replies_to_the_frames_of_one_read_share_one_write(void **state)
{
    static const struct conn_io io = {plain_read, counted_write};
    char b[200], got[200];
    size_t n = 0;
    int p = start(), i;

    (void)state;
    conn_set_io(fx.last, &io);
    n_writes = 0;
    for (i = 0; i < 8; i++)
        n += put_frame(b + n, 1, "in flight", 9);
    assert_int_equal(write(p, b, n), (ssize_t)n);
    assert_int_equal(collect(p, got, n), n);
    assert_memory_equal(got, b, n);
    assert_int_equal(n_writes, 1);
    close(p);
}

static void push(struct conn *c, void *arg)
{
    if (c == arg)
        conn_close(c);
    else
        conn_send(c, 9, "all", 3);
}

static void t_each_reaches_every_open_connection(void **state)
{
    int a = start(), b, c;
    struct conn *second;

    (void)state;
    b = start();
    second = fx.last;
    c = start();
    conn_group_each(fx.g, push, second);
    conn_group_each(fx.g, push, NULL);
    assert_int_equal(collect(a, (char[22]){0}, 22), 22);
    assert_int_equal(collect(c, (char[22]){0}, 22), 22);
    assert_int_equal(collect(b, (char[1]){0}, 1), 0);
    close(a);
    close(b);
    close(c);
}

T_MAIN(C(t_frame_reaches_its_handler_and_the_reply_comes_back),
       C(t_frames_split_at_every_byte_are_the_same_frames),
       C(t_coalesced_frames_are_all_handled), C(t_bad_length_closes_that_connection_only),
       C(t_good_frames_before_a_bad_one_are_answered),
       C(t_empty_body_and_unknown_id_are_counted_and_skipped),
       C(t_send_refuses_empty_and_too_long_bodies),
       C(t_send_outside_a_handler_goes_out_at_once),
       C(t_slow_reader_gets_every_byte_and_on_drain), C(t_start_on_a_bad_fd_is_an_error),
       C(t_user_data_and_peer_are_kept), C(t_io_can_be_replaced),
       C(t_replies_to_the_frames_of_one_read_share_one_write),
       C(t_each_reaches_every_open_connection))
