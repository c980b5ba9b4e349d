/* lars-console attacked with a real database, second part: ways round the table of
 * routes, what a wall may see, what is recorded, and connections that are held on
 * purpose. */
#include "lib/consolefix.h"
#include "web/router.h"

#include <dirent.h>

static int setup(void **state)
{
    (void)system_setup(state);
    consolefix_setup();
    return 0;
}

/* --- ways round the routes --------------------------------------------------------- */

static int ask_raw(const char *line, const char *headers)
{
    char text[2000];
    int n = snprintf(text, sizeof(text),
                     "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
                     line, headers);

    return web_raw(console.port, text, (size_t)n);
}

static void t_no_spelling_of_a_path_passes_the_login(void **state)
{
    static const char *const lines[] = {"GET /api/v1/overview",
                                        "GET //api/v1/overview",
                                        "GET /api//v1/overview",
                                        "GET /api/v1/overview/",
                                        "GET /api/v1/./overview",
                                        "GET /api/v1/session/../overview",
                                        "GET /assets/../api/v1/overview",
                                        "GET /api/v1/overview;x=1",
                                        "GET /api/v1/overview#x",
                                        "GET /api/v1/overview.js",
                                        "GET /api/v1/overview%00",
                                        "GET /api/v1/%6fverview",
                                        "GET /%61pi/v1/overview",
                                        "GET /API/V1/OVERVIEW",
                                        "GET api/v1/overview",
                                        "GET http://localhost/api/v1/overview",
                                        "GET /api/v1/session/wall/../../overview",
                                        "HEAD /api/v1/overview",
                                        "OPTIONS /api/v1/overview",
                                        "TRACE /api/v1/overview",
                                        "get /api/v1/overview",
                                        "POST /api/v1/overview"};
    size_t i;

    (void)state;
    log_in(&viewer, "viewer");
    T_WAIT(web(&viewer, "GET", "/api/v1/overview", NULL) == 200);
    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        int status = ask_raw(lines[i], "");

        if (status == 200 || status >= 500 || strstr(web_reply.body, "zones"))
            fail_msg("%s: %d %s", lines[i], status, web_reply.body);
    }
}

static void t_no_header_passes_the_login(void **state)
{
    static const char *const headers[] = {"User-Agent: lars-dnsd\r\n",
                                          "User-Agent: Lars-Server\r\n",
                                          "X-Original-URL: /api/v1/session\r\n",
                                          "X-Rewrite-URL: /api/v1/session\r\n",
                                          "X-HTTP-Method-Override: POST\r\n",
                                          "X-Forwarded-For: 127.0.0.1\r\n",
                                          "X-Forwarded-User: admin\r\n",
                                          "Authorization: Basic YWRtaW46YWRtaW4=\r\n",
                                          "Authorization: Bearer x\r\n",
                                          "Cookie: lars=\r\n",
                                          "Cookie: __Host-lars=" LINK "\r\n",
                                          "Cookie: lars=" LINK "; lars=" LINK "\r\n",
                                          "Transfer-Encoding: chunked\r\n"};
    char both[200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (ask_raw("GET /api/v1/overview", headers[i]) == 200)
            fail_msg("%s: %s", headers[i], web_reply.body);
    log_in(&viewer, "viewer");
    snprintf(both, sizeof(both), "Cookie: __Host-lars=%s\r\n", viewer.token);
    assert_int_equal(ask_raw("GET /api/v1/session", both), 401);
}

/* A path of a GET, with values; false: it is no such route. */
static bool get_path(const struct route *r, char to[100])
{
    const char *p = r->path;
    size_t n = 0;

    if (strcmp(r->method, "GET") != 0 || r->place == ROUTE_STREAM)
        return false;
    while (*p)
        if (*p == '{') {
            to[n++] = '1';
            p += strcspn(p, "}") + 1;
        } else
            to[n++] = *p++;
    to[n] = '\0';
    return true;
}

/* The account that may write is taken away: GETs must not notice. */
static void t_gets_need_no_right_to_write(void **state)
{
    const struct route *r;
    char path[100];
    size_t i;

    (void)state;
    log_in(&admin, "admin");
    T_WAIT(web(&admin, "GET", "/api/v1/overview", NULL) == 200);
    testdb_sql("ALTER USER lars_web@localhost ACCOUNT LOCK");
    testdb_sql("KILL USER lars_web@localhost");
    for (i = 0; (r = router_at(i)); i++)
        if (get_path(r, path)) {
            int status = web(&admin, "GET", path, NULL);

            if (status != 200 && status != 404)
                fail_msg("GET %s: %d %s", path, status, web_reply.body);
        }
    assert_int_equal(web(&admin, "POST", "/api/v1/wall-links", "{\"days\":1}"), 503);
    testdb_sql("ALTER USER lars_web@localhost ACCOUNT UNLOCK");
}

/* --- the wall ---------------------------------------------------------------------- */

static void check_no_secret(const char *where, const char *text)
{
    static const char *const words[] = {"127.0.0.", "10.77.",  "host-xyz", "op.secret",
                                        "operator", "because", "reason",   "subject"};
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(text, words[i]))
            fail_msg("%s shows \"%s\": %s", where, words[i], text);
}

