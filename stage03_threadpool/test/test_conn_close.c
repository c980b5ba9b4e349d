/* Every way in which a connection ends, and that it ends exactly once. */
#include "connfix.h"

static void t_close_in_a_handler_stops_the_frames_behind_it(void **state)
{
    char b[200];
    size_t n = put_frame(b, 2, "x", 1);
    int p = start();

    (void)state;
    n += put_frame(b + n, 1, "never", 5);
    assert_int_equal(write(p, b, n), (ssize_t)n);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_LOCAL);
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 1);
    close(p);
}

static void t_close_frees_the_fd_at_once_and_calls_on_close_once(void **state)
{
    int p = start(), fd = conn_fd(fx.last), again;

    (void)state;
    conn_close(fx.last);
    assert_int_equal(conn_fd(fx.last), -1);
    assert_int_equal(fx.n_close, 0);      /* not before the end of the turn */
    again = dup(0);
    assert_int_equal(again, fd);
    conn_close(fx.last);
    conn_finish(fx.last);
    conn_pause_read(fx.last);
    conn_resume_read(fx.last);
    loop_turn(fx.loop);
    assert_int_equal(fx.n_close, 1);
    close(again);
    close(p);
}

static void t_finish_sends_the_reply_then_waits_for_the_peer(void **state)
{
    int p = start();
    char b[8];

    (void)state;
    send_frame(p, 3, "last words");
    expect_frame(p, 1, "last words");
    assert_int_equal(collect(p, b, 1), 0); /* the server has shut down its side */
    assert_int_equal(fx.n_close, 0);
    send_frame(p, 1, "ignored");
    loop_turn(fx.loop);
    assert_int_equal(conn_group_stat(fx.g)->n_frames, 1);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
}

static void t_finish_does_not_wait_longer_than_linger(void **state)
{
    int p = start();

    (void)state;
    send_frame(p, 3, "last words");
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_LOCAL);
    close(p);
}

/* The peer's end is reported once; output that waits causes no turns. */
static void t_finish_with_output_waiting_does_not_spin(void **state)
{
    static char body[1000];
    uint64_t turns;
    int p = start();

    (void)state;
    while (conn_out_bytes(fx.last) < 50000)
        assert_int_equal(conn_send(fx.last, 1, body, sizeof(body)), 0);
    conn_finish(fx.last);
    shutdown(p, SHUT_WR);
    loop_turn(fx.loop);
    loop_turn(fx.loop);
    turns = evloop_n_turns(fx.loop);
    loop_turn(fx.loop);
    assert_in_range(evloop_n_turns(fx.loop) - turns, 1, 5);
    close(p);
}

static void t_half_close_still_gets_every_reply(void **state)
{
    char b[30000], got[30000];
    size_t n = 0;
    int p = start(), i;

    (void)state;
    for (i = 0; i < 1000; i++)
        n += put_frame(b + n, 1, "before the end", 14);
    assert_int_equal(write(p, b, n), (ssize_t)n);
    shutdown(p, SHUT_WR);
    assert_int_equal(collect(p, got, n), n);
    assert_memory_equal(got, b, n);
    expect_end(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    close(p);
}

static void t_half_close_with_output_waiting_gets_all_of_it(void **state)
{
    static char body[1000], got[8 + 1000];
    int p = start(), n = 0;

    (void)state;
    while (conn_out_bytes(fx.last) < 50000) {
        assert_int_equal(conn_send(fx.last, 1, body, sizeof(body)), 0);
        n++;
    }
    shutdown(p, SHUT_WR);
    loop_turn(fx.loop);
    while (n-- > 0)
        assert_int_equal(collect(p, got, sizeof(got)), sizeof(got));
    expect_end(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    close(p);
}

static void t_half_close_inside_a_frame_leaves_nothing_to_others(void **state)
{
    char b[100];
    size_t n = put_frame(b, 1, "half", 4);
    int p = start(), q = start();

    (void)state;
    assert_int_equal(write(p, b, n - 2), (ssize_t)n - 2);
    loop_turn(fx.loop);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    send_frame(q, 1, "whole");
    expect_frame(q, 1, "whole");
    close(q);
}

static void t_pause_holds_frames_until_resume(void **state)
{
    char b[100], got[100];
    size_t n = put_frame(b, 4, "1", 1);
    struct conn *c;
    int p = start();

    (void)state;
    c = fx.last;
    n += put_frame(b + n, 1, "2", 1);
    n += put_frame(b + n, 1, "3", 1);
    assert_int_equal(write(p, b, n), (ssize_t)n);
    expect_frame(p, 4, "1");
    loop_turn(fx.loop);
    assert_int_equal(read(p, got, 1), -1);
    conn_resume_read(c);
    conn_pause_read(c);                   /* paused again before the turn ended */
    loop_turn(fx.loop);
    assert_int_equal(read(p, got, 1), -1);
    conn_resume_read(c);
    expect_frame(p, 1, "2");
    expect_frame(p, 1, "3");
    send_frame(p, 1, "4");
    expect_frame(p, 1, "4");
    close(p);
}

static void t_pause_resume_and_close_end_it_once(void **state)
{
    int p = start();

    (void)state;
    conn_pause_read(fx.last);
    conn_resume_read(fx.last);            /* its input waits for the end of the turn */
    conn_close(fx.last);
    loop_turn(fx.loop);
    loop_turn(fx.loop);
    assert_int_equal(fx.n_close, 1);
    close(p);
}

static void t_pause_and_finish_see_the_end_of_the_peer(void **state)
{
    int p = start();

    (void)state;
    conn_pause_read(fx.last);
    conn_finish(fx.last);
    loop_turn(fx.loop);
    shutdown(p, SHUT_WR);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    close(p);
}

static void t_paused_connection_notices_that_the_peer_died(void **state)
{
    int p = start();

    (void)state;
    conn_pause_read(fx.last);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_ERROR);
}

/* When a peer never reads, the output is bounded, its connection ends, others
 * continue. */
static void t_reader_that_never_reads_is_closed_and_counted(void **state)
{
    static char body[1000];
    struct conn *c;
    int good = start(), p = start(), i, rc = 0;

    (void)state;
    c = fx.last;
    for (i = 0; i < 10000 && rc == 0; i++) {
        assert_true(conn_out_bytes(c) <= 100000);
        rc = conn_send(c, 1, body, sizeof(body));
    }
    assert_int_equal(rc, -ENOBUFS);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_OUT_FULL);
    assert_int_equal(conn_group_stat(fx.g)->n_ended[CONN_WHY_OUT_FULL], 1);
    send_frame(good, 1, "fine");
    expect_frame(good, 1, "fine");
    close(good);
    close(p);
}

