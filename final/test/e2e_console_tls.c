/* lars-console with TLS of its own: what the browser gets, what is refused, and what the
 * start says about a certificate or a key that is wrong. */
#include "lib/askclient.h"
#include "lib/certfile.h"
#include "lib/consolefix.h"

#include <openssl/ec.h>

#define LOGIN "{\"user\":\"viewer\",\"password\":\"" PASSWORD "\"}"

/* --- certificates ------------------------------------------------------------------ */

static const char *file_of(const char *name)
{
    static char path[4][160];
    static unsigned n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", testdb_dir, name);
    return path[n];
}

static void write_files(void)
{
    EVP_PKEY *k = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    EVP_PKEY *rare = EVP_EC_gen("secp256k1");

    assert_true(k && other && rare);
    certfile_write_key(file_of("rare.key"), rare, NULL);
    certfile_write_cert(file_of("rare.pem"), rare, -3600, 86400);
    EVP_PKEY_free(rare);
    certfile_write_key(file_of("tls.key"), k, NULL);
    certfile_write_key(file_of("other.key"), other, NULL);
    certfile_write_key(file_of("locked.key"), k, "pass");
    certfile_write_cert(file_of("tls.pem"), k, -3600, 86400);
    certfile_write_cert(file_of("old.pem"), k, -7200, -3600);
    certfile_write_cert(file_of("early.pem"), k, 3600, 7200);
    EVP_PKEY_free(k);
    EVP_PKEY_free(other);
    system_write_file("empty.pem", "%s", "");
}

/* --- setup ------------------------------------------------------------------------- */

static const char *pair(const char *cert, const char *key)
{
    static char text[400];

    snprintf(text, sizeof(text), "cert = %s\nkey = %s\n", file_of(cert), file_of(key));
    return text;
}

static void restart_with(const char *more)
{
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    start_console_with(more);
    proc_wait_port(&console);
    ask_port = console.port;
}

static int setup(void **state)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)system_setup(state);
    consolefix_setup();
    write_files();
    snprintf(ask_ca, sizeof(ask_ca), "%s", file_of("tls.pem"));
    return 0;
}

static int setup_tls(void **state)
{
    setup(state);
    restart_with(pair("tls.pem", "tls.key"));
    return 0;
}

/* --- TLS of the console ------------------------------------------------------------ */

static void t_login_over_tls_sets_a_secure_cookie(void **state)
{
    const char *set;

    (void)state;
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN), 200);
    set = web_header("Set-Cookie");
    assert_int_equal(strncmp(set, "__Host-lars=", 12), 0);
    assert_non_null(strstr(set, "; Path=/"));
    assert_non_null(strstr(set, "; HttpOnly"));
    assert_non_null(strstr(set, "; SameSite=Strict"));
    assert_non_null(strstr(set, "; Secure"));
    assert_null(strstr(set, "Domain"));
    assert_int_equal(GET(.path = "/api/v1/session", .headers = {ask_cookie()}), 200);
    assert_string_equal(web_text("user"), "viewer");
}

static void t_every_answer_over_tls_asks_for_nothing_else(void **state)
{
    static const char *const paths[] = {"/", "/api/v1/session", "/api/v1/none", "/none"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_not_equal(GET(.path = paths[i]), 0);
        assert_string_equal(web_header("Strict-Transport-Security"), "max-age=31536000");
    }
}

static void t_origin_of_http_is_refused_over_tls(void **state)
{
    char origin[60];

    (void)state;
    snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", console.port);
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .origin = origin),
                     403);
    assert_string_equal(web_text("code"), "wrong_origin");
}

static void t_no_header_takes_the_cookie_out_of_tls(void **state)
{
    char more[500];

    (void)state;
    snprintf(more, sizeof(more), "%strusted = 127.0.0.1\n", pair("tls.pem", "tls.key"));
    restart_with(more);
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN,
                          .headers = {"X-Forwarded-Proto: http"}),
                     200);
    assert_non_null(strstr(web_header("Set-Cookie"), "; Secure"));
}

static void t_events_come_over_tls(void **state)
{
    const char *session;

    (void)state;
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN), 200);
    session = ask_cookie();
    assert_int_equal(GET(.path = "/api/v1/events?topics=overview", .headers = {session},
                         .until = "event: overview"),
                     200);
    assert_non_null(strstr(web_reply.text, "text/event-stream"));
    /* the second event: the stream was suspended between */
    assert_int_equal(GET(.path = "/api/v1/events?topics=overview", .headers = {session},
                         .until = "\n\nevent: overview"),
                     200);
    assert_int_equal(ask_result, CURLE_WRITE_ERROR); /* it has come */
    assert_int_equal(GET(.path = "/api/v1/session", .headers = {session}), 200);
}

static void t_plain_http_on_the_port_of_tls_is_closed(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

    (void)state;
    assert_int_equal(web_raw(console.port, text, sizeof(text) - 1), 0);
    assert_int_equal(GET(.path = "/"), 200);
}

static void t_old_versions_of_tls_are_refused(void **state)
{
    (void)state;
    assert_int_equal(GET(.path = "/", .version = CURL_SSLVERSION_TLSv1_0 |
                                                 CURL_SSLVERSION_MAX_TLSv1_0),
                     0);
    assert_int_equal(ask_result, CURLE_SSL_CONNECT_ERROR);
    assert_int_equal(GET(.path = "/", .version = CURL_SSLVERSION_TLSv1_1 |
                                                 CURL_SSLVERSION_MAX_TLSv1_1),
                     0);
    assert_int_equal(ask_result, CURLE_SSL_CONNECT_ERROR);
    assert_int_equal(GET(.path = "/", .version = CURL_SSLVERSION_TLSv1_2 |
                                                 CURL_SSLVERSION_MAX_TLSv1_2),
                     200);
    assert_int_equal(GET(.path = "/", .version = CURL_SSLVERSION_TLSv1_3), 200);
}

