/* TLS between daemons: who is refused, for which reason, and that the server keeps
 * answering. */
#include <openssl/pem.h>

#include "base/role.h"
#include "lib/linkfix.h"
#include "loop.h"
#include "net/sock.h"
#include "net/tls_waiting.h"

static void expect_refused(enum tls_why why)
{
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.n_start, 0);
    assert_int_equal(linkfix.why, CONN_WHY_ERROR);
    if (linkfix_refused(why) != 1)
        fail_msg("not refused as %s", tls_why_name(why));
}

/* Another client is served after all. */
static void expect_served(void)
{
    int n = linkfix.n_start;

    tlspeer_close(&linkfix.peer);
    linkfix_peer("agent", NULL);
    linkfix_shake_hands();
    assert_int_equal(linkfix.n_start, n + 1);
}

static void refuse_peer(const char *name, const struct tlspeer_options *o,
                        enum tls_why why)
{
    linkfix_peer(name, o);
    linkfix_shake_hands();
    expect_refused(why);
    expect_served();
}

/* --- certificates of clients -------------------------------------------------------- */

static void t_a_client_without_a_certificate(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    refuse_peer(NULL, NULL, TLS_WHY_NO_CERTIFICATE);
}

static void t_a_client_of_another_authority(void **state)
{
    struct certauthority other;

    (void)state;
    linkfix_serve("dnsd", false);
    certauthority_open(&other);
    certauthority_sign(&other, &(struct certauthority_names){.san = LINKFIX_AGENT},
                       linkfix_file("x", ".crt"), linkfix_file("x", ".key"));
    certauthority_close(&other);
    refuse_peer("x", NULL, TLS_WHY_UNTRUSTED);
}

static void sign_with_time(long from_s, long to_s)
{
    certauthority_sign(&linkfix.ca,
                       &(struct certauthority_names){
                           .san = LINKFIX_AGENT, .from_s = from_s, .to_s = to_s},
                       linkfix_file("x", ".crt"), linkfix_file("x", ".key"));
}

static void t_a_client_whose_certificate_has_expired(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    sign_with_time(-7200, -60);
    refuse_peer("x", NULL, TLS_WHY_EXPIRED);
}

static void t_a_client_whose_certificate_is_not_valid_yet(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    sign_with_time(3600, 7200);
    refuse_peer("x", NULL, TLS_WHY_EXPIRED);
}

static void t_a_client_whose_certificate_is_revoked(void **state)
{
    long serial;

    (void)state;
    serial = linkfix_sign("x", LINKFIX_AGENT);
    certauthority_revoke(&linkfix.ca, serial, linkfix_file("crl", ".pem"), 86400);
    linkfix_serve("dnsd", true);
    refuse_peer("x", NULL, TLS_WHY_REVOKED);
}

/* An operator who forgot to replace the list must not find that no host can connect. */
static void t_an_old_list_of_revoked_certificates_still_counts(void **state)
{
    long serial;

    (void)state;
    serial = linkfix_sign("x", LINKFIX_AGENT);
    certauthority_revoke(&linkfix.ca, serial, linkfix_file("crl", ".pem"), -60);
    linkfix_serve("dnsd", true);
    refuse_peer("x", NULL, TLS_WHY_REVOKED);
}

/* Both authorities are trusted, and the list is of the server's alone. */
static void t_an_authority_without_a_list_names_the_fault(void **state)
{
    struct certauthority other;
    FILE *f = fopen(linkfix_file("ca", ".crt"), "a");

    (void)state;
    certauthority_revoke(&linkfix.ca, 0, linkfix_file("crl", ".pem"), 86400);
    certauthority_open(&other);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(other.cert), "O", MBSTRING_ASC,
                               (const unsigned char *)"other", -1, -1, 0);
    X509_set_issuer_name(other.cert, X509_get_subject_name(other.cert));
    assert_true(X509_sign(other.cert, other.key, EVP_sha256()) > 0);
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, other.cert), 1);
    fclose(f);
    certauthority_sign(&other, &(struct certauthority_names){.san = LINKFIX_AGENT},
                       linkfix_file("x", ".crt"), linkfix_file("x", ".key"));
    certauthority_close(&other);
    linkfix_serve("dnsd", true);
    refuse_peer("x", NULL, TLS_WHY_NO_CRL);
}

static void t_a_client_of_another_role(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_sign("x", "URI:urn:lars:role:gateway,IP:127.0.0.1");
    refuse_peer("x", NULL, TLS_WHY_ROLE);
}

