/* A bad network, and strangers: cut, stalled, slow, lost, doubled, reordered; idle by the
 * thousand, never reading, storming back, sending garbage.  FAULTS' rows are named. */
#include "chaos.h"

static bool is_long(void)
{
    return getenv("LARS_CHAOS") != NULL;
}

static unsigned long long n_faults(void)
{
    return dns_proxy.n_fault + rep_proxy.n_fault;
}

/* Cut in the middle of frames, or refused, a few times; then nothing is wrong again. */
static void until_faults(int n)
{
    unsigned long long before = n_faults();

    T_WAIT(n_faults() >= before + (unsigned)n);
    dns_proxy.cut_after = rep_proxy.cut_after = 0;
    dns_proxy.refuse = rep_proxy.refuse = false;
}

static void t_f16_tcp_slow_cut_and_reset(void **state)
{
    uint64_t since, ms, worst = 0;
    int i, n = 3;

    (void)state;
    through_proxies = true;
    no_others = true; /* no way around them */
    start_everything();
    load_start(agent.port);
    for (i = 0; i < 4 * rounds(); i++) {
        dns_proxy.delay_ms = rep_proxy.delay_ms = i % 4 == 0 ? 20 : 0;
        dns_proxy.one_byte = rep_proxy.one_byte = i % 4 == 1;
        dns_proxy.cut_after = i % 4 >= 2 ? 50 : 0;
        rep_proxy.cut_after = i % 4 >= 2 ? 30 : 0;
        dns_proxy.refuse = rep_proxy.refuse = i % 4 == 3;
        add_node(i);
        if (i % 4 >= 2)
            until_faults(4);
        since = t_now_ms();
        ms = in_force(++n, since);
        worst = ms > worst ? ms : worst;
    }
    print_message(
        "chaos: F16 bytes passed %llu and %llu, connections reset %llu and %llu\n",
        dns_proxy.n_pass, rep_proxy.n_pass, dns_proxy.n_fault, rep_proxy.n_fault);
    assert_int_equal(load.failed, 0);
    say("F16 TCP slow, byte by byte, cut in frames, reset", worst);
    all_counted();
}

static void t_f11_silent_partition_from_the_own_zone(void **state)
{
    uint64_t since, ms;

    (void)state;
    through_proxies = true;
    start_everything();
    load_start(agent.port);
    dns_proxy.stall = rep_proxy.stall = true;
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    dns_proxy.stall = rep_proxy.stall = false;
    add_node(2);
    in_force(5, t_now_ms());
    assert_int_equal(load.failed, 0);
    say("F11 the own zone's services behind a silent hole", ms);
    all_counted();
}

static void t_f16_udp_lost_doubled_reordered(void **state)
{
    (void)state;
    start_everything();
    faultproxy_start(&udp_proxy, agent.port + 2, true); /* 1/1 asks the third port */
    udp_proxy.drop = 2;
    udp_proxy.dup = udp_proxy.reorder = 20;
    print_message("chaos: seed %u\n", udp_proxy.seed);
    load_start(udp_proxy.port - 2);
    T_WAIT(load.n > (is_long() ? 1500 : 500));
    load_stop();
    print_message("chaos: F16 datagrams passed %llu, faults %llu\n", udp_proxy.n_pass,
                  udp_proxy.n_fault);
    assert_true(udp_proxy.n_fault > 50);
    say("F16 UDP 2 % lost, 20 % doubled, 20 % reordered: late answers are ignored", 0);
}

static long rss_kb(const struct proc *p)
{
    char path[60], line[200];
    long kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        sscanf(line, "VmRSS: %ld", &kb);
    fclose(f);
    return kb;
}

