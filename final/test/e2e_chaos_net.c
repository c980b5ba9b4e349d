/* A bad network and bad peers.  Connections are cut, stalled, slow and reset, datagrams
 * are lost, doubled and reordered; peers are idle by the thousand, never read, reconnect
 * all at once or send garbage.  No answer is wrong and no reported call is lost.  A
 * number such as F16 identifies the fault in the printed lines and on the pages. */
#include "lib/chaos.h"

static bool is_long(void)
{
    return getenv("LARS_CHAOS") != NULL;
}

static unsigned long long n_faults(void)
{
    return chaos.dnsd_proxy.n_fault + chaos.reportd_proxy.n_fault;
}

/* Waits until <n> connections were cut or refused, then ends these faults. */
static void wait_faults(int n)
{
    unsigned long long before = n_faults();

    T_WAIT(n_faults() >= before + (unsigned)n);
    chaos.dnsd_proxy.cut_after = chaos.reportd_proxy.cut_after = 0;
    chaos.dnsd_proxy.refuse = chaos.reportd_proxy.refuse = false;
}

static void t_f16_bad_tcp_fails_no_call(void **state)
{
    uint64_t since, ms, worst = 0;
    int i, n = 3;

    (void)state;
    chaos.through_proxies = true;
    chaos.no_others = true; /* the proxies are the only way */
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < 4 * chaos_rounds(); i++) {
        chaos.dnsd_proxy.delay_ms = chaos.reportd_proxy.delay_ms = i % 4 == 0 ? 20 : 0;
        chaos.dnsd_proxy.one_byte = chaos.reportd_proxy.one_byte = i % 4 == 1;
        chaos.dnsd_proxy.cut_after = i % 4 >= 2 ? 50 : 0;
        chaos.reportd_proxy.cut_after = i % 4 >= 2 ? 30 : 0;
        chaos.dnsd_proxy.refuse = chaos.reportd_proxy.refuse = i % 4 == 3;
        chaos_add_node(i);
        if (i % 4 >= 2)
            wait_faults(4);
        since = t_now_ms();
        ms = chaos_wait_nodes(++n, since);
        worst = ms > worst ? ms : worst;
    }
    print_message(
        "chaos: F16 bytes passed %llu and %llu, connections reset %llu and %llu\n",
        chaos.dnsd_proxy.n_pass, chaos.reportd_proxy.n_pass, chaos.dnsd_proxy.n_fault,
        chaos.reportd_proxy.n_fault);
    assert_int_equal(load.failed, 0);
    chaos_print("F16 TCP slow, byte by byte, cut in frames, reset", worst);
    chaos_check_totals();
}

static void t_f11_silent_partition_from_the_own_zone_fails_no_call(void **state)
{
    uint64_t since, ms;

    (void)state;
    chaos.through_proxies = true;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    chaos.dnsd_proxy.stall = chaos.reportd_proxy.stall = true;
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    chaos.dnsd_proxy.stall = chaos.reportd_proxy.stall = false;
    chaos_add_node(2);
    chaos_wait_nodes(5, t_now_ms());
    assert_int_equal(load.failed, 0);
    chaos_print("F11 the services of the own zone are unreachable without an error", ms);
    chaos_check_totals();
}

static void t_f16_bad_udp_gives_no_wrong_answer(void **state)
{
    (void)state;
    chaos_start();
    faultproxy_start(&chaos.udp_proxy, sys.agentd.port + 2,
                     true); /* module 1/1 uses the third port */
    chaos.udp_proxy.drop = 2;
    chaos.udp_proxy.dup = chaos.udp_proxy.reorder = 20;
    print_message("chaos: the seed is %u\n", chaos.udp_proxy.seed);
    chaos_load_start(chaos.udp_proxy.port - 2);
    T_WAIT(load.n > (is_long() ? 1500 : 500));
    chaos_load_stop();
    print_message("chaos: F16 datagrams passed %llu, faults %llu\n",
                  chaos.udp_proxy.n_pass, chaos.udp_proxy.n_fault);
    assert_true(chaos.udp_proxy.n_fault > 50);
    chaos_print(
        "F16 UDP 2 % lost, 20 % doubled, 20 % reordered: late answers are ignored", 0);
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

static void t_f23_idle_connections_delay_no_change(void **state)
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
    sys.dnsd.nofile = (long)rl.rlim_cur;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < n; i++)
        fd[i] = peer_connect(sys.dnsd.port);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    print_message("chaos: F23 with %d idle connections lars-dnsd has %ld kB\n", n,
                  rss_kb(&sys.dnsd));
    assert_true(t_mode_is("memcheck") || t_mode_is("asan") || t_mode_is("tsan") ||
                rss_kb(&sys.dnsd) < 100 * 1024);
    for (i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    assert_int_equal(load.failed, 0);
    chaos_print("F23 idle connections", ms);
    chaos_check_totals();
}

