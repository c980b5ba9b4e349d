/* The bytes of a TLS connection: those that OpenSSL holds while the socket has none, a
 * client that does not read, and each way in which a connection ends. */
#include "lib/tlsfix.h"
#include "loop.h"

static void t_a_request_that_comes_with_the_last_message_is_told(void **state)
{
    (void)state;
    tlsfix_begin(&(struct tlspeer_options){.version = TLS1_3_VERSION});
    while (!SSL_is_init_finished(tlsfix.peer.ssl)) {
        tlspeer_send(&tlsfix.peer, SIZE_MAX);
        loop_turn(tlsfix.loop);
        tlspeer_receive(&tlsfix.peer);
        tlspeer_step(&tlsfix.peer);
    }
    assert_int_equal(tlsfix.n_connect, 0); /* its last message waits */
    tlspeer_write(&tlsfix.peer, "request", 7);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 7);
    assert_int_equal(tlsfix.n_connect, 1);
}

static void t_a_record_is_read_in_parts_without_another_byte_from_the_client(void **state)
{
    static char big[16384];

    (void)state;
    tlsfix_open(NULL);
    memset(big, 'b', sizeof(big));
    tlsfix.read_size = 1000;
    tlspeer_write(&tlsfix.peer, big, sizeof(big));
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == sizeof(big));
}

static void t_bytes_inside_wait_while_reading_is_off(void **state)
{
    int n;

    (void)state;
    tlsfix_open(NULL);
    tlsfix.read_size = 10;
    tlspeer_write(&tlsfix.peer, "0123456789abcdefghij", 20);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    while (tlsfix.n_got == 0) {
        stream_read_on(&tlsfix.s);
        loop_turn(tlsfix.loop);
        stream_read_off(&tlsfix.s);
    }
    tlsfix.read_size = 3;
    n = tlsfix.n_input;
    loop_turn(tlsfix.loop);
    assert_int_equal(tlsfix.n_input, n);
    stream_read_on(&tlsfix.s);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 20);
}

static void t_a_record_that_comes_byte_by_byte_makes_no_spin(void **state)
{
    uint64_t turns;
    int i;

    (void)state;
    tlsfix_open(NULL);
    tlspeer_write(&tlsfix.peer, "abc", 3);
    tlspeer_send(&tlsfix.peer, tlspeer_waiting(&tlsfix.peer) - 1);
    loop_turn(tlsfix.loop);
    turns = evloop_n_turns(tlsfix.loop);
    for (i = 0; i < 20; i++)
        loop_turn(tlsfix.loop);
    assert_in_range(evloop_n_turns(tlsfix.loop) - turns, 1, 60);
    assert_int_equal(tlsfix.n_got, 0);
    while (tlspeer_waiting(&tlsfix.peer) > 0)
        tlspeer_send(&tlsfix.peer, 1);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 3);
}

static void t_a_slow_reader_gets_every_byte(void **state)
{
    static char out[100000], in[100000];
    size_t i, n = 0, sent = 0;

    (void)state;
    tlsfix_open(NULL);
    for (i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 31 + i / 997);
    while (sent < 1000000) {
        assert_int_equal(stream_write(&tlsfix.s, out, sizeof(out)), 0);
        sent += sizeof(out);
    }
    assert_true(stream_waiting(&tlsfix.s) >= STREAM_HIGH);
    while (n < sent) {
        assert_int_equal(tlsfix_hear(in, sizeof(in)), 1);
        assert_memory_equal(in, out, sizeof(in));
        n += sizeof(in);
    }
    assert_int_equal(stream_waiting(&tlsfix.s), 0);
    assert_int_equal(tlsfix.n_drain, 1);
}

static void t_a_client_may_change_its_keys(void **state)
{
    char in[2];

    (void)state;
    tlsfix_open(&(struct tlspeer_options){.version = TLS1_3_VERSION});
    assert_int_equal(SSL_key_update(tlsfix.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    tlspeer_write(&tlsfix.peer, "abc", 3);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 3);
    assert_int_equal(stream_write(&tlsfix.s, "ok", 2), 0);
    assert_int_equal(tlsfix_hear(in, 2), 1);
    assert_memory_equal(in, "ok", 2);
}

/* The server's answer to a KeyUpdate has no room while the client does not read. */
static void t_a_read_that_has_to_write_waits_for_room(void **state)
{
    static char out[200000], in[200000];

    (void)state;
    tlsfix_open(&(struct tlspeer_options){.version = TLS1_3_VERSION});
    while (stream_waiting(&tlsfix.s) == 0)
        assert_int_equal(stream_write(&tlsfix.s, out, 16384), 0);
    assert_int_equal(SSL_key_update(tlsfix.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    tlspeer_write(&tlsfix.peer, "abc", 3);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    loop_turn(tlsfix.loop);
    loop_turn(tlsfix.loop);
    while (tlsfix.n_got < 3) {
        tlspeer_receive(&tlsfix.peer);
        while (tlspeer_read(&tlsfix.peer, in, sizeof(in)) > 0)
            continue;
        loop_turn(tlsfix.loop);
    }
    assert_true(stream_is_open(&tlsfix.s));
}

/* --- the end ------------------------------------------------------------------------ */

static void t_close_notify_is_the_end_and_a_close_without_it_is_a_reset(void **state)
{
    (void)state;
    tlsfix_open(NULL);
    SSL_shutdown(tlsfix.peer.ssl);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, !stream_is_open(&tlsfix.s));
    assert_int_equal(tlsfix.last, 0);
    tlsfix_end();
    tlsfix_open(NULL);
    tlspeer_close(&tlsfix.peer);
    LOOP_UNTIL(tlsfix.loop, !stream_is_open(&tlsfix.s));
    assert_int_equal(tlsfix.last, -ECONNRESET);
}

static void t_close_notify_behind_a_request_is_told_while_the_socket_is_open(void **state)
{
    (void)state;
    tlsfix_open(NULL);
    tlspeer_write(&tlsfix.peer, "abc", 3);
    SSL_shutdown(tlsfix.peer.ssl);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, !stream_is_open(&tlsfix.s));
    assert_int_equal(tlsfix.n_got, 3);
    assert_int_equal(tlsfix.last, 0);
}

static void t_a_broken_record_is_an_error_once(void **state)
{
    static const char record[37] = "\x17\x03\x03\x00\x20 this was not encrypted";

    (void)state;
    tlsfix_open(NULL);
    assert_int_equal(send(tlsfix.peer.fd, record, sizeof(record), MSG_NOSIGNAL),
                     sizeof(record));
    LOOP_UNTIL(tlsfix.loop, !stream_is_open(&tlsfix.s));
    assert_int_equal(tlsfix.last, -EPROTO);
    assert_int_equal(tlsfix.n_got, 0);
}

static void t_shutdown_says_close_notify_and_still_reads(void **state)
{
    char c;

    (void)state;
    tlsfix_open(NULL);
    assert_int_equal(stream_write(&tlsfix.s, "x", 1), 0);
    stream_shutdown(&tlsfix.s);
    assert_int_equal(tlsfix_hear(&c, 1), 1);
    assert_int_equal(tlsfix_hear(&c, 1), 0);
    tlspeer_write(&tlsfix.peer, "late", 4);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 4);
}

