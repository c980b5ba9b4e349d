/* What a gateway reports about a node when a request has ended, for each way in which it
 * can end, and what the visitor gets.  The numbers are those of the database: calls of
 * the module that succeeded and that failed; one that is cancelled is neither. */
#include "lib/gatefix.h"
#include "lib/proc_stop.h"

#include <signal.h>

#define TIMES "try_ms = 400\nconnect_ms = 400\ntotal_ms = 5000\nrelay_ms = 500\n"

static struct httpreply reply;
static unsigned long long good, bad; /* before the request of the test */

static unsigned long long calls(const char *column)
{
    char sql[100];

    snprintf(sql, sizeof(sql),
             "SELECT COALESCE(SUM(%s), 0) FROM ServerCallStatus WHERE modid = 10",
             column);
    return testdb_number(sql);
}

static void start(const char *conf)
{
    gatefix_start(conf);
    good = (unsigned long long)gatefix_metric(
        "lars_gateway_requests_total{result=\"node\"}");
    T_WAIT(calls("succ_cnt") == good);
    bad = calls("err_cnt");
}

static int ask(const char *method, const char *target, const char *rest)
{
    char text[300];
    int n = snprintf(text, sizeof(text),
                     "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s", method,
                     target, rest);

    return gatefix_raw(text, (size_t)n, (size_t)n, &reply);
}

static int get(const char *target)
{
    return ask("GET", target, "\r\n");
}

/* The calls since start(), after one more that is good: reports keep their order. */
static void expect_calls(unsigned more_good, unsigned more_bad)
{
    assert_int_equal(get("/after"), 200);
    T_WAIT(calls("succ_cnt") >= good + more_good + 1);
    assert_int_equal(calls("succ_cnt"), good + more_good + 1);
    assert_int_equal(calls("err_cnt"), bad + more_bad);
    assert_true(system_none_in_flight());
}

/* --- answers ------------------------------------------------------------------------ */

static void t_failure_status_that_is_passed_on_is_the_nodes_failure(void **state)
{
    (void)state;
    start(TIMES);
    assert_int_equal(get("/status/502"), 502); /* three attempts */
    assert_string_equal(reply.body + 4, "no");
    assert_int_equal(ask("POST", "/status/503", "Content-Length: 0\r\n\r\n"), 503);
    assert_int_equal(ask("POST", "/status/504", "Content-Length: 0\r\n\r\n"), 504);
    expect_calls(0, 5);
}

static void t_other_statuses_are_no_failure(void **state)
{
    (void)state;
    start(TIMES);
    assert_int_equal(get("/status/404"), 404);
    assert_int_equal(get("/status/500"), 500); /* a fault of one page */
    assert_int_equal(get("/status/501"), 501);
    expect_calls(3, 0);
}

static void t_node_over_its_own_limit_has_not_failed(void **state)
{
    (void)state;
    start(TIMES);
    assert_int_equal(get("/busy"), 503); /* the waiting page */
    assert_int_equal(ask("POST", "/busy", "Content-Length: 2\r\n\r\nab"), 503);
    assert_int_equal(get("/after"), 200);
    T_WAIT(calls("succ_cnt") >= good + 4);
    assert_int_equal(calls("err_cnt"), bad);
}

static void t_response_that_breaks_off_is_the_nodes_failure(void **state)
{
    (void)state;
    start(TIMES);
    get("/cut");
    assert_string_equal(reply.body + 4, "hello");
    get("/broken");
    expect_calls(0, 2);
}

static void t_response_that_stops_is_the_nodes_failure(void **state)
{
    (void)state;
    start(TIMES);
    get("/early"); /* relay_ms */
    expect_calls(0, 1);
}

/* --- time --------------------------------------------------------------------------- */

static void t_each_node_that_does_not_begin_in_try_ms_has_failed(void **state)
{
    (void)state;
    start(TIMES);
    assert_int_equal(get("/hold"), 504);
    expect_calls(0, 3);
}

