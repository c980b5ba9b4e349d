/* TLS between daemons: lars-dnsd and lars-reportd listen at an address that is no
 * loopback address, and lars-agentd, lars-slotd and larsctl connect to it with the
 * certificates of their roles. */
#include <sys/stat.h>

#include "ctlrun.h"
#include "lib/certauthority.h"
#include "lib/freeport.h"
#include "lib/httppeer.h"
#include "lib/ownnet.h"

#define AT OWNNET_ADDRESS

static bool has_net; /* else every test is skipped */
static struct certauthority ca;
static struct proc slotd;
static char tls[100]; /* the folder of the certificates */
static int dnsd_http;

static const char *tls_file(const char *name)
{
    static char path[4][140];
    static unsigned n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", tls, name);
    return path[n];
}

static long sign(const char *name, const char *san)
{
    char cert[40], key[40];

    snprintf(cert, sizeof(cert), "%s.crt", name);
    snprintf(key, sizeof(key), "%s.key", name);
    return certauthority_sign(&ca, &(struct certauthority_names){.san = san},
                              tls_file(cert), tls_file(key));
}

/* [tls] of the program with the certificate <name>; valid until the next call. */
static const char *section(const char *name)
{
    static char text[700];

    snprintf(text, sizeof(text),
             "[tls]\ncert = %s/%s.crt\nkey = %s/%s.key\nca = %s/ca.crt\n"
             "crl = %s/crl.pem\n",
             tls, name, tls, name, tls, tls);
    return text;
}

static int setup(void **state)
{
    if (!has_net)
        return 0;
    if (system_setup(state) < 0)
        return -1;
    memset(&slotd, 0, sizeof(slotd));
    snprintf(tls, sizeof(tls), "%s/tls", testdb_dir);
    assert_int_equal(mkdir(tls, 0700), 0);
    certauthority_open(&ca);
    certauthority_write(&ca, tls_file("ca.crt"));
    certauthority_revoke(&ca, 0, tls_file("crl.pem"), 86400);
    sign("dnsd", "URI:urn:lars:role:dnsd,URI:urn:lars:machine:1,IP:" AT);
    sign("reportd", "URI:urn:lars:role:reportd,URI:urn:lars:machine:1,IP:" AT);
    sign("agent", "URI:urn:lars:role:agent,URI:urn:lars:machine:1,IP:" AT);
    return 0;
}

static int teardown(void **state)
{
    if (!has_net)
        return 0;
    proc_kill(&slotd);
    certauthority_close(&ca);
    system_remove(tls);
    return system_teardown(state);
}

static void need_net(void)
{
    if (!has_net)
        skip();
}

/* --- programs ----------------------------------------------------------------------- */

static const char *dnsd_conf(const char *more)
{
    return system_write_file("dnsd.ini",
                             "[dnsd]\naddress = " AT "\nport = %s\n[db]\nsocket = %s\n"
                             "[http]\nlisten = 127.0.0.1:0\n%s",
                             sys.dnsd_port, testdb_socket, more);
}

static void start_dnsd(void)
{
    proc_start(&sys.dnsd, "lars-dnsd", "-c", dnsd_conf(section("dnsd")), NULL);
    dnsd_http = system_http_port(&sys.dnsd);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", sys.dnsd.port);
}

static void start_reportd(void)
{
    const char *file =
        system_write_file("reportd.ini",
                          "[reportd]\naddress = " AT "\nport = %s\n[db]\nsocket = %s\n%s",
                          sys.reportd_port, testdb_socket, section("reportd"));

    proc_start(&sys.reportd, "lars-reportd", "-c", file, NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
}

static const char *agent_conf(const char *more)
{
    return system_write_file(
        "agentd.ini",
        "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nip = " AT
        "\nport = %s\n[reporter]\nip = " AT "\nport = %s\n%s",
        sys.agentd_port, sys.dir, sys.dnsd_port, sys.reportd_port, more);
}

static void start_agent(const char *more)
{
    proc_start(&sys.agentd, "lars-agentd", "-c", agent_conf(more), NULL);
    system_wait_port(&sys.agentd, "lars-agentd");
    snprintf(sys.agentd_port, sizeof(sys.agentd_port), "%d", sys.agentd.port);
    system_open_client();
}

static double dnsd_metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(dnsd_http, "/metrics", &r);
    return httppeer_value(&r, name);
}