static void t_f23_idle_connections(void **state)
{
    int n = is_long() ? 10000 : 500, i;
    int *fd = calloc((size_t)n, sizeof(*fd));
    struct rlimit rl;
    uint64_t since, ms;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    if (n + 200 > (int)rl.rlim_cur)
        n = (int)rl.rlim_cur - 200;
    dns.nofile = (long)rl.rlim_cur;
    start_everything();
    load_start(agent.port);
    for (i = 0; i < n; i++)
        fd[i] = peer_connect(dns.port);
    since = t_now_ms();
    add_node(1);
    ms = in_force(4, since);
    print_message("chaos: F23 %d idle connections: %ld kB in all\n", n, rss_kb(&dns));
    assert_true(t_mode_is("memcheck") || t_mode_is("asan") || t_mode_is("tsan") ||
                rss_kb(&dns) < 100 * 1024);
    for (i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    assert_int_equal(load.failed, 0);
    say("F23 idle connections", ms);
    all_counted();
}

static void fill_module(int modid, int n)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT %d, 1, "
             "167772160 + seq, 80 FROM seq_1_to_%d",
             modid, n);
    mydb_sql(sql);
}

static void t_f24_readers_that_never_read(void **state)
{
    int fd[50], i, k;
    uint64_t since, ms = 0, worst = 0;

    (void)state;
    fill_module(5, 2000); /* 24 kB an answer */
    start_everything();
    load_start(agent.port);
    for (i = 0; i < 50; i++) {
        int small = 4096;

        fd[i] = peer_connect(dns.port);
        setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (k = 0; k < 300; k++) /* 7 MB, more than may wait */
            dnspeer_ask(fd[i], 5, 1);
        if (i % 10 == 9) {
            since = t_now_ms();
            add_node(i);
            ms = in_force(4 + i / 10, since);
            worst = ms > worst ? ms : worst;
        }
    }
    for (i = 0; i < 50; i++)
        close(fd[i]);
    assert_int_equal(load.failed, 0);
    print_message("chaos: F24 dnsd has %ld kB\n", rss_kb(&dns));
    say("F24 50 readers that ask and never read; the slowest change of five", worst);
    all_counted();
}

