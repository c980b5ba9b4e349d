/* The cache of a gateway before a node that counts its requests.  The node is a part of
 * the test: it holds an answer until the test releases it, so that nothing depends on how
 * fast the machine is. */
#include <netinet/tcp.h>
#include <stdatomic.h>

#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define CROWD 100

static struct proc gateway;
static struct httpreply reply;
static int http;

/* --- the node ----------------------------------------------------------------------- */

static struct {
    int lfd, port;
    pthread_t thread[64];
    unsigned n_threads;
    atomic_int fd[64]; /* its connections; -1 = closed */
    atomic_uint n_requests, n_answered;
    atomic_bool released, stopped, failing; /* failing: 502 to all */
} node;

/* The value of a field in the head <in>; "-" = it has none. */
static const char *field(const char *in, const char *name, char out[64])
{
    const char *at = strcasestr(in, name);

    if (!at || sscanf(at + strlen(name), ": %63[^\r]", out) != 1)
        snprintf(out, 64, "-");
    return out;
}

/* "/KIND..." decides about the fields of the answer. */
static const char *fields_for(const char *path)
{
    static const char *const table[][2] = {
        {"/short", "Cache-Control: max-age=1, stale-while-revalidate=0\r\n"},
        {"/strict", "Cache-Control: max-age=1, must-revalidate\r\n"},
        {"/secret", "Cache-Control: no-store\r\n"},
        {"/cookie", "Cache-Control: max-age=600\r\nSet-Cookie: a=b\r\n"},
        {"/lang", "Cache-Control: max-age=600\r\nVary: Accept-Language\r\n"},
        {"/tag", "Cache-Control: max-age=600\r\nETag: \"v1\"\r\n"},
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strncmp(path, table[i][0], strlen(table[i][0])) == 0)
            return table[i][1];
    return "Cache-Control: max-age=600\r\n";
}

/* "/SIZE/n": a body of n bytes. */
static size_t size_of(const char *path)
{
    return strncmp(path, "/size/", 6) == 0 ? strtoul(path + 6, NULL, 10) : 0;
}

static bool send_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool node_answer(int fd, const char *in)
{
    static char filler[400000];
    char path[80], language[64], encoding[64], body[300], head[600];
    size_t more;
    int n;

    sscanf(in, "%*s %79s", path);
    n = snprintf(body, sizeof(body), "number %u language %s encoding %s\n",
                 ++node.n_requests, field(in, "\r\nAccept-Language", language),
                 field(in, "\r\nAccept-Encoding", encoding));
    while (strncmp(path, "/hold", 5) == 0 && !node.released && !node.stopped)
        poll(NULL, 0, 1);
    more = size_of(path);
    snprintf(head, sizeof(head), "HTTP/1.1 %d OK\r\n%sContent-Length: %zu\r\n\r\n",
             node.failing ? 502 : 200, fields_for(path), (size_t)n + more);
    return send_all(fd, head, strlen(head)) && send_all(fd, body, (size_t)n) &&
           send_all(fd, filler, more);
}

static void *serve(void *arg)
{
    atomic_int *slot = arg;
    char in[8192];
    size_t n = 0;
    ssize_t got;

    while ((got = recv(*slot, in + n, sizeof(in) - 1 - n, 0)) > 0) {
        n += (size_t)got;
        in[n] = '\0';
        if (!strstr(in, "\r\n\r\n"))
            continue;
        if (!node_answer(*slot, in))
            break;
        node.n_answered++;
        n = 0;
    }
    shutdown(*slot, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    while (node.n_threads < 63) {
        int fd = accept(node.lfd, NULL, NULL), on = 1;
        unsigned i = node.n_threads;

        if (fd < 0)
            return NULL;
        if (node.stopped) {
            close(fd);
            return NULL;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        node.fd[i] = fd;
        if (pthread_create(&node.thread[i], NULL, serve, &node.fd[i]) != 0)
            return NULL;
        node.n_threads = i + 1;
    }
    return NULL;
}

static pthread_t acceptor;

static void node_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    memset(&node, 0, sizeof(node));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    node.lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(node.lfd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(node.lfd, 128), 0);
    getsockname(node.lfd, (struct sockaddr *)&at, &len);
    node.port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&acceptor, NULL, accept_all, NULL), 0);
}

/* It refuses connections from now on, and those that it had are closed. */
static void node_stop(void)
{
    unsigned i;

    if (node.stopped)
        return;
    node.stopped = true;
    shutdown(node.lfd, SHUT_RDWR);
    pthread_join(acceptor, NULL);
    close(node.lfd);
    for (i = 0; i < node.n_threads; i++)
        shutdown(node.fd[i], SHUT_RDWR);
    for (i = 0; i < node.n_threads; i++) {
        pthread_join(node.thread[i], NULL);
        close(node.fd[i]);
    }
}

/* --- the gateway -------------------------------------------------------------------- */