/* Run <name> with this configuration until it ends by itself.  Its words are in out. */
static int run_to_end(const char *name, const char *file)
{
    struct proc p = {0};
    size_t n = 0;
    ssize_t got;

    proc_start(&p, name, "-c", file, NULL);
    while ((got = read(p.err, out + n, sizeof(out) - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    return proc_wait(&p);
}

/* --- it works ----------------------------------------------------------------------- */

static void t_routes_arrive_and_calls_are_stored(void **state)
{
    uint64_t n;

    (void)state;
    need_net();
    start_dnsd();
    start_reportd();
    start_agent(section("agent"));
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    assert_int_equal(system_n_nodes(), 3);
    n = (uint64_t)system_make_calls(50);
    T_WAIT(system_total("succ_cnt") == n);
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1, 1, INET_ATON('127.0.1.9'), 80)");
    T_WAIT(system_n_nodes() == 4); /* a push */
    assert_true(dnsd_metric("lars_dnsd_tls_handshakes_total") == 1);
    assert_true(dnsd_metric("lars_dnsd_tls_insecure") == 0);
    assert_true(dnsd_metric("lars_dnsd_tls_certificate_expiry_seconds") >
                (double)time(NULL));
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
    assert_int_equal(proc_end(&sys.reportd, SIGTERM), 0);
    assert_int_equal(proc_end(&sys.dnsd, SIGTERM), 0);
}

/* The host name of a lars-slotd, and the address of its nodes, are in its certificate. */
static void t_slotd_and_doctor_connect_with_their_roles(void **state)
{
    char conf[1500];

    (void)state;
    need_net();
    sign("slots", "URI:urn:lars:role:slots,URI:urn:lars:machine:1,IP:" AT);
    sign("larsctl", "URI:urn:lars:role:larsctl");
    start_dnsd();
    start_reportd();
    start_agent(section("agent"));
    snprintf(conf, sizeof(conf),
             "[slots]\nhost = h1\naddress = " AT "\nn = 1\nfirst_port = %d\nstate_dir = "
             "%s/slots\nmodules = %s\n[dns]\nservers = " AT ":%s\n[report]\nservers = " AT
             ":%s\n%s",
             freeport_take(), testdb_dir, system_write_file("slot-modules.ini", "%s", ""),
             sys.dnsd_port, sys.reportd_port, section("slots"));
    proc_start(&slotd, "lars-slotd", "-c", system_write_file("slotd.ini", "%s", conf),
               NULL);
    proc_expect_line(sys.dnsd.err, "slotd.connected");
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[larsctl]\nagents = 127.0.0.1:%s\ndnsd = " AT
                               ":%s\nreportd = " AT
                               ":%s\nhttp = 127.0.0.1:%d\n[db]\nsocket = %s\n%s",
                               sys.agentd_port, sys.dnsd_port, sys.reportd_port,
                               dnsd_http, testdb_socket, section("larsctl")));
    T_WAIT(ctl("doctor") == 0);
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[larsctl]\nagents = 127.0.0.1:%s\ndnsd = " AT
                               ":%s\nreportd = " AT
                               ":%s\nhttp = 127.0.0.1:%d\n[db]\nsocket = %s\n",
                               sys.agentd_port, sys.dnsd_port, sys.reportd_port,
                               dnsd_http, testdb_socket));
    assert_int_equal(ctl("doctor"), 1);
    expect_text("set [tls] in the configuration of larsctl");
    assert_int_equal(proc_end(&slotd, SIGTERM), 0);
}

/* --- who is refused ----------------------------------------------------------------- */

static void refuse_agent(const char *name, const char *why)
{
    char line[60];

    start_dnsd();
    start_reportd();
    start_agent(section(name));
    snprintf(line, sizeof(line), "why=%s", why);
    proc_expect_line(sys.dnsd.err, line);
    proc_expect_line(sys.agentd.err, "why=by_peer");
    assert_true(system_n_nodes() <= 0);
    assert_true(dnsd_metric("lars_dnsd_queries_total") == 0);
}

static void t_an_agent_with_a_revoked_certificate_is_refused(void **state)
{
    long serial;

    (void)state;
    need_net();
    serial = sign("old", "URI:urn:lars:role:agent,IP:" AT);
    certauthority_revoke(&ca, serial, tls_file("crl.pem"), 86400);
    refuse_agent("old", "revoked");
}

