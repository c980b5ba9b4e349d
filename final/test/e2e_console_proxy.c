/* lars-console behind a proxy that ends TLS: which headers are believed, and whose
 * address is recorded. */
#include "lib/askclient.h"
#include "lib/consolefix.h"

#define HOST "lars.example.edu.cn"
#define LOGIN "{\"user\":\"viewer\",\"password\":\"" PASSWORD "\"}"

/* Its proxies are 127.0.0.1, and others between it and the browser. */
static int setup(void **state)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)system_setup(state);
    consolefix_setup();
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    start_console_with("hosts = 127.0.0.1 " HOST
                       "\ntrusted = 127.0.0.1, 10.0.0.2 2001:db8::2\n");
    proc_wait_port(&console);
    ask_port = console.port;
    return 0;
}

static bool is_recorded(const char *peer)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Audit WHERE action = 'login' AND peer = '%s'", peer);
    return testdb_number(sql) == 1;
}

static void t_listed_proxy_says_who_asks_and_over_what(void **state)
{
    const char *session;

    (void)state;
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                          .from = "127.0.0.1", .origin = "https://" HOST,
                          .headers = {"Host: " HOST, "X-Forwarded-Proto: https",
                                      "X-Forwarded-For: 203.0.113.7"}),
                     200);
    assert_int_equal(strncmp(web_header("Set-Cookie"), "__Host-lars=", 12), 0);
    assert_non_null(strstr(web_header("Set-Cookie"), "; Secure"));
    assert_string_equal(web_header("Strict-Transport-Security"), "max-age=31536000");
    assert_true(is_recorded("203.0.113.7"));
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM Session WHERE peer = '203.0.113.7'"), 1);
    session = ask_cookie();
    assert_int_equal(GET(.path = "/api/v1/session", .scheme = "http", .from = "127.0.0.1",
                         .headers = {session, "X-Forwarded-Proto: https"}),
                     200);
    assert_int_equal(GET(.path = "/api/v1/session", .scheme = "http", .from = "127.0.0.1",
                         .headers = {session}),
                     401);
}

static void t_origin_is_compared_with_what_the_proxy_says(void **state)
{
    (void)state;
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                          .from = "127.0.0.1", .origin = "http://" HOST,
                          .headers = {"Host: " HOST, "X-Forwarded-Proto: https"}),
                     403);
    assert_string_equal(web_text("code"), "wrong_origin");
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                          .from = "127.0.0.1", .origin = "https://" HOST,
                          .headers = {"Host: " HOST, "X-Forwarded-Proto: https",
                                      "X-Forwarded-Proto: http"}),
                     403);
    assert_string_equal(web_text("code"), "wrong_origin");
}

static void t_forged_headers_of_other_peers_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                          .from = "127.0.0.2", .origin = "https://" HOST,
                          .headers = {"Host: " HOST, "X-Forwarded-Proto: https",
                                      "X-Forwarded-For: 203.0.113.7"}),
                     403);
    assert_string_equal(web_text("code"), "wrong_origin");
    assert_string_equal(web_header("Strict-Transport-Security"), "");
    assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                          .from = "127.0.0.2", .origin = "http://" HOST,
                          .headers = {"Host: " HOST, "X-Forwarded-Proto: https",
                                      "X-Forwarded-For: 203.0.113.7, 127.0.0.1"}),
                     200);
    assert_int_equal(strncmp(web_header("Set-Cookie"), "lars=", 5), 0);
    assert_null(strstr(web_header("Set-Cookie"), "Secure"));
    assert_true(is_recorded("127.0.0.2"));
}

