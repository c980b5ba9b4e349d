/* One connection as a stream: what waits is bounded by its owner, callbacks come once and
 * not after a close, and an error is reported whether the stream reads or not. */
#include "loop.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "net/sock.h"
#include "net/stream.h"

static struct fix {
    struct evloop *loop;
    struct stream s;
    int peer; /* the other end */
    int n_input, n_drain, n_error, n_connect, rc;
    bool close_in; /* close in the next callback */
    char got[100];
    size_t n_got, drained_at;
} f;

static void closed(struct stream *s)
{
    if (!f.close_in)
        return;
    f.close_in = false;
    stream_close(s);
}

static void on_input(struct stream *s)
{
    ssize_t n = stream_read(s, f.got, sizeof(f.got));

    f.n_input++;
    f.rc = (int)n;
    f.n_got += n > 0 ? (size_t)n : 0;
    closed(s);
}

static void on_drain(struct stream *s)
{
    f.n_drain++;
    f.drained_at = stream_waiting(s);
    closed(s);
}

static void on_error(struct stream *s, int rc)
{
    f.n_error++;
    f.rc = rc;
    stream_close(s);
}

static void on_connect(struct stream *s, int rc)
{
    f.n_connect++;
    f.rc = rc;
    if (rc < 0)
        stream_close(s);
    closed(s);
}

static const struct stream_owner owner = {on_input, on_drain, on_error, on_connect};

static int setup(void **state)
{
    (void)t_fds_save(state);
    memset(&f, 0, sizeof(f));
    f.peer = -1;
    return evloop_create(&f.loop);
}

static int teardown(void **state)
{
    stream_close(&f.s);
    if (f.peer >= 0)
        close(f.peer);
    evloop_destroy(f.loop);
    return t_fds_check(state);
}