static void t_a_client_without_any_name(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_sign("x", NULL);
    refuse_peer("x", NULL, TLS_WHY_ROLE);
}

static void t_roles_that_only_look_like_ours(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_sign("x",
                 "URI:urn:lars:role:agents,URI:urn:lars:role:,URI:xurn:lars:role:agent,"
                 "DNS:urn:lars:role:agent,URI:urn:lars:role:Agent");
    refuse_peer("x", NULL, TLS_WHY_ROLE);
}

/* --- what comes instead of a handshake ---------------------------------------------- */

static void t_a_client_of_tls_1_2(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    refuse_peer("agent", &(struct tlspeer_options){.version = TLS1_2_VERSION},
                TLS_WHY_VERSION);
}

static void send_raw(const void *p, size_t len)
{
    int fd = sock_connect(&linkfix.at, T_DEADLINE_MS);

    assert_true(fd >= 0);
    peer_send(fd, p, len);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    close(fd);
}

static void t_a_client_without_tls(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    send_raw("\1\0\0\0\4\0\0\0body", 12);
    expect_refused(TLS_WHY_PLAIN);
    assert_int_equal(linkfix.n_frames, 0);
    expect_served();
}

static void t_a_client_of_http(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    send_raw("GET / HTTP/1.1\r\n\r\n", 18);
    expect_refused(TLS_WHY_PLAIN);
}

static void t_a_record_that_is_no_handshake(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    send_raw("\x16\3\1\0\4zzzz", 9);
    expect_refused(TLS_WHY_BROKEN);
}

/* A check of the port is no refusal. */
static void t_a_connection_without_a_byte_is_not_counted(void **state)
{
    struct tls_link_stat st;
    int fd, i;

    (void)state;
    linkfix_serve("dnsd", false);
    fd = sock_connect(&linkfix.at, T_DEADLINE_MS);
    close(fd);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    tls_link_stat(linkfix.link, &st);
    for (i = 0; i < TLS_WHY_COUNT; i++)
        assert_int_equal(st.n_refused[i], 0);
}

static void t_plain_peers_are_served_when_they_may_be(void **state)
{
    const struct tls_link_config c = {.cert = linkfix_file("dnsd", ".crt"),
                                      .key = linkfix_file("dnsd", ".key"),
                                      .ca = linkfix_file("ca", ".crt"),
                                      .crl = "",
                                      .on_loopback = true,
                                      .plain_too = true};
    struct tls_link_stat st;
    char err[CONF_ERR_MAX], got[12];
    ssize_t n;
    int fd;

    (void)state;
    linkfix_serve("dnsd", false);
    tls_link_destroy(linkfix.link);
    assert_int_equal(tls_link_create(&linkfix.link, &c, err), 0);
    tls_conn_server_destroy(linkfix.server);
    linkfix.sc.link = linkfix.link;
    assert_int_equal(tls_conn_server_create(&linkfix.server, &linkfix.sc), 0);
    conn_group_destroy(linkfix.group);
    linkfix.cc.io_arg = linkfix.server;
    assert_int_equal(conn_group_create(&linkfix.group, linkfix.loop, &linkfix.cc), 0);
    fd = sock_connect(&linkfix.at, T_DEADLINE_MS);
    peer_send(fd, "\1\0\0\0\4\0\0\0body", 12);
    LOOP_UNTIL(linkfix.loop, (n = recv(fd, got, 12, MSG_DONTWAIT)) == 12);
    assert_memory_equal(got, "\1\0\0\0\4\0\0\0body", 12);
    assert_null(tls_conn_identity(linkfix.last));
    assert_true(tls_conn_is_host(linkfix.last, 0x0a010101));
    tls_link_stat(linkfix.link, &st);
    assert_int_equal(st.n_plain, 1);
    expect_served();
    close(fd);
}

/* --- time and number ---------------------------------------------------------------- */

static void t_a_handshake_that_takes_too_long_ends(void **state)
{
    (void)state;
    linkfix.sc.handshake_ms = 50;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    tlspeer_send(&linkfix.peer, 5);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.n_start, 0);
    assert_int_equal(linkfix_refused(TLS_WHY_SLOW), 1);
}

static void t_a_handshake_byte_by_byte_succeeds(void **state)
{
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS;

    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    while (linkfix.n_start == 0) {
        tlspeer_receive(&linkfix.peer);
        tlspeer_step(&linkfix.peer);
        if (tlspeer_waiting(&linkfix.peer) > 0)
            tlspeer_send(&linkfix.peer, 1);
        loop_turn(linkfix.loop);
        if (t_now_ms() > end_ms)
            fail_msg("the handshake has no end");
    }
}

