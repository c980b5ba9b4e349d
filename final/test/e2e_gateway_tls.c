/* lars-gateway with TLS: what visitors and nodes see of it, sessions over several loops,
 * clients that are slow, broken or gone, a new certificate, and the end. */
#include "lib/certfile.h"
#include "lib/freeport.h"
#include "lib/gatetls.h"

static double n_handshakes(const char *result)
{
    char name[80];

    snprintf(name, sizeof(name), "lars_gateway_tls_handshakes_total{result=\"%s\"}",
             result);
    return gatefix_metric(name);
}

static int get_plain(const char *target)
{
    char ask[300];
    size_t n = (size_t)snprintf(ask, sizeof(ask), GATETLS_GET, target);

    return gatefix_raw(ask, n, n, &gatetls.reply);
}

static bool log_has(const char *text)
{
    static char all[65536];
    FILE *f = fopen(gatetls_file("access.log"), "r");
    size_t n = f ? fread(all, 1, sizeof(all) - 1, f) : 0;

    if (f)
        fclose(f);
    all[n] = 0;
    return strstr(all, text) != NULL;
}

/* --- what is seen of it ------------------------------------------------------------- */

static void t_a_request_by_tls_is_https_for_node_cookie_and_log(void **state)
{
    (void)state;
    gatetls_start("");
    assert_int_equal(gatetls_get("/secret"), 200);
    assert_non_null(strstr(gatetls.reply.text, "/secret"));
    assert_non_null(strstr(gatetls.reply.text, "; Secure"));
    assert_true(gatefix_has_recorded("X-Forwarded-Proto: https\r\n"));
    T_WAIT(log_has(" TLSv1.3 -\n"));
}

/* The port for TLS has a listener for each loop as well, and none is counted twice. */
static void t_state_of_the_gateway_counts_loops_once(void **state)
{
    int admin = freeport_take();
    char more[100];

    (void)state;
    snprintf(more, sizeof(more), "loops = 2\n[admin]\nlisten = 127.0.0.1:%d\n", admin);
    gatetls_start(more);
    httppeer_get(admin, "/gateway", &gatetls.reply);
    assert_int_equal(gatetls.reply.status, 200);
    assert_non_null(strstr(gatetls.reply.text, "\"loops\":2,"));
}

static void t_a_request_without_tls_is_as_before(void **state)
{
    (void)state;
    gatetls_start("zone = east 1\n");
    assert_int_equal(get_plain("/open"), 200);
    assert_null(strstr(gatetls.reply.text, "Secure"));
    assert_true(gatefix_has_recorded("X-Forwarded-Proto: http\r\n"));
    assert_false(gatefix_has_recorded("https"));
    T_WAIT(log_has(" - east_1\n"));
}

static int n_cached(void)
{
    return (int)gatefix_metric("lars_gateway_requests_total{result=\"cache\"}");
}

static void t_copies_in_the_cache_are_kept_apart_by_scheme(void **state)
{
    (void)state;
    gatetls_start("");
    system_write_file("rules.ini", "[rule site]\nmodule = 10/1\ncache_ms = 600000\n");
    kill(gateway.pid, SIGHUP);
    T_WAIT(gatefix_metric("lars_gateway_reloads_total") == 1);
    assert_int_equal(get_plain("/c"), 200);
    assert_int_equal(get_plain("/c"), 200);
    assert_int_equal(n_cached(), 1);
    assert_int_equal(gatetls_get("/c"), 200);
    assert_int_equal(n_cached(), 1);
    assert_int_equal(gatetls_get("/c"), 200);
    assert_int_equal(n_cached(), 2);
}

static void expect_answer(struct tlspeer *p, const char *end)
{
    size_t n = 0;
    int got;

    gatetls.reply.text[0] = 0;
    while (!strstr(gatetls.reply.text, end)) {
        got = tlspeer_hear(p, gatetls.reply.text + n,
                           (int)(sizeof(gatetls.reply.text) - 1 - n));
        assert_true(got > 0);
        n += (size_t)got;
        gatetls.reply.text[n] = 0;
    }
    assert_int_equal(atoi(gatetls.reply.text + 9), 200);
}

