/* [gateway] https_redirect: requests without TLS are sent to https at a host that a rule
 * names, and to no other place; operators' ports answer as before. */
#include "lib/certfile.h"
#include "lib/freeport.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "lib/tlspeer.h"
#include "peer.h"

#define SITE "Host: expo.example.edu\r\n"

static struct proc gateway;
static struct httpreply reply;
static int http, tls;

static int setup(void **state)
{
    memset(&gateway, 0, sizeof(gateway));
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

static void start(const char *port)
{
    char keys[600];

    snprintf(keys, sizeof(keys), "%s/cert.pem", testdb_dir);
    certfile_write_pair(keys, system_write_file("key.pem", " "), -3600, 86400);
    tls = freeport_take();
    snprintf(keys, sizeof(keys),
             "tls_listen = 127.0.0.1:%d\ncert = %s/cert.pem\nkey = %s/key.pem\n"
             "https_redirect = %s\n",
             tls, testdb_dir, testdb_dir, port);
    gatesys_write_rules("[rule site]\nhost = expo.example.edu\nmodule = 10/1\n"
                        "[rule all]\nmodule = 10/1\n");
    http = gatesys_start(&gateway, 0, keys, "");
}

/* Send a request with these lines of fields.  Returns the status. */
static int ask(const char *line, const char *fields)
{
    char text[9000];
    int fd = peer_connect(gateway.port);
    int n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\n%sConnection: close\r\n\r\n",
                     line, fields);

    peer_send(fd, text, (size_t)n);
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void expect_location(const char *url)
{
    char line[5000];

    snprintf(line, sizeof(line), "\r\nLocation: %s\r\n", url);
    assert_int_equal(reply.status, 308);
    if (!strstr(reply.text, line))
        fail_msg("no %s in: %s", line, reply.text);
}

static double metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(http, "/metrics", &r);
    return httppeer_value(&r, name);
}

static void t_a_request_without_tls_is_sent_to_https(void **state)
{
    (void)state;
    start("443");
    ask("GET /zh/a?b=c%20d", SITE);
    expect_location("https://expo.example.edu/zh/a?b=c%20d");
    ask("HEAD /", SITE);
    expect_location("https://expo.example.edu/");
    assert_int_equal(reply.len, 0);
    ask("POST /form", SITE "Content-Length: 0\r\n");
    expect_location("https://expo.example.edu/form");
    ask("GET /", "Host: EXPO.example.EDU:8080\r\n"); /* the name of the rule, its port */
    expect_location("https://expo.example.edu/");
    assert_true(metric("lars_gateway_redirects_total") == 4);
    assert_true(metric("lars_gateway_requests_total{result=\"error\"}") == 0);
    assert_true(metric("lars_gateway_attempts_total{why=\"first\"}") == 0);
}

static void t_another_port_of_https_is_in_the_address(void **state)
{
    (void)state;
    start("8443");
    ask("GET //evil.example/..", SITE);
    assert_int_equal(reply.status, 400); /* a path with ".." */
    ask("GET //evil.example/x", SITE);
    expect_location("https://expo.example.edu:8443//evil.example/x");
}

/* A rule for every host names none, so nothing that a request says becomes a host. */
static void t_no_request_can_choose_where_it_is_sent(void **state)
{
    static const char *const hosts[] = {"evil.example", "expo.example.edu.evil.example",
                                        "evil.example:443", "[::1]"};
    char field[100];
    size_t i;

    (void)state;
    start("443");
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        snprintf(field, sizeof(field), "Host: %s\r\n", hosts[i]);
        assert_int_equal(ask("GET /", field), 421);
        assert_null(strcasestr(reply.text, "location"));
    }
    assert_int_equal(ask("GET /", SITE "Host: evil.example\r\n"), 400);
    assert_int_equal(ask("GET /", "Host: expo.example.edu@evil.example\r\n"), 400);
    assert_int_equal(ask("GET /a%0d%0aSet-Cookie:x=y", SITE), 400);
    assert_int_equal(ask("GET /a\rb", SITE), 400);
    assert_int_equal(ask("GET /",
                         "Host: evil.example\r\nX-Forwarded-Host: expo.example.edu\r\n"),
                     421);
    ask("GET http://expo.example.edu/abs", SITE);
    expect_location("https://expo.example.edu/abs");
}

/* A body is not awaited: the connection ends, and what is in it is no request. */
static void t_a_body_is_not_read_as_a_request(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\n" SITE "Content-Length: 40\r\n\r\n"
                               "GET /smuggled HTTP/1.1\r\n" SITE "\r\n";
    int fd;

    (void)state;
    start("443");
    fd = peer_connect(gateway.port);
    peer_send(fd, text, sizeof(text) - 1);
    httppeer_read(fd, &reply);
    close(fd);
    expect_location("https://expo.example.edu/");
    assert_non_null(strstr(reply.text, "\r\nConnection: close\r\n"));
    assert_null(strstr(reply.text, "smuggled"));
}

static void t_requests_by_tls_and_ports_of_operators_are_served(void **state)
{
    static const char text[] = "GET /x HTTP/1.1\r\n" SITE "Connection: close\r\n\r\n";
    struct tlspeer p;
    char answer[4000] = "";
    int n = 0, got;

    (void)state;
    start("443");
    httppeer_get(http, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
    tlspeer_connect(&p, tls, NULL);
    assert_true(tlspeer_handshake(&p));
    tlspeer_say(&p, text, sizeof(text) - 1);
    while (n < (int)sizeof(answer) - 1 &&
           (got = tlspeer_hear(&p, answer + n, (int)sizeof(answer) - 1 - n)) > 0)
        n += got;
    tlspeer_close(&p);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    assert_true(metric("lars_gateway_redirects_total") == 0);
}

static void t_a_redirect_to_the_port_of_listen_is_refused(void **state)
{
    const char *rules = system_write_file("rules.ini", "[rule a]\nmodule = 1/1\n");
    char keep[200];
    struct proc p = {0};

    (void)state;
    snprintf(keep, sizeof(keep), "%s", rules);
    proc_start(&p, "lars-gateway", "--check-config", "-c",
               system_write_file("check.ini",
                                 "[gateway]\nlisten = 127.0.0.1:8080\nrules = %s\n"
                                 "tls_listen = 127.0.0.1:8443\ncert = /x\nkey = /x\n"
                                 "https_redirect = 8080\n",
                                 keep),
               NULL);
    proc_expect_line(p.err, "browsers would be sent in a circle");
    assert_int_equal(proc_wait(&p), 2);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_a_request_without_tls_is_sent_to_https),
            E(t_another_port_of_https_is_in_the_address),
            E(t_no_request_can_choose_where_it_is_sent),
            E(t_a_body_is_not_read_as_a_request),
            E(t_requests_by_tls_and_ports_of_operators_are_served),
            E(t_a_redirect_to_the_port_of_listen_is_refused))
