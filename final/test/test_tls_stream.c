/* How a TLS connection begins: every cut of a handshake, what is refused, and sessions
 * that are resumed. */
#include "lib/tlsfix.h"
#include "loop.h"

#include <openssl/rand.h>

static void exchange(int version, const char *name)
{
    char in[5];

    tlsfix_open(&(struct tlspeer_options){.version = version});
    assert_string_equal(tls_stream_version(&tlsfix.s), name);
    assert_false(tls_stream_is_resumed(&tlsfix.s));
    tlspeer_write(&tlsfix.peer, "abc", 3);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_got == 3);
    assert_memory_equal(tlsfix.got, "abc", 3);
    assert_int_equal(stream_write(&tlsfix.s, "hello", 5), 0);
    assert_int_equal(tlsfix_hear(in, 5), 1);
    assert_memory_equal(in, "hello", 5);
}

static void t_bytes_are_exchanged_by_tls_1_3(void **state)
{
    (void)state;
    exchange(TLS1_3_VERSION, "TLSv1.3");
}

static void t_bytes_are_exchanged_by_tls_1_2(void **state)
{
    (void)state;
    exchange(TLS1_2_VERSION, "TLSv1.2");
}

static void t_a_stream_without_tls_has_no_version(void **state)
{
    int fd[2];

    (void)state;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(stream_open(&tlsfix.s, tlsfix.loop, fd[0], &tlsfix_owner), 0);
    assert_null(tls_stream_version(&tlsfix.s));
    assert_false(tls_stream_is_resumed(&tlsfix.s));
    close(fd[1]);
}

/* --- the handshake ------------------------------------------------------------------ */

static void t_a_hello_that_comes_in_two_parts_is_fine_at_every_cut(void **state)
{
    size_t n, cut;

    (void)state;
    tlsfix_begin(NULL);
    n = tlspeer_waiting(&tlsfix.peer);
    tlsfix_end();
    assert_true(n > 100);
    for (cut = 1; cut < n; cut += t_mode_is("memcheck") ? 40 : 1) {
        tlsfix_begin(NULL);
        assert_int_equal(tlspeer_send(&tlsfix.peer, cut), cut);
        loop_turn(tlsfix.loop);
        assert_int_equal(tlsfix.n_connect, 0);
        tlspeer_send(&tlsfix.peer, SIZE_MAX);
        tlsfix_shake_hands();
        assert_int_equal(tlsfix.connect_rc, 0);
        tlsfix_end();
    }
}

/* The client's messages, <cut> bytes of them, and then the end. */
static void leave_after(size_t cut, int version)
{
    struct tlspeer_options o = {.version = version};
    size_t sent = 0;

    tlsfix_begin(&o);
    while (sent < cut && tlsfix.n_connect == 0) {
        sent += tlspeer_send(&tlsfix.peer, cut - sent);
        loop_turn(tlsfix.loop);
        tlspeer_receive(&tlsfix.peer);
        tlspeer_step(&tlsfix.peer);
    }
    if (tlsfix.n_connect == 0) {
        tlspeer_close(&tlsfix.peer);
        LOOP_UNTIL(tlsfix.loop, tlsfix.n_connect > 0);
        assert_true(tlsfix.connect_rc < 0);
    }
    loop_turn(tlsfix.loop);
    assert_int_equal(tlsfix.n_connect, 1);
    tlsfix_end();
}

static void t_a_client_that_leaves_in_a_handshake_is_one_error_at_every_cut(void **state)
{
    size_t cut, step_of = t_mode_is("memcheck") ? 60 : 7;

    (void)state;
    for (cut = 0; cut < 800; cut += step_of) {
        leave_after(cut, TLS1_3_VERSION);
        leave_after(cut, TLS1_2_VERSION);
    }
}

static void send_plain(const char *text, size_t len)
{
    int fd[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(
        tls_stream_open(&tlsfix.s, tlsfix.loop, fd[0], &tlsfix_owner, tlsfix.context), 0);
    assert_int_equal(send(fd[1], text, len, MSG_NOSIGNAL), len);
    LOOP_UNTIL(tlsfix.loop, tlsfix.n_connect > 0);
    assert_int_equal(tlsfix.n_connect, 1);
    assert_int_equal(tlsfix.connect_rc, -EPROTO);
    assert_false(stream_is_open(&tlsfix.s));
    close(fd[1]);
    tlsfix.n_connect = 0;
}

static void t_what_is_no_hello_is_refused(void **state)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char heartbeat[] = "\x18\x03\x03\x00\x03\x01\x40\x00";
    static const char data[] = "\x17\x03\x03\x00\x03"
                               "abc";
    static const char long_record[] = "\x16\x03\x01\xff\xff\x01";
    static const char ssl2[48] = "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10";

    (void)state;
    send_plain(http, sizeof(http) - 1);
    send_plain(heartbeat, sizeof(heartbeat) - 1);
    send_plain(data, sizeof(data) - 1);
    send_plain(long_record, sizeof(long_record) - 1);
    send_plain(ssl2, sizeof(ssl2));
}