static void t_f26_reconnect_storm(void **state)
{
    int n = is_long() ? 2000 : 200, i;
    int *fd = calloc((size_t)n, sizeof(*fd));
    struct rlimit rl;
    uint64_t since;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    dns.nofile = (long)rl.rlim_cur;
    start_everything();
    load_start(agent.port);
    proc_end(&dns, SIGKILL);
    since = t_now_ms();
    start_dnsd(&dns, dns_port, "dnsd1");
    for (i = 0; i < n; i++) {
        fd[i] = peer_connect(dns.port);
        dnspeer_ask(fd[i], 1, 1);
    }
    for (i = 0; i < n; i++)
        dnspeer_expect(fd[i], 1, 1, 3);
    say("F26 DNSService restarted, its agents all come back at once", t_now_ms() - since);
    since = t_now_ms();
    add_node(1);
    for (i = 0; i < n; i++)
        dnspeer_expect(fd[i], 1, 1, 4);
    print_message(
        "chaos: F26 a change pushed to all %d in %llu ms (SQL client included)\n", n,
        (unsigned long long)(t_now_ms() - since));
    for (i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    assert_int_equal(load.failed, 0);
    all_counted();
}

static void *make_noise(void *arg)
{
    char cmd[200];
    int i, n = is_long() ? 10000 : 1000;
    FILE *f;

    (void)arg;
    snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s", mydb_dir);
    f = popen(cmd, "w");
    for (i = 0; f && i < n; i++)
        fprintf(f, "UPDATE RouteData SET weight = %d WHERE modid = 5;\n", i);
    return f && pclose(f) == 0 ? NULL : (void *)1;
}

static void t_f27_noisy_module(void **state)
{
    uint64_t since, ms, worst = 0;
    void *failed;
    pthread_t th;
    int i;

    (void)state;
    fill_module(5, 3);
    start_everything();
    load_start(agent.port);
    assert_int_equal(pthread_create(&th, NULL, make_noise, NULL), 0);
    for (i = 0; i < 5; i++) {
        since = t_now_ms();
        add_node(i);
        ms = in_force(4 + i, since);
        worst = ms > worst ? ms : worst;
    }
    pthread_join(th, &failed);
    assert_null(failed);
    add_node(9);
    in_force(9, t_now_ms());
    assert_int_equal(load.failed, 0);
    say("F27 one module changed all the time; the slowest change of another", worst);
    all_counted();
}

/* A frame that was good once, or never. */
static size_t garbage(unsigned *seed, uint8_t *out, size_t room)
{
    static const uint8_t good[][20] = {
        {1, 0, 0, 0, 4, 0, 0, 0, 8, 1, 16, 1},
        {3, 0, 0, 0, 12, 0, 0, 0, 8, 1, 16, 1, 24, 1, 34, 4, 8, 1, 16, 80},
        {4, 0, 0, 0, 6, 0, 0, 0, 8, 7, 16, 1, 24, 1},
        {34, 0, 0, 0, 4, 0, 0, 0, 10, 2, 1, 2},
    };
    const uint8_t *g = good[rand_r(seed) % 4];
    size_t n = 8 + (size_t)g[4], i, flips = (size_t)(rand_r(seed) % 4);

    if (rand_r(seed) % 8 == 0) {
        n = (size_t)rand_r(seed) % room;
        for (i = 0; i < n; i++)
            out[i] = (uint8_t)rand_r(seed);
        return n;
    }
    memcpy(out, g, n);
    for (i = 0; i < flips; i++)
        out[(size_t)rand_r(seed) % n] ^= (uint8_t)(1 << rand_r(seed) % 8);
    return n;
}

/* Until it is sent, or the other side has had enough and a new connection is needed. */
static int send_on(int fd, int port, const uint8_t *p, size_t n)
{
    if (send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
        return fd;
    close(fd);
    return peer_connect(port);
}

static void t_f30_garbage_on_every_port(void **state)
{
    int n = is_long() ? 300000 : 5000, i, d, r, u;
    unsigned seed = (unsigned)getpid();
    uint8_t b[300];
    uint64_t ms;

    (void)state;
    start_everything();
    load_start(agent.port);
    print_message("chaos: seed %u\n", seed);
    d = peer_connect(dns.port);
    r = peer_connect(rep.port);
    u = udppeer_open(agent.port + 2);
    for (i = 0; i < n; i++) {
        d = send_on(d, dns.port, b, garbage(&seed, b, sizeof(b)));
        r = send_on(r, rep.port, b, garbage(&seed, b, sizeof(b)));
        send(u, b, garbage(&seed, b, sizeof(b)), MSG_DONTWAIT);
    }
    close(d);
    d = peer_connect(dns.port);       /* chance may not have made one: module 0/0 */
    assert_int_equal(send(d, "\1\0\0\0\4\0\0\0\10\0\20\0", 12, MSG_NOSIGNAL), 12);
    close(r);
    close(u);
    ms = t_now_ms();
    add_node(1);
    ms = in_force(4, ms);
    close(d);
    load_stop();
    say("F30 garbage on every port", ms);
    proc_expect_line(dns.err, "query.refused");
    assert_int_equal(proc_end(&dns, SIGTERM), 0);
    assert_int_equal(proc_end(&rep, SIGTERM), 0);
    assert_int_equal(proc_end(&agent, SIGTERM), 0);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, chaos_setup, chaos_teardown)

MYDB_MAIN(C(t_f16_tcp_slow_cut_and_reset), C(t_f11_silent_partition_from_the_own_zone),
          C(t_f16_udp_lost_doubled_reordered), C(t_f23_idle_connections),
          C(t_f24_readers_that_never_read), C(t_f26_reconnect_storm),
          C(t_f27_noisy_module), C(t_f30_garbage_on_every_port))
