/* Probes of a node that the test plays: its port, its process, the status of an HTTP
 * answer or an echo decides; a probe without an answer ends in time. */
#include "net/probe.h"

#include <sys/socket.h>

#include "loop.h"
#include "net/frame.h"
#include "net/sock.h"

static struct {
    struct evloop *loop;
    struct probe *probe;
    struct net_addr at;
    int lfd, fd, n;
    uint64_t id;
    bool ok;
    enum probe_shows shows;
} fx;

static void on_end(uint64_t id, bool ok, enum probe_shows shows, void *arg)
{
    (void)arg;
    fx.shows = shows;
    fx.n++;
    fx.id = id;
    fx.ok = ok;
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    fx.fd = -1;
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(net_addr_set(&fx.at, "127.0.0.1", 0), 0);
    fx.lfd = sock_listen(&fx.at, 16, SOCK_NONBLOCK);
    assert_true(fx.lfd >= 0);
    assert_int_equal(sock_local_addr(fx.lfd, &fx.at), 0);
    return probe_create(&fx.probe, fx.loop, 5000, on_end, NULL);
}

static int teardown(void **state)
{
    probe_destroy(fx.probe);
    evloop_destroy(fx.loop);
    if (fx.fd >= 0)
        close(fx.fd);
    close(fx.lfd);
    return t_fds_check(state);
}

static void take(void)
{
    if (fx.fd >= 0)
        close(fx.fd);
    LOOP_UNTIL(fx.loop, (fx.fd = sock_accept(fx.lfd, 0, NULL)) >= 0);
}

static void t_node_that_closes_in_turn_shows_its_process(void **state)
{
    (void)state;
    assert_int_equal(probe_start(fx.probe, 7, &fx.at, ""), 0);
    assert_int_equal(probe_start(fx.probe, 7, &fx.at, ""), -EBUSY);
    take();
    assert_int_equal(fx.n, 0);
    close(fx.fd);
    fx.fd = -1;
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_int_equal(fx.id, 7);
    assert_true(fx.ok);
    assert_int_equal(fx.shows, PROBE_SHOWS_PROCESS);
}

static void t_node_that_only_accepts_shows_its_port(void **state)
{
    (void)state;
    probe_destroy(fx.probe);
    assert_int_equal(probe_create(&fx.probe, fx.loop, 30, on_end, NULL), 0);
    assert_int_equal(probe_start(fx.probe, 7, &fx.at, ""), 0);
    LOOP_UNTIL(fx.loop, fx.n == 1);   /* as a process that is stopped */
    assert_true(fx.ok);
    assert_int_equal(fx.shows, PROBE_SHOWS_PORT);
}

/* The result of an echo that is answered with message <msgid> and <body>. */
static bool echo(int32_t msgid, const char *body, size_t len)
{
    char in[FRAME_HEAD + 20], out[64];
    struct frame f;
    ssize_t n = 0;
    int before = fx.n;

    assert_int_equal(probe_start(fx.probe, 9, &fx.at, "echo"), 0);
    take();
    LOOP_UNTIL(fx.loop, (n = recv(fx.fd, in, sizeof(in), MSG_DONTWAIT)) > 0);
    assert_int_equal(frame_parse(in, (size_t)n, 20, &f), n);
    assert_int_equal(f.msgid, 100);
    frame_put_head((uint8_t *)out, msgid, (uint32_t)(1 + len));
    out[FRAME_HEAD] = 1;              /* the request has failed */
    memcpy(out + FRAME_HEAD + 1, body ? body : f.body, len);
    assert_true(send(fx.fd, out, FRAME_HEAD + 1 + len, MSG_NOSIGNAL) > 0);
    shutdown(fx.fd, SHUT_WR);
    LOOP_UNTIL(fx.loop, fx.n == before + 1);
    return fx.ok;
}

static void t_echo_of_the_same_body_shows_the_service(void **state)
{
    (void)state;
    assert_true(echo(101, NULL, 10));
    assert_int_equal(fx.shows, PROBE_SHOWS_SERVICE);
    assert_false(echo(102, NULL, 10));
    assert_false(echo(101, "other body", 10));
    assert_false(echo(101, NULL, 9));
}

static void t_unknown_probe_is_refused(void **state)
{
    (void)state;
    assert_int_equal(probe_start(fx.probe, 9, &fx.at, "ping"), -EINVAL);
    assert_int_equal(fx.n, 0);
}

static void t_refused_connection_fails(void **state)
{
    struct net_addr none = fx.at;

    (void)state;
    none.port = 1;
    assert_int_equal(probe_start(fx.probe, 8, &none, "/"), 0);
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_false(fx.ok);
}

/* The result of a probe whose answer arrives in the pieces <a> and <b> and then ends. */
static bool answer(const char *a, const char *b)
{
    char in[200];
    ssize_t n = 0;
    int before = fx.n;

    assert_int_equal(probe_start(fx.probe, 9, &fx.at, "/well?x=1"), 0);
    take();
    LOOP_UNTIL(fx.loop, (n = recv(fx.fd, in, sizeof(in) - 1, MSG_DONTWAIT)) > 0);
    in[n] = '\0';
    assert_non_null(strstr(in, "GET /well?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert_int_equal(send(fx.fd, a, strlen(a), MSG_NOSIGNAL), strlen(a));
    if (b) {
        loop_turn(fx.loop);
        assert_int_equal(fx.n, before);
        assert_int_equal(send(fx.fd, b, strlen(b), MSG_NOSIGNAL), strlen(b));
    }
    shutdown(fx.fd, SHUT_WR);
    LOOP_UNTIL(fx.loop, fx.n == before + 1);
    return fx.ok;
}

static void t_with_a_path_the_status_decides(void **state)
{
    (void)state;
    assert_true(answer("HTTP/1.1 200 OK\r\n\r\n", NULL));
    assert_true(answer("HTTP/1.0 2", "04 No Content\r\n\r\n"));
    assert_true(answer("HTTP/1.1 302 Found\r\n\r\n", NULL));
    assert_false(answer("HTTP/1.1 503 Service Unavailable\r\n\r\n", NULL));
    assert_false(answer("HTTP/1.1 404 Not Found\r\n\r\n", NULL));
    assert_false(answer("HTTP/1.1 20", NULL)); /* the answer ends too early */
    assert_false(answer("SSH-2.0-OpenSSH_9.2\r\n", NULL));
    assert_false(answer("", NULL));
}

static void t_probe_without_an_answer_fails_in_time(void **state)
{
    (void)state;
    probe_destroy(fx.probe);
    assert_int_equal(probe_create(&fx.probe, fx.loop, 30, on_end, NULL), 0);
    assert_int_equal(probe_start(fx.probe, 9, &fx.at, "/"), 0);
    take();
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_false(fx.ok);
}

static void t_path_that_is_too_long_is_refused(void **state)
{
    char path[200];

    (void)state;
    memset(path, '/', sizeof(path));
    path[199] = '\0';
    assert_int_equal(probe_start(fx.probe, 9, &fx.at, path), -E2BIG);
}

#define E(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(E(t_node_that_closes_in_turn_shows_its_process),
       E(t_node_that_only_accepts_shows_its_port),
       E(t_echo_of_the_same_body_shows_the_service), E(t_unknown_probe_is_refused),
       E(t_refused_connection_fails),
       E(t_with_a_path_the_status_decides), E(t_probe_without_an_answer_fails_in_time),
       E(t_path_that_is_too_long_is_refused))