static void t_close_with_output_queued_drops_it(void **state)
{
    static char body[1000];
    int p = start();

    (void)state;
    while (conn_out_bytes(fx.last) < 50000)
        assert_int_equal(conn_send(fx.last, 1, body, sizeof(body)), 0);
    conn_close(fx.last);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_LOCAL);
    close(p);
}

static void t_idle_connection_is_closed(void **state)
{
    int p = start();

    (void)state;
    expect_end(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_IDLE);
    close(p);
}

/* Bytes that never complete a frame do not count as activity, so a client that sends one
 * byte now and then is closed as idle. */
static void t_byte_by_byte_without_a_frame_is_idle(void **state)
{
    char b[1000] = "";
    size_t n = put_frame(b, 1, b + 8, 900), i;
    int p = start();

    (void)state;
    for (i = 0; i < n && fx.n_close == 0; i++) {
        if (write(p, b + i, 1) != 1)
            break;
        loop_turn(fx.loop);
    }
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(fx.why, CONN_WHY_IDLE);
    assert_true(i < n);
    close(p);
}

static void t_busy_connection_is_not_idle(void **state)
{
    uint64_t end = t_now_ms() + 1200;
    int p = start();

    (void)state;
    while (t_now_ms() < end && fx.n_close == 0) {
        send_frame(p, 1, "busy");
        expect_frame(p, 1, "busy");
    }
    assert_int_equal(fx.n_close, 0);
    close(p);
}

/* One connection only sends, the other only receives frames that have no reply.  Returns
 * false when the machine stopped the test for so long that they were idle indeed. */
static bool keep_busy_in_one_direction(void)
{
    uint64_t before, now = t_now_ms(), end = now + 800;
    char b[100];
    size_t n = put_frame(b, 100, "unknown", 7);
    int p = start(), q;
    struct conn *c = fx.last;
    bool calm = true;

    q = start();
    fx.n_close = 0;
    while (calm && now < end && fx.n_close == 0) {
        before = now;
        assert_int_equal(conn_send(c, 1, "news", 4), 0);
        assert_int_equal(write(q, b, n), (ssize_t)n);
        loop_turn(fx.loop);
        assert_true(read(p, b + n, 12) > 0);
        now = t_now_ms();
        calm = now - before < 200;
    }
    if (calm)
        assert_int_equal(fx.n_close, 0);
    close(p);
    close(q);
    return calm;
}

static void t_busy_in_one_direction_is_not_idle(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 50 && !keep_busy_in_one_direction(); i++)
        continue;
    assert_true(i < 50);
}

static void t_destroy_closes_what_is_open(void **state)
{
    int p[20], i;

    (void)state;
    for (i = 0; i < 20; i++)
        p[i] = start();
    conn_close(fx.last);
    conn_group_destroy(fx.g);
    fx.g = NULL;
    assert_int_equal(fx.n_close, 20);
    for (i = 0; i < 20; i++)
        close(p[i]);
}

static void t_reset_at_every_moment(void **state)
{
    char b[100];
    size_t n = put_frame(b, 1, "hello", 5), cut;

    (void)state;
    n += put_frame(b + n, 4, "pause", 5);
    n += put_frame(b + n, 3, "finish", 6);
    for (cut = 0; cut <= n; cut++) {
        int p = start();

        assert_int_equal(write(p, b, cut), (ssize_t)cut);
        if (cut % 2)
            loop_turn(fx.loop);
        close(p);                         /* replies unread: the server gets ECONNRESET */
        LOOP_UNTIL(fx.loop, conn_group_n_open(fx.g) == 0);
    }
    assert_int_equal(fx.n_close, n + 1);
}

T_MAIN(C(t_close_in_a_handler_stops_the_frames_behind_it),
       C(t_close_frees_the_fd_at_once_and_calls_on_close_once),
       C(t_finish_sends_the_reply_then_waits_for_the_peer),
       S(t_finish_does_not_wait_longer_than_linger),
       C(t_finish_with_output_waiting_does_not_spin),
       C(t_half_close_still_gets_every_reply),
       C(t_half_close_with_output_waiting_gets_all_of_it),
       C(t_half_close_inside_a_frame_leaves_nothing_to_others),
       C(t_pause_holds_frames_until_resume), C(t_pause_resume_and_close_end_it_once),
       C(t_pause_and_finish_see_the_end_of_the_peer),
       C(t_paused_connection_notices_that_the_peer_died),
       C(t_reader_that_never_reads_is_closed_and_counted),
       C(t_close_with_output_queued_drops_it), S(t_idle_connection_is_closed),
       S(t_byte_by_byte_without_a_frame_is_idle), H(t_busy_connection_is_not_idle),
       H(t_busy_in_one_direction_is_not_idle), C(t_destroy_closes_what_is_open),
       C(t_reset_at_every_moment))
