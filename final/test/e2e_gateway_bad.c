/* lars-gateway in a whole system, with visitors that send what they must not, slowly, or
 * not at all: nothing ambiguous reaches the node, one visitor never gets bytes of
 * another, and nothing is left of those who have gone. */
#include "lib/gatefix.h"

#include <sys/ioctl.h>

#define SMALL_TIMES "head_ms = 300\nbody_ms = 300\nrelay_ms = 500\ntry_ms = 400\n"

static struct httpreply reply;

struct bad {
    const char *text;
    size_t len;
    int status;
};

#define BAD(text, status)                                                                \
    {                                                                                    \
        text, sizeof(text) - 1, status                                                   \
    }
#define GET "GET /EVIL HTTP/1.1\r\nHost: a\r\n"
#define POST "POST /EVIL HTTP/1.1\r\nHost: a\r\n"

static const struct bad hostile[] = {
    BAD(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    BAD(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    BAD(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    BAD(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    BAD(POST "Content-Length: 5, 5\r\n\r\nhello", 400),
    BAD(POST "Content-Length: +5\r\n\r\nhello", 400),
    BAD(POST "Content-Length: -1\r\n\r\n", 400),
    BAD(POST "Content-Length: 0x5\r\n\r\nhello", 400),
    BAD(POST "Content-Length: 99999999999999999999\r\n\r\n", 400),
    BAD(POST "Content-Length:\r\n\r\n", 400),
    BAD(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    BAD(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    BAD(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    BAD(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 501),
    BAD("POST /EVIL HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("GET /EVIL HTTP/1.1\nHost: a\r\n\r\n", 400),
    BAD("GET /EVIL HTTP/1.1\r\nHost: a\n\n", 400),
    BAD(GET "X: a\rb\r\n\r\n", 400),
    BAD(GET "X: a\0b\r\n\r\n", 400),
    BAD(GET "X: a\r\n b\r\n\r\n", 400),
    BAD(GET "X: a\r\n\tContent-Length: 5\r\n\r\n", 400),
    BAD("GET /EVIL HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    BAD(" GET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("\r\n\r\nGET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET  /EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /EVIL x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD(GET "X : a\r\n\r\n", 400),
    BAD(POST "Content-Length : 5\r\n\r\nhello", 400),
    BAD(GET ": a\r\n\r\n", 400),
    BAD(GET "X\r\n\r\n", 400),
    BAD("GET /EVIL HTTP/1.1\r\n\r\n", 400),
    BAD(GET "Host: a\r\n\r\n", 400),
    BAD("GET /EVIL HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    BAD("GET /EVIL HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    BAD("GET http://b/EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /EVIL#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /a/../EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /a/%2e%2E/EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /a%2fEVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD("GET /EVIL%00.html HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    BAD(GET "Content-Length: 5\r\n\r\nhello", 400),
    BAD("HEAD /EVIL HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    BAD("OPTIONS /EVIL HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 400),
    BAD("CONNECT EVIL:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    BAD("TRACE /EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    BAD("EVIL / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    BAD("GET /EVIL HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    BAD("GET /EVIL\r\n\r\n", 505),
    BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    BAD(POST "Content-Length: 5\r\nExpect: magic\r\n\r\nhello", 417),
    BAD("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)};

#define N_HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static int ask(const char *target)
{
    char text[300];
    int n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", target);

    return gatefix_raw(text, (size_t)n, (size_t)n, &reply);
}

/* --- what they must not send ----------------------------------------------------- */

static void check_hostile(const struct bad *b, size_t step)
{
    if (gatefix_raw(b->text, b->len, step, &reply) != b->status)
        fail_msg("in parts of %zu: %d and not %d: %s", step, reply.status, b->status,
                 b->text);
    assert_non_null(strstr(reply.text, "\r\nConnection: close\r\n"));
    assert_null(strstr(reply.body, "HTTP/1.1"));
}

static void t_hostile_messages_are_refused_and_do_not_reach_the_node(void **state)
{
    size_t i, step;

    (void)state;
    gatefix_start("");
    for (i = 0; i < N_HOSTILE; i++) {
        check_hostile(&hostile[i], 1);
        for (step = 2; step < hostile[i].len; step += t_mode_is("memcheck") ? 17 : 3)
            check_hostile(&hostile[i], step);
        check_hostile(&hostile[i], hostile[i].len);
    }
    assert_false(gatefix_has_recorded("EVIL"));
    assert_int_equal(ask("/after"), 200);
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
}

static void t_request_behind_a_hostile_one_is_not_read(void **state)
{
    const char *next = "GET /SMUGGLED HTTP/1.1\r\nHost: a\r\n\r\n";
    char text[400];
    size_t i, n;

    (void)state;
    gatefix_start("");
    for (i = 0; i < N_HOSTILE; i++) {
        n = hostile[i].len + strlen(next);
        memcpy(text, hostile[i].text, hostile[i].len);
        memcpy(text + hostile[i].len, next, strlen(next));
        gatefix_raw(text, n, n, &reply);
        assert_int_equal(reply.status, hostile[i].status);
    }
    assert_false(gatefix_has_recorded("SMUGGLED"));
}

static void t_bad_chunks_are_400_and_end_the_connection(void **state)
{
    static const struct bad bad[] = {
        BAD(POST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 400),
        BAD(POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
        BAD(POST "Transfer-Encoding: chunked\r\n\r\n000000005\r\nhello\r\n", 400),
        BAD(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400),
        BAD(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: \n\r\n", 400)};
    size_t i;

    (void)state;
    gatefix_start("");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_hostile(&bad[i], 1);
        check_hostile(&bad[i], bad[i].len);
    }
    assert_false(gatefix_has_recorded(";a=b"));
    assert_false(gatefix_has_recorded("000000005"));
    assert_int_equal(ask("/after"), 200);
}

static void t_floods_of_fields_are_bounded(void **state)
{
    static char text[100000];
    size_t at, i;

    (void)state;
    gatefix_start("");
    at = (size_t)sprintf(text, GET);
    for (i = 0; i < 64; i++)
        at += (size_t)sprintf(text + at, "X-%zu: a\r\n", i);
    at += (size_t)sprintf(text + at, "\r\n");
    assert_int_equal(gatefix_raw(text, at, at, &reply), 431);
    at = (size_t)sprintf(text, GET "X: ");
    memset(text + at, 'a', sizeof(text) - at);
    assert_int_equal(gatefix_raw(text, 20000, 1000, &reply), 431);
    at = (size_t)sprintf(text, "GET /");
    memset(text + at, 'a', sizeof(text) - at);
    assert_int_equal(gatefix_raw(text, 4200, 4200, &reply), 414);
    at = (size_t)sprintf(text, "GET /short HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                               "Cookie: ");
    for (i = 0; i < 7000; i++, at += 2)
        memcpy(text + at, "a;", 2);
    at += (size_t)sprintf(text + at, "\r\n\r\n");
    assert_int_equal(gatefix_raw(text, at, at, &reply), 200);
    assert_int_equal(ask("/after"), 200);
}

/* --- one visitor's bytes are no other's ------------------------------------------ */

/* Read the <n> bytes of a body, while <disturb> is called again and again. */
static void read_undisturbed(const char *target, size_t n, void (*disturb)(void))
{
    int fd = peer_connect(gateway.port);
    char head[2000], byte;
    size_t i;

    peer_send(fd, head,
              (size_t)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                               target));
    assert_int_equal(gatefix_read_head(fd, head, sizeof(head)), 200);
    for (i = 0; i < n; i++) {
        if (i % 300 == 0)
            disturb();
        peer_recv(fd, &byte, 1);
        if (byte != gatefix_byte(i))
            fail_msg("byte %zu of the body is not the node's", i);
    }
    close(fd);
}

static void send_bad_request(void)
{
    assert_int_equal(gatefix_raw(hostile[0].text, hostile[0].len, hostile[0].len, &reply),
                     400);
}

static void send_chunks(void)
{
    const char *text = "POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n6\r\nSECRET\r\n";
    int fd = peer_connect(gateway.port);

    peer_send(fd, text, strlen(text));
    T_WAIT(gatefix_has_recorded("SECRET"));
    peer_send(fd, "0\r\n\r\n", 5);
    peer_expect_close(fd);
    close(fd);
}

static void ask_for_a_broken_answer(void)
{
    int fd = peer_connect(gateway.port);
    const char *text = "GET /broken HTTP/1.1\r\nHost: a\r\n\r\n";

    peer_send(fd, text, strlen(text));
    peer_expect_close(fd);
    close(fd);
}

static void t_pages_for_others_are_not_in_a_response(void **state)
{
    (void)state;
    gatefix_start("");
    read_undisturbed("/drip/6000", 6000, send_bad_request);
}

static void t_bodies_of_others_are_not_in_a_response(void **state)
{
    (void)state;
    gatefix_start("");
    read_undisturbed("/drip/3000", 3000, send_chunks);
}

static void t_broken_answers_for_others_are_not_in_a_response(void **state)
{
    (void)state;
    gatefix_start("");
    read_undisturbed("/drip/3000", 3000, ask_for_a_broken_answer);
}

static void t_response_that_has_begun_gets_no_page(void **state)
{
    const char *text = "POST /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                       "\r\n1\r\na\r\n";
    int fd;

    (void)state;
    gatefix_start("");
    fd = peer_connect(gateway.port);
    peer_send(fd, text, strlen(text));
    assert_int_equal(gatefix_read_head(fd, reply.text, sizeof(reply.text)), 200);
    peer_expect(fd, "hello");
    peer_send(fd, "not a chunk\r\n", 13);
    assert_true(recv(fd, reply.text, 100, 0) <= 0); /* and not "HTTP/1.1 400" */
    close(fd);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
}

/* --- slow ones ------------------------------------------------------------------- */

/* Sends a byte each <ms> until an answer comes.  Returns its status; *took: when. */
static int send_slowly(const char *text, int ms, uint64_t *took)
{
    int fd = peer_connect(gateway.port);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t begin = t_now_ms();
    size_t i, head = strstr(text, "\r\n\r\n") ? strlen(text) - 100 : 0;

    peer_send(fd, text, head);
    for (i = head; text[i] && poll(&p, 1, ms) == 0; i++)
        if (send(fd, text + i, 1, MSG_NOSIGNAL) < 0)
            break;
    *took = t_now_ms() - begin;
    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static void t_slow_head_is_408_when_its_time_is_over(void **state)
{
    uint64_t took;

    (void)state;
    gatefix_start(SMALL_TIMES);
    assert_int_equal(send_slowly("GET /SLOW HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                 10, &took),
                     408);
    assert_in_range(took, 300, T_DEADLINE_MS);
    assert_false(gatefix_has_recorded("SLOW"));
}

static void t_slow_body_is_408(void **state)
{
    char text[300];
    uint64_t took;
    size_t n = (size_t)sprintf(text, POST "Content-Length: 5000\r\n\r\n");

    (void)state;
    memset(text + n, 'x', 100);
    text[n + 100] = 0;
    gatefix_start(SMALL_TIMES);
    assert_int_equal(send_slowly(text, 10, &took), 408);
    assert_in_range(took, 300, T_DEADLINE_MS);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
    T_WAIT(system_none_in_flight());
}

static void t_body_that_takes_longer_than_try_ms_is_no_fault_of_the_node(void **state)
{
    const char *head = "POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                       "Content-Length: 20000\r\n\r\n";
    char part[1000];
    int fd, i;

    (void)state;
    gatefix_start("try_ms = 200\n");
    memset(part, 'x', sizeof(part));
    fd = peer_connect(gateway.port);
    peer_send(fd, head, strlen(head));
    for (i = 0; i < 20; i++) {
        poll(NULL, 0, 25); /* the load: 500 ms in all */
        peer_send(fd, part, sizeof(part));
    }
    httppeer_read(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "/up");
    close(fd);
}

static bool is_closed(int fd)
{
    char c[500];
    ssize_t n;

    while ((n = recv(fd, c, sizeof(c), MSG_DONTWAIT)) > 0)
        continue;
    return n == 0 || errno != EAGAIN;
}

static void t_a_thousand_slow_senders_are_closed(void **state)
{
    int n = t_mode_is("memcheck") ? 100 : 1000, fd[1000], i, closed = 0;

    (void)state;
    gatefix_start("head_ms = 1000\n");
    assert_true(gatefix_need_fds(1400));
    for (i = 0; i < n; i++) {
        fd[i] = peer_connect(gateway.port);
        peer_send(fd[i], "GET /SLOW HT", 12);
    }
    for (i = 0; i < n; i++) {
        T_WAIT(is_closed(fd[i]));
        closed++;
        close(fd[i]);
    }
    assert_int_equal(closed, n);
    assert_int_equal(ask("/after"), 200);
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
}

static void t_idle_visitors_take_little_memory(void **state)
{
    int n = t_mode_is("memcheck") ? 200 : 9000, i, *fd = calloc(9000, sizeof(int));
    long before, after;

    (void)state;
    gatefix_start("idle_ms = 600000\nlife_ms = 600000\n");
    if (!gatefix_need_fds((unsigned)n + 500))
        skip();
    before = gatefix_rss_kib();
    for (i = 0; i < n; i++)
        fd[i] = peer_connect(gateway.port);
    T_WAIT(gatefix_metric("lars_gateway_connections") >= n);
    after = gatefix_rss_kib();
    for (i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    print_message("%d idle visitors: %ld KiB\n", n, after - before);
    if (!getenv("LARS_MODE"))
        assert_in_range(after - before, 0, n); /* KiB, with what the loop keeps */
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
}

static void t_visitor_that_reads_nothing_is_closed_and_takes_little_memory(void **state)
{
    const char *text = "GET /big/50000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    long before;
    int fd;

    (void)state;
    gatefix_start(SMALL_TIMES);
    before = gatefix_rss_kib();
    fd = peer_connect(gateway.port);
    peer_send(fd, text, strlen(text));
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 1);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
    if (!getenv("LARS_MODE"))
        assert_in_range(gatefix_rss_kib(), 0, before + 1024);
    close(fd);
    T_WAIT(system_none_in_flight());
}

/* --- many at once, and those who leave ------------------------------------------- */

static void t_thousand_pipelined_requests_are_answered_in_order(void **state)
{
    static char text[60000];
    char head[2000], want[40];
    size_t at = 0;
    int i, fd;

    (void)state;
    gatefix_start("requests_max = 1001\n");
    for (i = 0; i < 1000; i++)
        at += (size_t)sprintf(text + at, "GET /p%04d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    fd = peer_connect(gateway.port);
    peer_send(fd, text, at);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(gatefix_read_head(fd, head, sizeof(head)), 200);
        snprintf(want, sizeof(want), "/p%04d", i);
        peer_expect(fd, want);
    }
    close(fd);
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
}

static void leave_in_mid_response(const char *target, bool reset)
{
    int fd = peer_connect(gateway.port);
    char text[200], c;

    peer_send(fd, text,
              (size_t)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                               target));
    if (strcmp(target, "/hold") == 0)
        T_WAIT(gatefix_has_recorded("/hold"));
    else
        peer_recv(fd, &c, 1);
    if (reset)
        peer_reset(fd);
    else
        close(fd);
}

static void t_nothing_is_left_of_visitors_that_leave(void **state)
{
    int fds, i, n = t_mode_is("memcheck") ? 10 : 60;

    (void)state;
    gatefix_start("drain_ms = 100\ndrain_accept_ms = 0\n");
    fds = gatefix_n_fds();
    for (i = 0; i < n; i++) {
        leave_in_mid_response("/big/20000000", i & 1);
        leave_in_mid_response("/drip/100000", i & 1);
        leave_in_mid_response("/hold", i & 1);
    }
    T_WAIT(gatefix_metric("lars_gateway_connections") == 0);
    T_WAIT(gatefix_metric("lars_gateway_inflight") == 0);
    T_WAIT(gatefix_n_fds() <= fds);
    T_WAIT(system_none_in_flight());
    assert_int_equal(ask("/after"), 200);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0); /* tools: nothing has leaked */
}

TESTDB_MAIN(GATEFIX_TEST(t_hostile_messages_are_refused_and_do_not_reach_the_node),
            GATEFIX_TEST(t_request_behind_a_hostile_one_is_not_read),
            GATEFIX_TEST(t_bad_chunks_are_400_and_end_the_connection),
            GATEFIX_TEST(t_floods_of_fields_are_bounded),
            GATEFIX_TEST(t_pages_for_others_are_not_in_a_response),
            GATEFIX_TEST(t_bodies_of_others_are_not_in_a_response),
            GATEFIX_TEST(t_broken_answers_for_others_are_not_in_a_response),
            GATEFIX_TEST(t_response_that_has_begun_gets_no_page),
            GATEFIX_TEST(t_slow_head_is_408_when_its_time_is_over),
            GATEFIX_TEST(t_slow_body_is_408),
            GATEFIX_TEST(t_body_that_takes_longer_than_try_ms_is_no_fault_of_the_node),
            GATEFIX_TEST(t_a_thousand_slow_senders_are_closed),
            GATEFIX_TEST(t_idle_visitors_take_little_memory),
            GATEFIX_TEST(t_visitor_that_reads_nothing_is_closed_and_takes_little_memory),
            GATEFIX_TEST(t_thousand_pipelined_requests_are_answered_in_order),
            GATEFIX_TEST(t_nothing_is_left_of_visitors_that_leave))