static void start(const char *sections)
{
    gatesys_write_rules("[rule site]\nmodule = 10/2\n");
    http = gatesys_start(&gateway, 0, "loops = 2\n", sections);
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    node_start();
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                "(10, 2, INET_ATON('127.0.0.1'), %d)",
                node.port);
    T_WAIT(lars_register(sys.client, 10, 2) == 0);
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    node_stop();
    return gatesys_teardown(state);
}

static int ask(const char *method, const char *path, const char *fields)
{
    char q[600];
    int fd = peer_connect(gateway.port);

    snprintf(q, sizeof(q), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, path, fields);
    peer_send(fd, q, strlen(q));
    return fd;
}

/* The whole exchange; the answer is in <reply>.  Returns its status. */
static int get(const char *path, const char *fields)
{
    int fd = ask("GET", path, fields);

    httppeer_read(fd, &reply);
    close(fd);
    return reply.status;
}

static double metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(http, "/metrics", &r);
    return httppeer_value(&r, name);
}

/* --- tests -------------------------------------------------------------------------- */

static void t_a_hundred_visitors_at_once_are_one_request_for_the_node(void **state)
{
    int fd[CROWD], i;

    (void)state;
    start("");
    for (i = 0; i < CROWD; i++)
        fd[i] = ask("GET", "/hold", "");
    T_WAIT(metric("lars_gateway_cache_waits_total") == CROWD - 1);
    node.released = true;
    for (i = 0; i < CROWD; i++) {
        httppeer_read(fd[i], &reply);
        close(fd[i]);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "number 1 language - encoding -\n");
    }
    assert_int_equal(node.n_requests, 1);
}

static void
t_when_a_visitor_hangs_up_those_who_wait_for_his_fetch_are_served(void **state)
{
    int first, second;

    (void)state;
    start("");
    first = ask("GET", "/hold", "");
    T_WAIT(node.n_requests == 1);
    second = ask("GET", "/hold", "");
    T_WAIT(metric("lars_gateway_cache_waits_total") == 1);
    peer_reset(first);
    T_WAIT(node.n_requests == 2);
    node.released = true;
    httppeer_read(second, &reply);
    close(second);
    assert_int_equal(reply.status, 200);
    assert_int_equal(get("/hold", ""), 200); /* it fetched for all */
    assert_int_equal(node.n_requests, 2);
}

static void t_the_fetch_of_a_visitor_who_leaves_serves_those_who_wait(void **state)
{
    int first, second;

    (void)state;
    start("");
    first = ask("GET", "/hold", "");
    T_WAIT(node.n_requests == 1);
    second = ask("GET", "/hold", "");
    T_WAIT(metric("lars_gateway_cache_waits_total") == 1);
    kill(gateway.pid, SIGSTOP);
    peer_reset(first);
    node.released = true;
    T_WAIT(node.n_answered == 1);
    kill(gateway.pid, SIGCONT); /* it sees both within its second */
    httppeer_read(second, &reply);
    close(second);
    assert_string_equal(reply.body, "number 1 language - encoding -\n");
    assert_int_equal(node.n_requests, 1);
}

static void t_a_visitor_waits_at_most_two_seconds_for_another_request(void **state)
{
    int first, second;

    (void)state;
    start("");
    first = ask("GET", "/hold", "");
    T_WAIT(node.n_requests == 1);
    second = ask("GET", "/hold", "");
    T_WAIT(node.n_requests == 2);
    node.released = true;
    httppeer_read(second, &reply);
    assert_int_equal(reply.status, 200);
    httppeer_read(first, &reply);
    assert_int_equal(reply.status, 200);
    close(first);
    close(second);
}

static void t_a_copy_serves_when_the_node_is_gone(void **state)
{
    (void)state;
    start("");
    assert_int_equal(get("/short", ""), 200);
    node_stop();
    T_WAIT((get("/short", ""), metric("lars_gateway_requests_total{result=\"stale\"}")) >
           3);
    assert_int_equal(get("/short", ""), 200);
    assert_string_equal(reply.body, "number 1 language - encoding -\n");
    assert_non_null(strstr(reply.text, "\r\nAge: "));
    assert_true(metric("lars_gateway_requests_total{result=\"error\"}") == 0);
}

static unsigned long long failures(void)
{
    return testdb_number("SELECT COALESCE(SUM(err_cnt), 0) FROM ServerCallStatus "
                         "WHERE modid = 10 AND cmdid = 2");
}

static void t_failures_that_a_copy_hides_are_the_nodes_failures(void **state)
{
    (void)state;
    start("");
    assert_int_equal(get("/short", ""), 200);
    assert_int_equal(failures(), 0);
    node.failing = true;
    T_WAIT((get("/short", ""), metric("lars_gateway_attempts_total{why=\"status\"}")) >=
           2);
    assert_int_equal(reply.status, 200);
    T_WAIT(failures() >= 3); /* the third one is passed on, to the cache */
}

