/* End-to-end tests: start echo_server and talk to it with the client of peer.h, which
 * shares no code with it. */
#include "t.h"

#include <sys/wait.h>

#include "peer.h"
#include "proc.h"

static struct proc srv;
static char big[65535];

static int setup(void **state)
{
    struct rlimit rl;

    memset(&srv, 0, sizeof(srv));
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    return t_fds_save(state);
}

static int teardown(void **state)
{
    proc_kill(&srv);
    return t_fds_check(state);
}

static void start(void)
{
    proc_start(&srv, "echo_server", "-p", "0", NULL);
    proc_wait_port(&srv);
}

static size_t put_frame(void *at, int32_t id, const void *body, size_t len)
{
    uint32_t head[2] = {(uint32_t)id, (uint32_t)len};

    memcpy(at, head, 8);
    memmove((char *)at + 8, body, len);
    return 8 + len;
}

/* Send one message over <fd> and expect it back unchanged. */
static void expect_echo(int fd, const char *text)
{
    char out[300], in[300];
    size_t n = put_frame(out, 1, text, strlen(text));

    peer_send(fd, out, n);
    peer_recv(fd, in, n);
    assert_memory_equal(in, out, n);
}

static void expect_alive(void)
{
    int c = peer_connect(srv.port);

    expect_echo(c, "alive");
    close(c);
}

static int server_fds(void)
{
    char path[64];
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)srv.pid);
    d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Start the server.  Returns the number of its descriptors without a client. */
static int start_and_count(void)
{
    int c, n;

    start();
    c = peer_connect(srv.port);
    expect_echo(c, "everything is set up");
    n = server_fds() - 1;
    close(c);
    return n;
}

static long server_rss_kb(void)
{
    char path[64], line[256];
    long kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)srv.pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    fclose(f);
    return kb;
}

static void t_frames_come_back(void **state)
{
    char text[LAB_LIMIT + 1];
    int c;

    (void)state;
    memset(text, LAB_BYTE, LAB_LIMIT);
    text[LAB_LIMIT] = '\0';
    start();
    c = peer_connect(srv.port);
    expect_echo(c, "hello Lars");
    expect_echo(c, text);
    close(c);
}

static void t_many_clients_at_once(void **state)
{
    int c[200], i;

    (void)state;
    start();
    for (i = 0; i < 200; i++)
        c[i] = peer_connect(srv.port);
    for (i = 199; i >= 0; i--)
        expect_echo(c[i], "not in the order of coming");
    for (i = 0; i < 200; i++)
        close(c[i]);
}

static void t_largest_frame_comes_back(void **state)
{
    static char in[65535];
    size_t n, i;
    int c;

    (void)state;
    start();
    for (i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31);
    n = put_frame(big, 1, big + 8, 65527);
    c = peer_connect(srv.port);
    peer_send(c, big, n);
    peer_recv(c, in, n);
    assert_memory_equal(in, big, n);
    close(c);
}

static void t_split_at_every_byte(void **state)
{
    char out[64], in[64];
    size_t n, cut;
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    n = put_frame(out, 1, "a frame of several bytes", 24);
    n += put_frame(out + n, 1, "two", 3);
    for (cut = 1; cut < n; cut++) {
        peer_send(c, out, cut);
        if (cut < 32)                     /* the first frame is incomplete: no reply */
            peer_expect_silence(c, 2);
        peer_send(c, out + cut, n - cut);
        peer_recv(c, in, n);
        assert_memory_equal(in, out, n);
    }
    close(c);
}

static void t_bad_lengths_close_only_that_connection(void **state)
{
    static const int32_t bad[] = {-1, 65528, 1 << 24, INT32_MIN, INT32_MAX};
    int good, c;
    size_t i;

    (void)state;
    start();
    good = peer_connect(srv.port);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int32_t head[2] = {1, bad[i]};

        c = peer_connect(srv.port);
        peer_send(c, head, 8);
        peer_expect_close(c);
        close(c);
    }
    expect_echo(good, "others go on");
    close(good);
}

