/* A gateway ends and another one takes over its port, without a request that fails. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define KEYS "loops = 2\nidle_ms = 1000\ndrain_accept_ms = 500\ndrain_ms = 20000\n"

static struct proc first, second;
static struct httpreply reply;
static struct gateload load;

static int setup(void **state)
{
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    if (!load.stop && load.port)
        gateload_stop(&load);
    proc_kill(&first);
    proc_kill(&second);
    return gatesys_teardown(state);
}

static void take_over(unsigned per_connection)
{
    unsigned n;

    gatesys_start(&first, 0, KEYS, "");
    gateload_start(&load, first.port, per_connection);
    T_WAIT(load.n_ok > 100);
    gatesys_start(&second, first.port, KEYS, "");
    assert_int_equal(proc_end(&first, SIGTERM), 0);
    n = load.n_ok;
    T_WAIT(load.n_ok > n + 200 || load.n_failed);
    gateload_stop(&load);
    if (load.n_failed)
        fail_msg("%u of %u requests failed; the first: %s", load.n_failed, load.n_ok,
                 load.failure);
    assert_int_equal(proc_end(&second, SIGTERM), 0);
}

static void
t_no_request_on_a_kept_connection_fails_when_a_gateway_takes_over(void **state)
{
    (void)state;
    take_over(0);
}

static void t_no_connection_is_lost_when_a_gateway_takes_over(void **state)
{
    (void)state;
    take_over(1);
}

static void t_health_says_503_and_metrics_answer_while_it_drains(void **state)
{
    int http, fd;

    (void)state;
    http = gatesys_start(&first, 0, "drain_accept_ms = 20000\ndrain_ms = 20000\n", "");
    fd = peer_connect(first.port);
    kill(first.pid, SIGTERM);
    T_WAIT((httppeer_get(http, "/healthz", &reply), reply.status == 503));
    assert_non_null(strstr(reply.body, "draining"));
    T_WAIT((httppeer_get(http, "/metrics", &reply),
            httppeer_value(&reply, "lars_gateway_connections") == 1));
    httppeer_ask(fd, "GET", "/");
    httppeer_read(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.text, "\r\nConnection: close\r\n"));
    close(fd);
    assert_int_equal(proc_end(&first, SIGTERM),
                     0); /* the second signal ends it at once */
}

/* Reads the rest of one answer and the next one, which has <text> and ends the
 * connection. */
static void peer_expect_end(int fd, const char *text)
{
    char in[16384];
    size_t n = 0;
    ssize_t got;

    while ((got = recv(fd, in + n, sizeof(in) - 1 - n, 0)) > 0)
        n += (size_t)got;
    in[n] = '\0';
    assert_int_equal(got, 0);
    assert_non_null(strstr(in, text));
}

static bool is_refused(int port)
{
    int fd = peer_try_connect(port);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void t_a_connection_that_waits_is_served_once_more(void **state)
{
    int fd;

    (void)state;
    gatesys_start(&first, 0, "drain_accept_ms = 0\nidle_ms = 20000\ndrain_ms = 25000\n",
                  "");
    fd = peer_connect(first.port);
    peer_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    peer_expect(fd, "HTTP/1.1 200 ");
    kill(first.pid, SIGTERM);
    T_WAIT(is_refused(first.port));
    peer_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    peer_expect_end(fd, "\r\nConnection: close\r\n");
    close(fd);
    assert_int_equal(proc_wait(&first), 0);
}

static void t_visitors_who_do_not_leave_have_drain_ms(void **state)
{
    int fd;

    (void)state;
    gatesys_start(&first, 0, "drain_accept_ms = 0\nidle_ms = 600000\ndrain_ms = 600\n",
                  "");
    fd = peer_connect(first.port);
    assert_int_equal(proc_end(&first, SIGTERM), 0);
    peer_expect_close(fd);
    close(fd);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_no_request_on_a_kept_connection_fails_when_a_gateway_takes_over),
            E(t_no_connection_is_lost_when_a_gateway_takes_over),
            E(t_health_says_503_and_metrics_answer_while_it_drains),
            E(t_a_connection_that_waits_is_served_once_more),
            E(t_visitors_who_do_not_leave_have_drain_ms))