static bool stream_has(int fd, char *text, size_t size, const char *word)
{
    size_t n = strlen(text);
    ssize_t k = recv(fd, text + n, size - 1 - n, MSG_DONTWAIT);

    if (k > 0)
        text[n + (size_t)k] = '\0';
    return strstr(text, word) != NULL;
}

static void t_wall_shows_no_address_and_no_person(void **state)
{
    static char text[60000];
    int fd;

    (void)state;
    text[0] = '\0';
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(1, 1, INET_ATON('10.77.0.3'), 80, 'b')");
    testdb_sql("INSERT INTO Service (kind, name, zone, address) VALUES ('agent', "
               "'host-xyz/10.77.0.1:8888', 'b', '10.77.0.1')");
    testdb_sql("INSERT INTO Alarm (id, kind, subject, detail) VALUES (7, 'node_down', "
               "'10.77.0.3:80', 'seen by host-xyz')");
    testdb_sql("INSERT INTO Audit (actor, via, action, subject, reason, result) VALUES "
               "('op.secret', 'console', 'route set', '1/1', 'because', 'done')");
    log_in_wall();
    T_WAIT(web(&wall, "GET", "/api/v1/wall", NULL) == 200 && web_number("problems") == 1);
    check_no_secret("the wall", web_reply.body);
    fd = web_stream(&wall, "/api/v1/events?topics=wall");
    T_WAIT(stream_has(fd, text, sizeof(text), "\n\n"));
    check_no_secret("the stream", text);
    close(fd);
    assert_int_equal(web(&wall, "GET", "/api/v1/events?topics=module:1/1", NULL), 422);
}

