/* What each daemon shows over HTTP, and that it is true. */
#include "lib/httppeer.h"
#include "reportpeer.h"
#include "system.h"

static struct httpreply reply;
static char conf[100];

/* The port of "http.listen at=127.0.0.1:0 port=N" in what the program says. */
static int http_port(struct proc *p)
{
    char line[512];
    const char *at;

    while (proc_line(p->err, line, sizeof(line)))
        if (strstr(line, "http.listen") && (at = strstr(line, " port=")))
            return atoi(at + 6);
    fail_msg("it ended without http.listen");
    return 0;
}

static const char *with_conf(const char *name, const char *text)
{
    FILE *f;

    snprintf(conf, sizeof(conf), "%s/%s", mydb_dir, name);
    f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f, "%s[http]\nlisten = 127.0.0.1:0\n", text);
    fclose(f);
    return conf;
}

/* promtool, where there is one, agrees with our own reading of the text. */
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

static void t_dnsd_shows_routes_questions_and_the_database(void **state)
{
    char text[200];
    int port;

    (void)state;
    snprintf(text, sizeof(text), "[db]\nsocket = %s\n[guard]\ndir = %s\n", mydb_socket,
             dir);
    proc_start(&dns, "lars-dnsd", "-c", with_conf("d.ini", text), "-p", "0", NULL);
    proc_wait_port(&dns);
    port = http_port(&dns);
    T_WAIT((httppeer_get(port, "/healthz", &reply), reply.status == 200));
    assert_true(value(port, "lars_dnsd_nodes") == 3);
    assert_true(httppeer_check_text(reply.body) >= 20);
    check_with_promtool(reply.body);
    assert_true(httppeer_value(&reply, "lars_dnsd_modules") == 1);
    assert_true(httppeer_value(&reply, "lars_dnsd_db_up") == 1);
    assert_true(httppeer_value(&reply, "lars_dnsd_held_modules") == 0);
    mydb_sql("DELETE FROM RouteData");
    T_WAIT(value(port, "lars_dnsd_held_modules") == 1);
    assert_int_equal(mydb_run("stop"), 0);
    T_WAIT(value(port, "lars_dnsd_db_up") == 0);
    httppeer_get(port, "/healthz", &reply);
    assert_int_equal(reply.status, 200); /* it serves */
    assert_int_equal(mydb_run("start"), 0);
    snprintf(text, sizeof(text), "%s/dnsd.routes", dir);
    proc_kill(&dns);
    unlink(text);
}

static void t_dnsd_without_routes_is_not_healthy(void **state)
{
    int port;

    (void)state;
    proc_start(&dns, "lars-dnsd", "-c",
               with_conf("d.ini", "[db]\nsocket = /nonexistent\n"), "-p", "0", NULL);
    proc_wait_port(&dns);
    port = http_port(&dns);
    httppeer_get(port, "/healthz", &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "no routes yet"));
}

static void t_agent_and_reportd_count_calls(void **state)
{
    char text[200];
    int rport, aport;

    (void)state;
    snprintf(text, sizeof(text), "[db]\nsocket = %s\n", mydb_socket);
    proc_start(&rep, "lars-reportd", "-c", with_conf("r.ini", text), "-p", "0", NULL);
    proc_wait_port(&rep);
    snprintf(rep_port, sizeof(rep_port), "%d", rep.port);
    rport = http_port(&rep);
    start_dns();
    more_conf = "[http]\nlisten = 127.0.0.1:0\n";
    start_agent();
    aport = http_port(&agent);
    assert_int_equal(lars_open(&client,
                               &(struct lars_options){.dir = dir,
                                                      .timeout_ms = 5000,
                                                      .port = (uint16_t)agent.port}),
                     0);
    T_WAIT(lars_register(client, 1, 1) == 0);
    make_calls(100);
    T_WAIT(value(aport, "lars_agentd_reports_total{path=\"udp\"}") == 100);
    assert_true(httppeer_check_text(reply.body) >= 9);
    check_with_promtool(reply.body);
    assert_true(httppeer_value(&reply, "lars_agentd_get_host_total{path=\"udp\"}") >=
                100);
    assert_true(httppeer_value(&reply, "lars_agentd_udp_received_total") >= 200);
    assert_true(httppeer_value(&reply, "lars_agentd_modules") == 1);
    T_WAIT(total("succ_cnt") == 100);
    assert_true(value(rport, "lars_reportd_batches_applied_total") >= 1);
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
    FILE *f;

    snprintf(conf, sizeof(conf), "%s/r.ini", mydb_dir);
    f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f, "[db]\nsocket = %s\n%s[http]\nlisten = 127.0.0.1:0\nunhealthy_s = 1\n",
            mydb_socket, more);
    fclose(f);
    proc_start(&rep, "lars-reportd", "-c", conf, "-p", rep_port, NULL);
    proc_wait_port(&rep);
    snprintf(rep_port, sizeof(rep_port), "%d", rep.port);
    return http_port(&rep);
}

static void t_reportd_whose_leader_fails_is_not_healthy(void **state)
{
    int port;

    (void)state;
    port = start_rep_http("");
    T_WAIT(value(port, "lars_reportd_leader") == 1);
    assert_true(health_is(port, 200, "ok"));
    assert_int_equal(mydb_run("stop"), 0);
    T_WAIT(health_is(port, 503, "the leader's tasks fail"));
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(health_is(port, 200, "ok"));
    assert_true(value(port, "lars_reportd_leader_failures_total") >= 1);
}

