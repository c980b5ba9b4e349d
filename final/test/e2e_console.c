/* lars-console with a real database, attacked: who may ask for what, what a request must
 * have, and what slow senders and faults do. */
#include "lib/consolefix.h"
#include "web/router.h"

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    return 0;
}

/* --- who may ask ------------------------------------------------------------------- */

/* The path of a route, with its values. */
static void fill_path(const char *pattern, char to[100])
{
    size_t n = 0;

    while (*pattern && n < 90)
        if (*pattern == '{') {
            to[n++] = '1';
            pattern += strcspn(pattern, "}") + 1;
        } else
            to[n++] = *pattern++;
    to[n] = '\0';
}

static void check_route(const struct route *r, const struct webclient *c,
                        enum session_role role)
{
    char path[100];
    int status;

    fill_path(r->path, path);
    status = web_status(c, r->method, path, "{}");
    if (role == SESSION_NONE ? status != 401 && status != 403
        : role < r->role     ? status != 403
                             : status == 401 || status == 403 || status == 0)
        fail_msg("%s %s as %s: %d", r->method, path, session_role_name(role), status);
}

static void t_each_role_reaches_its_routes_and_no_other(void **state)
{
    const struct route *r;
    size_t i;

    (void)state;
    log_in(&viewer, "viewer");
    log_in(&operator_, "operator");
    log_in(&admin, "admin");
    log_in_wall();
    for (i = 0; (r = router_at(i)); i++) {
        if (r->role == SESSION_NONE || strcmp(r->method, "DELETE") == 0)
            continue;
        check_route(r, &stranger, SESSION_NONE);
        check_route(r, &wall, SESSION_WALL);
        check_route(r, &viewer, SESSION_VIEWER);
        check_route(r, &operator_, SESSION_OPERATOR);
        check_route(r, &admin, SESSION_ADMIN);
    }
    for (i = 0; (r = router_at(i)); i++) {
        if (r->role < SESSION_OPERATOR || strcmp(r->method, "DELETE") != 0)
            continue;
        check_route(r, &wall, SESSION_WALL);
        check_route(r, &viewer, SESSION_VIEWER);
        check_route(r, &operator_, SESSION_OPERATOR);
    }
    assert_int_equal(web(&wall, "GET", "/api/v1/events?topics=overview", NULL), 422);
}

static void t_unknown_wrong_and_disabled_accounts_get_the_same_answer(void **state)
{
    static const char *const users[][2] = {{"viewer", "wrong password"},
                                           {"none such", PASSWORD},
                                           {"off", PASSWORD},
                                           {"VIEWER", PASSWORD},
                                           {"viewer ", PASSWORD},
                                           {"viewer' OR '1'='1", PASSWORD},
                                           {"", ""}};
    struct webclient c;
    char first[2000] = "";
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        c = stranger;
        if (web_login(&c, users[i][0], users[i][1]) != 401)
            fail_msg("login as \"%s\": %d", users[i][0], web_reply.status);
        assert_string_equal(web_header("Set-Cookie"), "");
        if (i == 0)
            snprintf(first, sizeof(first), "%.1999s", web_reply.body);
        assert_string_equal(web_reply.body, first);
    }
    log_in(&viewer, "viewer");
    assert_non_null(strstr(web_header("Set-Cookie"), "; HttpOnly; SameSite=Strict"));
    assert_string_equal(web_text("role"), "viewer");
}

static void t_failures_of_a_login_make_it_wait(void **state)
{
    struct webclient c = stranger;
    int i;

    (void)state;
    for (i = 0; i < 5; i++)
        assert_int_equal(web_login(&c, "viewer", "wrong"), 401);
    assert_int_equal(web_login(&c, "viewer", PASSWORD), 429);
    assert_in_range(atoi(web_header("Retry-After")), 1, 901);
    assert_int_equal(web_login(&c, "operator", PASSWORD), 200);
}

static void t_old_password_cannot_be_tried_without_end(void **state)
{
    int i;

    (void)state;
    log_in(&viewer, "viewer");
    for (i = 0; i < 5; i++)
        assert_int_equal(web(&viewer, "PUT", "/api/v1/session/password",
                             "{\"old\":\"wrong\",\"new\":\"a new long password\"}"),
                         422);
    assert_int_equal(web(&viewer, "PUT", "/api/v1/session/password",
                         "{\"old\":\"" PASSWORD "\",\"new\":\"a new long password\"}"),
                     429);
}