/* Each of the first 100 peers gets its push and the agent its change, while more peers
 * connect than there are descriptors. */
static void t_f21_without_descriptors_peers_that_are_served_stay_served(void **state)
{
    const char *wrap = getenv("LARS_WRAP");
    int fd[400], i;
    uint64_t since, ms;
    long cpu_ms;

    (void)state;
    if (wrap && wrap[0])
        skip(); /* under valgrind another program would have the limit */
    setenv("LARS_WRAP", "prlimit --nofile=256:256", 1);
    chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
    setenv("LARS_WRAP", "", 1);
    chaos_start_others();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < 400; i++) {
        fd[i] = peer_connect(sys.dnsd.port);
        if (i >= 100)
            continue;
        dnspeer_ask(fd[i], 1, 1);
        dnspeer_expect(fd[i], 1, 1, 3);
    }
    cpu_ms = proc_cpu_ms(&sys.dnsd);
    since = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, since);
    for (i = 0; i < 100; i++)
        dnspeer_expect(fd[i], 1, 1, 4);
    while (t_now_ms() < since + 2000)
        poll(NULL, 0, 20);
    cpu_ms = proc_cpu_ms(&sys.dnsd) - cpu_ms;
    for (i = 0; i < 400; i++)
        close(fd[i]);
    since = t_now_ms();
    fd[0] = peer_connect(sys.dnsd.port);
    dnspeer_ask(fd[0], 1, 1);
    dnspeer_expect(fd[0], 1, 1, 4);
    print_message("chaos: F21 256 descriptors, 400 peers: %ld ms of processor time in "
                  "2 s; a new peer is answered %llu ms after the others have left\n",
                  cpu_ms, (unsigned long long)(t_now_ms() - since));
    close(fd[0]);
    assert_in_range(cpu_ms, 0, 1000); /* a loop that spins would take 2,000 */
    assert_int_equal(load.failed, 0);
    chaos_print("F21 more peers than descriptors", ms);
    chaos_check_totals();
}

static void fill_module(int modid, int n)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT %d, 1, "
             "167772160 + seq, 80 FROM seq_1_to_%d",
             modid, n);
    testdb_sql(sql);
}

static void t_f24_peers_that_never_read_delay_no_change(void **state)
{
    int fd[50], i, k;
    uint64_t since, ms = 0, worst = 0;

    (void)state;
    fill_module(5, 2000); /* 24 kB for each answer */
    chaos_start();
    chaos_load_start(sys.agentd.port);
    for (i = 0; i < 50; i++) {
        int small = 4096;

        fd[i] = peer_connect(sys.dnsd.port);
        setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (k = 0; k < 300; k++) /* 7 MB of answers, more than lars-dnsd queues */
            dnspeer_ask(fd[i], 5, 1);
        if (i % 10 == 9) {
            since = t_now_ms();
            chaos_add_node(i);
            ms = chaos_wait_nodes(4 + i / 10, since);
            worst = ms > worst ? ms : worst;
        }
    }
    for (i = 0; i < 50; i++)
        close(fd[i]);
    assert_int_equal(load.failed, 0);
    print_message("chaos: F24 lars-dnsd has %ld kB\n", rss_kb(&sys.dnsd));
    chaos_print("F24 50 peers ask and never read; the slowest change of five", worst);
    chaos_check_totals();
}