static void t_requests_follow_each_other_on_a_connection(void **state)
{
    static const char one[] = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char two[] =
        "GET /two HTTP/1.1\r\nHost: a\r\n\r\nGET /three HTTP/1.1\r\nHost: a\r\n\r\n";
    struct tlspeer p;
    size_t i;

    (void)state;
    gatetls_start("");
    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    for (i = 0; i < sizeof(one) - 1; i++) /* a record for each byte */
        tlspeer_say(&p, one + i, 1);
    expect_answer(&p, "\r\n\r\n/one");
    tlspeer_say(&p, two, sizeof(two) - 1); /* two requests in a record */
    expect_answer(&p, "\r\n\r\n/three");
    assert_true(n_handshakes("full") == 1);
    tlspeer_close(&p);
}

static void t_every_loop_resumes_every_session(void **state)
{
    struct tlspeer_options o = {0};
    struct tlspeer p;
    int i;

    (void)state;
    gatetls_start("loops = 4\n");
    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    assert_int_equal(gatetls_get_by(&p, "/x"), 200);
    o.session = p.session;
    p.session = NULL;
    tlspeer_close(&p);
    assert_non_null(o.session);
    for (i = 0; i < 40; i++) {
        tlspeer_connect(&p, gatetls.port, &o);
        assert_true(tlspeer_handshake(&p));
        assert_int_equal(SSL_session_reused(p.ssl), 1);
        assert_int_equal(gatetls_get_by(&p, "/x"), 200);
        SSL_SESSION_free(o.session);
        o.session = p.session; /* a ticket of TLS 1.3 is for one connection */
        p.session = NULL;
        tlspeer_close(&p);
    }
    SSL_SESSION_free(o.session);
    assert_int_equal((int)n_handshakes("resumed"), 40);
    assert_int_equal((int)n_handshakes("full"), 1);
}

/* --- bodies ------------------------------------------------------------------------- */

static void t_a_slow_reader_gets_a_big_response(void **state)
{
    static const char ask[] = "GET /big/6000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    static char in[16384];
    struct tlspeer p;
    size_t n = 0, i;
    int got, small = 32768;
    char *body = NULL;
    long rss;

    (void)state;
    gatetls_start("");
    rss = gatefix_rss_kib();
    tlspeer_connect(&p, gatetls.port, NULL);
    setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    assert_true(tlspeer_handshake(&p));
    tlspeer_say(&p, ask, sizeof(ask) - 1);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 1);
    if (!t_mode_is("memcheck") && !t_mode_is("asan") && !t_mode_is("tsan"))
        assert_in_range(gatefix_rss_kib(), 0, rss + 4096);
    while (n < 6000000) {
        got = tlspeer_hear(&p, in, sizeof(in));
        assert_true(got > 0);
        i = 0;
        if (!body) {
            body = memmem(in, (size_t)got, "\r\n\r\n", 4);
            assert_non_null(body);
            i = (size_t)(body + 4 - in);
        }
        for (; i < (size_t)got; i++, n++)
            if (in[i] != gatefix_byte(n))
                fail_msg("byte %zu differs", n);
    }
    tlspeer_close(&p);
}

static void t_a_big_body_reaches_the_node(void **state)
{
    static char body[1000000];
    char head[200];
    struct tlspeer p;
    size_t i;

    (void)state;
    gatetls_start("");
    for (i = 0; i < sizeof(body); i++)
        body[i] = gatefix_byte(i);
    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    tlspeer_say(&p, head,
                (size_t)snprintf(head, sizeof(head),
                                 "POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                 "Content-Length: %zu\r\n\r\n",
                                 sizeof(body)));
    tlspeer_say(&p, body, sizeof(body));
    assert_int_equal(gatetls_read_all(&p), 200);
    tlspeer_close(&p);
    assert_true(gatefix_n_recorded() >= sizeof(body));
}

/* --- hostile clients ---------------------------------------------------------------- */

static void t_plain_http_and_old_versions_are_refused_and_counted(void **state)
{
    static const int version[] = {TLS1_VERSION, TLS1_1_VERSION};
    struct tlspeer p;
    size_t i;
    int fd;

    (void)state;
    gatetls_start("");
    fd = peer_connect(gatetls.port);
    httppeer_ask(fd, "GET", "/plain");
    T_WAIT(n_handshakes("failed") == 1);
    close(fd);
    for (i = 0; i < 2; i++) {
        tlspeer_connect(&p, gatetls.port,
                        &(struct tlspeer_options){.version = version[i]});
        assert_false(tlspeer_handshake(&p));
        tlspeer_close(&p);
    }
    T_WAIT(n_handshakes("failed") == 3);
    assert_false(gatefix_has_recorded("/plain"));
    assert_int_equal(gatetls_get("/x"), 200);
}

#define STALLS 48

