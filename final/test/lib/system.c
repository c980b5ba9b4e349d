/* The set-up that all tests of the whole system share.  One structure has what a test
 * may look at or replace; the functions keep it consistent, so that a program can be
 * killed and started again on the same port at any time.
 *
 * Invariant: system_teardown() leaves no process, folder or descriptor, wherever a test
 * failed.  Rejected: one system for all tests of a program, because a test that fails
 * would then make the next ones fail. */
#include "system.h"

#include <fcntl.h>

#include "shmem/node_table.h"
#include "textfile.h"

#define LOG_END 1500 /* bytes of a program's log in a failure */

struct system sys;

static bool is_free(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ok = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return ok;
}

/* Three ports below those that the system gives to sockets of other tests, which would be
 * taken when an agent that was killed starts again. */
static void choose_agentd_port(void)
{
    int i, port = 12000 + getpid() % 2667 * 37 % 2667 * 3; /* far from the next test's */

    for (i = 0; i < 2667; i++, port = port < 19998 ? port + 3 : 12000)
        if (is_free(port) && is_free(port + 1) && is_free(port + 2))
            break;
    snprintf(sys.agentd_port, sizeof(sys.agentd_port), "%d", port);
}

int system_setup(void **state)
{
    (void)t_fds_save(state);
    memset(&sys, 0, sizeof(sys));
    testdb_reset();
    testdb_sql(
        "DELETE FROM ServerCallStatus; DELETE FROM ReportSeen; DELETE FROM CallSecond; "
        "DELETE FROM CallLatency; DELETE FROM Lease; DELETE FROM ModulePolicy; "
        "DELETE FROM ZoneLoad; DELETE FROM NodeOut; "
        "DELETE FROM Service; "
        "DELETE FROM AgentRoute; DELETE FROM AgentNode; DELETE FROM RouteHold; INSERT "
        "INTO RouteData (modid, cmdid, "
        "serverip, serverport) VALUES (1,1,INET_ATON('127.0.1.1'),80), "
        "(1,1,INET_ATON('127.0.1.2'),80), (1,1,INET_ATON('224.1.2.3'),80)");
    snprintf(sys.dir, sizeof(sys.dir), "%s/run", testdb_dir);
    snprintf(sys.shm, sizeof(sys.shm), "%s/shm-files", testdb_dir);
    strcpy(sys.dnsd_port, "0");
    strcpy(sys.reportd_port, "0");
    choose_agentd_port();
    return 0;
}

int system_setup_shm(void **state)
{
    int rc = system_setup(state);

    system_agentd_conf("[shm]\ndir = %s\nmax_nodes = 4096\n", sys.shm);
    return rc;
}

void system_remove(const char *path)
{
    char cmd[300];
    int status;

    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", path);
    status = system(cmd);
    if (status != 0)
        fail_msg("%s: status %d", cmd, status);
}

void system_wipe(void)
{
    system_remove(sys.dir);
    system_remove(sys.shm);
}

int system_teardown(void **state)
{
    segment_close(sys.seg);
    lars_close(sys.client);
    proc_kill(&sys.agentd);
    proc_kill(&sys.dnsd);
    proc_kill(&sys.reportd);
    sys.seg = NULL;
    sys.client = NULL;
    system_wipe();
    return t_fds_check(state);
}

void system_agentd_conf(const char *format, ...)
{
    size_t n = strlen(sys.agentd_conf);
    va_list ap;
    int more;

    va_start(ap, format);
    more = vsnprintf(sys.agentd_conf + n, sizeof(sys.agentd_conf) - n, format, ap);
    va_end(ap);
    assert_in_range(more, 1, sizeof(sys.agentd_conf) - n - 1);
}

const char *system_write_file(const char *name, const char *format, ...)
{
    static char path[140];
    va_list ap;

    snprintf(path, sizeof(path), "%s/%s", testdb_dir, name);
    va_start(ap, format);
    textfile_vwrite(path, format, ap);
    va_end(ap);
    return path;
}

/* --- programs ----------------------------------------------------------------------- */

/* The program has ended, or it has stopped writing: what its log contains is read without
 * waiting. */
static void fail_with_log(struct proc *p, const char *name)
{
    char log[16384];
    size_t n = 0;
    ssize_t got;

    fcntl(p->err, F_SETFL, O_NONBLOCK);
    while (n + 1 < sizeof(log) && (got = read(p->err, log + n, sizeof(log) - 1 - n)) > 0)
        n += (size_t)got;
    log[n] = '\0';
    fail_msg("%s ended without listening on a port; the end of its log:\n%s", name,
             n > LOG_END ? log + n - LOG_END : log);
}