static void t_empty_and_unknown_messages_are_skipped(void **state)
{
    char out[64];
    size_t n;
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    n = put_frame(out, 1, "", 0);
    n += put_frame(out + n, 4711 + LAB_ID, "?", 1);
    n += put_frame(out + n, -1, "?", 1);
    peer_send(c, out, n);
    expect_echo(c, "still here");
    close(c);
}

static void t_half_frames_do_not_hold_up_others(void **state)
{
    char out[64];
    int slow[100], c, i;
    size_t n, at;

    (void)state;
    start();
    n = put_frame(out, 1, "slow but complete", 17);
    for (i = 0; i < 100; i++)
        slow[i] = peer_connect(srv.port);
    c = peer_connect(srv.port);
    for (at = 0; at < n; at++) {
        for (i = 0; i < 100; i++)
            peer_send(slow[i], out + at, 1);
        expect_echo(c, "fast");
    }
    for (i = 0; i < 100; i++) {
        peer_recv(slow[i], out, n);
        close(slow[i]);
    }
    close(c);
}

static void t_reader_that_never_reads_is_closed(void **state)
{
    size_t n;
    ssize_t sent;
    long kb, total = 0;
    int c;

    (void)state;
    start();
    n = put_frame(big, 1, big + 8, 60000);
    c = peer_connect(srv.port);
    do {                                  /* until the server closes the connection */
        sent = send(c, big, n, MSG_NOSIGNAL);
        total += sent > 0 ? sent : 0;
        assert_true(total < 100L << 20);
    } while (sent == (ssize_t)n);
    kb = server_rss_kb();
    expect_alive();
    if (!getenv("LARS_MODE"))
        assert_in_range(kb, 1, 20000);
    close(c);
}

static void t_resets_at_every_moment(void **state)
{
    char out[2000];
    size_t n = 0, cut;
    int i;

    (void)state;
    start();
    for (i = 0; i < 20; i++)
        n += put_frame(out + n, 1, big, 50);
    for (cut = 0; cut <= n; cut += 7) {
        int c = peer_connect(srv.port);

        peer_send(c, out, cut);
        peer_reset(c);
    }
    expect_alive();
}

static void t_half_close_gets_every_reply(void **state)
{
    char out[64];
    size_t n;
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    n = put_frame(out, 1, "then I am done", 14);
    peer_send(c, out, n);
    shutdown(c, SHUT_WR);
    peer_recv(c, out, n);
    assert_int_equal(recv(c, out, 1, 0), 0);
    close(c);
}

static void t_connect_and_close_5000_times_leaks_nothing(void **state)
{
    int i, before, n = getenv("LARS_MODE") ? 300 : 5000;

    (void)state;
    before = start_and_count();
    for (i = 0; i < n; i++) {
        int c = peer_connect(srv.port);

        if (i % 3 == 0)
            peer_reset(c);
        else
            close(c);
    }
    expect_alive();
    T_WAIT(server_fds() == before);
}

static void t_out_of_descriptors_goes_on_for_those_it_has(void **state)
{
    struct rlimit rl;
    int good, late, i, c[40];
    long cpu;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    start();
    good = peer_connect(srv.port);
    expect_echo(good, "before");
    assert_int_equal(prlimit(srv.pid, RLIMIT_NOFILE, NULL, &rl), 0);
    rl.rlim_cur = 20;
    assert_int_equal(prlimit(srv.pid, RLIMIT_NOFILE, &rl, NULL), 0);
    for (i = 0; i < 40; i++)
        c[i] = peer_connect(srv.port);
    proc_expect_line(srv.err, "accept.shed err=EMFILE");
    peer_expect_close(c[39]);             /* closed at once, not after a timeout */
    expect_echo(good, "during");
    cpu = proc_cpu_ms(&srv);
    peer_expect_silence(good, 300);
    assert_in_range(proc_cpu_ms(&srv) - cpu, 0, 150);
    for (i = 0; i < 40; i++)
        close(c[i]);
    T_WAIT((late = peer_try_connect(srv.port)) >= 0);
    expect_echo(late, "after");
    close(late);
    close(good);
}