static void t_a_handshake_that_stalls_at_any_byte_has_head_ms(void **state)
{
    static struct tlspeer p[STALLS];
    int i, fds;

    (void)state;
    gatetls_start("head_ms = 700\n");
    assert_int_equal(gatetls_get("/x"), 200);
    fds = gatefix_n_fds();
    for (i = 0; i < STALLS; i++) {
        tlspeer_connect(&p[i], gatetls.port, NULL);
        tlspeer_send(&p[i], (size_t)i * 7); /* the hello has about 300 bytes */
    }
    for (i = 0; i < STALLS; i++) {
        while (tlspeer_hear(&p[i], gatetls.reply.text, 100) > 0) /* until it is closed */
            continue;
        tlspeer_close(&p[i]);
    }
    T_WAIT(gatefix_n_fds() <= fds);
    assert_int_equal(gatetls_get("/x"), 200);
}

static void t_half_handshakes_do_not_keep_visitors_out(void **state)
{
    static struct tlspeer p[120];
    int i, fds;

    (void)state;
    gatetls_start("max_clients = 30\nhead_ms = 1500\n");
    assert_int_equal(gatetls_get("/x"), 200);
    fds = gatefix_n_fds();
    for (i = 0; i < 120; i++) {
        tlspeer_connect(&p[i], gatetls.port, NULL);
        tlspeer_send(&p[i], 100);
        if (i % 20 == 19) {
            assert_int_equal(gatetls_get("/x"), 200);
            assert_in_range((int)gatefix_metric("lars_gateway_connections"), 0, 30);
        }
    }
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
    for (i = 0; i < 120; i++)
        tlspeer_close(&p[i]);
    T_WAIT(gatefix_n_fds() <= fds);
}

static void t_a_visitor_who_goes_without_close_notify_leaves_nothing(void **state)
{
    static const char ask[] = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    struct tlspeer p;
    int i, fds;

    (void)state;
    gatetls_start("");
    assert_int_equal(gatetls_get("/x"), 200);
    fds = gatefix_n_fds();
    for (i = 0; i < 10; i++) {
        tlspeer_connect(&p, gatetls.port, NULL);
        assert_true(tlspeer_handshake(&p));
        tlspeer_say(&p, ask, sizeof(ask) - 1);
        T_WAIT(gatefix_metric("lars_gateway_inflight") == 1);
        tlspeer_close(&p);
        T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
    }
    T_WAIT(gatefix_n_fds() <= fds);
    assert_int_equal(gatetls_get("/x"), 200);
}

static void visit_and_leave(int n)
{
    struct tlspeer p;

    for (; n > 0; n--) {
        assert_int_equal(gatetls_get("/x"), 200);
        tlspeer_connect(&p, gatetls.port, NULL);
        tlspeer_send(&p, (size_t)n % 300);
        tlspeer_close(&p);
    }
}

static void t_memory_does_not_grow_with_the_number_of_connections(void **state)
{
    int rounds = t_mode_is("memcheck") ? 20 : 300, fds;
    long rss;

    (void)state;
    gatetls_start("");
    visit_and_leave(rounds);
    rss = gatefix_rss_kib();
    fds = gatefix_n_fds();
    visit_and_leave(rounds);
    if (!t_mode_is("memcheck") && !t_mode_is("asan") && !t_mode_is("tsan"))
        assert_in_range(gatefix_rss_kib(), 0, rss + 512);
    T_WAIT(gatefix_n_fds() <= fds);
}

/* --- a new certificate, and the end ------------------------------------------------- */

/* The end of the certificate's time, as a new connection sees it. */
static bool expires_after_days(int days)
{
    struct tlspeer p;
    X509 *x;
    int d = 0, s = 0;

    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    x = SSL_get1_peer_certificate(p.ssl);
    assert_non_null(x);
    assert_int_equal(ASN1_TIME_diff(&d, &s, NULL, X509_get0_notAfter(x)), 1);
    X509_free(x);
    assert_int_equal(gatetls_get_by(&p, "/x"), 200);
    tlspeer_close(&p);
    return d >= days;
}

static void t_sighup_puts_a_new_certificate_in_force(void **state)
{
    struct tlspeer old;

    (void)state;
    gatetls_start("loops = 2\n");
    assert_false(expires_after_days(200));
    tlspeer_connect(&old, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&old));
    certfile_write_pair(gatetls_file("cert.pem"), gatetls_file("key.pem"), -3600,
                        300 * 86400);
    kill(gateway.pid, SIGHUP);
    T_WAIT(expires_after_days(200));
    assert_int_equal(gatetls_get_by(&old, "/x"), 200);
    tlspeer_close(&old);
}

