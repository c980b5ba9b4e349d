/* larsctl drill with slow-node: nodes of the exhibition site answer later and are fast
 * again however the drill ends, and nothing but their own host can slow them. */
#include "ctlrun.h"
#include "lib/freeport.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#include <jansson.h>

#define NODES 2

static struct proc node[NODES], gateway, drill;
static struct httpreply reply;
static char script[140], folder[140];

static void fill_site(void)
{
    char command[200];

    snprintf(command, sizeof(command), "sh common/site %s >/dev/null", testdb_dir);
    assert_int_equal(system(command), 0);
    testdb_sql("REPLACE INTO lars_site.Edition VALUES (2026, 'x', 'Show', 'published', "
               "UTC_TIMESTAMP())");
    testdb_sql("REPLACE INTO lars_site.Exhibit (edition, id, category, title_zh, "
               "title_en, summary_zh, summary_en, body_zh, body_en, position, sample) "
               "VALUES (2026, 'plough', 'machines', 'x', 'P', '', '', '', '', 1, 0)");
}

static void start_node(int i)
{
    char name[20];
    const char *file;

    snprintf(name, sizeof(name), "site-%d.ini", i);
    file = system_write_file(name,
                             "[site]\nlisten = 127.0.0.1:0\npages = site/pages\nnode = "
                             "n%d\n[db]\nsocket = %s\nuser = lars_site\npassword = "
                             "lars_site\nname = lars_site\n",
                             i, testdb_socket);
    proc_start(&node[i], "showcase-node", "-c", file, NULL);
    system_wait_port(&node[i], "showcase-node");
    T_WAIT((httppeer_get(node[i].port, "/healthz", &reply), reply.status == 200));
}

static int setup(void **state)
{
    int rc = gatesys_setup(state), i;

    memset(node, 0, sizeof(node));
    memset(&gateway, 0, sizeof(gateway));
    memset(&drill, 0, sizeof(drill));
    fill_site();
    for (i = 0; i < NODES; i++)
        start_node(i);
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini", "[db]\nsocket = %s\n[gateways]\nadmin =\n",
                               testdb_socket));
    snprintf(folder, sizeof(folder), "%s/drill", sys.dir);
    return rc;
}

static int teardown(void **state)
{
    int i;

    proc_kill(&drill);
    proc_kill(&gateway);
    for (i = 0; i < NODES; i++)
        proc_kill(&node[i]);
    testdb_sql("DELETE FROM ScaleSlot");
    testdb_sql("DELETE FROM ScaleHost");
    system_remove(folder);
    return gatesys_teardown(state);
}

/* POST <path> with these further header lines, to <port>; <reply> has the answer. */
static void post(int port, const char *path, const char *lines)
{
    char text[300];
    int fd = peer_connect(port), n;

    n = snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n%s\r\n", path,
                 lines);
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    httppeer_read(fd, &reply);
    close(fd);
}

static int delay_of(int i)
{
    int ms = -1;

    httppeer_get(node[i].port, "/load", &reply);
    assert_int_equal(sscanf(reply.body, "delay_ms=%d ", &ms), 1);
    return ms;
}

static void write_script(unsigned seconds, const char *events)
{
    snprintf(script, sizeof(script), "%s",
             system_write_file("drill.ini",
                               "[load]\nurl = http://127.0.0.1:%d/zh/\nrate = 20\n"
                               "seconds = %u\narrivals = fixed\n%s[target]\n"
                               "max_error_percent = 0\n",
                               node[0].port, seconds, events));
}

static void start_drill(void)
{
    proc_start(&drill, "larsctl", "-c", ini, "drill", "run", script, folder, "--for-real",
               NULL);
}

static int finish(void)
{
    while (proc_line(drill.out, out, sizeof(out)))
        continue;
    return proc_wait(&drill);
}

static int drill_ctl(const char *verb)
{
    char args[200];

    snprintf(args, sizeof(args), "drill %s %s", verb, folder);
    return ctl(args);
}

