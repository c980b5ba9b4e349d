/* TLS under a connection of frames: bytes that OpenSSL holds while the socket has none,
 * limits, the end of a connection. */
#include <sys/ioctl.h>

#include "base/role.h"
#include "lib/linkfix.h"
#include "loop.h"
#include "net/sock.h"

static char big[FRAME_MAX_BODY], heard[FRAME_HEAD + FRAME_MAX_BODY];

static void open_peer(void)
{
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    linkfix_shake_hands();
    assert_int_equal(linkfix.n_start, 1);
}

static void send_all(void)
{
    tlspeer_send(&linkfix.peer, SIZE_MAX);
}

/* --- the handshake ------------------------------------------------------------------ */

static void t_both_sides_of_ours_exchange_frames(void **state)
{
    const struct tls_identity *id;

    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_dial("agent", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_up == 1 && linkfix.n_start == 1);
    assert_string_equal(tls_conn_version(linkfix.c), "TLSv1.3");
    assert_false(tls_conn_is_resumed(linkfix.c));
    id = tls_conn_identity(linkfix.last);
    assert_non_null(id);
    assert_int_equal(id->roles, ROLE_AGENT);
    assert_string_equal(id->machine, "7");
    assert_int_equal(id->n_ip, 2);
    assert_int_equal(id->ip[0], 0x7f000001);
    assert_int_equal(id->ip[1], 0x0a000007);
    assert_int_equal(tls_conn_identity(linkfix.c)->roles, ROLE_DNSD);
    assert_int_equal(conn_send(linkfix.c, 1, "hello", 5), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == 1);
}

static void t_nothing_starts_before_the_handshake_is_complete(void **state)
{
    int i;

    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    tlspeer_send(&linkfix.peer, tlspeer_waiting(&linkfix.peer) - 1);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_int_equal(linkfix.n_start, 0);
    assert_int_equal(conn_group_n_open(linkfix.group), 1);
    linkfix_shake_hands();
    assert_int_equal(linkfix.n_start, 1);
}

static void t_a_frame_that_comes_with_the_last_message_is_handled(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    while (!SSL_is_init_finished(linkfix.peer.ssl)) {
        send_all();
        loop_turn(linkfix.loop);
        tlspeer_receive(&linkfix.peer);
        tlspeer_step(&linkfix.peer);
    }
    assert_int_equal(linkfix.n_start, 0); /* its last message waits */
    linkfix_say(4, "x", 1);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
    assert_int_equal(linkfix.n_start, 1);
}

/* --- bytes -------------------------------------------------------------------------- */

static void t_frames_of_64_kib_are_all_handled_without_another_byte(void **state)
{
    int i;

    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_dial("agent", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_up == 1);
    for (i = 0; i < 20; i++)
        assert_int_equal(conn_send(linkfix.c, 4, big, sizeof(big)), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 20);
    assert_int_equal(linkfix.n_bytes, 20 * sizeof(big));
}

#define LITTLE 900 /* bytes of the second frame */

/* A frame as long as a read but for a byte, and a little one, in small records, of which
 * OpenSSL reads many ahead.  All of it is there before the first read. */
static void say_more_than_one_read(int32_t msgid)
{
    static char out[2 * FRAME_HEAD + sizeof(big) + LITTLE];
    size_t i, sent;
    int n = 0;

    frame_put_head((uint8_t *)out, msgid, sizeof(big));
    frame_put_head((uint8_t *)out + FRAME_HEAD + sizeof(big), msgid, LITTLE);
    for (i = 0; i < sizeof(out); i += 100)
        tlspeer_write(&linkfix.peer, out + i,
                      (int)(sizeof(out) - i < 100 ? sizeof(out) - i : 100));
    sent = tlspeer_send(&linkfix.peer, SIZE_MAX);
    T_WAIT(ioctl(conn_fd(linkfix.last), FIONREAD, &n) == 0 && (size_t)n == sent);
}

static void t_bytes_inside_are_not_forgotten_while_the_socket_is_empty(void **state)
{
    (void)state;
    open_peer();
    say_more_than_one_read(4);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 2);
    assert_int_equal(linkfix.n_bytes, sizeof(big) + LITTLE);
}