static void t_a_wrong_certificate_at_sighup_leaves_the_old_one(void **state)
{
    (void)state;
    gatetls_start("");
    certfile_write_pair(gatetls_file("cert.pem"), gatetls_file("other.pem"), -3600,
                        300 * 86400);
    kill(gateway.pid, SIGHUP);
    proc_expect_line(gateway.err, "is not the private key of the first certificate");
    assert_false(expires_after_days(200));
}

static void t_a_drain_ends_connections_by_tls_with_their_next_response(void **state)
{
    static const char ask[] = "GET /last HTTP/1.1\r\nHost: a\r\n\r\n";
    struct tlspeer p;

    (void)state;
    gatetls_start("loops = 2\ndrain_accept_ms = 0\ndrain_ms = 20000\n");
    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    kill(gateway.pid, SIGTERM);
    proc_expect_line(gateway.err, "gateway.drain");
    tlspeer_say(&p, ask, sizeof(ask) - 1);
    assert_int_equal(gatetls_read_all(&p), 200);
    assert_non_null(strstr(gatetls.reply.text, "\r\nConnection: close\r\n"));
    tlspeer_close(&p);
    assert_int_equal(proc_wait(&gateway), 0);
}

/* --- the configuration -------------------------------------------------------------- */

/* --check-config exits with <code>, and one of its lines on standard error has <text>. */
static void check(const char *lines, int code, const char *text)
{
    const char *path = system_write_file("check.ini",
                                         "[gateway]\nlisten = 127.0.0.1:0\n"
                                         "rules = %s\n%s",
                                         gatetls_file("check-rules.ini"), lines);
    struct proc p = {0};

    proc_start(&p, "lars-gateway", "--check-config", "-c", path, NULL);
    proc_expect_line(p.err, text);
    assert_int_equal(proc_wait(&p), code);
}

static void t_check_config_says_what_is_wrong_and_how_to_correct_it(void **state)
{
    char lines[500];

    (void)state;
    system_write_file("check-rules.ini", "[rule a]\nmodule = 1/1\n");
    check("tls_listen = 443\n", 2, "[gateway] tls_listen must be ADDRESS:PORT");
    check("tls_listen = 127.0.0.1:0\n", 2, "[gateway] tls_listen needs cert and key");
    check("cert = /x\n", 2, "have no use without tls_listen");
    check("https_redirect = 443\n", 2,
          "[gateway] https_redirect has no use without tls_listen");
    check("tls_listen = 127.0.0.1:0\ncert = /none\nkey = /none\n", 2,
          "[gateway] cert: the file /none cannot be read");
    certfile_write_pair(gatetls_file("cert.pem"), gatetls_file("key.pem"), -7200, -3600);
    snprintf(lines, sizeof(lines), GATETLS_CONF, testdb_dir, testdb_dir, "");
    check(lines, 0, "expired on");
}

TESTDB_MAIN(GATEFIX_TEST(t_a_request_by_tls_is_https_for_node_cookie_and_log),
            GATEFIX_TEST(t_state_of_the_gateway_counts_loops_once),
            GATEFIX_TEST(t_a_request_without_tls_is_as_before),
            GATEFIX_TEST(t_copies_in_the_cache_are_kept_apart_by_scheme),
            GATEFIX_TEST(t_requests_follow_each_other_on_a_connection),
            GATEFIX_TEST(t_every_loop_resumes_every_session),
            GATEFIX_TEST(t_a_slow_reader_gets_a_big_response),
            GATEFIX_TEST(t_a_big_body_reaches_the_node),
            GATEFIX_TEST(t_plain_http_and_old_versions_are_refused_and_counted),
            GATEFIX_TEST(t_a_handshake_that_stalls_at_any_byte_has_head_ms),
            GATEFIX_TEST(t_half_handshakes_do_not_keep_visitors_out),
            GATEFIX_TEST(t_a_visitor_who_goes_without_close_notify_leaves_nothing),
            GATEFIX_TEST(t_memory_does_not_grow_with_the_number_of_connections),
            GATEFIX_TEST(t_sighup_puts_a_new_certificate_in_force),
            GATEFIX_TEST(t_a_wrong_certificate_at_sighup_leaves_the_old_one),
            GATEFIX_TEST(t_a_drain_ends_connections_by_tls_with_their_next_response),
            GATEFIX_TEST(t_check_config_says_what_is_wrong_and_how_to_correct_it))