/* Seconds of the report in which no request was faster than <us>. */
static unsigned n_slow_seconds(json_int_t us)
{
    char path[200];
    json_t *r, *seconds;
    unsigned n = 0;
    size_t i;

    snprintf(path, sizeof(path), "%s/report.json", folder);
    r = json_load_file(path, 0, NULL);
    assert_non_null(r);
    seconds = json_object_get(r, "seconds");
    for (i = 0; i < json_array_size(seconds); i++)
        n += json_integer_value(json_object_get(json_array_get(seconds, i), "p50_us")) >=
             us;
    json_decref(r);
    return n;
}

static void t_node_is_slow_for_a_time_and_fast_again(void **state)
{
    char events[200];

    (void)state;
    snprintf(events, sizeof(events),
             "[event 1]\nat = 1\nfor = 3\ndo = slow-node 127.0.0.1:%d 400ms\n",
             node[0].port);
    write_script(6, events);
    start_drill();
    proc_expect_line(drill.out, "event 1 done");
    assert_int_equal(delay_of(0), 400);
    assert_int_equal(delay_of(1), 0);
    proc_expect_line(drill.out, "event 1 undone");
    assert_int_equal(delay_of(0), 0);
    assert_int_equal(finish(), 0);
    assert_true(n_slow_seconds(400000) >= 1);
}

/* Two events on one node, so that there are two delays to give back. */
static void start_two(void)
{
    char events[300];

    snprintf(events, sizeof(events),
             "[event 1]\nat = 0\ndo = slow-node 127.0.0.1:%d 100ms\n"
             "[event 2]\nat = 1\ndo = slow-node 127.0.0.1:%d 127.0.0.1:%d 200ms\n",
             node[0].port, node[1].port, node[0].port);
    write_script(600, events);
    start_drill();
    proc_expect_line(drill.out, "event 2 done");
    assert_int_equal(delay_of(0), 200);
    assert_int_equal(delay_of(1), 200);
}

static void t_delay_of_before_is_there_after_kill_9_and_undo(void **state)
{
    (void)state;
    post(node[0].port, "/load?delay_ms=40&err_pct=0", "Connection: close\r\n");
    start_two();
    assert_int_equal(proc_end(&drill, SIGKILL), 1000 + SIGKILL);
    assert_int_equal(delay_of(0), 200);
    assert_int_equal(drill_ctl("status"), 1);
    expect_text("NOT UNDONE");
    assert_int_equal(drill_ctl("undo"), 0);
    assert_int_equal(delay_of(0), 40);
    assert_int_equal(delay_of(1), 0);
    assert_int_equal(drill_ctl("undo"), 0);
    expect_text("undone already");
    assert_int_equal(delay_of(0), 40);
}

static void t_delay_of_before_is_there_after_an_abort(void **state)
{
    (void)state;
    post(node[0].port, "/load?delay_ms=40", "Connection: close\r\n");
    start_two();
    assert_int_equal(drill_ctl("abort"), 0);
    assert_int_equal(finish(), 1);
    assert_int_equal(delay_of(0), 40);
    assert_int_equal(delay_of(1), 0);
}

static void t_node_that_has_ended_needs_no_undo_and_one_that_hangs_does(void **state)
{
    (void)state;
    start_two();
    assert_int_equal(proc_end(&drill, SIGKILL), 1000 + SIGKILL);
    proc_kill(&node[0]);
    kill(node[1].pid, SIGSTOP);
    assert_int_equal(drill_ctl("undo"), 1);
    expect_text("event 2 is not undone: 127.0.0.1:");
    expect_text("event 1 undone");
    kill(node[1].pid, SIGCONT);
    assert_int_equal(drill_ctl("undo"), 0);
    assert_int_equal(delay_of(1), 0);
}