/* The peer ends after each number of bytes that it sends. */
static void t_a_handshake_that_is_cut_at_any_byte_leaves_nothing(void **state)
{
    size_t cut = 0, sent;

    (void)state;
    linkfix_serve("dnsd", false);
    do {
        linkfix_peer("agent", NULL);
        sent = tlspeer_send(&linkfix.peer, cut);
        while (sent < cut && !SSL_is_init_finished(linkfix.peer.ssl)) {
            loop_turn(linkfix.loop);
            tlspeer_receive(&linkfix.peer);
            tlspeer_step(&linkfix.peer);
            sent += tlspeer_send(&linkfix.peer, cut - sent);
        }
        tlspeer_close(&linkfix.peer);
        LOOP_UNTIL(linkfix.loop, conn_group_n_open(linkfix.group) == 0);
        cut += cut < 40 ? 1 : 13;
    } while (linkfix.n_start == 0 && cut < 5000);
    assert_true(linkfix.n_start == 1 && cut > 500);
    assert_true(linkfix_refused(TLS_WHY_BROKEN) > 50);
    expect_served();
}

static void t_handshakes_are_bounded_and_the_oldest_ends_for_a_new_one(void **state)
{
    uint64_t since_ms;
    int fd[4], i;

    (void)state;
    linkfix.sc.max_handshakes = 3;
    linkfix_serve("dnsd", false);
    for (i = 0; i < 3; i++) {
        fd[i] = sock_connect(&linkfix.at, T_DEADLINE_MS);
        peer_send(fd[i], "\x16", 1);
        LOOP_UNTIL(linkfix.loop, conn_group_n_open(linkfix.group) == (size_t)i + 1);
    }
    fd[3] = sock_connect(&linkfix.at, T_DEADLINE_MS); /* all are younger than a second */
    LOOP_UNTIL(linkfix.loop, linkfix_refused(TLS_WHY_MANY) == 1);
    close(fd[3]);
    assert_int_equal(conn_group_n_open(linkfix.group), 3);
    since_ms = t_now_ms();
    LOOP_UNTIL(linkfix.loop, t_now_ms() - since_ms > TLS_WAITING_LEAST_MS);
    linkfix_peer("agent", NULL);
    while (linkfix.n_start == 0)
        linkfix_shake_hands();
    assert_int_equal(linkfix_refused(TLS_WHY_MANY), 2);
    peer_expect_close(fd[0]);
    for (i = 0; i < 3; i++)
        close(fd[i]);
}

/* --- after the handshake ------------------------------------------------------------ */

static void t_a_message_that_the_role_may_not_send_ends_the_connection(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    linkfix_shake_hands();
    linkfix_say(4, "x", 1);
    linkfix_say(5, "x", 1);
    linkfix_say(4, "x", 1);
    tlspeer_send(&linkfix.peer, SIZE_MAX);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_int_equal(linkfix.n_frames, 1); /* nothing after it is handled */
    assert_int_equal(linkfix.why, CONN_WHY_LOCAL);
    assert_int_equal(linkfix_refused(TLS_WHY_MESSAGE), 1);
}

static void t_a_role_that_may_send_the_message_is_served(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_sign("x", "URI:urn:lars:role:slots,URI:urn:lars:role:agent,IP:10.0.0.9");
    linkfix_peer("x", NULL);
    linkfix_shake_hands();
    linkfix_say(5, "x", 1);
    tlspeer_send(&linkfix.peer, SIZE_MAX);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 1);
}

static void t_a_peer_sends_for_its_own_addresses_only(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_peer("agent", NULL);
    linkfix_shake_hands();
    linkfix_say(6, "\12\0\0\7", 4);
    linkfix_say(6, "\177\0\0\1", 4);
    linkfix_say(6, "\0\0\0\0", 4); /* it does not know its address */
    tlspeer_send(&linkfix.peer, SIZE_MAX);
    LOOP_UNTIL(linkfix.loop, linkfix.n_frames == 3);
    assert_false(linkfix.is_foreign);
    linkfix_say(6, "\12\0\0\10", 4);
    tlspeer_send(&linkfix.peer, SIZE_MAX);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 1);
    assert_true(linkfix.is_foreign);
    assert_int_equal(linkfix_refused(TLS_WHY_HOST), 1);
}

/* --- what a client refuses ---------------------------------------------------------- */