static void t_reportd_whose_batches_are_not_written_is_not_healthy(void **state)
{
    int port;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n");
    start_dns();
    start_agent();
    assert_int_equal(lars_open(&client,
                               &(struct lars_options){.dir = dir,
                                                      .timeout_ms = 5000,
                                                      .port = (uint16_t)agent.port}),
                     0);
    T_WAIT(lars_register(client, 1, 1) == 0);
    make_calls(10);
    T_WAIT(total("succ_cnt") == 10);
    assert_true(health_is(port, 200, "ok"));
    assert_int_equal(mydb_run("stop"), 0);
    assert_true(health_is(port, 200, "ok")); /* nothing has failed yet */
    make_calls(10);
    T_WAIT(health_is(port, 503, "report batches cannot be written"));
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(health_is(port, 200, "ok"));
    T_WAIT(total("succ_cnt") == 20);
}

static void t_reportd_with_a_full_queue_is_not_healthy(void **state)
{
    int port, fd;
    uint32_t ip = 1;

    (void)state;
    port = start_rep_http("[leader]\nenabled = 0\n[writer]\nthreads = 1\nmax_rows = 1\n"
                          "batch = 1\n");
    assert_int_equal(mydb_run("stop"), 0);
    fd = peer_connect(rep.port);
    T_WAIT((reportpeer_send(fd, 1, ip++, 80, 1, 0),
            health_is(port, 503, "the queue of rows is full")));
    close(fd);
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(health_is(port, 200, "ok"));
}

static void t_agent_without_servers_is_not_healthy(void **state)
{
    int port;

    (void)state;
    start_dns();
    start_rep();
    proc_kill(&dns);
    proc_kill(&rep);
    more_conf = "[http]\nlisten = 127.0.0.1:0\nunhealthy_s = 1\n";
    start_agent();
    port = http_port(&agent);
    assert_true(health_is(port, 503, "no route is known"));
    assert_true(value(port, "lars_agentd_dns_up") == 0);
    start_dns();
    T_WAIT(health_is(port, 503, "no Report Service has been connected for long"));
    start_rep();
    T_WAIT(health_is(port, 200, "ok"));
    assert_true(value(port, "lars_agentd_report_up") == 1);
    assert_int_equal(lars_open(&client,
                               &(struct lars_options){.dir = dir,
                                                      .timeout_ms = 5000,
                                                      .port = (uint16_t)agent.port}),
                     0);
    T_WAIT(lars_register(client, 1, 1) == 0);
    proc_kill(&dns);
    T_WAIT(value(port, "lars_agentd_dns_up") == 0);
    assert_true(health_is(port, 200, "ok")); /* it has routes */
}

static void t_agent_counts_calls_by_shared_memory_and_sees_its_folder(void **state)
{
    char shm[120], away[130], more[300];
    int port;

    (void)state;
    snprintf(shm, sizeof(shm), "%s/shm", mydb_dir);
    snprintf(away, sizeof(away), "%s.away", shm);
    snprintf(more, sizeof(more), "[http]\nlisten = 127.0.0.1:0\n[shm]\ndir = %s\n", shm);
    more_conf = more;
    start_all();
    port = http_port(&agent);
    T_WAIT((make_calls(1), value(port, "lars_agentd_reports_total{path=\"shm\"}") >= 10));
    assert_true(httppeer_value(&reply, "lars_agentd_get_host_total{path=\"shm\"}") >= 10);
    check_with_promtool(reply.body);
    T_WAIT(health_is(port, 200, "ok"));
    assert_int_equal(rename(shm, away), 0);
    T_WAIT(health_is(port, 503, "folder of the shared memory"));
    assert_int_equal(rename(away, shm), 0);
    T_WAIT(health_is(port, 200, "ok"));
}

static void t_taken_http_port_is_said_at_the_start(void **state)
{
    char text[200];

    (void)state;
    start_dns();
    snprintf(text, sizeof(text), "%s/t.ini", mydb_dir);
    {
        FILE *f = fopen(text, "w");

        assert_non_null(f);
        fprintf(f, "[http]\nlisten = 127.0.0.1:%s\n", dns_port);
        fclose(f);
    }
    proc_start(&rep, "lars-reportd", "-c", text, "-p", "0", "-s", mydb_socket, NULL);
    proc_expect_line(rep.err, "http.listen at=127.0.0.1:");
    assert_int_equal(proc_wait(&rep), 1);
}

#define O(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(O(t_dnsd_shows_routes_questions_and_the_database),
          O(t_dnsd_without_routes_is_not_healthy), O(t_agent_and_reportd_count_calls),
          O(t_reportd_whose_leader_fails_is_not_healthy),
          O(t_reportd_whose_batches_are_not_written_is_not_healthy),
          O(t_reportd_with_a_full_queue_is_not_healthy),
          O(t_agent_without_servers_is_not_healthy),
          O(t_agent_counts_calls_by_shared_memory_and_sees_its_folder),
          O(t_taken_http_port_is_said_at_the_start))