static void t_page_loads_itself_again_and_what_was_sent_is_not_repeated(void **state)
{
    static const char again[] = "http-equiv=\"refresh\"";

    (void)state;
    start(TIMES);
    assert_int_equal(get("/hold"), 504);
    assert_non_null(strstr(reply.body, again));
    assert_int_equal(ask("POST", "/hold", "Content-Length: 2\r\n\r\nab"), 504);
    assert_null(strstr(reply.body, again));
}

static void t_node_whose_time_others_have_used_up_has_not_failed(void **state)
{
    (void)state;
    start("try_ms = 600\ntotal_ms = 900\n");
    assert_int_equal(get("/hold"), 504);
    expect_calls(0, 1); /* the second attempt had 300 ms */
}

static void t_node_that_uses_up_the_whole_time_has_failed(void **state)
{
    (void)state;
    start("try_ms = 5000\ntotal_ms = 300\n");
    assert_int_equal(get("/hold"), 504);
    expect_calls(0, 1);
}

/* --- visitors that leave ------------------------------------------------------------ */

static void leave(const char *target, const char *rest, const char *until)
{
    char text[300];
    int fd = peer_connect(gateway.port);

    peer_send(fd, text,
              (size_t)snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: a\r\n%s",
                               target, rest));
    if (until[0] == '/')
        T_WAIT(gatefix_has_recorded(until));
    else
        peer_expect(fd, until);
    peer_reset(fd);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
}

static void t_visitor_who_leaves_shows_nothing_about_the_node(void **state)
{
    (void)state;
    start("");
    leave("/hold", "Content-Length: 0\r\n\r\n", "/hold");
    leave("/up", "Content-Length: 9\r\n\r\nab", "/up");
    leave("/early", "Content-Length: 0\r\n\r\n", "HTTP/1.1 200");
    expect_calls(0, 0);
}

/* The gateway is stopped in between, so that it sees both within its second. */
static void t_connection_outlives_a_visitor_who_leaves(void **state)
{
    const char *ask_it = "GET /linger HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd, n;

    (void)state;
    start("");
    fd = peer_connect(gateway.port);
    peer_send(fd, ask_it, strlen(ask_it));
    T_WAIT(gatefix_has_recorded("/linger"));
    n = gatefix_n_conns();
    proc_stop(&gateway);
    peer_reset(fd);
    gatefix_let_go();
    proc_continue(&gateway);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
    expect_calls(1, 0);
    assert_int_equal(gatefix_n_conns(), n);
}

static void t_visitor_who_stops_within_the_body_is_no_fault_of_the_node(void **state)
{
    (void)state;
    start("relay_ms = 300\nbody_ms = 300\ntry_ms = 300\n");
    assert_int_equal(ask("POST", "/up", "Content-Length: 9\r\n\r\nab"), 408);
    ask("POST", "/early", "Content-Length: 9\r\n\r\nab"); /* the head came early */
    expect_calls(0, 0);
}

/* --- answers that come early -------------------------------------------------------- */

#define BODY 60000000

/* Send bytes of the body until the gateway has taken none for a while. */
static void fill(int fd)
{
    static char part[10000];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t at = 0;

    memset(part, 'x', sizeof(part));
    while (at < BODY - sizeof(part) && poll(&p, 1, 300) == 1) {
        ssize_t n = send(fd, part, sizeof(part), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN)
            return;
        at += n > 0 ? (size_t)n : 0;
    }
}

static int begin_upload(void)
{
    char head[200];
    int fd = peer_connect(gateway.port);

    peer_send(fd, head,
              (size_t)snprintf(head, sizeof(head),
                               "POST /refuse HTTP/1.1\r\nHost: a\r\n"
                               "Content-Length: %d\r\n\r\n",
                               BODY));
    T_WAIT(gatefix_has_recorded("/refuse"));
    return fd;
}

static void expect_early_answer(int fd)
{
    httppeer_read(fd, &reply);
    close(fd);
    assert_int_equal(reply.status, 413);
    assert_string_equal(reply.body, "too much");
    assert_non_null(strstr(reply.text, "\r\nConnection: close\r\n"));
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
}