static void t_given_password_must_be_changed_first(void **state)
{
    struct webclient c, again;

    (void)state;
    log_in(&c, "new");
    assert_true(json_is_true(json_object_get(web_json, "must_change")));
    assert_int_equal(web(&c, "GET", "/api/v1/zones", NULL), 403);
    assert_string_equal(web_text("code"), "must_change");
    assert_int_equal(web(&c, "POST", "/api/v1/changes", "{}"), 403);
    testdb_sql("UPDATE User SET role = 'admin' WHERE name = 'new'");
    T_WAIT(web(&c, "GET", "/api/v1/session", NULL) == 200 &&
           strcmp(web_text("role"), "admin") == 0);
    assert_int_equal(web(&c, "GET", "/api/v1/sessions", NULL), 403);
    assert_int_equal(web_status(&c, "GET", "/api/v1/events", NULL), 403);
    assert_int_equal(web(&c, "PUT", "/api/v1/session/password",
                         "{\"old\":\"" PASSWORD "\",\"new\":\"short\"}"),
                     422);
    assert_int_equal(web(&c, "PUT", "/api/v1/session/password",
                         "{\"old\":\"" PASSWORD "\",\"new\":\"a new long password\"}"),
                     204);
    T_WAIT(web(&c, "GET", "/api/v1/zones", NULL) == 200);
    again = stranger;
    assert_int_equal(web_login(&again, "new", PASSWORD), 401);
    assert_int_equal(web_login(&again, "new", "a new long password"), 200);
}

static void t_forged_session_is_none_and_login_makes_a_new_one(void **state)
{
    struct webclient c = stranger;

    (void)state;
    strcpy(c.token, LINK);
    assert_int_equal(web(&c, "GET", "/api/v1/session", NULL), 401);
    assert_int_equal(web_login(&c, "viewer", PASSWORD), 200);
    assert_string_not_equal(c.token, LINK);
    strcpy(c.token, "' OR 1=1 -- ");
    assert_int_equal(web(&c, "GET", "/api/v1/session", NULL), 401);
}

static void t_logout_and_disabling_end_sessions(void **state)
{
    struct webclient second;

    (void)state;
    log_in(&viewer, "viewer");
    log_in(&second, "viewer");
    assert_int_equal(web(&viewer, "DELETE", "/api/v1/session", NULL), 204);
    assert_non_null(strstr(web_header("Set-Cookie"), "Max-Age=0"));
    assert_int_equal(web(&viewer, "GET", "/api/v1/zones", NULL), 401);
    assert_int_equal(web(&second, "GET", "/api/v1/zones", NULL), 200);
    testdb_sql("UPDATE User SET disabled = 1 WHERE name = 'viewer'");
    T_WAIT(web(&second, "GET", "/api/v1/zones", NULL) == 401);
}

/* --- what a request must have ------------------------------------------------------ */

static int change_with(const char *format)
{
    char headers[1000];

    snprintf(headers, sizeof(headers), format, operator_.port, operator_.port,
             operator_.token, operator_.csrf);
    return web_with(&operator_, "DELETE", "/api/v1/silences/1", headers, NULL);
}

static void t_request_of_another_site_is_refused(void **state)
{
#define HOST "Host: 127.0.0.1:%d\r\n"
#define ORIGIN "Origin: http://127.0.0.1:%d\r\n"
#define TYPE "Content-Type: application/json\r\n"
#define COOKIE "Cookie: lars=%s\r\n"
    (void)state;
    log_in(&operator_, "operator");
    assert_int_equal(change_with(HOST ORIGIN TYPE COOKIE "X-Lars-CSRF: %s\r\n"), 422);
    assert_int_equal(change_with(HOST ORIGIN TYPE COOKIE), 403);
    assert_int_equal(change_with(HOST ORIGIN TYPE COOKIE "X-Lars-CSRF: x%s\r\n"), 403);
    assert_int_equal(change_with(HOST ORIGIN TYPE COOKIE "X-Lars-CSRF: \r\n"), 403);
    assert_int_equal(change_with(HOST ORIGIN COOKIE "X-Lars-CSRF: %s\r\n"), 415);
    assert_int_equal(change_with(HOST ORIGIN "Content-Type: text/plain\r\n" COOKIE
                                             "X-Lars-CSRF: %s\r\n"),
                     415);
    assert_int_equal(change_with(HOST "Origin: http://evil.example:%d\r\n" TYPE COOKIE
                                      "X-Lars-CSRF: %s\r\n"),
                     403);
    assert_int_equal(change_with(HOST "Origin: https://127.0.0.1:%d\r\n" TYPE COOKIE
                                      "X-Lars-CSRF: %s\r\n"),
                     403);
    assert_int_equal(
        change_with(HOST "X-No-Origin: %d\r\n" TYPE COOKIE "X-Lars-CSRF: %s\r\n"), 403);
    assert_int_equal(change_with("Host: evil.example:%d\r\nOrigin: http://evil.example:"
                                 "%d\r\n" TYPE COOKIE "X-Lars-CSRF: %s\r\n"),
                     421);
    assert_int_equal(web_with(&stranger, "POST", "/api/v1/session",
                              "Host: localhost\r\n" TYPE, "{}"),
                     403);
}