static void t_stream_has_the_headers_of_every_answer(void **state)
{
    char ask[300], head[4000] = "";
    int fd;

    (void)state;
    log_in(&viewer, "viewer");
    snprintf(ask, sizeof(ask),
             "GET /api/v1/events?topics=wall HTTP/1.1\r\nHost: localhost\r\nCookie: "
             "lars=%s\r\n\r\n",
             viewer.token);
    fd = peer_connect(console.port);
    peer_send(fd, ask, strlen(ask));
    T_WAIT(stream_has(fd, head, sizeof(head), "\r\n\r\n"));
    close(fd);
    assert_non_null(strstr(head, "frame-ancestors 'none'"));
    assert_non_null(strstr(head, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(head, "Cross-Origin-Resource-Policy: same-origin"));
    assert_non_null(strstr(head, "Cache-Control: no-store"));
}

static void t_links_that_are_ended_end_walls(void **state)
{
    (void)state;
    log_in(&admin, "admin");
    log_in_wall();
    assert_int_equal(web(&admin, "DELETE", "/api/v1/wall-links", NULL), 204);
    T_WAIT(web(&wall, "GET", "/api/v1/wall", NULL) == 401);
    assert_int_equal(
        web(&stranger, "POST", "/api/v1/session/wall", "{\"token\":\"" LINK "\"}"), 401);
}

/* --- what is recorded -------------------------------------------------------------- */

static void check_recorded(const char *method, const char *path, const char *body)
{
    unsigned long long before = testdb_number("SELECT COUNT(*) FROM Audit");
    int status = web(&admin, method, path, body);

    if (status < 200 || status > 204)
        fail_msg("%s %s: %d %s", method, path, status, web_reply.body);
    if (testdb_number("SELECT COUNT(*) FROM Audit WHERE actor = 'admin' AND via = "
                      "'console' AND peer = '127.0.0.1' AND result = 'done'") == 0 ||
        testdb_number("SELECT COUNT(*) FROM Audit") <= before)
        fail_msg("%s %s is not recorded", method, path);
}

/* A change, on the plan that it has now. */
static const char *with_plan(char body[300])
{
#define ADD                                                                              \
    "{\"operations\":[{\"op\":\"add\",\"module\":\"9/9\",\"node\":\"10.0.0.1:80\"}]"
    assert_int_equal(web(&admin, "POST", "/api/v1/changes?dry_run=1", ADD "}"), 200);
    snprintf(body, 300, ADD ",\"reason\":\"r\",\"plan\":\"%s\"}", web_text("hash"));
    return body;
}

static void t_each_request_that_changes_is_recorded(void **state)
{
    char path[60], body[300];

    (void)state;
    log_in(&admin, "admin");
    testdb_sql("INSERT INTO Alarm (id, kind, subject) VALUES (7, 'zone_down', 'b')");
    testdb_sql("INSERT INTO Service (kind, name, zone, seen_at) VALUES ('agent', 'x', "
               "'b', NOW(3) - INTERVAL 1 HOUR)");
    testdb_sql("REPLACE INTO AlarmTarget (name) VALUES ('wecom')");
    check_recorded("POST", "/api/v1/alarms/7/ack", "{\"note\":\"seen\"}");
    check_recorded("POST", "/api/v1/silences",
                   "{\"kind\":\"zone_down\",\"subject\":\"b\",\"minutes\":5,"
                   "\"reason\":\"r\"}");
    snprintf(path, sizeof(path), "/api/v1/silences/%llu",
             testdb_number("SELECT MAX(id) FROM AlarmSilence"));
    check_recorded("DELETE", path, NULL);
    check_recorded("POST", "/api/v1/alarm-targets/wecom", "{}");
    check_recorded("DELETE", "/api/v1/agents/x", NULL);
    check_recorded("POST", "/api/v1/wall-links", "{\"days\":1}");
    check_recorded("DELETE", "/api/v1/wall-links", NULL);
    check_recorded("POST", "/api/v1/changes", with_plan(body));
    check_recorded("PUT", "/api/v1/session/password",
                   "{\"old\":\"" PASSWORD "\",\"new\":\"a new long password\"}");
    check_recorded("DELETE", "/api/v1/sessions/viewer", NULL);
}

/* --- connections that are held ----------------------------------------------------- */

static int n_fds_of_console(void)
{
    char path[40];
    struct dirent *e;
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)console.pid);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static long rss_kb_of_console(void)
{
    char path[40], line[200];
    long kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)console.pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        sscanf(line, "VmRSS: %ld", &kb);
    fclose(f);
    return kb;
}

/* Start the console again with a file that no buffer of the system holds. */
static void serve_big_file(void)
{
    static char block[1 << 20];
    char path[200];
    FILE *f;
    int i;

    assert_int_equal(proc_end(&console, SIGTERM), 0);
    snprintf(path, sizeof(path), "%s/big.js", testdb_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    memset(block, ' ', sizeof(block));
    for (i = 0; i < 12; i++)
        assert_int_equal(fwrite(block, sizeof(block), 1, f), 1);
    fclose(f);
    start_console_with("");
    proc_wait_port(&console);
    unlink(path);
    stranger.port = console.port;
}

/* Does the console still have its end of <fd>?  The system shows a socket that no program
 * has any more with the inode 0. */
static bool console_has(int fd)
{
    struct sockaddr_in me;
    socklen_t n = sizeof(me);
    char line[300];
    unsigned at, from;
    unsigned long inode;
    bool has = false;
    FILE *f = fopen("/proc/net/tcp", "r");

    assert_non_null(f);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&me, &n), 0);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*s %*s %*s %*s %*s %lu", &at, &from,
                   &inode) == 3)
            has |= at == (unsigned)console.port && from == ntohs(me.sin_port) &&
                   inode != 0;
    fclose(f);
    return has;
}

