/* F22: the nth allocation of a daemon in use fails, for many n.  The daemon continues, or
 * ends with a reason, and never by a signal.  F20: the wall clock jumps by a day every
 * second, and no call fails.  The preloaded test/shim.c does both. */
#include <limits.h>

#include "dnspeer.h"
#include "lib/system.h"

#define NTH (getenv("LARS_CHAOS") ? 1000 : 60)

static int shim_teardown(void **state)
{
    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_MALLOC");
    unsetenv("SHIM_MALLOCS");
    unsetenv("SHIM_CLOCK");
    return system_teardown(state);
}

/* Valgrind and the sanitizers replace the allocator themselves. */
static void skip_under_a_tool(void)
{
    if (getenv("LARS_MODE"))
        skip();
}

static void preload(const char *name, int value)
{
    const char *build = getenv("BUILD");
    char path[PATH_MAX], text[20];

    assert_non_null(realpath(build ? build : "build", path));
    strncat(path, "/shim.so", sizeof(path) - strlen(path) - 1);
    setenv("LD_PRELOAD", path, 1);
    snprintf(text, sizeof(text), "%d", value);
    setenv(name, text, 1);
    setenv("SHIM_MALLOCS", value % 3 ? "0" : "5", 1); /* one fails, or six in a row */
}

static void no_preload(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_MALLOC");
}

/* Ends the program, if it has not ended itself.  The test fails unless the exit code is 0
 * or 1, or the signal of this function came before the program had a handler for it. */
static void expect_orderly_end(struct proc *p, int nth)
{
    int rc;

    kill(p->pid, SIGTERM);
    rc = proc_wait(p);
    if (rc != 0 && rc != 1 && rc != 1000 + SIGTERM)
        fail_msg("allocation %d failed and the program ended with %d", nth, rc);
}

/* Sends a few requests.  The program may answer or close the connection. */
static void send_requests(int port, int32_t id)
{
    static const uint8_t route[12] = {1, 0, 0, 0, 4, 0, 0, 0, 8, 1, 16, 1};
    static const uint8_t status[20] = {3,  0, 0,  0, 12, 0, 0, 0, 8,  1,
                                       16, 1, 24, 1, 34, 4, 8, 1, 16, 80};
    struct pollfd pf = {.events = POLLIN};
    char in[200];
    int i;

    for (i = 0; i < 3; i++) {
        pf.fd = peer_try_connect(port);
        if (pf.fd < 0)
            return;
        send(pf.fd, id == 1 ? route : status, id == 1 ? 12 : 20, MSG_NOSIGNAL);
        if (id == 1 && poll(&pf, 1, 20) == 1)
            recv(pf.fd, in, sizeof(in), MSG_DONTWAIT);
        close(pf.fd);
    }
}

/* Returns the port of the program; 0 when it has ended without one. */
static int wait_port_or_end(struct proc *p)
{
    char line[512];
    const char *at;

    while (proc_line(p->out, line, sizeof(line)))
        if ((at = strstr(line, "listening on ")))
            return atoi(strrchr(at, ':') + 1);
    return 0;
}

static void t_f22_dnsd_survives_failed_allocations(void **state)
{
    int n, port;

    (void)state;
    skip_under_a_tool();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&sys.dnsd, "lars-dnsd", "-m", "-p", "0", NULL);
        no_preload();
        port = wait_port_or_end(&sys.dnsd);
        if (port > 0)
            send_requests(port, 1);
        expect_orderly_end(&sys.dnsd, n);
    }
}

static void t_f22_reportd_survives_failed_allocations(void **state)
{
    int n, port;

    (void)state;
    skip_under_a_tool();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&sys.reportd, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
        no_preload();
        port = wait_port_or_end(&sys.reportd);
        if (port > 0)
            send_requests(port, 3);
        expect_orderly_end(&sys.reportd, n);
    }
}

static void t_f22_agentd_survives_failed_allocations(void **state)
{
    struct lars_options opt = {.dir = "/nonexistent", .timeout_ms = 20};
    struct lars_client *c;
    struct lars_host h;
    int n, i;

    (void)state;
    skip_under_a_tool();
    system_start_dnsd();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&sys.agentd, "lars-agentd", "-p", "0", "-d", sys.dir, "-D",
                   sys.dnsd_port, NULL);
        no_preload();
        opt.port = (uint16_t)wait_port_or_end(&sys.agentd);
        assert_int_equal(lars_open(&c, &opt), 0);
        for (i = 0; i < 3 && opt.port > 0; i++)
            if (lars_get_host(c, 1, 1, &h) == 0)
                lars_report(c, &h, 0);
        lars_close(c);
        expect_orderly_end(&sys.agentd, n);
    }
}

static void t_f20_jumps_of_the_wall_clock_change_nothing(void **state)
{
    uint64_t start;
    int n = 0;

    (void)state;
    skip_under_a_tool();
    preload("SHIM_CLOCK", 86400);
    system_start();
    no_preload();
    start = t_now_ms();
    while (t_now_ms() - start < 2500) { /* at least two jumps */
        n += system_make_calls(20);
        assert_int_equal(system_n_nodes(), 3);
    }
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1,1,77,80)");
    T_WAIT(system_n_nodes() == 4);
    T_WAIT(system_total("succ_cnt") == (unsigned)n);
    assert_int_equal(system_total("overload"), 0);
    assert_int_equal(testdb_number("SELECT SUM(succ) FROM CallHistory"), n);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, system_setup, shim_teardown)

TESTDB_MAIN(S(t_f22_dnsd_survives_failed_allocations),
            S(t_f22_reportd_survives_failed_allocations),
            S(t_f22_agentd_survives_failed_allocations),
            S(t_f20_jumps_of_the_wall_clock_change_nothing))
