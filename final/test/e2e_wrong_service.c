/* A list that names a service of the other kind is named: by the service, by the agent,
 * and by larsctl doctor.  No call is lost meanwhile. */
#include "batchpeer.h"
#include "ctlrun.h"

static void start_services(void)
{
    system_start_dnsd();
    system_start_reportd();
}

/* <others>: the other keys of [reporter]. */
static void start_agent_with(const char *dns, const char *report, const char *others)
{
    const char *file = system_write_file(
        "agentd.ini",
        "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %s\n"
        "[reporter]\nport = %s\n%s",
        sys.agentd_port, sys.dir, dns, report, others);

    proc_start(&sys.agentd, "lars-agentd", "-c", file, NULL);
    system_wait_port(&sys.agentd, "lars-agentd");
    system_open_client();
}

static void t_dnsd_in_the_list_of_report_services_is_named(void **state)
{
    (void)state;
    start_services();
    start_agent_with(sys.dnsd_port, sys.dnsd_port, "");
    proc_expect_line(sys.dnsd.err, "is of a DNSService, but [reporter]");
    proc_expect_line(sys.agentd.err, "server.wrong_service");
}

static void t_reportd_in_the_list_of_dns_services_is_named(void **state)
{
    (void)state;
    start_services();
    start_agent_with(sys.reportd_port, sys.reportd_port, "");
    proc_expect_line(sys.reportd.err, "is of a Report Service, but [dnsserver]");
    proc_expect_line(sys.agentd.err, "server.wrong_service");
}

static void t_wrong_report_service_takes_no_call_from_the_next_one(void **state)
{
    char others[60];
    uint64_t n;

    (void)state;
    start_services();
    snprintf(others, sizeof(others), "others = 127.0.0.1:%s\n", sys.reportd_port);
    start_agent_with(sys.dnsd_port, sys.dnsd_port, others);
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    n = (uint64_t)system_make_calls(30);
    T_WAIT(system_total("succ_cnt") == n);
}

static void t_calls_wait_in_the_outbox_until_the_list_is_right(void **state)
{
    uint64_t n;

    (void)state;
    start_services();
    start_agent_with(sys.dnsd_port, sys.dnsd_port, "");
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    n = (uint64_t)system_make_calls(30);
    proc_expect_line(sys.agentd.err, "server.wrong_service");
    proc_end(&sys.agentd, SIGTERM);
    lars_close(sys.client);
    start_agent_with(sys.dnsd_port, sys.reportd_port, "");
    T_WAIT(system_total("succ_cnt") == n);
}

/* Agents of version 1.1 send no kind of service in their hello. */
static void t_frames_of_the_other_service_are_named_without_a_hello(void **state)
{
    int c;

    (void)state;
    start_services();
    c = peer_connect(sys.dnsd.port);
    batchpeer_send(c, 1);
    peer_expect_close(c);
    close(c);
    proc_expect_line(sys.dnsd.err, "peer.wrong_service");
    c = peer_connect(sys.reportd.port);
    dnspeer_ask(c, 1, 1);
    peer_expect_close(c);
    close(c);
    proc_expect_line(sys.reportd.err, "peer.wrong_service");
}

static void t_doctor_names_a_service_of_the_other_kind(void **state)
{
    (void)state;
    start_services();
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", sys.reportd.port);
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.dnsd.port);
    write_ini("", testdb_socket);
    assert_int_equal(ctl("doctor"), 1);
    expect_text("this is a Report Service, and no DNSService; correct [larsctl] dnsd");
    expect_text("this is a DNSService, and no Report Service; correct [larsctl] reportd");
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, system_teardown)

TESTDB_MAIN(X(t_dnsd_in_the_list_of_report_services_is_named),
            X(t_reportd_in_the_list_of_dns_services_is_named),
            X(t_wrong_report_service_takes_no_call_from_the_next_one),
            X(t_calls_wait_in_the_outbox_until_the_list_is_right),
            X(t_frames_of_the_other_service_are_named_without_a_hello),
            X(t_doctor_names_a_service_of_the_other_kind))