static void t_bytes_inside_wait_while_the_connection_is_paused(void **state)
{
    int i;

    (void)state;
    open_peer();
    say_more_than_one_read(2);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_int_equal(linkfix.n_frames, 1);
    conn_resume_read(linkfix.last);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 2);
    conn_resume_read(linkfix.last);
}

/* The peer announces that it sends no more, and keeps its side of the socket open: after
 * the read that has the frame, the socket shows nothing any more. */
static void t_the_end_that_comes_with_a_frame_is_seen(void **state)
{
    (void)state;
    open_peer();
    linkfix_say(4, "last", 4);
    SSL_shutdown(linkfix.peer.ssl);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.n_frames, 1);
    assert_int_equal(linkfix.why, CONN_WHY_EOF);
}

static void t_the_end_that_comes_before_a_pause_is_seen_after_it(void **state)
{
    int i;

    (void)state;
    open_peer();
    linkfix_say(2, "last", 4);
    SSL_shutdown(linkfix.peer.ssl);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_int_equal(linkfix.n_close, 0);
    conn_resume_read(linkfix.last);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_EOF);
}

/* Frames that came in one read, each of which pauses the connection. */
static void t_each_pause_holds_the_next_frame_back(void **state)
{
    int i, n;

    (void)state;
    open_peer();
    for (i = 0; i < 60; i++)
        linkfix_say(2, big, 2000);
    send_all();
    for (n = 1; n <= 60; n++) {
        LOOP_UNTIL(linkfix.loop, linkfix.n_frames == n);
        loop_turn(linkfix.loop);
        assert_int_equal(linkfix.n_frames, n);
        conn_resume_read(linkfix.last);
    }
}

static void t_a_record_that_comes_byte_by_byte_makes_no_spin(void **state)
{
    uint64_t turns;
    int i;

    (void)state;
    open_peer();
    linkfix_say(4, "abc", 3);
    tlspeer_send(&linkfix.peer, tlspeer_waiting(&linkfix.peer) - 1);
    loop_turn(linkfix.loop);
    turns = evloop_n_turns(linkfix.loop);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_in_range(evloop_n_turns(linkfix.loop) - turns, 1, 60);
    assert_int_equal(linkfix.n_frames, 0);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
}

static void t_a_frame_in_many_records_is_one_frame(void **state)
{
    char out[FRAME_HEAD + 100];
    size_t i;

    (void)state;
    open_peer();
    frame_put_head((uint8_t *)out, 1, 100);
    memset(out + FRAME_HEAD, 'f', 100);
    for (i = 0; i < sizeof(out); i++) {
        tlspeer_write(&linkfix.peer, out + i, 1);
        send_all();
        loop_turn(linkfix.loop);
    }
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
    assert_int_equal(linkfix_hear(heard, sizeof(out)), 1);
    assert_memory_equal(heard, out, sizeof(out));
}

static void t_a_slow_reader_gets_every_byte(void **state)
{
    size_t i;
    int n = 0;

    (void)state;
    linkfix.cc.max_out = 64 << 20;
    open_peer();
    for (i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31 + i / 997);
    for (; conn_out_bytes(linkfix.last) < 4 * sizeof(big); n++)
        assert_int_equal(conn_send(linkfix.last, 9, big, sizeof(big)), 0);
    while (n-- > 0) {
        assert_int_equal(linkfix_hear(heard, sizeof(heard)), 1);
        assert_memory_equal(heard + FRAME_HEAD, big, sizeof(big));
    }
    assert_int_equal(conn_out_bytes(linkfix.last), 0);
}

static void t_a_peer_that_does_not_read_is_closed_at_the_bound(void **state)
{
    int rc = 0, n = 0;

    (void)state;
    linkfix.cc.max_out = 1 << 20;
    open_peer();
    while (rc == 0 && n++ < 1000)
        rc = conn_send(linkfix.last, 9, big, sizeof(big));
    assert_int_equal(rc, -ENOBUFS);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_OUT_FULL);
}

