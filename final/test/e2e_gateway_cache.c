/* The cache of a gateway: which requests are one for the node, and what visitors get. */
#include "lib/gatecache.h"
#include "lib/proc_stop.h"

#define CROWD 100

/* --- tests -------------------------------------------------------------------------- */

static void t_a_hundred_visitors_at_once_are_one_request_for_the_node(void **state)
{
    int fd[CROWD], i;

    (void)state;
    gatecache_start("");
    for (i = 0; i < CROWD; i++)
        fd[i] = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache_metric("lars_gateway_cache_waits_total") == CROWD - 1);
    gatecache.released = true;
    for (i = 0; i < CROWD; i++) {
        httppeer_read(fd[i], &gatecache.reply);
        close(fd[i]);
        assert_int_equal(gatecache.reply.status, 200);
        assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    }
    assert_int_equal(gatecache.n_requests, 1);
}

static void
t_when_a_visitor_hangs_up_those_who_wait_for_his_fetch_are_served(void **state)
{
    int first, second;

    (void)state;
    gatecache_start("");
    first = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache.n_requests == 1);
    second = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache_metric("lars_gateway_cache_waits_total") == 1);
    peer_reset(first);
    T_WAIT(gatecache.n_requests == 2);
    gatecache.released = true;
    httppeer_read(second, &gatecache.reply);
    close(second);
    assert_int_equal(gatecache.reply.status, 200);
    assert_int_equal(gatecache_get("/hold", ""), 200); /* it fetched for all */
    assert_int_equal(gatecache.n_requests, 2);
}

static void t_the_fetch_of_a_visitor_who_leaves_serves_those_who_wait(void **state)
{
    int first, second;

    (void)state;
    gatecache_start("");
    first = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache.n_requests == 1);
    second = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache_metric("lars_gateway_cache_waits_total") == 1);
    proc_stop(&gatecache.gateway);
    peer_reset(first);
    gatecache.released = true;
    T_WAIT(gatecache.n_answered == 1);
    proc_continue(&gatecache.gateway); /* it sees both within its second */
    httppeer_read(second, &gatecache.reply);
    close(second);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    assert_int_equal(gatecache.n_requests, 1);
}

static void t_a_visitor_waits_at_most_two_seconds_for_another_request(void **state)
{
    int first, second;

    (void)state;
    gatecache_start("");
    first = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache.n_requests == 1);
    second = gatecache_ask("GET", "/hold", "");
    T_WAIT(gatecache.n_requests == 2);
    gatecache.released = true;
    httppeer_read(second, &gatecache.reply);
    assert_int_equal(gatecache.reply.status, 200);
    httppeer_read(first, &gatecache.reply);
    assert_int_equal(gatecache.reply.status, 200);
    close(first);
    close(second);
}

static void t_a_copy_serves_when_the_node_is_gone(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/short", ""), 200);
    gatecache_node_stop();
    T_WAIT((gatecache_get("/short", ""),
            gatecache_metric("lars_gateway_requests_total{result=\"stale\"}")) > 3);
    assert_int_equal(gatecache_get("/short", ""), 200);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    assert_non_null(strstr(gatecache.reply.text, "\r\nAge: "));
    assert_true(gatecache_metric("lars_gateway_requests_total{result=\"error\"}") == 0);
}

static unsigned long long failures(void)
{
    return testdb_number("SELECT COALESCE(SUM(err_cnt), 0) FROM ServerCallStatus "
                         "WHERE modid = 10 AND cmdid = 2");
}

static void t_failures_that_a_copy_hides_are_the_nodes_failures(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/short", ""), 200);
    assert_int_equal(failures(), 0);
    gatecache.failing = true;
    T_WAIT((gatecache_get("/short", ""),
            gatecache_metric("lars_gateway_attempts_total{why=\"status\"}")) >= 2);
    assert_int_equal(gatecache.reply.status, 200);
    T_WAIT(failures() >= 3); /* the third one is passed on, to the cache */
}

static void t_a_copy_that_must_be_revalidated_does_not_serve_without_a_node(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/strict", ""), 200);
    gatecache_node_stop();
    T_WAIT(gatecache_get("/strict", "") >= 502);
    assert_in_range(gatecache_get("/strict", ""), 502, 504);
}

static void t_what_must_not_be_kept_is_not_kept(void **state)
{
    unsigned i;

    (void)state;
    gatecache_start("");
    for (i = 1; i <= 3; i++) {
        assert_int_equal(gatecache_get("/secret", ""), 200);
        assert_int_equal(gatecache.n_requests, i);
    }
    for (; i <= 6; i++) {
        gatecache_get("/cookie", "");
        assert_int_equal(gatecache.n_requests, i);
    }
    assert_true(gatecache_metric("lars_gateway_cache_entries") == 0);
}

static void t_a_request_for_one_visitor_goes_to_the_node(void **state)
{
    static const char *const fields[] = {"Authorization: Basic YTpi\r\n",
                                         "Cookie: a=b\r\n", "Range: bytes=0-1\r\n",
                                         "If-Match: \"v1\"\r\n"};
    unsigned i;

    (void)state;
    gatecache_start("");
    for (i = 0; i < 8; i++)
        assert_int_equal(gatecache_get("/page", fields[i % 4]), 200);
    assert_int_equal(gatecache.n_requests, 8);
    assert_true(gatecache_metric("lars_gateway_cache_entries") == 0);
}