static void t_f26_reconnect_storm_is_answered(void **state)
{
    int n = is_long() ? 2000 : 200, i;
    int *fd = calloc((size_t)n, sizeof(*fd));
    struct rlimit rl;
    uint64_t since;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    sys.dnsd.nofile = (long)rl.rlim_cur;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    proc_end(&sys.dnsd, SIGKILL);
    since = t_now_ms();
    chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
    for (i = 0; i < n; i++) {
        fd[i] = peer_connect(sys.dnsd.port);
        dnspeer_ask(fd[i], 1, 1);
    }
    for (i = 0; i < n; i++)
        dnspeer_expect(fd[i], 1, 1, 3);
    chaos_print("F26 DNSService restarted, all agents reconnect at once",
                t_now_ms() - since);
    since = t_now_ms();
    chaos_add_node(1);
    for (i = 0; i < n; i++)
        dnspeer_expect(fd[i], 1, 1, 4);
    print_message(
        "chaos: F26 a change pushed to all %d in %llu ms (SQL client included)\n", n,
        (unsigned long long)(t_now_ms() - since));
    for (i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    assert_int_equal(load.failed, 0);
    chaos_check_totals();
}

static void *make_noise(void *arg)
{
    char cmd[200];
    int i, n = is_long() ? 10000 : 1000;
    FILE *f;

    (void)arg;
    snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s", testdb_dir);
    f = popen(cmd, "w");
    for (i = 0; f && i < n; i++)
        fprintf(f, "UPDATE RouteData SET weight = %d WHERE modid = 5;\n", i);
    return f && pclose(f) == 0 ? NULL : (void *)1;
}

static void t_f27_busy_module_delays_no_other_one(void **state)
{
    uint64_t since, ms, worst = 0;
    void *failed;
    pthread_t th;
    int i;

    (void)state;
    fill_module(5, 3);
    chaos_start();
    chaos_load_start(sys.agentd.port);
    assert_int_equal(pthread_create(&th, NULL, make_noise, NULL), 0);
    for (i = 0; i < 5; i++) {
        since = t_now_ms();
        chaos_add_node(i);
        ms = chaos_wait_nodes(4 + i, since);
        worst = ms > worst ? ms : worst;
    }
    pthread_join(th, &failed);
    assert_null(failed);
    chaos_add_node(9);
    chaos_wait_nodes(9, t_now_ms());
    assert_int_equal(load.failed, 0);
    chaos_print("F27 one module changed all the time; the slowest change of another",
                worst);
    chaos_check_totals();
}

/* A valid frame with up to three flipped bits, or random bytes.  Returns its length. */
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

/* Sends on <fd>, or opens a new connection when the other side has closed it.  Returns
 * the socket to use next. */
static int send_on(int fd, int port, const uint8_t *p, size_t n)
{
    if (send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
        return fd;
    close(fd);
    return peer_connect(port);
}

static void t_f30_garbage_on_every_port_ends_no_program(void **state)
{
    int n = is_long() ? 300000 : 5000, i, d, r, u;
    unsigned seed = (unsigned)getpid();
    uint8_t b[300];
    uint64_t ms;

    (void)state;
    chaos_start();
    chaos_load_start(sys.agentd.port);
    print_message("chaos: the seed is %u\n", seed);
    d = peer_connect(sys.dnsd.port);
    r = peer_connect(sys.reportd.port);
    u = udppeer_open(sys.agentd.port + 2);
    for (i = 0; i < n; i++) {
        d = send_on(d, sys.dnsd.port, b, garbage(&seed, b, sizeof(b)));
        r = send_on(r, sys.reportd.port, b, garbage(&seed, b, sizeof(b)));
        send(u, b, garbage(&seed, b, sizeof(b)), MSG_DONTWAIT);
    }
    close(d);
    d = peer_connect(sys.dnsd.port); /* module 0/0, which random bytes may not contain */
    assert_int_equal(send(d, "\1\0\0\0\4\0\0\0\10\0\20\0", 12, MSG_NOSIGNAL), 12);
    close(r);
    close(u);
    ms = t_now_ms();
    chaos_add_node(1);
    ms = chaos_wait_nodes(4, ms);
    close(d);
    chaos_load_stop();
    chaos_print("F30 garbage on every port", ms);
    proc_expect_line(sys.dnsd.err, "query.refused");
    assert_int_equal(proc_end(&sys.dnsd, SIGTERM), 0);
    assert_int_equal(proc_end(&sys.reportd, SIGTERM), 0);
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
}

TESTDB_MAIN(CHAOS_TEST(t_f16_bad_tcp_fails_no_call),
            CHAOS_TEST(t_f11_silent_partition_from_the_own_zone_fails_no_call),
            CHAOS_TEST(t_f16_bad_udp_gives_no_wrong_answer),
            CHAOS_TEST(t_f21_without_descriptors_peers_that_are_served_stay_served),
            CHAOS_TEST(t_f23_idle_connections_delay_no_change),
            CHAOS_TEST(t_f24_peers_that_never_read_delay_no_change),
            CHAOS_TEST(t_f26_reconnect_storm_is_answered),
            CHAOS_TEST(t_f27_busy_module_delays_no_other_one),
            CHAOS_TEST(t_f30_garbage_on_every_port_ends_no_program))
