/* End-to-end tests of the programs of this stage: threads, limits and the configuration
 * file. */
#include "t.h"

#include "peer.h"
#include "proc.h"

static struct proc srv;
static char path[] = "/tmp/lars_e2e_XXXXXX";

static int setup(void **state)
{
    memset(&srv, 0, sizeof(srv));
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    (void)t_fds_save(state);
    close(mkstemp(path));
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&srv);
    unlink(path);
    return t_fds_check(state);
}

static void write_conf(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static size_t put_frame(char *at, int id, const char *body)
{
    uint32_t head[2] = {(uint32_t)id, (uint32_t)strlen(body)};

    memcpy(at, head, 8);
    memcpy(at + 8, body, strlen(body));
    return 8 + strlen(body);
}

static void expect_echo(int fd, const char *text)
{
    char out[200], in[200];
    size_t n = put_frame(out, 1, text);

    peer_send(fd, out, n);
    peer_recv(fd, in, n);
    assert_memory_equal(in, out, n);
}

static int server_threads(void)
{
    char name[64];
    DIR *d;
    int n = -2;                           /* do not count . and .. */

    snprintf(name, sizeof(name), "/proc/%d/task", (int)srv.pid);
    d = opendir(name);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void t_option_t_gives_so_many_threads(void **state)
{
    int c;

    (void)state;
    proc_start(&srv, "echo_server", "-p", "0", "-t", "5", NULL);
    proc_wait_port(&srv);
    c = peer_connect(srv.port);
    expect_echo(c, "hello");
    if (!getenv("LARS_MODE"))
        assert_int_equal(server_threads(), 6); /* and the thread that accepts */
    close(c);
}

static void t_clients_of_all_threads_are_served(void **state)
{
    int c[60], i, round;

    (void)state;
    proc_start(&srv, "echo_server", "-p", "0", "-t", "3", NULL);
    proc_wait_port(&srv);
    for (i = 0; i < 60; i++)
        c[i] = peer_connect(srv.port);
    for (round = 0; round < 3; round++)
        for (i = 0; i < 60; i++)
            expect_echo(c[i], "whichever thread");
    for (i = 0; i < 60; i++)
        close(c[i]);
}

static void t_file_is_read_and_options_override_it(void **state)
{
    int c, d;

    (void)state;
    write_conf("[server]\nport = 1\nthreads = 1\nmax_connections = 1\n");
    proc_start(&srv, "echo_server", "-c", path, "-p", "0", NULL);
    proc_wait_port(&srv);
    assert_int_not_equal(srv.port, 1);
    c = peer_connect(srv.port);
    expect_echo(c, "the only one");
    d = peer_connect(srv.port);
    peer_expect_close(d);
    proc_expect_line(srv.err, "accept.over max_connections=1");
    expect_echo(c, "still the only one");
    close(c);
    close(d);
}

static void t_bad_file_is_one_line_with_file_and_line(void **state)
{
    char want[200], line[1000];

    (void)state;
    write_conf("[server]\nport = 0\nmax_conections = 1\n");
    proc_start(&srv, "echo_server", "-c", path, NULL);
    snprintf(want, sizeof(want), "%s:3: [server] max_conections: unknown key; did you "
                                 "mean [server] max_connections?", path);
    assert_true(proc_line(srv.err, line, sizeof(line)));
    assert_non_null(strstr(line, want));
    assert_int_equal(proc_wait(&srv), 2);
    proc_start(&srv, "echo_server", "-c", "/nowhere/x.ini", NULL);
    proc_expect_line(srv.err, "/nowhere/x.ini: cannot be read: No such file or dir");
    assert_int_equal(proc_wait(&srv), 2);
}

static void t_check_and_print_config_do_not_start_a_server(void **state)
{
    (void)state;
    proc_start(&srv, "echo_server", "-c", "conf/echo_server.ini", "--check-config", NULL);
    proc_expect_line(srv.out, "conf/echo_server.ini: ok");
    assert_int_equal(proc_wait(&srv), 0);
    proc_start(&srv, "echo_server", "-t", "9", "--print-config", NULL);
    proc_expect_line(srv.out, "threads = 9");
    assert_int_equal(proc_wait(&srv), 0);
    proc_start(&srv, "echo_server", "-t", "0", "--check-config", NULL);
    assert_int_equal(proc_wait(&srv), 2);
}

static void t_stop_with_many_open_connections_is_in_order(void **state)
{
    int c[100], i;

    (void)state;
    proc_start(&srv, "echo_server", "-p", "0", "-t", "4", NULL);
    proc_wait_port(&srv);
    for (i = 0; i < 100; i++)
        c[i] = peer_connect(srv.port);
    expect_echo(c[99], "the last one");
    assert_int_equal(proc_end(&srv, SIGTERM), 0);
    for (i = 0; i < 100; i++) {
        peer_expect_close(c[i]);
        close(c[i]);
    }
}

static void t_broadcast_reaches_every_client_once(void **state)
{
    char out[100], in[100];
    int c[20], i;
    size_t n = put_frame(out, 1, "news for all");

    (void)state;
    proc_start(&srv, "broadcast_demo", "0", "4", NULL);
    proc_wait_port(&srv);
    for (i = 0; i < 20; i++) {            /* each is connected before the message */
        c[i] = peer_connect(srv.port);
        peer_send(c[i], out, put_frame(out, 1, "hi"));
        peer_recv(c[i], in, 10);
    }
    for (i = 0; i < 20; i++) {            /* the messages of clients that came later */
        int k;

        for (k = i + 1; k < 20; k++)
            peer_recv(c[i], in, 10);
    }
    n = put_frame(out, 1, "news for all");
    peer_send(c[7], out, n);
    out[0] = 2;
    for (i = 0; i < 20; i++) {
        peer_recv(c[i], in, n);
        assert_memory_equal(in, out, n);
    }
    peer_expect_silence(c[3], 20);
    for (i = 0; i < 20; i++)
        close(c[i]);
    assert_int_equal(proc_end(&srv, SIGINT), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_option_t_gives_so_many_threads), E(t_clients_of_all_threads_are_served),
       E(t_file_is_read_and_options_override_it),
       E(t_bad_file_is_one_line_with_file_and_line),
       E(t_check_and_print_config_do_not_start_a_server),
       E(t_stop_with_many_open_connections_is_in_order),
       E(t_broadcast_reaches_every_client_once))
