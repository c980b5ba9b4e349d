/* F22: the nth allocation of a daemon in use fails, for many n.  The daemon continues, or
 * ends with a reason, and never by a signal.  F20: the wall clock jumps by a day every
 * second, and no call fails.  The preloaded test/shim.c does both. */
#include <limits.h>

#include "dnspeer.h"
#include "system.h"

#define NTH (getenv("LARS_CHAOS") ? 1000 : 60)

static int shim_setup(void **state)
{
    int rc = setup(state);

    mydb_sql("DELETE FROM ReportSeen; DELETE FROM CallSecond");
    return rc;
}

static int shim_teardown(void **state)
{
    char cmd[120];

    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_MALLOC");
    unsetenv("SHIM_MALLOCS");
    unsetenv("SHIM_CLOCK");
    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
    return teardown(state);
}

/* Those tools have an allocator of their own. */
static void not_under_a_tool(void)
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
    setenv("SHIM_MALLOCS", value % 3 ? "0" : "5", 1); /* one, or a few in a row */
}

static void no_preload(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("SHIM_MALLOC");
}

/* It has ended, or it ends now, with 0 or with 1; or by our own signal, when that came
 * before it handled it. */
static void ends_well(struct proc *p, int nth)
{
    int rc;

    kill(p->pid, SIGTERM);
    rc = proc_wait(p);
    if (rc != 0 && rc != 1 && rc != 1000 + SIGTERM)
        fail_msg("allocation %d: ended with %d", nth, rc);
}

/* Use it a little; whether it answers is its own affair now. */
static void poke_tcp(int port, int32_t id)
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

/* Its port; 0 when it has ended before. */
static int port_or_end(struct proc *p)
{
    char line[512];
    const char *at;

    while (proc_line(p->out, line, sizeof(line)))
        if ((at = strstr(line, "listening on ")))
            return atoi(strrchr(at, ':') + 1);
    return 0;
}

static void t_f22_dnsd_nth_allocation_fails(void **state)
{
    int n, port;

    (void)state;
    not_under_a_tool();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&dns, "lars-dnsd", "-m", "-p", "0", NULL);
        no_preload();
        port = port_or_end(&dns);
        if (port > 0)
            poke_tcp(port, 1);
        ends_well(&dns, n);
    }
}

static void t_f22_reportd_nth_allocation_fails(void **state)
{
    int n, port;

    (void)state;
    not_under_a_tool();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&rep, "lars-reportd", "-p", "0", "-s", mydb_socket, NULL);
        no_preload();
        port = port_or_end(&rep);
        if (port > 0)
            poke_tcp(port, 3);
        ends_well(&rep, n);
    }
}

static void t_f22_agentd_nth_allocation_fails(void **state)
{
    struct lars_options opt = {.dir = "/nonexistent", .timeout_ms = 20};
    struct lars_client *c;
    struct lars_host h;
    int n, i;

    (void)state;
    not_under_a_tool();
    start_dns();
    for (n = 1; n <= NTH; n++) {
        preload("SHIM_MALLOC", n);
        proc_start(&agent, "lars-agentd", "-p", "0", "-d", dir, "-D", dns_port, NULL);
        no_preload();
        opt.port = (uint16_t)port_or_end(&agent);
        assert_int_equal(lars_open(&c, &opt), 0);
        for (i = 0; i < 3 && opt.port > 0; i++)
            if (lars_get_host(c, 1, 1, &h) == 0)
                lars_report(c, &h, 0);
        lars_close(c);
        ends_well(&agent, n);
    }
}

static void t_f20_wall_clock_jumps_by_a_day(void **state)
{
    uint64_t start;
    int n = 0;

    (void)state;
    not_under_a_tool();
    preload("SHIM_CLOCK", 86400);
    start_all();
    no_preload();
    start = t_now_ms();
    while (t_now_ms() - start < 2500) { /* two jumps and more */
        n += make_calls(20);
        assert_int_equal(n_nodes(), 3);
    }
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1,1,77,80)");
    T_WAIT(n_nodes() == 4);
    T_WAIT(total("succ_cnt") == (unsigned)n);
    assert_int_equal(total("overload"), 0);
    assert_int_equal(mydb_number("SELECT SUM(succ) FROM CallHistory"), n);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, shim_setup, shim_teardown)

MYDB_MAIN(S(t_f22_dnsd_nth_allocation_fails), S(t_f22_reportd_nth_allocation_fails),
          S(t_f22_agentd_nth_allocation_fails), S(t_f20_wall_clock_jumps_by_a_day))
