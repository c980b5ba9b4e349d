/* larsctl drill with a gateway and the database: what keeps a drill from beginning, what
 * visitors may suffer, and when a fault is seen. */
#include "ctlrun.h"
#include "lib/freeport.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#include <jansson.h>

static struct proc gateway, drill, other;
static struct httpreply reply;
static struct gateload load;
static bool visited;
static char script[140], folder[140], pid_path[140];
static int admin;

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    memset(&drill, 0, sizeof(drill));
    memset(&other, 0, sizeof(other));
    gatesys_write_rules("[rule site]\nmodule = 10/1\ncache_ms = 0\nstale_s = 0\n"
                        "stale_error_s = 0\n");
    testdb_sql("DELETE FROM Capacity");
    testdb_sql("DELETE FROM Alarm");
    gatesys_start(&gateway, 0, "", "[admin]\nlisten = 127.0.0.1:0\n");
    admin = system_http_port(&gateway);
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[db]\nsocket = %s\n[gateways]\nadmin = 127.0.0.1:%d\n",
                               testdb_socket, admin));
    snprintf(folder, sizeof(folder), "%s/drill", sys.dir);
    return rc;
}

/* The node that the drill has started is no child of the test. */
static void end_started(void)
{
    FILE *f = pid_path[0] ? fopen(pid_path, "r") : NULL;
    int pid = 0;

    if (f && fscanf(f, "%d", &pid) == 1 && pid > 1 && pid != other.pid)
        kill(pid, SIGKILL);
    if (f)
        fclose(f);
    pid_path[0] = '\0';
}

static void start_visitors(void)
{
    memset(&load, 0, sizeof(load));
    visited = true;
    gateload_start(&load, gateway.port, 0);
}

static void stop_visitors(void)
{
    if (visited)
        gateload_stop(&load);
    visited = false;
}

static int teardown(void **state)
{
    char command[200];

    stop_visitors();
    proc_kill(&drill);
    end_started();
    proc_kill(&other);
    proc_kill(&gateway);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        return -1;
    return gatesys_teardown(state);
}

static void write_script(const char *module, unsigned seconds, const char *more)
{
    snprintf(script, sizeof(script), "%s",
             system_write_file("drill.ini",
                               "[drill]\nmodule = %s\n[load]\nurl = "
                               "http://127.0.0.1:%d/x\nrate = 20\nseconds = %u\n"
                               "arrivals = fixed\n%s",
                               module, gateway.port, seconds, more));
}

static int run(void)
{
    char args[400];

    snprintf(args, sizeof(args), "drill run %s %s --for-real", script, folder);
    return ctl(args);
}

static json_t *report(void)
{
    char path[200];
    json_t *r;

    snprintf(path, sizeof(path), "%s/report.json", folder);
    r = json_load_file(path, 0, NULL);
    assert_non_null(r);
    return r;
}

static void t_capacity_and_alarms_are_asked(void **state)
{
    json_t *r, *last;

    (void)state;
    write_script("10/1", 2, "[target]\nmax_error_percent = 0\n");
    assert_int_equal(run(), 1);
    expect_text("NOT READY the capacity of 10/1 is not measured; use larsctl capacity");
    expect_text("ok        no alarm is open");
    testdb_sql("INSERT INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
               "target_us) VALUES (10, 1, '', 100, 1, 1000, 2000)");
    testdb_sql("INSERT INTO Alarm (kind, subject) VALUES ('node_out', '10/1')");
    assert_int_equal(run(), 1);
    expect_text("ok        the capacity of 10/1 is measured");
    expect_text("NOT READY 1 alarms are open; see larsctl alarm list");
    testdb_sql("DELETE FROM Alarm");
    testdb_sql("INSERT INTO ScaleDecision (modid, cmdid, zones, wanted, rule) VALUES "
               "(10, 1, 2, 3, 'keep')");
    if (run() != 0)
        fail_msg("the drill: %s", out);
    r = report();
    last = json_array_get(json_object_get(r, "seconds"), 1);
    assert_int_equal(json_integer_value(json_object_get(last, "up")), 1);
    assert_int_equal(json_integer_value(json_object_get(last, "wanted")), 6);
    assert_int_equal(json_integer_value(json_object_get(last, "gateways")), 1);
    json_decref(r);
}

static void t_gateway_that_does_not_answer_keeps_it_from_beginning(void **state)
{
    (void)state;
    write_script("none", 600, "[target]\nmax_error_percent = 0\n");
    proc_kill(&gateway);
    assert_int_equal(run(), 1);
    expect_text("NOT READY 0 of 1 gateways answer: ");
    expect_text("nothing listens there");
}