static bool is_closed(int fd, const char *bytes, size_t n)
{
    char some[64];

    return (n > 0 && send(fd, bytes, n, MSG_NOSIGNAL) < 0) ||
           recv(fd, some, sizeof(some), MSG_DONTWAIT) == 0;
}

/* The record that they begin has 16,384 bytes, and never comes. */
static void t_slow_handshakes_hold_up_no_other_and_are_cut_off(void **state)
{
    enum { N = 100 };
    int fd[N], i;

    (void)state;
    for (i = 0; i < N; i++) {
        fd[i] = peer_connect(console.port);
        if (i > 0)
            peer_send(fd[i], "\x16\x03\x01\x40\x00\x01", 6);
    }
    assert_int_equal(GET(.path = "/"), 200);
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN), 200);
    T_WAIT(is_closed(fd[1], "x", 1)); /* a byte each time */
    for (i = 0; i < N; i++) {
        if (i != 1)
            T_WAIT(is_closed(fd[i], NULL, 0));
        close(fd[i]);
    }
    assert_int_equal(GET(.path = "/"), 200);
}

/* --- the start --------------------------------------------------------------------- */

static void check_config_says(const char *text, const char *mend)
{
    struct proc check = {.pid = 0};
    char line[2048];

    proc_start(&check, "lars-console", "-c", file_of("console.ini"), "--check-config",
               NULL);
    do
        assert_true(proc_line(check.err, line, sizeof(line)));
    while (!strstr(line, text));
    if (!strstr(line, mend))
        fail_msg("\"%s\" does not say \"%s\"", line, mend);
    assert_int_not_equal(proc_wait(&check), 0);
}

/* The start fails, and so does the check, with the same words. */
static void check_start_fails(const char *more, const char *text, const char *mend)
{
    start_console_with(more);
    proc_expect_line(console.err, text);
    assert_int_not_equal(proc_wait(&console), 0);
    check_config_says(text, mend);
}

static void t_wrong_certificate_or_key_is_named_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    check_start_fails(pair("none.pem", "tls.key"),
                      "none.pem cannot be read: No such file or directory", "path");
    check_start_fails(pair("tls.pem", "none.key"),
                      "none.key cannot be read: No such file or directory", "path");
    check_start_fails(pair(".", "tls.key"), "cannot be read: Is a directory", "path");
    check_start_fails(pair("empty.pem", "tls.key"), "empty.pem has no certificate",
                      "openssl x509");
    check_start_fails(pair("tls.key", "tls.key"), "tls.key has no certificate",
                      "openssl x509");
    check_start_fails(pair("tls.pem", "tls.pem"), "tls.pem has no private key",
                      "openssl pkey");
    check_start_fails(pair("tls.pem", "locked.key"),
                      "locked.key has no private key in PEM without a password",
                      "openssl pkey");
    check_start_fails(pair("tls.pem", "other.key"), "other.key is not the private key",
                      "configure a pair");
    check_start_fails(pair("rare.pem", "rare.key"), "cannot use the kind of key in",
                      "use a pair of RSA");
    check_start_fails("cert = x\n", "cert and key must both be set", "");
}

/* The console starts all the same, because the clock may be what is wrong. */
static void check_warns(const char *cert, const char *text, const char *mend)
{
    start_console_with(pair(cert, "tls.key"));
    proc_expect_line(console.err, text);
    proc_wait_port(&console);
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    check_config_says(text, mend);
}

static void t_certificate_out_of_its_time_is_named_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    check_warns("old.pem", "old.pem has expired on 2", "replace cert and key");
    check_warns("early.pem", "early.pem is not valid before 2", "timedatectl");
}

static void t_address_of_the_network_needs_certificate_and_key(void **state)
{
    char more[500];

    (void)state;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    check_start_fails("address = 0.0.0.0\n", "loopback", "cert and key");
    check_start_fails("address = ::\n", "loopback", "cert and key");
    check_start_fails("address = 0.0.0.0\ntrusted = 127.0.0.1\n", "loopback",
                      "cert and key");
    snprintf(more, sizeof(more), "address = 0.0.0.0\n%s", pair("tls.pem", "tls.key"));
    start_console_with(more);
    proc_wait_port(&console);
    ask_port = console.port;
    assert_int_equal(GET(.path = "/"), 200);
}

#define P(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
#define S(f) cmocka_unit_test_setup_teardown(f, setup_tls, consolefix_teardown)
TESTDB_MAIN(S(t_login_over_tls_sets_a_secure_cookie),
            S(t_every_answer_over_tls_asks_for_nothing_else),
            S(t_origin_of_http_is_refused_over_tls),
            P(t_no_header_takes_the_cookie_out_of_tls), S(t_events_come_over_tls),
            S(t_plain_http_on_the_port_of_tls_is_closed),
            S(t_old_versions_of_tls_are_refused),
            S(t_slow_handshakes_hold_up_no_other_and_are_cut_off),
            P(t_wrong_certificate_or_key_is_named_at_the_start),
            P(t_certificate_out_of_its_time_is_named_at_the_start),
            P(t_address_of_the_network_needs_certificate_and_key))