static void open_pair(void)
{
    int fd[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    f.peer = fd[1];
    assert_int_equal(stream_open(&f.s, f.loop, fd[0], &owner), 0);
}

/* Write until <least> bytes wait. */
static size_t fill(size_t least)
{
    static const char block[8192];
    size_t n = 0;

    while (stream_waiting(&f.s) < least) {
        assert_int_equal(stream_write(&f.s, block, sizeof(block)), 0);
        n += sizeof(block);
    }
    return n;
}

/* Read at the peer until <least> bytes have come. */
static size_t drain_peer(size_t least)
{
    static char in[65536];
    size_t n = 0;

    while (n < least) {
        ssize_t got = recv(f.peer, in, sizeof(in), MSG_DONTWAIT);

        n += got > 0 ? (size_t)got : 0;
        loop_turn(f.loop);
    }
    return n;
}

static void t_open_of_a_file_takes_it_and_fails(void **state)
{
    FILE *file = tmpfile();
    int fd = dup(fileno(file));

    (void)state;
    fclose(file);
    assert_int_equal(stream_open(&f.s, f.loop, fd, &owner), -EPERM);
    assert_false(stream_is_open(&f.s));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void t_bytes_arrive_and_are_sent(void **state)
{
    char in[10];

    (void)state;
    open_pair();
    assert_int_equal(stream_write(&f.s, "hello", 5), 0);
    assert_int_equal(stream_waiting(&f.s), 0);
    assert_int_equal(recv(f.peer, in, sizeof(in), 0), 5);
    assert_int_equal(send(f.peer, "abc", 3, 0), 3);
    LOOP_UNTIL(f.loop, f.n_got == 3);
    close(f.peer);
    f.peer = -1;
    LOOP_UNTIL(f.loop, f.n_input > 1);
    assert_int_equal(f.rc, 0);
}

static void t_what_a_peer_does_not_read_waits_and_drains(void **state)
{
    size_t n;

    (void)state;
    open_pair();
    n = fill(STREAM_HIGH);
    loop_turn(f.loop);
    assert_int_equal(f.n_drain, 0);
    assert_true(stream_waiting(&f.s) >= STREAM_HIGH);
    drain_peer(n);
    assert_int_equal(f.n_drain, 1);
    assert_in_range(f.drained_at, 0, STREAM_LOW);
    assert_int_equal(stream_waiting(&f.s), 0);
}

static void t_drain_is_not_called_below_the_high_mark(void **state)
{
    size_t n;

    (void)state;
    open_pair();
    n = fill(1);
    assert_true(stream_waiting(&f.s) < STREAM_HIGH);
    drain_peer(n);
    assert_int_equal(f.n_drain, 0);
}

static void t_finish_calls_drain_when_nothing_waits(void **state)
{
    size_t n;

    (void)state;
    open_pair();
    n = fill(STREAM_HIGH);
    stream_finish(&f.s);
    drain_peer(n);
    LOOP_UNTIL(f.loop, f.n_drain == 1);
    assert_int_equal(f.drained_at, 0);
    n = fill(1);
    stream_finish(&f.s);
    drain_peer(n);
    LOOP_UNTIL(f.loop, f.n_drain == 2);
    stream_finish(&f.s);
    loop_turn(f.loop);
    assert_int_equal(f.n_drain, 2);
}

static void t_close_in_on_input_is_the_end(void **state)
{
    (void)state;
    open_pair();
    f.close_in = true;
    assert_int_equal(send(f.peer, "abc", 3, 0), 3);
    LOOP_UNTIL(f.loop, !stream_is_open(&f.s));
    loop_turn(f.loop);
    assert_int_equal(f.n_input, 1);
    assert_int_equal(stream_write(&f.s, "x", 1), -EPIPE);
    assert_int_equal(stream_read(&f.s, f.got, 1), 0);
    stream_close(&f.s);
}

static void t_close_in_on_drain_is_the_end(void **state)
{
    static char in[65536];

    (void)state;
    open_pair();
    fill(STREAM_HIGH);
    stream_read_off(&f.s);
    assert_int_equal(send(f.peer, "abc", 3, 0), 3);
    f.close_in = true;
    while (stream_is_open(&f.s)) {
        recv(f.peer, in, sizeof(in), MSG_DONTWAIT);
        loop_turn(f.loop);
    }
    loop_turn(f.loop);
    assert_int_equal(f.n_drain, 1);
    assert_int_equal(f.n_input + f.n_error, 0);
    assert_int_equal(stream_waiting(&f.s), 0);
}

static void t_peer_that_is_gone_is_an_error_of_the_write(void **state)
{
    (void)state;
    open_pair();
    fill(1);
    stream_read_off(&f.s);
    close(f.peer);
    f.peer = -1;
    LOOP_UNTIL(f.loop, f.n_error == 1);
    assert_int_equal(f.rc, -EPIPE);
    assert_false(stream_is_open(&f.s));
    assert_int_equal(f.n_drain, 0);
}

/* A TCP connection whose other end is <*peer>. */
static int tcp_pair(int *peer, bool nonblocking_connect)
{
    struct net_addr at;
    int lfd, fd;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 1, 0);
    assert_true(lfd >= 0);
    sock_local_addr(lfd, &at);
    fd = nonblocking_connect ? sock_connect_start(&at) : sock_connect(&at, 5000);
    assert_true(fd >= 0);
    *peer = sock_accept(lfd, 0, NULL);
    assert_true(*peer >= 0);
    close(lfd);
    if (!nonblocking_connect)
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void t_reset_while_reading_is_off_is_one_error_and_no_spin(void **state)
{
    struct linger now = {1, 0};
    uint64_t turns;
    int i;

    (void)state;
    assert_int_equal(stream_open(&f.s, f.loop, tcp_pair(&f.peer, false), &owner), 0);
    stream_read_off(&f.s);
    assert_int_equal(send(f.peer, "abc", 3, 0), 3);
    turns = evloop_n_turns(f.loop);
    for (i = 0; i < 20; i++)
        loop_turn(f.loop);
    assert_in_range(evloop_n_turns(f.loop) - turns, 1,
                    60); /* unread bytes wake nothing */
    assert_int_equal(f.n_input, 0);
    setsockopt(f.peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(f.peer);
    f.peer = -1;
    LOOP_UNTIL(f.loop, f.n_error == 1);
    assert_int_equal(f.rc, -ECONNRESET);
}

static void t_end_of_the_peer_while_reading_is_off_waits_until_it_is_on(void **state)
{
    uint64_t turns;
    int i;

    (void)state;
    assert_int_equal(stream_open(&f.s, f.loop, tcp_pair(&f.peer, false), &owner), 0);
    stream_read_off(&f.s);
    close(f.peer);
    f.peer = -1;
    turns = evloop_n_turns(f.loop);
    for (i = 0; i < 20; i++)
        loop_turn(f.loop);
    assert_in_range(evloop_n_turns(f.loop) - turns, 1, 60);
    assert_int_equal(f.n_input + f.n_error, 0);
    stream_read_on(&f.s);
    LOOP_UNTIL(f.loop, f.n_input > 0);
    assert_int_equal(f.rc, 0);
}

static void t_connect_refused_is_told_once(void **state)
{
    struct net_addr at;
    int lfd, fd;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 1, 0);
    sock_local_addr(lfd, &at);
    close(lfd);
    fd = sock_connect_start(&at);
    assert_true(fd >= 0);
    assert_int_equal(stream_open_connecting(&f.s, f.loop, fd, &owner), 0);
    LOOP_UNTIL(f.loop, f.n_connect == 1);
    assert_int_equal(f.rc, -ECONNREFUSED);
    loop_turn(f.loop);
    assert_int_equal(f.n_connect + f.n_error + f.n_input, 1);
}

static void t_what_is_written_before_the_connection_is_sent_after_it(void **state)
{
    static char block[STREAM_HIGH];
    int fd = tcp_pair(&f.peer, true);

    (void)state;
    assert_int_equal(stream_open_connecting(&f.s, f.loop, fd, &owner), 0);
    assert_int_equal(stream_write(&f.s, block, sizeof(block)), 0);
    assert_int_equal(stream_waiting(&f.s), STREAM_HIGH);
    assert_int_equal(f.n_connect, 0);
    LOOP_UNTIL(f.loop, f.n_connect == 1);
    assert_int_equal(f.rc, 0);
    assert_true(drain_peer(STREAM_HIGH) == STREAM_HIGH);
    assert_int_equal(f.n_drain, 1); /* the owner stopped at STREAM_HIGH */
}

static void t_close_in_on_connect_is_the_end(void **state)
{
    int fd = tcp_pair(&f.peer, true);

    (void)state;
    assert_int_equal(stream_open_connecting(&f.s, f.loop, fd, &owner), 0);
    f.close_in = true;
    assert_int_equal(stream_write(&f.s, "abc", 3), 0);
    LOOP_UNTIL(f.loop, f.n_connect == 1);
    loop_turn(f.loop);
    assert_int_equal(f.n_connect + f.n_drain + f.n_input + f.n_error, 1);
}

static void other_input(struct stream *s)
{
    f.n_input += 100;
    stream_read(s, f.got, sizeof(f.got));
}

static void t_another_owner_gets_the_next_event(void **state)
{
    static const struct stream_owner other = {other_input, on_drain, on_error,
                                              on_connect};

    (void)state;
    open_pair();
    stream_set_owner(&f.s, &other);
    assert_int_equal(send(f.peer, "abc", 3, 0), 3);
    LOOP_UNTIL(f.loop, f.n_input == 100);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_open_of_a_file_takes_it_and_fails), S(t_bytes_arrive_and_are_sent),
       S(t_what_a_peer_does_not_read_waits_and_drains),
       S(t_drain_is_not_called_below_the_high_mark),
       S(t_finish_calls_drain_when_nothing_waits), S(t_close_in_on_input_is_the_end),
       S(t_close_in_on_drain_is_the_end), S(t_peer_that_is_gone_is_an_error_of_the_write),
       S(t_reset_while_reading_is_off_is_one_error_and_no_spin),
       S(t_end_of_the_peer_while_reading_is_off_waits_until_it_is_on),
       S(t_connect_refused_is_told_once),
       S(t_what_is_written_before_the_connection_is_sent_after_it),
       S(t_close_in_on_connect_is_the_end), S(t_another_owner_gets_the_next_event))
