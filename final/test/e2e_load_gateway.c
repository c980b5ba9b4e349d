/* lars-load and larsctl capacity with a real gateway: its waiting page, its access log,
 * and its refusals, which end a measurement. */
#include "ctlrun.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static struct proc gateway, load, meter, node;
static char url[60], log_path[160], line[2000], last[2000];
static int http, admin;

static int setup(void **state)
{
    int rc;

    memset(&gateway, 0, sizeof(gateway));
    memset(&load, 0, sizeof(load));
    memset(&meter, 0, sizeof(meter));
    memset(&node, 0, sizeof(node));
    rc = gatesys_setup(state);
    write_ini("", testdb_socket);
    testdb_sql("DELETE FROM ModulePolicy; DELETE FROM Capacity");
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&load);
    proc_kill(&meter);
    proc_kill(&gateway);
    proc_kill(&node);
    return gatesys_teardown(state);
}

static void start_gateway(void)
{
    char more[500];
    const char *key = system_write_file("fleet.key", KEY "\n");

    snprintf(log_path, sizeof(log_path), "%s/access.log", testdb_dir);
    unlink(log_path);
    snprintf(more, sizeof(more),
             "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n[log]\npath = %s\n", key,
             log_path);
    gatesys_write_rules("[rule site]\nmodule = 10/1\ncache_ms = 0\n");
    http = gatesys_start(&gateway, 0, "loops = 1\n", more);
    admin = system_http_port(&gateway);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", gateway.port);
}

/* A node of 10 requests a second: the gateway refuses more than a few visitors. */
static void use_slow_node(void)
{
    proc_start(&node, "http_node", "-d", "100", "-w", "1", "127.0.0.1:0", NULL);
    system_wait_port(&node, "http_node");
    testdb_sqlf("UPDATE RouteData SET serverport = %d WHERE modid = 10 AND cmdid = 1",
                node.port);
    assert_int_equal(ctl("policy set 10 1 node_inflight=1 target_ms=200"), 0);
}

static bool limit_is_low(void)
{
    static struct httpreply reply;
    double limit;

    httppeer_get(http, "/metrics", &reply);
    limit = httppeer_value(&reply, "lars_gateway_limit{module=\"10/1\"}");
    return limit > 0 && limit < 4;
}

static unsigned long long number(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    if (!at)
        fail_msg("no \"%s\" in: %s", name, text);
    return strtoull(at + strlen(name), NULL, 10);
}

static int finish_load(void)
{
    while (proc_line(load.out, line, sizeof(line)))
        if (strncmp(line, "all ", 4) == 0)
            strcpy(last, line);
    return proc_wait(&load);
}

static int n_lines(void)
{
    FILE *f = fopen(log_path, "r");
    int n = 0, c;

    while (f && (c = fgetc(f)) != EOF)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

static void t_access_log_of_a_gateway_is_played(void **state)
{
    int n;

    (void)state;
    start_gateway();
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "40", "-s", "2",
               NULL);
    assert_int_equal(finish_load(), 0);
    n = (int)number(last, " ok ");
    T_WAIT(n_lines() == n);
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-a", log_path, "-x",
               "4", NULL);
    assert_int_equal(finish_load(), 0);
    assert_int_equal(number(last, " ok "), n);
}

static void t_waiting_pages_are_counted_and_no_failures(void **state)
{
    (void)state;
    use_slow_node();
    start_gateway();
    T_WAIT(limit_is_low());
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "60", "-s", "4",
               "-v", "-P", "3", "-w", "1", NULL);
    finish_load();
    assert_true(number(last, "waiting page ") > 30);
    assert_true(number(last, " ok ") > 5);
    assert_true(number(last, "failed ") * 10 < number(last, "due "));
}

static void t_measurement_ends_when_visitors_are_refused(void **state)
{
    char at[60], guard[60];

    (void)state;
    use_slow_node();
    start_gateway();
    T_WAIT(limit_is_low());
    snprintf(at, sizeof(at), "node=127.0.0.1:%d", gatesys.node.port);
    snprintf(guard, sizeof(guard), "guard=127.0.0.1:%d", admin);
    proc_start(&meter, "larsctl", "-c", ini, "capacity", "measure", "10", "1", at, guard,
               "step_s=2", NULL);
    assert_true(proc_line(meter.err, line, sizeof(line))); /* visitors are fine */
    assert_non_null(strstr(line, "good"));
    proc_start(&load, "lars-load", "-c", "/dev/null", "-u", url, "-r", "60", "-s", "5",
               NULL);
    proc_expect_line(meter.err, "has begun to refuse visitors");
    assert_int_equal(proc_wait(&meter), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity"), 0);
    finish_load();
}

static void t_measurement_ends_when_the_gateway_is_gone(void **state)
{
    char at[60], guard[60];

    (void)state;
    start_gateway();
    proc_start(&node, "http_node", "127.0.0.1:0", NULL);
    system_wait_port(&node, "http_node");
    snprintf(at, sizeof(at), "node=127.0.0.1:%d", node.port);
    snprintf(guard, sizeof(guard), "guard=127.0.0.1:%d", admin);
    proc_start(&meter, "larsctl", "-c", ini, "capacity", "measure", "10", "1", at, guard,
               "step_s=2", NULL);
    assert_true(proc_line(meter.err, line, sizeof(line)));
    proc_kill(&gateway);
    proc_expect_line(meter.err, "the visitors cannot be seen: 127.0.0.1:");
    assert_int_equal(proc_wait(&meter), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity"), 0);
}

#define LOAD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TESTDB_MAIN(LOAD_TEST(t_access_log_of_a_gateway_is_played),
            LOAD_TEST(t_waiting_pages_are_counted_and_no_failures),
            LOAD_TEST(t_measurement_ends_when_visitors_are_refused),
            LOAD_TEST(t_measurement_ends_when_the_gateway_is_gone))