static void t_languages_and_encodings_are_not_mixed(void **state)
{
    static const struct {
        const char *fields, *body;
    } row[] = {
        {"", "number 1 language - encoding -\n"},
        {"Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n",
         "number 2 language zh encoding -\n"},
        {"Accept-Language: en-US,en\r\n", "number 3 language en encoding -\n"},
        {"Accept-Language: en\r\nAccept-Encoding: gzip, br\r\n",
         "number 4 language en encoding gzip\n"},
        {"Accept-Language: zh-TW\r\nAccept-Encoding: br\r\n",
         "number 2 language zh encoding -\n"},
    };
    unsigned i;

    (void)state;
    gatecache_start("");
    for (i = 0; i < 15; i++) {
        assert_int_equal(gatecache_get("/lang", row[i % 5].fields), 200);
        assert_string_equal(gatecache.reply.body, row[i % 5].body);
    }
    assert_int_equal(gatecache.n_requests, 4);
    gatecache_get("/lang", "Accept-Language: fr\r\n");
    gatecache_get("/lang", "Accept-Language: fr\r\n");
    assert_string_equal(gatecache.reply.body, "number 6 language fr encoding -\n");
}

static void t_a_copy_answers_conditions_and_head(void **state)
{
    int fd;

    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/tag", "If-None-Match: \"v1\"\r\n"),
                     200); /* kept for all */
    assert_int_equal(gatecache_get("/tag", "If-None-Match: \"v0\", W/\"v1\"\r\n"), 304);
    assert_int_equal(gatecache.reply.len, 0);
    assert_non_null(strstr(gatecache.reply.text, "\r\nETag: \"v1\"\r\n"));
    assert_int_equal(gatecache_get("/tag", "If-None-Match: \"v2\"\r\n"), 200);
    fd = gatecache_ask("HEAD", "/tag", "");
    httppeer_read(fd, &gatecache.reply);
    close(fd);
    assert_int_equal(gatecache.reply.status, 200);
    assert_int_equal(gatecache.reply.len, 0);
    assert_non_null(strstr(gatecache.reply.text, "\r\nContent-Length: 31\r\n"));
    assert_int_equal(gatecache.n_requests, 1);
}

/* Read all of an answer and count it. */
static size_t drain(int fd)
{
    static char in[65536];
    size_t n = 0;
    ssize_t got;

    while ((got = recv(fd, in, sizeof(in), 0)) > 0)
        n += (size_t)got;
    return n;
}

static void t_a_large_copy_reaches_a_visitor_who_reads_late(void **state)
{
    int first, slow;

    (void)state;
    gatecache_start("");
    first = gatecache_ask("GET", "/size/250000", "");
    assert_true(drain(first) > 250000);
    slow = gatecache_ask("GET", "/size/250000", "");
    T_WAIT(gatecache_get("/size/1", "") == 200);
    assert_true(drain(slow) > 250000);
    assert_int_equal(gatecache.n_requests, 2);
    close(first);
    close(slow);
    first = gatecache_ask("GET", "/size/300000", ""); /* too large to be kept */
    assert_true(drain(first) > 300000);
    close(first);
    assert_true(gatecache_metric("lars_gateway_cache_entries") == 2);
}

static void t_memory_stays_within_the_bound_with_many_keys(void **state)
{
    char path[40];
    int i;

    (void)state;
    gatecache_start("[cache]\nmb = 1\n");
    for (i = 0; i < (t_mode_is("memcheck") ? 2500 : 10000); i++) {
        snprintf(path, sizeof(path), "/size/1000/%d", i);
        assert_int_equal(gatecache_get(path, ""), 200);
        if (i % 500 == 0)
            assert_true(gatecache_metric("lars_gateway_cache_bytes") <= 1 << 20);
    }
    assert_true(gatecache_metric("lars_gateway_cache_bytes") <= 1 << 20);
    assert_true(gatecache_metric("lars_gateway_cache_bytes") > 1 << 19);
    assert_true(gatecache_metric("lars_gateway_cache_evictions_total") > 1000);
    assert_int_equal(gatecache_get(path, ""), 200);
}

TESTDB_MAIN(
    GATECACHE_TEST(t_a_hundred_visitors_at_once_are_one_request_for_the_node),
    GATECACHE_TEST(t_when_a_visitor_hangs_up_those_who_wait_for_his_fetch_are_served),
    GATECACHE_TEST(t_the_fetch_of_a_visitor_who_leaves_serves_those_who_wait),
    GATECACHE_TEST(t_a_visitor_waits_at_most_two_seconds_for_another_request),
    GATECACHE_TEST(t_a_copy_serves_when_the_node_is_gone),
    GATECACHE_TEST(t_failures_that_a_copy_hides_are_the_nodes_failures),
    GATECACHE_TEST(t_a_copy_that_must_be_revalidated_does_not_serve_without_a_node),
    GATECACHE_TEST(t_what_must_not_be_kept_is_not_kept),
    GATECACHE_TEST(t_a_request_for_one_visitor_goes_to_the_node),
    GATECACHE_TEST(t_languages_and_encodings_are_not_mixed),
    GATECACHE_TEST(t_a_copy_answers_conditions_and_head),
    GATECACHE_TEST(t_a_large_copy_reaches_a_visitor_who_reads_late),
    GATECACHE_TEST(t_memory_stays_within_the_bound_with_many_keys))