static uint64_t client_refused(enum tls_why why)
{
    struct tls_link_stat st;

    tls_link_stat(linkfix.own, &st);
    return st.n_refused[why];
}

static void refuse_server(const char *san, unsigned wanted, enum tls_why why)
{
    linkfix_sign("x", san);
    linkfix_serve("x", false);
    linkfix_dial("agent", wanted);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 1 && linkfix.n_close == 1);
    assert_int_equal(linkfix.n_up, 0);
    assert_int_equal(client_refused(why), 1);
    assert_int_equal(linkfix_refused(TLS_WHY_BY_PEER), 1); /* the server's log says so */
    assert_int_equal(linkfix.n_start, 0);
}

static void t_a_server_of_another_role(void **state)
{
    (void)state;
    refuse_server(LINKFIX_DNSD, ROLE_REPORTD, TLS_WHY_ROLE);
}

static void t_a_server_that_is_an_agent(void **state)
{
    (void)state;
    refuse_server(LINKFIX_AGENT, ROLE_DNSD, TLS_WHY_ROLE);
}

static void t_a_server_whose_certificate_has_another_address(void **state)
{
    (void)state;
    refuse_server("URI:urn:lars:role:dnsd,IP:127.0.0.2,IP:::1", ROLE_DNSD,
                  TLS_WHY_ADDRESS);
}

static void t_a_server_of_another_authority(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    certauthority_close(&linkfix.ca);
    certauthority_open(&linkfix.ca);
    certauthority_write(&linkfix.ca, linkfix_file("ca", ".crt"));
    linkfix_sign("agent", LINKFIX_AGENT);
    linkfix_dial("agent", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 1 && linkfix.n_close == 1);
    assert_int_equal(client_refused(TLS_WHY_UNTRUSTED), 1);
}

/* The server completes its side of the handshake later than the client does. */
static void t_a_client_is_told_that_it_was_refused(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    linkfix_sign("x", "URI:urn:lars:role:console,IP:127.0.0.1");
    linkfix_dial("x", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 1 && linkfix.n_close == 1);
    assert_int_equal(linkfix_refused(TLS_WHY_ROLE), 1);
    assert_int_equal(client_refused(TLS_WHY_BY_PEER), 1);
    assert_int_equal(linkfix.n_start, 0);
}

static void t_a_server_without_tls(void **state)
{
    (void)state;
    linkfix_serve("dnsd", false);
    conn_group_destroy(linkfix.group);
    linkfix.cc.choose_io = NULL;
    assert_int_equal(conn_group_create(&linkfix.group, linkfix.loop, &linkfix.cc), 0);
    linkfix_dial("agent", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 1 && linkfix.n_close == 1);
    assert_int_equal(linkfix.why, CONN_WHY_BAD_FRAME);
    assert_int_equal(client_refused(TLS_WHY_BROKEN), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, linkfix_setup, linkfix_teardown)

T_MAIN(E(t_a_client_without_a_certificate), E(t_a_client_of_another_authority),
       E(t_a_client_whose_certificate_has_expired),
       E(t_a_client_whose_certificate_is_not_valid_yet),
       E(t_a_client_whose_certificate_is_revoked),
       E(t_an_old_list_of_revoked_certificates_still_counts),
       E(t_an_authority_without_a_list_names_the_fault), E(t_a_client_of_another_role),
       E(t_a_client_without_any_name), E(t_roles_that_only_look_like_ours),
       E(t_a_client_of_tls_1_2), E(t_a_client_without_tls), E(t_a_client_of_http),
       E(t_a_record_that_is_no_handshake),
       E(t_a_connection_without_a_byte_is_not_counted),
       E(t_plain_peers_are_served_when_they_may_be),
       E(t_a_handshake_that_takes_too_long_ends), E(t_a_handshake_byte_by_byte_succeeds),
       E(t_a_handshake_that_is_cut_at_any_byte_leaves_nothing),
       E(t_handshakes_are_bounded_and_the_oldest_ends_for_a_new_one),
       E(t_a_message_that_the_role_may_not_send_ends_the_connection),
       E(t_a_role_that_may_send_the_message_is_served),
       E(t_a_peer_sends_for_its_own_addresses_only), E(t_a_server_of_another_role),
       E(t_a_server_that_is_an_agent),
       E(t_a_server_whose_certificate_has_another_address),
       E(t_a_server_of_another_authority), E(t_a_client_is_told_that_it_was_refused),
       E(t_a_server_without_tls))
