/* SIGHUP changes the rules and the keys of a gateway while visitors are served: no
 * request fails, each has the answer of the old or the new rules, and wrong files change
 * nothing.
 * The nodes of the modules 10/1 and 10/2 answer with bodies of different lengths. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "peer.h"

#define FIRST 1024 /* bytes of the node of 10/1 */
#define SECOND 2002
#define TO_FIRST "[rule site]\nmodule = 10/1\n"
#define TO_SECOND "[rule site]\nmodule = 10/2\n"
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"

static struct proc gateway, second;
static struct httpreply reply;
static struct gateload load;
static int http;
static bool loading;

static void add_module(struct proc *node, int cmdid)
{
    char sql[200];

    system_wait_port(node, "http_node");
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(10, %d, INET_ATON('127.0.0.1'), %d)",
             cmdid, node->port);
    testdb_sql(sql);
    T_WAIT(lars_register(sys.client, 10, (uint32_t)cmdid) == 0);
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    memset(&second, 0, sizeof(second));
    memset(&load, 0, sizeof(load));
    loading = false;
    return rc;
}

static int teardown(void **state)
{
    if (loading && !load.stop)
        gateload_stop(&load);
    proc_kill(&gateway);
    proc_kill(&second);
    return gatesys_teardown(state);
}

static void start(const char *keys)
{
    proc_start(&second, "http_node", "--bytes", "2002", "127.0.0.1:0", NULL);
    add_module(&second, 2);
    http = gatesys_start(&gateway, 0, keys, "");
}

static void start_load(unsigned per_connection)
{
    load.length[0] = FIRST;
    load.length[1] = SECOND;
    loading = true;
    gateload_start(&load, gateway.port, per_connection);
    T_WAIT(load.n_ok > 200);
}