/* The server's answer to a KeyUpdate has no room while the peer does not read. */
static void t_a_read_that_has_to_write_waits_for_room(void **state)
{
    uint64_t turns;
    int i;

    (void)state;
    open_peer();
    while (conn_out_bytes(linkfix.last) == 0)
        assert_int_equal(conn_send(linkfix.last, 9, big, sizeof(big)), 0);
    assert_int_equal(SSL_key_update(linkfix.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    linkfix_say(4, "abc", 3);
    send_all();
    loop_turn(linkfix.loop);
    turns = evloop_n_turns(linkfix.loop);
    for (i = 0; i < 20; i++)
        loop_turn(linkfix.loop);
    assert_in_range(evloop_n_turns(linkfix.loop) - turns, 1, 60);
    while (linkfix.n_frames < 1) {
        tlspeer_receive(&linkfix.peer);
        while (tlspeer_read(&linkfix.peer, heard, sizeof(heard)) > 0)
            continue;
        loop_turn(linkfix.loop);
    }
    assert_non_null(linkfix.last);
}

/* --- the end ------------------------------------------------------------------------ */

static void t_finish_sends_what_waits_and_then_close_notify(void **state)
{
    (void)state;
    open_peer();
    linkfix_say(3, "last", 4);
    send_all();
    assert_int_equal(linkfix_hear(heard, FRAME_HEAD + 4), 1);
    assert_memory_equal(heard + FRAME_HEAD, "last", 4);
    assert_int_equal(linkfix_hear(heard, 1), 0); /* the end, and no error */
    SSL_shutdown(linkfix.peer.ssl);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_EOF);
}

static void t_close_notify_waits_for_room(void **state)
{
    size_t n = 0;

    (void)state;
    open_peer();
    while (conn_out_bytes(linkfix.last) == 0) {
        assert_int_equal(conn_send(linkfix.last, 9, big, sizeof(big)), 0);
        n++;
    }
    conn_finish(linkfix.last);
    while (n-- > 0)
        assert_int_equal(linkfix_hear(heard, sizeof(heard)), 1);
    assert_int_equal(linkfix_hear(heard, 1), 0);
}

static void t_close_notify_is_the_end_and_a_cut_is_an_error(void **state)
{
    (void)state;
    open_peer();
    SSL_shutdown(linkfix.peer.ssl);
    send_all();
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_EOF);
    tlspeer_close(&linkfix.peer);
    linkfix_peer("agent", NULL);
    linkfix_shake_hands();
    linkfix_say(4, "abc", 3);
    tlspeer_send(&linkfix.peer, tlspeer_waiting(&linkfix.peer) - 1);
    tlspeer_close(&linkfix.peer);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 2);
    assert_int_equal(linkfix.why, CONN_WHY_ERROR);
    assert_int_equal(linkfix.n_frames, 0);
}

static void t_what_is_no_record_ends_the_connection(void **state)
{
    (void)state;
    open_peer();
    peer_send(linkfix.peer.fd, "no record of TLS", 16);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_ERROR);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, linkfix_setup, linkfix_teardown)

T_MAIN(E(t_both_sides_of_ours_exchange_frames),
       E(t_nothing_starts_before_the_handshake_is_complete),
       E(t_a_frame_that_comes_with_the_last_message_is_handled),
       E(t_frames_of_64_kib_are_all_handled_without_another_byte),
       E(t_bytes_inside_are_not_forgotten_while_the_socket_is_empty),
       E(t_bytes_inside_wait_while_the_connection_is_paused),
       E(t_the_end_that_comes_with_a_frame_is_seen),
       E(t_the_end_that_comes_before_a_pause_is_seen_after_it),
       E(t_each_pause_holds_the_next_frame_back),
       E(t_a_record_that_comes_byte_by_byte_makes_no_spin),
       E(t_a_frame_in_many_records_is_one_frame), E(t_a_slow_reader_gets_every_byte),
       E(t_a_peer_that_does_not_read_is_closed_at_the_bound),
       E(t_a_read_that_has_to_write_waits_for_room),
       E(t_finish_sends_what_waits_and_then_close_notify),
       E(t_close_notify_waits_for_room),
       E(t_close_notify_is_the_end_and_a_cut_is_an_error),
       E(t_what_is_no_record_ends_the_connection))