static void t_an_agent_with_another_role_is_refused(void **state)
{
    (void)state;
    need_net();
    sign("gateway", "URI:urn:lars:role:gateway,IP:" AT);
    refuse_agent("gateway", "role");
}

static void t_an_agent_that_reports_for_another_host_is_refused(void **state)
{
    char conf[1500];

    (void)state;
    need_net();
    start_dnsd();
    start_reportd();
    snprintf(conf, sizeof(conf),
             "[agent]\nport = %s\ndir = %s\nreport_ms = 20\ncaller = 10.99.0.2\n"
             "[dnsserver]\nip = " AT "\nport = %s\n[reporter]\nip = " AT
             "\nport = %s\n%s",
             sys.agentd_port, sys.dir, sys.dnsd_port, sys.reportd_port, section("agent"));
    proc_start(&sys.agentd, "lars-agentd", "-c",
               system_write_file("agentd.ini", "%s", conf), NULL);
    system_wait_port(&sys.agentd, "lars-agentd");
    proc_expect_line(sys.reportd.err, "why=host machine=1 roles=\"agent\"");
}

/* --- the start ---------------------------------------------------------------------- */

static void t_without_tls_the_programs_do_not_start(void **state)
{
    (void)state;
    need_net();
    assert_int_equal(run_to_end("lars-dnsd", dnsd_conf("")), 2);
    expect_text("[dnsd] address: other hosts reach " AT);
    expect_text("insecure_plain = yes");
    strcpy(sys.dnsd_port, "7778");
    strcpy(sys.reportd_port, "7779");
    assert_int_equal(run_to_end("lars-agentd", agent_conf("")), 2);
    expect_text("[dnsserver] ip or others: " AT ":7778 is no loopback address");
    assert_int_equal(run_to_end("lars-dnsd",
                                dnsd_conf("[tls]\ncert = /none\nkey = /none\nca = "
                                          "/none\n")),
                     1);
    expect_text("[tls] cert: the file /none cannot be read: No such file");
}

static void t_insecure_plain_starts_and_warns(void **state)
{
    (void)state;
    need_net();
    proc_start(&sys.dnsd, "lars-dnsd", "-c", dnsd_conf("[tls]\ninsecure_plain = yes\n"),
               NULL);
    dnsd_http = system_http_port(&sys.dnsd);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    proc_expect_line(sys.dnsd.err, "tls.insecure");
    assert_true(dnsd_metric("lars_dnsd_tls_insecure") == 1);
    assert_int_equal(proc_end(&sys.dnsd, SIGTERM), 0);
}

/* --- renewed certificates ----------------------------------------------------------- */

static void t_certificates_are_renewed_without_a_restart(void **state)
{
    double before;

    (void)state;
    need_net();
    start_dnsd();
    start_reportd();
    start_agent(section("agent"));
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    before = dnsd_metric("lars_dnsd_tls_certificate_expiry_seconds");
    certauthority_sign(&ca,
                       &(struct certauthority_names){
                           .san = "URI:urn:lars:role:dnsd,IP:" AT, .to_s = 40 * 86400},
                       tls_file("dnsd.crt"), tls_file("dnsd.key"));
    kill(sys.dnsd.pid, SIGHUP);
    proc_expect_line(sys.dnsd.err, "tls.reload cert=");
    assert_true(dnsd_metric("lars_dnsd_tls_certificate_expiry_seconds") > before);
    assert_int_equal(system_n_nodes(), 3);
    certauthority_revoke(&ca, 0, tls_file("crl.pem"), 2 * 86400); /* without a signal */
    proc_expect_line(sys.agentd.err, "tls.reload cert=");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static int group_setup(void **state)
{
    has_net = ownnet_enter();
    return has_net ? testdb_group_setup(state) : 0;
}

static int group_teardown(void **state)
{
    return has_net ? testdb_group_teardown(state) : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E(t_routes_arrive_and_calls_are_stored),
        E(t_slotd_and_doctor_connect_with_their_roles),
        E(t_an_agent_with_a_revoked_certificate_is_refused),
        E(t_an_agent_with_another_role_is_refused),
        E(t_an_agent_that_reports_for_another_host_is_refused),
        E(t_without_tls_the_programs_do_not_start),
        E(t_insecure_plain_starts_and_warns),
        E(t_certificates_are_renewed_without_a_restart)};

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