static void t_other_names_of_the_host_are_refused(void **state)
{
    static const char *const hosts[] = {
        "Host: evil.example\r\n", "Host: 127.0.0.1.x\r\n", "Host: \r\n",
        "Host: [::1\r\n",         "Host: ,\r\n",           "Host:  \r\n",
        "Host: 127.0.0\r\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (web_with(&stranger, "GET", "/", hosts[i], NULL) != 421)
            fail_msg("%s: %d", hosts[i], web_reply.status);
    assert_int_equal(web_with(&stranger, "GET", "/", "Host: LOCALHOST:1\r\n", NULL), 200);
    assert_int_equal(web_with(&stranger, "GET", "/", "", NULL), 421);
}

static void t_body_that_is_not_small_json_is_refused(void **state)
{
    static char big[400000];
    static const char *const bodies[] = {"",
                                         "null",
                                         "[]",
                                         "{",
                                         "{\"a\":1}x",
                                         "{\"reason\":1,\"reason\":2}",
                                         "{\"a\":[[[[[[[[[[]]]]]]]]]]}",
                                         "{\"a\":\"\\u0000\"}",
                                         "{\"a\":\"\xff\"}",
                                         "{\"a\":\"\\ud800\"}"};
    size_t i;

    (void)state;
    log_in(&operator_, "operator");
    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (web(&operator_, "POST", "/api/v1/changes", bodies[i]) != 400)
            fail_msg("%s: %d", bodies[i], web_reply.status);
    memset(big, 'a', sizeof(big) - 1);
    assert_int_equal(web(&operator_, "POST", "/api/v1/changes", big), 413);
    memset(big, '[', sizeof(big) - 1);
    big[200000] = '\0';
    assert_int_equal(web(&operator_, "POST", "/api/v1/changes", big), 400);
    memset(big, 'h', sizeof(big) - 1);
    memcpy(big, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 36);
    assert_int_not_equal(web_raw(stranger.port, big, sizeof(big) - 1), 200);
    assert_int_equal(web(&stranger, "GET", "/", NULL), 200);
}

static void t_numbers_and_bytes_of_a_query_are_checked(void **state)
{
    static const char *const paths[] = {"/api/v1/audit?page=0",
                                        "/api/v1/audit?page=-1",
                                        "/api/v1/audit?page=1%20OR%201",
                                        "/api/v1/audit?page=99999999999999999999",
                                        "/api/v1/audit?subject=%ff",
                                        "/api/v1/modules?q=%ff&zone=%00",
                                        "/api/v1/modules?sort=none&page=x",
                                        "/api/v1/audit?subject=%27%20OR%201=1",
                                        "/api/v1/modules/1/1/history?span=-5"};
    size_t i;

    (void)state;
    log_in(&operator_, "operator");
    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        int status = web(&operator_, "GET", paths[i], NULL);

        if (status != 200 && status != 422)
            fail_msg("%s: %d %s", paths[i], status, web_reply.body);
    }
    assert_in_range(web(&operator_, "DELETE", "/api/v1/agents/\xff\xfe", NULL), 400, 499);
}

static void t_files_have_get_and_head_only(void **state)
{
    (void)state;
    assert_int_equal(web(&stranger, "GET", "/", NULL), 200);
    assert_string_equal(web_reply.body, "<!doctype html>page");
    assert_int_equal(web(&stranger, "HEAD", "/", NULL), 200);
    assert_int_equal(web(&stranger, "POST", "/", "{}"), 405);
    assert_int_equal(web(&stranger, "GET", "/..%2fetc/passwd", NULL), 404);
    assert_int_equal(web(&stranger, "GET", "/../../../../etc/passwd", NULL), 404);
    assert_int_equal(web(&stranger, "GET", "/index.html.gz", NULL), 404);
}

static void t_every_answer_has_the_headers(void **state)
{
    static const char *const asks[][2] = {
        {"GET", "/"},           {"GET", "/none"},           {"GET", "/api/v1/zones"},
        {"POST", "/"},          {"GET", "/api/v1/session"}, {"PATCH", "/api/v1/session"},
        {"DELETE", "/api/v1/x"}};
    static const char *const names[][2] = {{"X-Content-Type-Options", "nosniff"},
                                           {"Referrer-Policy", "no-referrer"},
                                           {"Cross-Origin-Opener-Policy", "same-origin"},
                                           {"Cross-Origin-Resource-Policy",
                                            "same-origin"}};
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        web(&stranger, asks[i][0], asks[i][1], NULL);
        if (!strstr(web_header("Content-Security-Policy"), "frame-ancestors 'none'"))
            fail_msg("%s %s has no policy", asks[i][0], asks[i][1]);
        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            assert_string_equal(web_header(names[k][0]), names[k][1]);
        if (asks[i][1][1] == 'a')
            assert_string_equal(web_header("Cache-Control"), "no-store");
    }
}