static double value(const char *name)
{
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static void reload(void)
{
    double n = value("lars_gateway_reloads_total");

    kill(gateway.pid, SIGHUP);
    T_WAIT(value("lars_gateway_reloads_total") > n);
}

static void reload_in_vain(const char *reason)
{
    double n = value("lars_gateway_reload_errors_total");

    kill(gateway.pid, SIGHUP);
    proc_expect_line(gateway.err, reason);
    assert_true(value("lars_gateway_reload_errors_total") == n + 1);
}

/* Requests that began before the reload have ended; from then on only <i> answers. */
static void expect_only(int i)
{
    unsigned n, others;

    n = load.n_of[i];
    T_WAIT(load.n_of[i] > n + 100 || load.n_failed);
    do {
        others = load.n_of[1 - i];
        n = load.n_ok;
        T_WAIT(load.n_ok > n + 200 || load.n_failed);
    } while (load.n_of[1 - i] != others && !load.n_failed);
    n = load.n_ok;
    T_WAIT(load.n_ok > n + 1000 || load.n_failed);
    assert_int_equal(load.n_of[1 - i], others);
}

static void change_rules_under_load(unsigned per_connection)
{
    static const char *const rules[] = {
        TO_SECOND, /* changed */
        "[rule other]\nhost = b\nmodule = 10/2\n" TO_FIRST, /* one is added */
        "[rule x]\npath = /x\nmodule = 10/1\n" TO_SECOND, /* reordered */
        TO_SECOND}; /* one is removed */
    unsigned i;

    start("loops = 2\n");
    start_load(per_connection);
    for (i = 0; i < 4; i++) {
        gatesys_write_rules(rules[i]);
        reload();
        expect_only(i == 0 || i == 3);
    }
    gateload_expect_no_failure(&load);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static void t_rules_change_under_kept_connections_without_a_failed_request(void **state)
{
    (void)state;
    change_rules_under_load(0);
}

static void t_rules_change_under_new_connections_without_a_failed_request(void **state)
{
    (void)state;
    change_rules_under_load(1);
}

/* A copy of the old module would be the answer of the old rules. */
static void t_reloads_one_after_the_other_end_with_the_last_rules(void **state)
{
    int i;

    (void)state;
    start("loops = 2\n");
    start_load(0);
    for (i = 0; i < 20; i++) {
        gatesys_write_rules(i % 2 ? TO_FIRST : TO_SECOND);
        kill(gateway.pid, SIGHUP);
    }
    gatesys_write_rules(TO_SECOND);
    reload();
    expect_only(1);
    gateload_expect_no_failure(&load);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static void t_a_module_that_no_agent_has_seen_is_ready_before_its_rule(void **state)
{
    (void)state;
    http = gatesys_start(&gateway, 0, "", "");
    start_load(0);
    proc_start(&second, "http_node", "--bytes", "2002", "127.0.0.1:0", NULL);
    add_module(&second, 3);
    gatesys_write_rules("[rule site]\nmodule = 10/3\n");
    reload();
    expect_only(1);
    gateload_expect_no_failure(&load);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static void t_wrong_files_change_nothing_and_the_log_names_file_and_line(void **state)
{
    (void)state;
    start("loops = 2\n");
    start_load(0);
    gatesys_write_rules("[rule site]\nmodule = 10/2\nmodul");
    reload_in_vain("rules.ini:3: ");
    gatesys_write_rules("[rule site]\nmodule = 10/\n");
    reload_in_vain("rules.ini:2: \"10/\" is not MODID/CMDID");
    gatesys_write_rules("");
    reload_in_vain("it has no [rule NAME]");
    assert_int_equal(unlink(gatesys.rules), 0);
    reload_in_vain("No such file or directory; [gateway] rules names it");
    expect_only(0);
    gatesys_write_rules(TO_SECOND);
    reload();
    expect_only(1);
    gateload_expect_no_failure(&load);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static bool has_text(const char *text)
{
    httppeer_get(http, "/metrics", &reply);
    return strstr(reply.text, text) != NULL;
}

/* The node of 10/2 needs 1.5 s for its answer. */
static void t_a_request_in_progress_ends_by_the_rules_it_began_with(void **state)
{
    int fd;

    (void)state;
    proc_start(&second, "http_node", "--bytes", "2002", "--delay-ms", "1500",
               "127.0.0.1:0", NULL);
    add_module(&second, 2);
    gatesys_write_rules(TO_SECOND);
    http = gatesys_start(&gateway, 0, "", "");
    fd = peer_connect(gateway.port);
    httppeer_ask(fd, "GET", "/slow");
    T_WAIT(value("lars_gateway_inflight") == 1);
    gatesys_write_rules(TO_FIRST);
    reload();
    assert_true(has_text("lars_gateway_module_inflight{module=\"10/2\"} 1\n"));
    httppeer_read(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.len, SECOND);
    close(fd);
    T_WAIT(!has_text("module=\"10/2\""));
    assert_true(has_text("lars_gateway_module_inflight{module=\"10/1\"} 0\n"));
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

/* Whether a request with this cookie, "" = none, gets a new one, which is stored. */
static bool gets_cookie(char cookie[200], const char *target)
{
    char text[400];
    const char *at;
    int fd = peer_connect(gateway.port);
    int n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s%s\r\n",
                     target, cookie, cookie[0] ? "\r\n" : "");

    peer_send(fd, text, (size_t)n);
    httppeer_read(fd, &reply);
    close(fd);
    assert_int_equal(reply.status, 200);
    at = strstr(reply.text, "\r\nSet-Cookie: lars_v=");
    if (!at)
        return false;
    snprintf(cookie, 200, "Cookie: %.*s", (int)strcspn(at + 14, ";"), at + 14);
    return true;
}

static void t_keys_are_changed_without_losing_a_visitor(void **state)
{
    char key_file[200], keys[300], cookie[200] = "", before[200];

    (void)state;
    snprintf(key_file, sizeof(key_file), "%s", system_write_file("keys", KEY_A));
    snprintf(keys, sizeof(keys), "loops = 1\nkey_file = %s\n", key_file);
    start(keys);
    assert_true(gets_cookie(cookie, "/1"));
    snprintf(before, sizeof(before), "%s", cookie);
    system_write_file("keys", KEY_B KEY_A);
    reload();
    T_WAIT(!gets_cookie(cookie, "/2"));
    system_write_file("keys", "short\n");
    reload_in_vain("[gateway] key_file, must have one or two lines");
    assert_false(gets_cookie(cookie, "/3"));
    system_write_file("keys", KEY_B);
    reload();
    T_WAIT((snprintf(cookie, sizeof(cookie), "%s", before), gets_cookie(cookie, "/4")));
    assert_false(gets_cookie(cookie, "/5"));
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static void t_a_random_key_outlives_a_reload(void **state)
{
    char cookie[200] = "";

    (void)state;
    start("loops = 1\n");
    assert_true(gets_cookie(cookie, "/1"));
    reload();
    assert_false(gets_cookie(cookie, "/2"));
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

static void t_a_reload_while_it_drains_is_done_and_it_ends_in_time(void **state)
{
    int fd;

    (void)state;
    start("loops = 2\ndrain_accept_ms = 20000\ndrain_ms = 20000\n");
    fd = peer_connect(gateway.port);
    kill(gateway.pid, SIGTERM);
    T_WAIT((httppeer_get(http, "/healthz", &reply), reply.status == 503));
    gatesys_write_rules(TO_SECOND);
    reload();
    T_WAIT((close(fd), fd = peer_connect(gateway.port), httppeer_ask(fd, "GET", "/"),
            httppeer_read(fd, &reply), reply.len == SECOND));
    close(fd);
    kill(gateway.pid, SIGHUP);
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_rules_change_under_kept_connections_without_a_failed_request),
            E(t_rules_change_under_new_connections_without_a_failed_request),
            E(t_reloads_one_after_the_other_end_with_the_last_rules),
            E(t_a_module_that_no_agent_has_seen_is_ready_before_its_rule),
            E(t_wrong_files_change_nothing_and_the_log_names_file_and_line),
            E(t_a_request_in_progress_ends_by_the_rules_it_began_with),
            E(t_keys_are_changed_without_losing_a_visitor),
            E(t_a_random_key_outlives_a_reload),
            E(t_a_reload_while_it_drains_is_done_and_it_ends_in_time))
