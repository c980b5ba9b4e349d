/* End-to-end tests: start the programs of this stage and talk to them with the client of
 * peer.h, which shares no code with them. */
#include "t.h"

#include "peer.h"
#include "proc.h"

static struct proc srv;

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    return t_fds_save(state);
}

/* SIGTERM and not SIGKILL, so that valgrind can report what the server has lost. */
static int teardown(void **state)
{
    if (srv.pid > 0)
        proc_end(&srv, SIGTERM);
    return t_fds_check(state);
}

static void start(void)
{
    proc_start(&srv, "echo_server", "-p", "0", NULL);
    proc_wait_port(&srv);
}

static void t_greeting_comes_first(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    peer_expect_silence(c, 20);
    close(c);
}

static void t_echo_returns_what_was_sent(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    peer_send(c, "one\n", 4);
    peer_expect(c, "one\n");
    peer_send(c, "two, three", 10);
    peer_expect(c, "two, three");
    shutdown(c, SHUT_WR);
    peer_expect_close(c);
    close(c);
}

/* Every byte value, in messages of 1 to 3,000 bytes. */
static void t_echo_is_exact_for_every_byte_and_size(void **state)
{
    unsigned char out[3000], in[3000];
    size_t len, i;
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    for (len = 1; len <= sizeof(out); len = len < 20 ? len + 1 : len * 3 / 2) {
        for (i = 0; i < len; i++)
            out[i] = (unsigned char)(i * 7 + len);
        peer_send(c, out, len);
        peer_recv(c, in, len);
        assert_memory_equal(in, out, len);
    }
    close(c);
}

static void t_clients_are_served_one_after_another(void **state)
{
    int i;

    (void)state;
    start();
    for (i = 0; i < 200; i++) {
        int c = peer_connect(srv.port);

        peer_expect(c, "hello Lars\n");
        close(c);
    }
}

/* The kernel connects the second client, but the server sends it nothing until the first
 * has left. */
static void t_second_client_waits_for_the_first(void **state)
{
    int a, b;

    (void)state;
    start();
    a = peer_connect(srv.port);
    peer_expect(a, "hello Lars\n");
    b = peer_connect(srv.port);           /* waits in the kernel's accept queue */
    peer_expect_silence(b, 50);
    close(a);
    peer_expect(b, "hello Lars\n");
    close(b);
}

static void t_client_that_resets_does_not_end_the_server(void **state)
{
    char big[100000];
    int i, c;

    (void)state;
    memset(big, LAB_BYTE, sizeof(big));
    start();
    for (i = 0; i < LAB_COUNT; i++) {
        c = peer_connect(srv.port);
        peer_expect(c, "hello Lars\n");
        peer_send(c, big, (size_t)i * 500);
        peer_reset(c);                    /* the server gets EPIPE or ECONNRESET */
    }
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    close(c);
    proc_kill(&srv);                      /* its log keeps time zone data: no leak */
}

static void t_sighup_does_not_end_the_server(void **state)
{
    int c;

    (void)state;
    start();
    kill(srv.pid, SIGHUP);
    kill(srv.pid, SIGPIPE);
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    close(c);
    assert_int_equal(proc_end(&srv, SIGTERM), 1000 + SIGTERM);
}

/* Without a free descriptor the server neither exits nor spins: it logs, and it serves
 * the waiting client as soon as a descriptor is free. */
static void t_out_of_descriptors_waits_without_spinning(void **state)
{
    struct rlimit rl;
    long cpu;
    int a, c;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    start();
    a = peer_connect(srv.port);       /* accept() reserves its descriptor, then blocks: */
    peer_expect(a, "hello Lars\n");       /* the lower limit applies to the next call */
    assert_int_equal(prlimit(srv.pid, RLIMIT_NOFILE, NULL, &rl), 0);
    rl.rlim_cur = 4;                      /* 0, 1, 2 and the listener */
    assert_int_equal(prlimit(srv.pid, RLIMIT_NOFILE, &rl, NULL), 0);
    c = peer_connect(srv.port);
    close(a);
    proc_expect_line(srv.err, "accept.wait err=EMFILE");
    cpu = proc_cpu_ms(&srv);
    peer_expect_silence(c, 400);
    assert_in_range(proc_cpu_ms(&srv) - cpu, 0, 200);
    rl.rlim_cur = 64;
    assert_int_equal(prlimit(srv.pid, RLIMIT_NOFILE, &rl, NULL), 0);
    peer_expect(c, "hello Lars\n");
    close(c);
}