/* The gateway sees the bytes of the visitor before the answer, and cannot send them. */
static void t_early_answer_arrives_when_the_body_meets_a_reset(void **state)
{
    int fd, open;

    (void)state;
    start("body_kib = 100000\n");
    fd = begin_upload();
    open = gatefix_n_open();
    proc_stop(&gateway);
    peer_send(fd, reply.text, 10000);
    gatefix_let_go();
    T_WAIT(gatefix_n_open() < open);
    proc_continue(&gateway);
    expect_early_answer(fd);
    expect_calls(1, 0);
}

/* Much of the body waits in the gateway when the reset comes. */
static void t_early_answer_arrives_when_much_of_the_body_waits(void **state)
{
    int fd;

    (void)state;
    start("body_kib = 100000\n");
    fd = begin_upload();
    fill(fd);
    gatefix_let_go();
    expect_early_answer(fd);
    expect_calls(1, 0);
}

/* --- connections that waited -------------------------------------------------------- */

static void expect_answer(int fd, const char *body)
{
    assert_int_equal(gatefix_read_head(fd, reply.text, sizeof(reply.text)), 200);
    peer_expect(fd, body);
}

/* The request goes to a connection on which the node has said farewell meanwhile. */
static void t_farewell_of_a_node_answers_no_request(void **state)
{
    const char *first = "GET /farewell HTTP/1.1\r\nHost: a\r\n\r\n";
    const char *second = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd, open;

    (void)state;
    start("");
    fd = peer_connect(gateway.port);
    peer_send(fd, first, strlen(first));
    expect_answer(fd, "well");
    open = gatefix_n_open();
    proc_stop(&gateway);
    peer_send(fd, second, strlen(second));
    gatefix_let_go();
    T_WAIT(gatefix_n_open() < open);
    proc_continue(&gateway);
    expect_answer(fd, "/second");
    close(fd);
    expect_calls(2, 0);
}

static void t_request_with_a_body_gets_a_new_connection(void **state)
{
    int n;

    (void)state;
    start("");
    assert_int_equal(get("/up"), 200);
    n = gatefix_n_conns();
    assert_int_equal(ask("PUT", "/up", "Content-Length: 2\r\n\r\nab"), 200);
    assert_int_equal(gatefix_n_conns(), n + 1);
    assert_int_equal(get("/up"), 200);
    assert_int_equal(gatefix_n_conns(), n + 1);
}

TESTDB_MAIN(GATEFIX_TEST(t_failure_status_that_is_passed_on_is_the_nodes_failure),
            GATEFIX_TEST(t_other_statuses_are_no_failure),
            GATEFIX_TEST(t_node_over_its_own_limit_has_not_failed),
            GATEFIX_TEST(t_response_that_breaks_off_is_the_nodes_failure),
            GATEFIX_TEST(t_response_that_stops_is_the_nodes_failure),
            GATEFIX_TEST(t_each_node_that_does_not_begin_in_try_ms_has_failed),
            GATEFIX_TEST(t_page_loads_itself_again_and_what_was_sent_is_not_repeated),
            GATEFIX_TEST(t_node_whose_time_others_have_used_up_has_not_failed),
            GATEFIX_TEST(t_node_that_uses_up_the_whole_time_has_failed),
            GATEFIX_TEST(t_visitor_who_leaves_shows_nothing_about_the_node),
            GATEFIX_TEST(t_connection_outlives_a_visitor_who_leaves),
            GATEFIX_TEST(t_visitor_who_stops_within_the_body_is_no_fault_of_the_node),
            GATEFIX_TEST(t_early_answer_arrives_when_the_body_meets_a_reset),
            GATEFIX_TEST(t_early_answer_arrives_when_much_of_the_body_waits),
            GATEFIX_TEST(t_farewell_of_a_node_answers_no_request),
            GATEFIX_TEST(t_request_with_a_body_gets_a_new_connection))