static void t_a_copy_that_must_be_revalidated_does_not_serve_without_a_node(void **state)
{
    (void)state;
    start("");
    assert_int_equal(get("/strict", ""), 200);
    node_stop();
    T_WAIT(get("/strict", "") >= 502);
    assert_in_range(get("/strict", ""), 502, 504);
}

static void t_what_must_not_be_kept_is_not_kept(void **state)
{
    unsigned i;

    (void)state;
    start("");
    for (i = 1; i <= 3; i++) {
        assert_int_equal(get("/secret", ""), 200);
        assert_int_equal(node.n_requests, i);
    }
    for (; i <= 6; i++) {
        get("/cookie", "");
        assert_int_equal(node.n_requests, i);
    }
    assert_true(metric("lars_gateway_cache_entries") == 0);
}

static void t_a_request_for_one_visitor_goes_to_the_node(void **state)
{
    static const char *const fields[] = {"Authorization: Basic YTpi\r\n",
                                         "Cookie: a=b\r\n", "Range: bytes=0-1\r\n",
                                         "If-Match: \"v1\"\r\n"};
    unsigned i;

    (void)state;
    start("");
    for (i = 0; i < 8; i++)
        assert_int_equal(get("/page", fields[i % 4]), 200);
    assert_int_equal(node.n_requests, 8);
    assert_true(metric("lars_gateway_cache_entries") == 0);
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
    start("");
    for (i = 0; i < 15; i++) {
        assert_int_equal(get("/lang", row[i % 5].fields), 200);
        assert_string_equal(reply.body, row[i % 5].body);
    }
    assert_int_equal(node.n_requests, 4);
    get("/lang", "Accept-Language: fr\r\n");
    get("/lang", "Accept-Language: fr\r\n");
    assert_string_equal(reply.body, "number 6 language fr encoding -\n");
}

static void t_a_copy_answers_conditions_and_head(void **state)
{
    int fd;

    (void)state;
    start("");
    assert_int_equal(get("/tag", "If-None-Match: \"v1\"\r\n"), 200); /* kept for all */
    assert_int_equal(get("/tag", "If-None-Match: \"v0\", W/\"v1\"\r\n"), 304);
    assert_int_equal(reply.len, 0);
    assert_non_null(strstr(reply.text, "\r\nETag: \"v1\"\r\n"));
    assert_int_equal(get("/tag", "If-None-Match: \"v2\"\r\n"), 200);
    fd = ask("HEAD", "/tag", "");
    httppeer_read(fd, &reply);
    close(fd);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.len, 0);
    assert_non_null(strstr(reply.text, "\r\nContent-Length: 31\r\n"));
    assert_int_equal(node.n_requests, 1);
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
    start("");
    first = ask("GET", "/size/250000", "");
    assert_true(drain(first) > 250000);
    slow = ask("GET", "/size/250000", "");
    T_WAIT(get("/size/1", "") == 200);
    assert_true(drain(slow) > 250000);
    assert_int_equal(node.n_requests, 2);
    close(first);
    close(slow);
    first = ask("GET", "/size/300000", ""); /* too large to be kept */
    assert_true(drain(first) > 300000);
    close(first);
    assert_true(metric("lars_gateway_cache_entries") == 2);
}

static void t_memory_stays_within_the_bound_with_many_keys(void **state)
{
    char path[40];
    int i;

    (void)state;
    start("[cache]\nmb = 1\n");
    for (i = 0; i < (t_mode_is("memcheck") ? 2500 : 10000); i++) {
        snprintf(path, sizeof(path), "/size/1000/%d", i);
        assert_int_equal(get(path, ""), 200);
        if (i % 500 == 0)
            assert_true(metric("lars_gateway_cache_bytes") <= 1 << 20);
    }
    assert_true(metric("lars_gateway_cache_bytes") <= 1 << 20);
    assert_true(metric("lars_gateway_cache_bytes") > 1 << 19);
    assert_true(metric("lars_gateway_cache_evictions_total") > 1000);
    assert_int_equal(get(path, ""), 200);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
TESTDB_MAIN(TEST(t_a_hundred_visitors_at_once_are_one_request_for_the_node),
            TEST(t_when_a_visitor_hangs_up_those_who_wait_for_his_fetch_are_served),
            TEST(t_the_fetch_of_a_visitor_who_leaves_serves_those_who_wait),
            TEST(t_a_visitor_waits_at_most_two_seconds_for_another_request),
            TEST(t_a_copy_serves_when_the_node_is_gone),
            TEST(t_failures_that_a_copy_hides_are_the_nodes_failures),
            TEST(t_a_copy_that_must_be_revalidated_does_not_serve_without_a_node),
            TEST(t_what_must_not_be_kept_is_not_kept),
            TEST(t_a_request_for_one_visitor_goes_to_the_node),
            TEST(t_languages_and_encodings_are_not_mixed),
            TEST(t_a_copy_answers_conditions_and_head),
            TEST(t_a_large_copy_reaches_a_visitor_who_reads_late),
            TEST(t_memory_stays_within_the_bound_with_many_keys))