/* --- streams, faults, end ---------------------------------------------------------- */

static bool stream_has(int fd, char *text, size_t size, const char *word)
{
    size_t n = strlen(text);
    ssize_t k;

    if (n + 4096 > size) {
        memmove(text, text + n - 100, 101);
        n = 100;
    }
    k = recv(fd, text + n, size - 1 - n, MSG_DONTWAIT);
    if (k > 0)
        text[n + (size_t)k] = '\0';
    return strstr(text, word) != NULL;
}

static void t_stream_has_events_and_ends_after_logout(void **state)
{
    static char text[20000];
    char c;
    int fd;

    (void)state;
    text[0] = '\0';
    log_in(&viewer, "viewer");
    fd = web_stream(&viewer, "/api/v1/events?topics=overview");
    T_WAIT(stream_has(fd, text, sizeof(text), "event: overview\n"));
    assert_int_equal(web(&viewer, "DELETE", "/api/v1/session", NULL), 204);
    T_WAIT(stream_has(fd, text, sizeof(text), "event: end\n"));
    while (recv(fd, &c, 1, 0) == 1)
        ;
    close(fd);
}

static void t_a_session_has_few_streams(void **state)
{
    int fd[6], i;

    (void)state;
    log_in(&viewer, "viewer");
    for (i = 0; i < 6; i++)
        fd[i] = web_stream(&viewer, "/api/v1/events?topics=wall");
    assert_int_equal(web(&viewer, "GET", "/api/v1/events?topics=wall", NULL), 503);
    close(fd[0]);
    T_WAIT(web_status(&viewer, "GET", "/api/v1/events?topics=wall", NULL) == 200);
    for (i = 1; i < 6; i++)
        close(fd[i]);
}

static void t_slow_senders_do_not_stop_others(void **state)
{
    enum { N = 300 };
    static int fd[N];
    int i;

    (void)state;
    for (i = 0; i < N; i++) {
        fd[i] = peer_connect(console.port);
        peer_send(fd[i], "GET / HTTP/1.1\r\nHo", 18);
    }
    assert_int_equal(web(&stranger, "GET", "/", NULL), 200);
    for (i = 0; i < N; i++)
        close(fd[i]);
}

static void t_request_that_is_sent_byte_by_byte_is_cut_off(void **state)
{
    int fd;
    char c;

    (void)state;
    fd = peer_connect(console.port);
    peer_send(fd, "GET / HTTP/1.1\r\nX: ", 19);
    T_WAIT(send(fd, "x", 1, MSG_NOSIGNAL) < 0 || recv(fd, &c, 1, MSG_DONTWAIT) == 0);
    close(fd);
}

static void t_end_is_orderly_with_streams_and_half_requests(void **state)
{
    int fd[3], half;

    (void)state;
    log_in(&viewer, "viewer");
    fd[0] = web_stream(&viewer, "/api/v1/events?topics=wall");
    fd[1] = web_stream(&viewer, "/api/v1/events?topics=overview");
    fd[2] = peer_connect(console.port);
    half = peer_connect(console.port);
    peer_send(half, "POST /api/v1/changes HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", 55);
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    close(fd[0]);
    close(fd[1]);
    close(fd[2]);
    close(half);
}

static void t_no_address_of_the_network_without_tls(void **state)
{
    (void)state;
    assert_int_equal(proc_end(&console, SIGTERM), 0);
    start_console_with("address = 0.0.0.0\n");
    proc_expect_line(console.err, "loopback");
    assert_int_not_equal(proc_wait(&console), 0);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(
    C(t_each_role_reaches_its_routes_and_no_other),
    C(t_unknown_wrong_and_disabled_accounts_get_the_same_answer),
    C(t_failures_of_a_login_make_it_wait), C(t_old_password_cannot_be_tried_without_end),
    C(t_given_password_must_be_changed_first),
    C(t_forged_session_is_none_and_login_makes_a_new_one),
    C(t_logout_and_disabling_end_sessions), C(t_request_of_another_site_is_refused),
    C(t_other_names_of_the_host_are_refused), C(t_body_that_is_not_small_json_is_refused),
    C(t_numbers_and_bytes_of_a_query_are_checked), C(t_files_have_get_and_head_only),
    C(t_every_answer_has_the_headers), C(t_stream_has_events_and_ends_after_logout),
    C(t_a_session_has_few_streams), C(t_slow_senders_do_not_stop_others),
    C(t_request_that_is_sent_byte_by_byte_is_cut_off),
    C(t_end_is_orderly_with_streams_and_half_requests),
    C(t_no_address_of_the_network_without_tls))