static void t_random_bytes_in_the_place_of_a_message_end_the_handshake(void **state)
{
    unsigned char junk[300];
    int i, n = t_mode_is("memcheck") ? 5 : 200;

    (void)state;
    for (i = 0; i < n; i++) {
        tlsfix_begin(NULL);
        RAND_bytes(junk, sizeof(junk));
        if (i % 2) { /* a record with a broken message */
            memcpy(junk, "\x16\x03\x01\x01\x00\x01", 6);
        } else {
            tlspeer_send(&tlsfix.peer, SIZE_MAX);
            loop_turn(tlsfix.loop);
        }
        assert_int_equal(send(tlsfix.peer.fd, junk, sizeof(junk), MSG_NOSIGNAL),
                         sizeof(junk));
        loop_turn(tlsfix.loop);
        tlspeer_close(&tlsfix.peer);
        LOOP_UNTIL(tlsfix.loop, tlsfix.n_connect > 0);
        assert_int_equal(tlsfix.n_connect, 1);
        assert_true(tlsfix.connect_rc < 0);
        tlsfix_end();
    }
}

static void refuse(const struct tlspeer_options *o)
{
    tlsfix_begin(o);
    tlsfix_shake_hands();
    assert_int_equal(tlsfix.n_connect, 1);
    assert_int_equal(tlsfix.connect_rc, -EPROTO);
    tlsfix_end();
}

static void t_versions_before_1_2_are_refused(void **state)
{
    (void)state;
    refuse(&(struct tlspeer_options){.version = TLS1_1_VERSION});
    refuse(&(struct tlspeer_options){.version = TLS1_VERSION});
}

static void t_http_1_1_is_selected_and_other_protocols_are_refused(void **state)
{
    const unsigned char *name;
    unsigned len;

    (void)state;
    tlsfix_open(&(struct tlspeer_options){.alpn = "http/1.1"});
    SSL_get0_alpn_selected(tlsfix.peer.ssl, &name, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(name, "http/1.1", 8);
    tlsfix_end();
    refuse(&(struct tlspeer_options){.alpn = "h2"});
    refuse(&(struct tlspeer_options){.alpn = "ftp"});
}

static void t_a_client_cannot_renegotiate(void **state)
{
    (void)state;
    tlsfix_open(&(struct tlspeer_options){.version = TLS1_2_VERSION});
    SSL_renegotiate(tlsfix.peer.ssl);
    tlspeer_step(&tlsfix.peer);
    tlspeer_send(&tlsfix.peer, SIZE_MAX);
    loop_turn(tlsfix.loop);
    tlspeer_receive(&tlsfix.peer);
    assert_int_equal(tlspeer_step(&tlsfix.peer), -1);
    assert_int_equal(tlsfix.n_got, 0);
    assert_int_equal(tlsfix.n_connect, 1);
}

/* --- sessions ----------------------------------------------------------------------- */

/* A session of the context that is in use now. */
static SSL_SESSION *session_of(int version)
{
    SSL_SESSION *s;
    char c;

    tlsfix_open(&(struct tlspeer_options){.version = version});
    stream_write(&tlsfix.s, "x", 1);
    tlsfix_hear(&c, 1); /* the ticket of TLS 1.3 comes after the handshake */
    s = tlsfix.peer.session;
    assert_non_null(s);
    tlsfix.peer.session = NULL;
    tlsfix_end();
    return s;
}

static void resume(int version, bool expected)
{
    SSL_SESSION *s = session_of(version);
    struct tls_context *next = tlsfix_new_context(expected ? tlsfix.context : NULL);

    tls_context_unref(tlsfix.context);
    tlsfix.context = next;
    tlsfix_open(&(struct tlspeer_options){.version = version, .session = s});
    assert_int_equal(tls_stream_is_resumed(&tlsfix.s), expected);
    assert_int_equal(SSL_session_reused(tlsfix.peer.ssl), expected);
    tlsfix_end();
    SSL_SESSION_free(s);
}

static void t_a_session_is_resumed_with_the_context_that_follows(void **state)
{
    (void)state;
    resume(TLS1_3_VERSION, true);
    resume(TLS1_2_VERSION, true);
}

static void t_a_session_of_another_context_is_a_full_handshake(void **state)
{
    (void)state;
    resume(TLS1_3_VERSION, false);
    resume(TLS1_2_VERSION, false);
}

static void t_a_connection_keeps_the_context_that_is_released(void **state)
{
    char in[5];

    (void)state;
    tlsfix_begin(NULL);
    tls_context_unref(tlsfix.context);
    tlsfix.context = NULL;
    tlsfix_shake_hands();
    assert_int_equal(stream_write(&tlsfix.s, "hello", 5), 0);
    assert_int_equal(tlsfix_hear(in, 5), 1);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, tlsfix_setup, tlsfix_teardown)

T_MAIN(S(t_bytes_are_exchanged_by_tls_1_3), S(t_bytes_are_exchanged_by_tls_1_2),
       S(t_a_stream_without_tls_has_no_version),
       S(t_a_hello_that_comes_in_two_parts_is_fine_at_every_cut),
       S(t_a_client_that_leaves_in_a_handshake_is_one_error_at_every_cut),
       S(t_what_is_no_hello_is_refused),
       S(t_random_bytes_in_the_place_of_a_message_end_the_handshake),
       S(t_versions_before_1_2_are_refused),
       S(t_http_1_1_is_selected_and_other_protocols_are_refused),
       S(t_a_client_cannot_renegotiate),
       S(t_a_session_is_resumed_with_the_context_that_follows),
       S(t_a_session_of_another_context_is_a_full_handshake),
       S(t_a_connection_keeps_the_context_that_is_released))