static void t_nodes_of_a_host_are_those_that_are_ready(void **state)
{
    int i;

    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, address, slots) VALUES ('h1', '127.0.0.1', "
               "3)");
    for (i = 0; i < NODES; i++)
        testdb_sqlf("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) "
                    "VALUES ('h1', %d, 3, 1, %d, 'ready')",
                    i + 2, node[i].port);
    testdb_sqlf("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
                "('h1', 1, 3, 1, %d, 'failed')",
                freeport_take());
    write_script(4, "[event 1]\nat = 0\ndo = slow-node h1 1 60ms\n"
                    "[event 2]\nat = 1\nfor = 2\ndo = slow-node h1 90ms\ndetect = yes\n");
    start_drill();
    proc_expect_line(drill.out, "; its detection is measured");
    proc_expect_line(drill.out, "event 1 done");
    assert_int_equal(delay_of(0), 60);
    assert_int_equal(delay_of(1), 0);
    proc_expect_line(drill.out, "event 2 done");
    assert_int_equal(delay_of(0), 90);
    assert_int_equal(delay_of(1), 90);
    assert_int_equal(finish(), 0);
    assert_int_equal(delay_of(0), 0);
    assert_int_equal(delay_of(1), 0);
}

/* A gateway with all requests for node 0; returns its port. */
static int start_gateway(void)
{
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (10, "
                "2, INET_ATON('127.0.0.1'), %d)",
                node[0].port);
    gatesys_write_rules("[rule site]\nmodule = 10/2\ncache_ms = 0\n");
    gatesys_start(&gateway, 0, "", "");
    T_WAIT((httppeer_get(gateway.port, "/zh/", &reply), reply.status == 200));
    return gateway.port;
}

static void t_visitors_of_a_gateway_cannot_slow_a_node(void **state)
{
    static const char *const lines[] = {
        "Connection: close\r\n", "Connection: close, X-Forwarded-For\r\n",
        "Connection: close\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "Connection: close, X-Forwarded-For, Via\r\nForwarded: for=127.0.0.1\r\n"};
    int port = start_gateway();
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        post(port, "/load?delay_ms=5000", lines[i]);
        assert_int_equal(reply.status, 403);
        assert_int_equal(delay_of(0), 0);
    }
    post(node[0].port, "/load?delay_ms=60001", "Connection: close\r\n");
    assert_int_equal(reply.status, 400);
    assert_int_equal(delay_of(0), 0);
}

static void t_node_that_cannot_be_slowed_keeps_it_from_beginning(void **state)
{
    char events[600];
    int port = start_gateway();

    (void)state;
    snprintf(events, sizeof(events),
             "[event 1]\nat = 0\ndo = slow-node 127.0.0.1:%d 50ms\n"
             "[event 2]\nat = 1\ndo = slow-node 127.0.0.1:%d 50ms\n"
             "[event 3]\nat = 2\ndo = slow-node 127.0.0.1:%d 127.0.0.1:%d 50ms\n"
             "[event 4]\nat = 3\ndo = slow-node nowhere 50ms\n"
             "[event 5]\nat = 4\ndo = slow-node 127.0.0.1:%d 50ms\n",
             gatesys.node.port, freeport_take(), node[0].port, port, node[0].port);
    write_script(600, events);
    start_drill();
    proc_expect_line(drill.out, "NOT READY event 1: 127.0.0.1:");
    proc_expect_line(drill.out, "does not answer: ");
    proc_expect_line(drill.out, "the node takes a delay from its own host only");
    proc_expect_line(drill.out, "no node is ready in a slot of the host nowhere");
    assert_int_equal(finish(), 1);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(delay_of(0), 0);
}

static void t_host_without_the_database_is_told(void **state)
{
    char args[400];

    (void)state;
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("none.ini", "[db]\nsocket = /nowhere/sock\n[gateways]\n"
                                           "admin =\n"));
    write_script(600, "[event 1]\nat = 0\ndo = slow-node h1 50ms\n");
    snprintf(args, sizeof(args), "drill run %s %s --for-real", script, folder);
    assert_int_equal(ctl(args), 1);
    expect_text("the nodes of the host h1 cannot be looked up: ");
    expect_text("write slow-node ADDRESS:PORT, which needs no database");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_node_is_slow_for_a_time_and_fast_again),
            E(t_delay_of_before_is_there_after_kill_9_and_undo),
            E(t_delay_of_before_is_there_after_an_abort),
            E(t_node_that_has_ended_needs_no_undo_and_one_that_hangs_does),
            E(t_nodes_of_a_host_are_those_that_are_ready),
            E(t_visitors_of_a_gateway_cannot_slow_a_node),
            E(t_node_that_cannot_be_slowed_keeps_it_from_beginning),
            E(t_host_without_the_database_is_told))
