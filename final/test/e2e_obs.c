/* The HTTP port of each daemon: /metrics has the values that the test has caused, in the
 * format of Prometheus; /healthz is 200 while the daemon can do its work, and otherwise
 * 503 with the reason; a port that is taken is reported at the start. */
#include <sys/resource.h>

#include "lib/httppeer.h"
#include "batchpeer.h"
#include "reportpeer.h"
#include "lib/system.h"

#define HTTP_ON "[http]\nlisten = 127.0.0.1:0\n"

static struct httpreply reply;

/* Where promtool is installed, it must accept the text as well. */
static void check_with_promtool(const char *text)
{
    FILE *f;

    if (system("command -v promtool >/dev/null 2>&1") != 0)
        return;
    f = popen("promtool check metrics", "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(pclose(f), 0);
}

static double value(int port, const char *name)
{
    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void t_metrics_of_dnsd_show_routes_and_the_database(void **state)
{
    const char *file;
    int port;

    (void)state;
    file = system_write_file("d.ini", "[db]\nsocket = %s\n[guard]\ndir = %s\n" HTTP_ON,
                             testdb_socket, sys.dir);
    proc_start(&sys.dnsd, "lars-dnsd", "-c", file, "-p", "0", NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    port = system_http_port(&sys.dnsd);
    T_WAIT((httppeer_get(port, "/healthz", &reply), reply.status == 200));
    T_WAIT(value(port, "lars_dnsd_db_up") == 1); /* set after the routes are published */
    assert_true(httppeer_value(&reply, "lars_dnsd_nodes") == 3);
    assert_true(httppeer_check_text(reply.body) >= 20);
    check_with_promtool(reply.body);
    assert_true(httppeer_value(&reply, "lars_dnsd_modules") == 1);
    assert_true(httppeer_value(&reply, "lars_dnsd_held_modules") == 0);
    testdb_sql("DELETE FROM RouteData");
    T_WAIT(value(port, "lars_dnsd_held_modules") == 1);
    testdb_stop();
    T_WAIT(value(port, "lars_dnsd_db_up") == 0);
    httppeer_get(port, "/healthz", &reply);
    assert_int_equal(reply.status, 200); /* it answers from memory */
    testdb_start();
}

static void t_dnsd_without_routes_is_not_healthy(void **state)
{
    int port;

    (void)state;
    proc_start(&sys.dnsd, "lars-dnsd", "-c",
               system_write_file("d.ini", "[db]\nsocket = /nonexistent\n" HTTP_ON), "-p",
               "0", NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    port = system_http_port(&sys.dnsd);
    httppeer_get(port, "/healthz", &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "no routes yet"));
}

static void t_metrics_of_agent_and_reportd_count_calls(void **state)
{
    int rport, aport;

    (void)state;
    proc_start(&sys.reportd, "lars-reportd", "-c",
               system_write_file("r.ini", "[db]\nsocket = %s\n" HTTP_ON, testdb_socket),
               "-p", "0", NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
    rport = system_http_port(&sys.reportd);
    system_start_dnsd();
    system_agentd_conf(HTTP_ON);
    system_start_agentd();
    aport = system_http_port(&sys.agentd);
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    system_make_calls(100);
    T_WAIT(value(aport, "lars_agentd_reports_total{path=\"udp\"}") == 100);
    assert_true(httppeer_check_text(reply.body) >= 9);
    check_with_promtool(reply.body);
    assert_true(httppeer_value(&reply, "lars_agentd_get_host_total{path=\"udp\"}") >=
                100);
    assert_true(httppeer_value(&reply, "lars_agentd_udp_received_total") >= 200);
    assert_true(httppeer_value(&reply, "lars_agentd_modules") == 1);
    T_WAIT(system_total("succ_cnt") == 100);
    T_WAIT(value(rport, "lars_reportd_batches_applied_total") >= 1); /* after COMMIT */
    assert_true(httppeer_check_text(reply.body) >= 12);
    check_with_promtool(reply.body);
    assert_true(httppeer_value(&reply, "lars_reportd_connections") == 1);
    assert_true(httppeer_value(&reply, "lars_reportd_accepted_total") == 1);
    httppeer_get(aport, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
    httppeer_get(rport, "/healthz", &reply);
    assert_int_equal(reply.status, 200);
}

static bool health_is(int port, int status, const char *reason)
{
    httppeer_get(port, "/healthz", &reply);
    return reply.status == status && strstr(reply.body, reason);
}

/* Starts a lars-reportd that is unhealthy after a second.  Returns its HTTP port. */
static int start_rep_http(const char *more)
{
    const char *file =
        system_write_file("r.ini", "[db]\nsocket = %s\n%s" HTTP_ON "unhealthy_s = 1\n",
                          testdb_socket, more);

    proc_start(&sys.reportd, "lars-reportd", "-c", file, "-p", sys.reportd_port, NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
    return system_http_port(&sys.reportd);
}

static void t_reportd_whose_leader_fails_is_not_healthy(void **state)
{
    int port;

    (void)state;
    port = start_rep_http("");
    T_WAIT(value(port, "lars_reportd_leader") == 1);
    assert_true(health_is(port, 200, "ok"));
    testdb_stop();
    T_WAIT(health_is(port, 503, "the leader's tasks fail"));
    testdb_start();
    T_WAIT(health_is(port, 200, "ok"));
    assert_true(value(port, "lars_reportd_leader_failures_total") >= 1);
}

static void t_reportd_whose_batches_are_not_written_is_not_healthy(void **state)
{
    int port;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n");
    system_start_dnsd();
    system_start_agentd();
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    system_make_calls(10);
    T_WAIT(system_total("succ_cnt") == 10);
    assert_true(health_is(port, 200, "ok"));
    testdb_stop();
    assert_true(health_is(port, 200, "ok")); /* nothing has failed yet */
    system_make_calls(10);
    T_WAIT(health_is(port, 503, "report batches cannot be written"));
    testdb_start();
    T_WAIT(health_is(port, 200, "ok"));
    T_WAIT(system_total("succ_cnt") == 20);
}

static void t_reportd_with_a_full_queue_is_not_healthy(void **state)
{
    int port, fd;
    uint32_t ip = 1;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n[writer]\nthreads = 1\nmax_rows = 1\n"
                          "batch = 1\n");
    testdb_stop();
    fd = peer_connect(sys.reportd.port);
    T_WAIT((reportpeer_send(fd, 1, ip++, 80, 1, 0),
            health_is(port, 503, "the queue of rows is full")));
    close(fd);
    testdb_start();
    T_WAIT(health_is(port, 200, "ok"));
}

static void t_reportd_whose_rows_are_not_written_is_not_healthy(void **state)
{
    int port, fd;
    uint32_t ip = 1;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n[writer]\nthreads = 1\n");
    testdb_stop();
    fd = peer_connect(sys.reportd.port);
    T_WAIT((reportpeer_send(fd, 1, ip++, 80, 1, 0),
            health_is(port, 503, "rows cannot be written to the database")));
    testdb_start();
    T_WAIT(health_is(port, 200, "ok"));
    close(fd);
}

static void t_reportd_with_a_full_queue_of_batches_is_not_healthy(void **state)
{
    uint64_t seq = 1;
    int port, fd;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n[writer]\nthreads = 1\n");
    testdb_stop();
    fd = peer_connect(sys.reportd.port);
    for (; seq <= 900; seq++)
        batchpeer_send(fd, seq);
    assert_false(health_is(port, 503, "the queue of report batches is full"));
    T_WAIT((batchpeer_send(fd, seq++),
            health_is(port, 503, "the queue of report batches is full")));
    testdb_start();
    T_WAIT(health_is(port, 200, "ok"));
    close(fd);
}

#define FULL_MODULES 20               /* with more nodes than an outbox has rows */
#define FULL_NODES 3500

/* Reports a failed call of each node of modules 3/3, 6/3 ..., which share an outbox. */
static void report_each_node(void)
{
    struct lars_host h = {.addr = {.family = AF_INET, .port = 80}, .cmdid = 3};
    uint32_t n;

    for (h.modid = 3; h.modid <= 3 * FULL_MODULES; h.modid += 3)
        for (n = 1; n <= FULL_NODES; n++) {
            h.addr.ip[0] = 10;
            h.addr.ip[2] = (uint8_t)(n >> 8);
            h.addr.ip[3] = (uint8_t)n;
            assert_int_equal(lars_report(sys.client, &h, 1), 0);
        }
}

static void t_agent_with_a_full_outbox_is_not_healthy(void **state)
{
    const char *wrap = getenv("LARS_WRAP");
    char sql[200];
    uint32_t mod;
    int port;

    (void)state;
    if (wrap && wrap[0])
        skip();                       /* valgrind fills no outbox in 30 s */
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT "
             "3 * m.seq, 3, 167772160 + n.seq, 80 FROM seq_1_to_%d m, seq_1_to_%d n",
             FULL_MODULES, FULL_NODES);
    testdb_sql(sql);
    system_start_dnsd();
    system_start_reportd();
    proc_kill(&sys.reportd);          /* nothing takes what the agent counts */
    system_agentd_conf(HTTP_ON);
    system_start_agentd();
    port = system_http_port(&sys.agentd);
    system_open_client();
    for (mod = 3; mod <= 3 * FULL_MODULES; mod += 3)
        T_WAIT(lars_register(sys.client, mod, 3) == 0);
    assert_true(health_is(port, 200, "ok"));
    T_WAIT((report_each_node(),
            health_is(port, 503, "an outbox is full, so calls are not counted")));
}

static void t_agent_without_room_for_a_route_is_not_healthy(void **state)
{
    int port;

    (void)state;
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT 2, 1, "
               "167772160 + seq, 80 FROM seq_1_to_100");
    system_start_dnsd();
    system_start_reportd();
    system_agentd_conf(HTTP_ON "[shm]\ndir = %s\nmax_nodes = 64\n", sys.shm);
    system_start_agentd();
    port = system_http_port(&sys.agentd);
    system_open_client();
    T_WAIT(lars_register(sys.client, 2, 1) == 0);
    T_WAIT(health_is(port, 503, "a route found no room in shared memory"));
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    T_WAIT(value(port, "lars_agentd_shm_modules") >= 1); /* this one found room */
    assert_true(health_is(port, 503, "a route found no room in shared memory"));
    testdb_sql("DELETE FROM RouteData WHERE modid = 2 AND serverip > 167772160 + 10");
    T_WAIT(health_is(port, 200, "ok"));
}

static void t_agent_without_servers_is_not_healthy(void **state)
{
    int port;

    (void)state;
    system_start_dnsd();
    system_start_reportd();
    proc_kill(&sys.dnsd);
    proc_kill(&sys.reportd);
    system_agentd_conf(HTTP_ON "unhealthy_s = 1\n");
    system_start_agentd();
    port = system_http_port(&sys.agentd);
    assert_true(health_is(port, 503, "no route is known"));
    assert_true(value(port, "lars_agentd_dns_up") == 0);
    system_start_dnsd();
    T_WAIT(health_is(port, 503, "no Report Service has been connected for long"));
    system_start_reportd();
    T_WAIT(health_is(port, 200, "ok"));
    assert_true(value(port, "lars_agentd_report_up") == 1);
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    proc_kill(&sys.dnsd);
    T_WAIT(value(port, "lars_agentd_dns_up") == 0);
    assert_true(health_is(port, 200, "ok")); /* it has routes */
}

/* The agent starts again when no call is open in the folder that it has lost; until then
 * it is not healthy.  Under valgrind it cannot: /proc/self/exe is another program. */
static void t_agent_counts_calls_by_shared_memory_and_checks_its_folder(void **state)
{
    const char *mode = getenv("LARS_MODE");
    struct lars_host open_call;
    char away[130];
    int port;

    (void)state;
    snprintf(away, sizeof(away), "%s.away", sys.shm);
    system_agentd_conf(HTTP_ON "[shm]\ndir = %s\n", sys.shm);
    system_start();
    port = system_http_port(&sys.agentd);
    T_WAIT((system_make_calls(1),
            value(port, "lars_agentd_reports_total{path=\"shm\"}") >= 10));
    assert_true(httppeer_value(&reply, "lars_agentd_get_host_total{path=\"shm\"}") >= 10);
    check_with_promtool(reply.body);
    T_WAIT(health_is(port, 200, "ok"));
    assert_int_equal(lars_get_host(sys.client, 1, 1, &open_call), 0);
    assert_true(system_is_by_shm(&open_call));
    assert_int_equal(rename(sys.shm, away), 0);
    T_WAIT(health_is(port, 503, "folder of the shared memory"));
    if (!mode || strcmp(mode, "memcheck") != 0) {
        assert_int_equal(lars_report(sys.client, &open_call, 0), 0);
        port = system_http_port(&sys.agentd); /* of the new program */
        T_WAIT(health_is(port, 200, "ok"));
    }
    system_remove(away);
}

static void t_taken_http_port_is_reported_at_the_start(void **state)
{
    const char *file;

    (void)state;
    system_start_dnsd();
    file = system_write_file("t.ini", "[http]\nlisten = 127.0.0.1:%s\n", sys.dnsd_port);
    proc_start(&sys.reportd, "lars-reportd", "-c", file, "-p", "0", "-s", testdb_socket,
               NULL);
    proc_expect_line(sys.reportd.err, "http.listen at=127.0.0.1:");
    assert_int_equal(proc_wait(&sys.reportd), 1);
}

/* The limit of the running daemon, which the test changes as prlimit(1) does. */
static void set_fd_limit(struct proc *p, rlim_t soft)
{
    struct rlimit r;

    assert_int_equal(prlimit(p->pid, RLIMIT_NOFILE, NULL, &r), 0);
    r.rlim_cur = soft;
    assert_int_equal(prlimit(p->pid, RLIMIT_NOFILE, &r, NULL), 0);
}

static void t_daemon_whose_descriptors_run_out_logs_it(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip();                       /* valgrind shows a limit of its own */
    proc_start(&sys.dnsd, "lars-dnsd", "-m", "-p", "0", NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    set_fd_limit(&sys.dnsd, 8);
    proc_expect_line(sys.dnsd.err, "fd.near");
    set_fd_limit(&sys.dnsd, 1000);
    proc_expect_line(sys.dnsd.err, "fd.enough");
}

#define O(fn) cmocka_unit_test_setup_teardown(fn, system_setup, system_teardown)

TESTDB_MAIN(O(t_metrics_of_dnsd_show_routes_and_the_database),
            O(t_dnsd_without_routes_is_not_healthy),
            O(t_metrics_of_agent_and_reportd_count_calls),
            O(t_reportd_whose_leader_fails_is_not_healthy),
            O(t_reportd_whose_batches_are_not_written_is_not_healthy),
            O(t_reportd_with_a_full_queue_is_not_healthy),
            O(t_reportd_whose_rows_are_not_written_is_not_healthy),
            O(t_reportd_with_a_full_queue_of_batches_is_not_healthy),
            O(t_agent_with_a_full_outbox_is_not_healthy),
            O(t_agent_without_room_for_a_route_is_not_healthy),
            O(t_agent_without_servers_is_not_healthy),
            O(t_agent_counts_calls_by_shared_memory_and_checks_its_folder),
            O(t_daemon_whose_descriptors_run_out_logs_it),
            O(t_taken_http_port_is_reported_at_the_start))