static void t_last_address_that_is_no_proxy_is_the_one_that_asks(void **state)
{
    static const char *const cases[][3] = {
        {"1.1.1.1, 203.0.113.7", NULL, "203.0.113.7"},
        {"1.1.1.1,203.0.113.7 , 10.0.0.2", NULL, "203.0.113.7"},
        {"1.1.1.1", "203.0.113.7", "203.0.113.7"},
        {"1.1.1.1, 203.0.113.7", "10.0.0.2", "203.0.113.7"},
        {"10.0.0.2, 203.0.113.7, 127.0.0.1", NULL, "203.0.113.7"},
        {"10.0.0.2, 127.0.0.1", NULL, "10.0.0.2"},
        {"203.0.113.7:4711", NULL, "203.0.113.7"},
        {"[2001:db8::7]:80, 2001:DB8:0:0::2", NULL, "2001:db8::7"},
        {"::ffff:203.0.113.7", NULL, "203.0.113.7"},
        {"203.0.113.7, unknown", NULL, "127.0.0.1"},
        {"203.0.113.7, x'; DROP TABLE Audit, 10.0.0.2", NULL, "10.0.0.2"},
        {"203.0.113.7, 1111111111111111111111111111111111111111111111111111111111111111",
         NULL, "127.0.0.1"},
        {" , ", NULL, "127.0.0.1"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char one[200], two[200];

        testdb_sql("DELETE FROM Audit");
        snprintf(one, sizeof(one), "X-Forwarded-For: %s", cases[i][0]);
        snprintf(two, sizeof(two), "X-Forwarded-For: %s", cases[i][1] ? cases[i][1] : "");
        assert_int_equal(POST(.path = "/api/v1/session", .body = LOGIN, .scheme = "http",
                              .from = "127.0.0.1",
                              .headers = {one, cases[i][1] ? two : NULL}),
                         200);
        if (!is_recorded(cases[i][2]))
            fail_msg("%s: the audit does not have %s", cases[i][0], cases[i][2]);
    }
}

/* A login of an account that there is not. */
static int fail_as(int n, const char *from, const char *forwarded)
{
    char body[100], line[100];

    snprintf(body, sizeof(body), "{\"user\":\"none%d\",\"password\":\"x\"}", n);
    snprintf(line, sizeof(line), "X-Forwarded-For: %s", forwarded);
    return POST(.path = "/api/v1/session", .body = body, .scheme = "http", .from = from,
                .headers = {line});
}

static void t_failed_logins_are_counted_for_the_client_of_a_proxy(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 20; i++)
        assert_int_equal(fail_as(i, "127.0.0.1", "203.0.113.7"), 401);
    assert_int_equal(fail_as(20, "127.0.0.1", "203.0.113.7"), 429);
    assert_int_equal(fail_as(21, "127.0.0.1", "9.9.9.9, 203.0.113.7"), 429);
    assert_int_equal(fail_as(22, "127.0.0.1", "203.0.113.8"), 401);
}

static void t_forged_addresses_do_not_pass_the_throttle(void **state)
{
    char forged[20];
    int i;

    (void)state;
    for (i = 0; i < 21; i++) {
        snprintf(forged, sizeof(forged), "203.0.113.%d", i + 1);
        assert_int_equal(fail_as(i, "127.0.0.2", forged), i < 20 ? 401 : 429);
    }
}

static void refuses(const char *addresses, const char *mend)
{
    char line[2048], more[300];

    snprintf(more, sizeof(more), "trusted = %s\n", addresses);
    start_console_with(more);
    do
        assert_true(proc_line(console.err, line, sizeof(line)));
    while (!strstr(line, "[console] trusted"));
    if (!strstr(line, mend))
        fail_msg("\"%s\" does not say \"%s\"", line, mend);
    assert_int_equal(proc_wait(&console), 2);
}

static void t_wrong_addresses_of_proxies_are_named_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    refuses("proxy.example", "such as 127.0.0.1");
    refuses("10.0.0.0/8", "such as 127.0.0.1");
    refuses("127.1", "such as 127.0.0.1");
    refuses("1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9 "
            "1.1.2.1 1.1.2.2 1.1.2.3 1.1.2.4 1.1.2.5 1.1.2.6 1.1.2.7 1.1.2.8",
            "at most 16");
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_listed_proxy_says_who_asks_and_over_what),
            C(t_origin_is_compared_with_what_the_proxy_says),
            C(t_forged_headers_of_other_peers_change_nothing),
            C(t_last_address_that_is_no_proxy_is_the_one_that_asks),
            C(t_failed_logins_are_counted_for_the_client_of_a_proxy),
            C(t_forged_addresses_do_not_pass_the_throttle),
            C(t_wrong_addresses_of_proxies_are_named_at_the_start))