void system_wait_port(struct proc *p, const char *name)
{
    char line[512];

    while (p->port == 0) {
        const char *at;

        if (!proc_line(p->out, line, sizeof(line)))
            fail_with_log(p, name);
        at = strstr(line, "listening on ");
        if (at && strrchr(at, ':'))
            p->port = atoi(strrchr(at, ':') + 1);
    }
}

int system_http_port(struct proc *p)
{
    char line[512];
    const char *at;

    while (proc_line(p->err, line, sizeof(line)))
        if (strstr(line, "http.listen") && (at = strstr(line, " port=")))
            return atoi(at + 6);
    fail_msg("the program ended without the log line http.listen");
    return 0;
}

void system_start_dnsd(void)
{
    proc_start(&sys.dnsd, "lars-dnsd", "-p", sys.dnsd_port, "-s", testdb_socket, NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", sys.dnsd.port);
}

void system_start_reportd(void)
{
    proc_start(&sys.reportd, "lars-reportd", "-p", sys.reportd_port, "-s", testdb_socket,
               NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
}

void system_start_agentd(void)
{
    const char *file = system_write_file(
        "agentd.ini",
        "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %s\n"
        "[reporter]\nport = %s\n%s",
        sys.agentd_port, sys.dir, sys.dnsd_port, sys.reportd_port, sys.agentd_conf);

    proc_start(&sys.agentd, "lars-agentd", "-c", file, NULL);
    system_wait_port(&sys.agentd, "lars-agentd");
    snprintf(sys.agentd_port, sizeof(sys.agentd_port), "%d", sys.agentd.port);
}

/* --- the client --------------------------------------------------------------------- */

void system_open_client(void)
{
    struct lars_options opt = {.dir = sys.dir,
                               .timeout_ms = 5000,
                               .port = (uint16_t)sys.agentd.port};
    int rc = lars_open(&sys.client, &opt);

    if (rc < 0)
        fail_msg("cannot open a client of the agent: %s", lars_strerror(rc));
}

struct lars_client *system_another_client(void)
{
    struct lars_options opt = {.dir = sys.dir, .port = (uint16_t)sys.agentd.port};
    struct lars_client *c = NULL;

    return lars_open(&c, &opt) == 0 ? c : NULL;
}

void system_start(void)
{
    system_start_dnsd();
    system_start_reportd();
    system_start_agentd();
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
}

bool system_is_by_shm(const struct lars_host *h)
{
    return h->opaque[2] != 0; /* the number of the segment; 0: by UDP */
}

static bool call_is_by_shm(uint64_t *n_reported)
{
    struct lars_host h;

    if (lars_get_host(sys.client, 1, 1, &h) != 0)
        return false;
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    ++*n_reported;
    return system_is_by_shm(&h);
}

uint64_t system_start_shm(void)
{
    uint64_t n_reported = 0;

    system_start();
    T_WAIT(segment_open(&sys.seg, sys.shm) == 0);
    T_WAIT(call_is_by_shm(&n_reported));
    if (n_reported > 1)
        T_WAIT(system_total("succ_cnt") >= n_reported);
    return n_reported;
}

int system_n_nodes(void)
{
    struct lars_addr a[16];

    return lars_get_route(sys.client, 1, 1, a, 16);
}

int system_make_calls(int n)
{
    struct lars_host h;
    int i;

    for (i = 0; i < n; i++) {
        int rc = lars_get_host(sys.client, 1, 1, &h);

        if (rc != 0 && rc != 1)
            fail_msg("call %d of %d has no node: %s", i + 1, n, lars_strerror(rc));
        lars_report(sys.client, &h, 0);
    }
    return n;
}

unsigned long long system_total(const char *expression)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "SELECT COALESCE(SUM(%s), 0) FROM ServerCallStatus",
             expression);
    return testdb_number(sql);
}

void system_make_calls_shm(struct lars_client *c, int n, int failed_each)
{
    struct lars_host h;
    int i;

    for (i = 1; i <= n; i++) {
        assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
        assert_true(system_is_by_shm(&h));
        assert_int_equal(lars_report(c, &h, failed_each && i % failed_each == 0), 0);
    }
}

void system_check_totals(uint64_t succ, uint64_t err)
{
    T_WAIT(system_total("succ_cnt + err_cnt") >= succ + err);
    assert_int_equal(system_total("succ_cnt"), succ);
    assert_int_equal(system_total("err_cnt"), err);
}

bool system_none_in_flight(void)
{
    uint32_t i;

    for (i = 0; i < node_table_count(sys.seg); i++)
        if (node_table_counters(sys.seg)[i].inflight != 0)
            return false;
    return true;
}