static void t_close_says_close_notify(void **state)
{
    char c;

    (void)state;
    tlsfix_open(NULL);
    stream_close(&tlsfix.s);
    assert_int_equal(tlsfix_hear(&c, 1), 0);
}

static void t_close_notify_waits_for_room(void **state)
{
    static char out[16384], in[16384];
    size_t n = 0, got = 0;
    int rc = -1;

    (void)state;
    tlsfix_open(NULL);
    while (stream_waiting(&tlsfix.s) == 0) { /* the socket is full */
        assert_int_equal(stream_write(&tlsfix.s, out, 1000), 0);
        n += 1000;
    }
    while (stream_waiting(&tlsfix.s) >
           0) { /* and as soon as nothing waits in the stream */
        tlspeer_receive(&tlsfix.peer);
        loop_turn(tlsfix.loop);
    }
    stream_shutdown(&tlsfix.s);
    while (rc != 0) {
        rc = tlspeer_read(&tlsfix.peer, in, sizeof(in));
        got += rc > 0 ? (size_t)rc : 0;
        assert_int_not_equal(rc, -2);
        tlspeer_receive(&tlsfix.peer);
        loop_turn(tlsfix.loop);
    }
    assert_int_equal(got, n);
}

static void t_close_in_a_callback_is_the_end(void **state)
{
    (void)state;
    tlsfix_begin(NULL);
    tlsfix.close_in = true;
    while (tlsfix.n_connect == 0)
        tlsfix_step();
    assert_false(stream_is_open(&tlsfix.s));
    tlsfix_end();
    tlsfix_open(NULL);
    tlsfix.read_size = 3;
    tlsfix.close_in = true;
    tlspeer_write(&tlsfix.peer, "0123456789", 10);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, !stream_is_open(&tlsfix.s));
    loop_turn(tlsfix.loop);
    assert_int_equal(tlsfix.n_got, 3);
    assert_int_equal(stream_write(&tlsfix.s, "x", 1), -EPIPE);
}

static void t_a_client_that_is_gone_is_an_error_of_the_write(void **state)
{
    static char out[16384];

    (void)state;
    tlsfix_open(NULL);
    stream_read_off(&tlsfix.s);
    while (stream_waiting(&tlsfix.s) == 0)
        assert_int_equal(stream_write(&tlsfix.s, out, sizeof(out)), 0);
    tlspeer_close(&tlsfix.peer);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_error == 1);
    assert_int_equal(tlsfix.error_rc, -EPIPE);
}

static void t_open_of_a_file_takes_it_and_fails(void **state)
{
    FILE *file = tmpfile();
    int fd = dup(fileno(file));

    (void)state;
    fclose(file);
    assert_int_equal(tls_stream_open(&tlsfix.s, tlsfix.loop, fd, &tlsfix_owner,
                                     tlsfix.context),
                     -EPERM);
    assert_false(stream_is_open(&tlsfix.s));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, tlsfix_setup, tlsfix_teardown)

T_MAIN(S(t_a_request_that_comes_with_the_last_message_is_told),
       S(t_a_record_is_read_in_parts_without_another_byte_from_the_client),
       S(t_bytes_inside_wait_while_reading_is_off),
       S(t_a_record_that_comes_byte_by_byte_makes_no_spin),
       S(t_a_slow_reader_gets_every_byte), S(t_a_client_may_change_its_keys),
       S(t_a_read_that_has_to_write_waits_for_room),
       S(t_close_notify_is_the_end_and_a_close_without_it_is_a_reset),
       S(t_close_notify_behind_a_request_is_told_while_the_socket_is_open),
       S(t_a_broken_record_is_an_error_once),
       S(t_shutdown_says_close_notify_and_still_reads), S(t_close_says_close_notify),
       S(t_close_notify_waits_for_room), S(t_close_in_a_callback_is_the_end),
       S(t_a_client_that_is_gone_is_an_error_of_the_write),
       S(t_open_of_a_file_takes_it_and_fails))