/* Takes little enough that the file would take more than a minute. */
static bool is_left(int fd)
{
    char some[128];

    (void)recv(fd, some, sizeof(some), MSG_DONTWAIT);
    return !console_has(fd);
}

static void t_answer_that_is_not_taken_holds_no_place(void **state)
{
    static const char ask[] = "GET /big.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fd;

    (void)state;
    serve_big_file();
    fd = peer_connect(console.port);
    peer_send(fd, ask, sizeof(ask) - 1);
    T_WAIT(console_has(fd));
    T_WAIT(is_left(fd));
    close(fd);
}

static void t_body_that_is_sent_byte_by_byte_is_cut_off(void **state)
{
    static const char head[] = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Type: application/json\r\nContent-Length: "
                               "200000\r\n\r\n{";
    int fd;
    char c;

    (void)state;
    fd = peer_connect(console.port);
    peer_send(fd, head, sizeof(head) - 1);
    T_WAIT(send(fd, " ", 1, MSG_NOSIGNAL) < 0 || recv(fd, &c, 1, MSG_DONTWAIT) == 0);
    close(fd);
}

static void t_streams_have_a_bound_and_the_console_serves_others(void **state)
{
    enum { N = 64 };
    struct webclient c[11];
    int fd[N], i;

    (void)state;
    for (i = 0; i < 11; i++)
        log_in(&c[i], "viewer");
    for (i = 0; i < N; i++)
        fd[i] = web_stream(&c[i / 6], "/api/v1/events?topics=overview");
    assert_int_equal(web(&c[10], "GET", "/api/v1/events?topics=wall", NULL), 503);
    assert_int_equal(web(&c[0], "GET", "/api/v1/zones", NULL), 200);
    assert_int_equal(web(&stranger, "GET", "/", NULL), 200);
    for (i = 0; i < N; i++)
        close(fd[i]);
    T_WAIT(web_status(&c[10], "GET", "/api/v1/events?topics=wall", NULL) == 200);
}

/* Half of them say nothing useful, half are streams that are left at once. */
static void storm(const struct webclient *c)
{
    enum { N = 300 };
    static int fd[N];
    char ask[500];
    int i;

    snprintf(ask, sizeof(ask),
             "GET /api/v1/events?topics=overview HTTP/1.1\r\nHost: localhost\r\nCookie: "
             "lars=%s\r\n\r\n",
             c->token);
    for (i = 0; i < N; i++) {
        fd[i] = peer_connect(console.port);
        if (i % 2)
            (void)send(fd[i], ask, strlen(ask), MSG_NOSIGNAL);
        else
            (void)send(fd[i], "POST /api/v1/session HTTP/1.1\r\nHo", 33, MSG_NOSIGNAL);
    }
    assert_int_equal(web(&stranger, "GET", "/", NULL), 200);
    for (i = 0; i < N; i++)
        close(fd[i]);
}

static void t_storms_leave_no_descriptor_and_no_memory(void **state)
{
    enum { DB_CONNECTIONS = 6 }; /* which threads open when they need them */
    long first = 0, last;
    int n, round;

    (void)state;
    log_in(&viewer, "viewer");
    T_WAIT(web(&viewer, "GET", "/api/v1/overview", NULL) == 200);
    n = n_fds_of_console() + DB_CONNECTIONS;
    for (round = 0; round < 10; round++) {
        storm(&viewer);
        T_WAIT(n_fds_of_console() <= n);
        if (round == 4)
            first = rss_kb_of_console();
    }
    last = rss_kb_of_console();
    if (!t_mode_is("memcheck") && !t_mode_is("asan") && !t_mode_is("tsan"))
        assert_in_range(last, 1, first + 4096);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, consolefix_teardown)
TESTDB_MAIN(C(t_no_spelling_of_a_path_passes_the_login), C(t_no_header_passes_the_login),
            C(t_gets_need_no_right_to_write), C(t_wall_shows_no_address_and_no_person),
            C(t_stream_has_the_headers_of_every_answer),
            C(t_links_that_are_ended_end_walls),
            C(t_each_request_that_changes_is_recorded),
            C(t_answer_that_is_not_taken_holds_no_place),
            C(t_body_that_is_sent_byte_by_byte_is_cut_off),
            C(t_streams_have_a_bound_and_the_console_serves_others),
            C(t_storms_leave_no_descriptor_and_no_memory))