static void t_taken_port_is_one_clear_line_and_exit_1(void **state)
{
    struct proc second = {0};
    char port[16], line[512];

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_start(&second, "echo_server", "-p", port, NULL);
    assert_true(proc_line(second.err, line, sizeof(line)));
    assert_non_null(strstr(line, "cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(line, "Address already in use (EADDRINUSE)"));
    assert_int_equal(proc_wait(&second), 1);
}

static void t_wrong_arguments_are_exit_2(void **state)
{
    static const char *const bad[][2] = {
        {"-p", "65536"}, {"-p", "x"}, {"-p", "-1"}, {"-x", "1"}, {"-p", "7x"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        proc_start(&srv, "echo_server", bad[i][0], bad[i][1], NULL);
        assert_int_equal(proc_wait(&srv), 2);
    }
    proc_start(&srv, "echo_server", "-p", "0", "-a", "localhost", NULL);
    assert_int_equal(proc_wait(&srv), 2);
}

static void t_listens_again_at_once_after_it_was_killed(void **state)
{
    char port[16];
    int c;

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    c = peer_connect(srv.port);
    peer_expect(c, "hello Lars\n");
    proc_kill(&srv);
    proc_start(&srv, "echo_server", "-p", port, NULL);
    proc_wait_port(&srv);
    close(c);
}

static void t_echo_client_prints_greeting_and_echo(void **state)
{
    struct proc cl = {0};
    char port[16], line[64];

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_start(&cl, "echo_client", "-p", port, NULL);
    assert_true(proc_line(cl.out, line, sizeof(line)));
    assert_string_equal(line, "hello Lars");
    assert_int_equal(write(cl.in, "abc\n", 4), 4);
    assert_true(proc_line(cl.out, line, sizeof(line)));
    assert_string_equal(line, "abc");
    close(cl.in);
    cl.in = dup(0);
    assert_int_equal(proc_wait(&cl), 0);
}

static void t_echo_client_without_server_says_why(void **state)
{
    struct proc cl = {0};
    char port[16];

    (void)state;
    start();
    snprintf(port, sizeof(port), "%d", srv.port);
    proc_kill(&srv);
    proc_start(&cl, "echo_client", "-p", port, NULL);
    proc_expect_line(cl.err, "cannot connect: Connection refused (ECONNREFUSED)");
    assert_int_equal(proc_wait(&cl), 1);
}

static void t_plain_echo_serves_three_and_ends(void **state)
{
    int i;

    (void)state;
    proc_start(&srv, "plain_echo", "0", NULL);
    proc_wait_port(&srv);
    for (i = 0; i < 3; i++) {
        int c = peer_connect(srv.port);

        peer_expect(c, "hello Lars\n");
        peer_send(c, "plain", 5);
        peer_expect(c, "plain");
        close(c);
    }
    assert_int_equal(proc_wait(&srv), 0);
}

static void t_signal_demo_ignores_ctrl_c_and_ends_on_quit(void **state)
{
    char line[128];

    (void)state;
    proc_start(&srv, "signal_demo", NULL);
    assert_true(proc_line(srv.out, line, sizeof(line)));
    kill(srv.pid, SIGINT);
    kill(srv.pid, SIGINT);
    assert_int_equal(waitpid(srv.pid, NULL, WNOHANG), 0);
    assert_int_equal(proc_end(&srv, SIGQUIT), 1000 + SIGQUIT);
}

static void t_signal_demo_handler_interrupts_or_restarts_a_read(void **state)
{
    (void)state;
    if (t_mode_is("tsan"))
        skip();                           /* its signal() does not restart a read() */
    proc_start(&srv, "signal_demo", "handler", NULL);
    proc_expect_line(srv.out, "then read() returned -1 with EINTR");
    proc_expect_line(srv.out, "then read() returned 1");
    assert_int_equal(proc_wait(&srv), 0);
}

static void t_signal_demo_pipe_shows_sigpipe_and_epipe(void **state)
{
    (void)state;
    proc_start(&srv, "signal_demo", "pipe", NULL);
    proc_expect_line(srv.out, "SIG_DFL: the process was ended by signal 13");
    proc_expect_line(srv.out, "SIG_IGN: write() returned -1 with EPIPE");
    assert_int_equal(proc_wait(&srv), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_greeting_comes_first), E(t_echo_returns_what_was_sent),
       E(t_echo_is_exact_for_every_byte_and_size),
       E(t_clients_are_served_one_after_another), E(t_second_client_waits_for_the_first),
       E(t_client_that_resets_does_not_end_the_server),
       E(t_sighup_does_not_end_the_server),
       E(t_out_of_descriptors_waits_without_spinning),
       E(t_taken_port_is_one_clear_line_and_exit_1), E(t_wrong_arguments_are_exit_2),
       E(t_listens_again_at_once_after_it_was_killed),
       E(t_echo_client_prints_greeting_and_echo),
       E(t_echo_client_without_server_says_why), E(t_plain_echo_serves_three_and_ends),
       E(t_signal_demo_ignores_ctrl_c_and_ends_on_quit),
       E(t_signal_demo_handler_interrupts_or_restarts_a_read),
       E(t_signal_demo_pipe_shows_sigpipe_and_epipe))
