/* The HTTP port with real sockets: the text of /metrics, the status of /healthz, nothing
 * else, and clients that are idle or send garbage.  The client is in another thread,
 * because the loop runs in that of the test. */
#include <pthread.h>

#include "base/log.h"
#include "lib/httppeer.h"
#include "loop.h"
#include "obs/httpd.h"

static struct evloop *loop;
static struct httpd *http;
static struct httpreply reply;
static const char *unhealthy; /* the reason; NULL = healthy */
static int n_scrapes;

static const struct metrics_part path_part[] = {{"udp", 3}, {"shm", 4}};

static void collect(struct metrics *m, const void *arg)
{
    (void)arg;
    n_scrapes++;
    metrics_counter(m, "lars_test_things_total", "Things done.", 12345678901.0);
    metrics_gauge(m, "lars_test_level", "How high.", -0.5);
    metrics_counter_parts(m, "lars_test_calls_total", "Calls by path.", "path", path_part,
                          2);
}

static const char *health(const void *arg)
{
    (void)arg;
    return unhealthy;
}

static const struct httpd_config cfg = {collect, health, NULL, 0};

static int setup(void **state)
{
    t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    unhealthy = NULL;
    n_scrapes = 0;
    assert_int_equal(evloop_create(&loop), 0);
    return httpd_create(&http, loop, "127.0.0.1:0", &cfg);
}

static int teardown(void **state)
{
    httpd_destroy(http);
    httpd_destroy(NULL);
    evloop_destroy(loop);
    return t_fds_check(state);
}

static const char *method, *path;
static _Atomic bool done;

static void *client(void *arg)
{
    int fd = peer_connect(httpd_port(http));

    (void)arg;
    httppeer_ask(fd, method, path);
    httppeer_read(fd, &reply);
    close(fd);
    done = true;
    return NULL;
}

static void ask(const char *m, const char *p)
{
    pthread_t th;

    method = m;
    path = p;
    done = false;
    assert_int_equal(pthread_create(&th, NULL, client, NULL), 0);
    LOOP_UNTIL(loop, done);
    pthread_join(th, NULL);
}

static const char first[] = "# HELP lars_test_things_total Things done.\n"
                            "# TYPE lars_test_things_total counter\n"
                            "lars_test_things_total 12345678901\n"
                            "# HELP lars_test_level How high.\n"
                            "# TYPE lars_test_level gauge\n"
                            "lars_test_level -0.5\n"
                            "# HELP lars_test_calls_total Calls by path.\n"
                            "# TYPE lars_test_calls_total counter\n"
                            "lars_test_calls_total{path=\"udp\"} 3\n"
                            "lars_test_calls_total{path=\"shm\"} 4\n";

static void t_metrics_have_the_values_as_text(void **state)
{
    (void)state;
    ask("GET", "/metrics");
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.text, "Content-Type: text/plain; version=0.0.4\r\n"));
    assert_int_equal(strncmp(reply.body, first, strlen(first)), 0);
    assert_int_equal(httppeer_check_text(reply.body), 7);
    assert_int_equal(httppeer_value(&reply, "lars_log_dropped_total"), 0);
    assert_true(httppeer_value(&reply, "process_open_fds") >= 4);
    assert_true(httppeer_value(&reply, "process_resident_memory_bytes") > 4096);
    assert_int_equal(n_scrapes, 1);
}

static void t_metrics_histogram_counts_up_to_each_bound(void **state)
{
    static const double bound[2] = {0.001, 0.5};
    static const uint64_t count[3] = {4, 2, 1};
    const struct metrics_series series = {"1/2", count, 3.25};
    struct buf out = {0};
    struct metrics m = {&out, 0};

    (void)state;
    metrics_histogram(&m, "lars_test_seconds", "Time.", "module", bound, 2, &series, 1);
    assert_int_equal(m.rc, 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(buf_bytes(&out),
                        "# HELP lars_test_seconds Time.\n"
                        "# TYPE lars_test_seconds histogram\n"
                        "lars_test_seconds_bucket{module=\"1/2\",le=\"0.001\"} 4\n"
                        "lars_test_seconds_bucket{module=\"1/2\",le=\"0.5\"} 6\n"
                        "lars_test_seconds_bucket{module=\"1/2\",le=\"+Inf\"} 7\n"
                        "lars_test_seconds_sum{module=\"1/2\"} 3.25\n"
                        "lars_test_seconds_count{module=\"1/2\"} 7\n");
    buf_free(&out);
}

static void t_healthz_has_the_reason(void **state)
{
    (void)state;
    ask("GET", "/healthz");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "ok\n");
    unhealthy = "no routes yet";
    ask("GET", "/healthz");
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply.body, "no routes yet\n");
}

static void t_other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    ask("GET", "/");
    assert_int_equal(reply.status, 404);
    ask("GET", "/metrics/../etc/passwd");
    assert_int_equal(reply.status, 404);
    ask("POST", "/metrics");
    assert_int_equal(reply.status, 405);
    ask("DELETE", "/healthz");
    assert_int_equal(reply.status, 405);
    assert_int_equal(n_scrapes, 0);
    ask("HEAD", "/metrics");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.len, 0);
}

static void t_idle_and_broken_clients_block_no_other_one(void **state)
{
    int fd[100], i, n = 0;

    (void)state;
    for (i = 0; i < 20; i++) {
        fd[n++] = peer_connect(httpd_port(http));
        peer_send(fd[i], "\x01\xff GET\r\n\r\n", (size_t)i % 11);
        loop_turn(loop);
    }
    ask("GET", "/healthz");
    assert_int_equal(reply.status, 200);
    while (n > 0)
        close(fd[--n]);
}

/* More connections than the port takes at once, of clients that never ask. */
static void t_idle_connections_never_fill_the_port(void **state)
{
    int fd[100], i;

    (void)state;
    for (i = 0; i < 100; i++) {
        fd[i] = peer_connect(httpd_port(http));
        loop_turn(loop);
    }
    ask("GET", "/healthz");
    assert_int_equal(reply.status, 200);
    ask("GET", "/metrics");
    assert_int_equal(reply.status, 200);
    for (i = 0; i < 100; i++)
        close(fd[i]);
}

static void t_bad_addresses_are_refused(void **state)
{
    struct httpd *h;
    char taken[40];

    (void)state;
    assert_int_equal(httpd_create(&h, loop, "", &cfg), 0);
    assert_null(h);
    assert_int_equal(httpd_create(&h, loop, "localhost", &cfg), -EINVAL);
    snprintf(taken, sizeof(taken), "127.0.0.1:%d", httpd_port(http));
    assert_int_equal(httpd_create(&h, loop, taken, &cfg), -EADDRINUSE);
}

#define O(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(O(t_metrics_have_the_values_as_text),
       O(t_metrics_histogram_counts_up_to_each_bound), O(t_healthz_has_the_reason),
       O(t_other_paths_and_methods_are_refused),
       O(t_idle_and_broken_clients_block_no_other_one),
       O(t_idle_connections_never_fill_the_port), O(t_bad_addresses_are_refused))