static void t_visitors_keep_it_from_beginning(void **state)
{
    (void)state;
    write_script("none", 600, "[target]\nmax_error_percent = 0\n");
    start_visitors();
    assert_int_equal(run(), 1);
    stop_visitors();
    expect_text("NOT READY visitors make ");
    expect_text("at most 5 may be");
}

static void start_drill(void)
{
    proc_start(&drill, "larsctl", "-c", ini, "drill", "run", script, folder, "--for-real",
               NULL);
    proc_expect_line(drill.out, "    1 s  due ");
}

static void t_errors_of_visitors_end_it(void **state)
{
    json_t *r;

    (void)state;
    write_script("none", 60, "[target]\nmax_error_percent = 100\n");
    start_drill();
    start_visitors();
    T_WAIT(load.n_ok > 100);
    proc_kill(&gatesys.node);
    proc_expect_line(drill.out, "the drill ends early: visitors get errors");
    while (proc_line(drill.out, out, sizeof(out)))
        continue;
    assert_int_equal(proc_wait(&drill), 1);
    stop_visitors();
    r = report();
    assert_non_null(strstr(json_string_value(json_object_get(r, "aborted")), "visitors"));
    json_decref(r);
}

static bool gateway_counts_on(int n)
{
    char text[40];

    snprintf(text, sizeof(text), "\"nodes_in\":%d,", n);
    httppeer_get(admin, "/gateway", &reply);
    return strstr(reply.text, text) != NULL;
}

static void start_other(void)
{
    int port = freeport_take();
    char at[40];

    snprintf(at, sizeof(at), "127.0.0.1:%d", port);
    proc_start(&other, "http_node", at, NULL);
    system_wait_port(&other, "http_node");
    snprintf(pid_path, sizeof(pid_path), "%s",
             system_write_file("other.pid", "%d\n", (int)other.pid));
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (10, "
                "1, INET_ATON('127.0.0.1'), %d)",
                port);
    T_WAIT(gateway_counts_on(2));
}

static void t_killed_node_is_detected_and_costs_no_request(void **state)
{
    char more[300];
    json_t *r, *e;

    (void)state;
    start_other();
    snprintf(more, sizeof(more),
             "[event 1]\nat = 2\nfor = 10\ndo = kill %s\n[target]\n"
             "max_error_percent = 0\ndetect_s = 10\nshift_s = 0\n",
             pid_path);
    write_script("none", 14, more);
    if (run() != 0)
        fail_msg("the drill: %s", out);
    r = report();
    e = json_array_get(json_object_get(r, "events"), 0);
    assert_true(json_real_value(json_object_get(e, "detect_s")) > 0);
    json_decref(r);
    T_WAIT(gateway_counts_on(2)); /* it has been started again */
}

static void t_detection_of_a_command_is_measured_when_the_script_says_so(void **state)
{
    char more[400];
    json_t *r, *events;

    (void)state;
    start_other();
    testdb_sqlf("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, pid, state) "
                "VALUES ('h1', 1, 10, 1, %d, %d, 'ready')",
                other.port, (int)other.pid);
    snprintf(more, sizeof(more),
             "[event 1]\nat = 1\ndo = run true\nundo = true\n"
             "[event 2]\nat = 2\ndo = run sh drills/kill-nodes h1\nundo = true\n"
             "detect = yes\n[target]\nmax_error_percent = 0\ndetect_s = 10\n");
    write_script("none", 13, more);
    setenv("LARSCTL", ini, 1); /* larsctl is not in PATH, and finds its file here */
    if (run() != 0)
        fail_msg("the drill: %s", out);
    unsetenv("LARSCTL");
    testdb_sql("DELETE FROM ScaleSlot");
    expect_text("undo: true; its detection is measured");
    r = report();
    events = json_object_get(r, "events");
    assert_true(json_is_null(json_object_get(json_array_get(events, 0), "detect_s")));
    assert_true(json_real_value(json_object_get(json_array_get(events, 1), "detect_s")) >
                0);
    json_decref(r);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_capacity_and_alarms_are_asked),
            E(t_gateway_that_does_not_answer_keeps_it_from_beginning),
            E(t_visitors_keep_it_from_beginning), E(t_errors_of_visitors_end_it),
            E(t_killed_node_is_detected_and_costs_no_request),
            E(t_detection_of_a_command_is_measured_when_the_script_says_so))