/* 10,000 connections, or as many as the limit allows; prints the memory they cost. */
static void t_idle_connections_are_cheap(void **state)
{
    struct rlimit rl;
    int want, i, fds, *c;
    long before, after;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &rl);
    want = rl.rlim_cur < 10100 ? (int)rl.rlim_cur - 100 : 10000;
    want = getenv("LARS_MODE") && want > 300 ? 300 : want;
    srv.nofile = want + 50;
    fds = start_and_count();
    before = server_rss_kb();
    c = malloc((size_t)want * sizeof(int));
    assert_non_null(c);
    for (i = 0; i < want; i++)
        c[i] = peer_connect(srv.port);
    expect_echo(c[want - 1], "the last one");
    T_WAIT(server_fds() >= want);
    after = server_rss_kb();
    print_message("%d idle connections: %ld kB of %ld kB\n", want, after - before, after);
    if (!getenv("LARS_MODE"))
        assert_in_range(after, 1, 20000);
    expect_echo(c[0], "the first one");
    for (i = 0; i < want; i++)
        close(c[i]);
    free(c);
    T_WAIT(server_fds() == fds);
}

static void t_random_bytes_never_end_the_server(void **state)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)atoi(env) : (unsigned)t_now_ms();
    unsigned char out[512];
    int i, rounds = getenv("LARS_MODE") ? 100 : 2000;

    (void)state;
    print_message("SEED=%u\n", seed);
    start();
    for (i = 0; i < rounds; i++) {
        int c = peer_connect(srv.port);
        size_t n, k;

        n = (seed = seed * 1664525u + 1013904223u) >> 23;
        for (k = 0; k < n; k++)
            out[k] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
        if (n >= 8 && seed & 1024)
            put_frame(out, (int32_t)(seed >> 30), out + 8, (seed >> 5) % 200);
        peer_send(c, out, n);
        close(c);
    }
    expect_alive();
}

static void t_sigterm_and_sigint_end_it_in_order(void **state)
{
    int c;

    (void)state;
    start();
    c = peer_connect(srv.port);
    expect_echo(c, "open at the end");
    assert_int_equal(proc_end(&srv, SIGTERM), 0);
    peer_expect_close(c);
    close(c);
    start();
    kill(srv.pid, SIGHUP);
    expect_alive();
    assert_int_equal(proc_end(&srv, SIGINT), 0);
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
    assert_non_null(strstr(line, "Address already in use (EADDRINUSE)"));
    assert_int_equal(proc_wait(&second), 1);
}

static void t_wrong_arguments_are_exit_2(void **state)
{
    (void)state;
    proc_start(&srv, "echo_server", "-p", "65536", NULL);
    assert_int_equal(proc_wait(&srv), 2);
    proc_start(&srv, "echo_server", "-p", "0", "-a", "localhost", NULL);
    assert_int_equal(proc_wait(&srv), 2);
    proc_start(&srv, "echo_server", "-p", "0", "-a", "192.0.2.1", NULL);
    assert_int_equal(proc_wait(&srv), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_frames_come_back), E(t_many_clients_at_once), E(t_largest_frame_comes_back),
       E(t_split_at_every_byte), E(t_bad_lengths_close_only_that_connection),
       E(t_empty_and_unknown_messages_are_skipped),
       E(t_half_frames_do_not_hold_up_others), E(t_reader_that_never_reads_is_closed),
       E(t_resets_at_every_moment), E(t_half_close_gets_every_reply),
       E(t_connect_and_close_5000_times_leaks_nothing),
       E(t_out_of_descriptors_goes_on_for_those_it_has), E(t_idle_connections_are_cheap),
       E(t_random_bytes_never_end_the_server), E(t_sigterm_and_sigint_end_it_in_order),
       E(t_taken_port_is_one_clear_line_and_exit_1), E(t_wrong_arguments_are_exit_2))
