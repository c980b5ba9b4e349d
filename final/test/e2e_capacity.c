/* larsctl capacity with real nodes: what is measured is what the node can do, it is
 * written where the autoscaler and the gateways read it, and visitors do not feel it. */
#include "ctlrun.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#define N 3

static struct proc node[N], meter[N];
static char line[2000];

static int setup(void **state)
{
    memset(node, 0, sizeof(node));
    memset(meter, 0, sizeof(meter));
    ctl_setup(state);
    testdb_sql("DELETE FROM ModulePolicy; DELETE FROM Capacity; DELETE FROM Audit; "
               "DELETE FROM ScalePolicy");
    return 0;
}

static int teardown(void **state)
{
    int i;

    for (i = 0; i < N; i++) {
        proc_kill(&meter[i]);
        proc_kill(&node[i]);
    }
    return system_teardown(state);
}

/* A node that serves 4 requests each 40 ms: 100 a second, whatever the processors do. */
static void start_node(int i)
{
    proc_start(&node[i], "http_node", "-d", "40", "-w", "4", "127.0.0.1:0", NULL);
    proc_wait_port(&node[i]);
}

static void start_meter(int i, const char *more)
{
    char at[40], class[20], seed[20];

    snprintf(at, sizeof(at), "node=127.0.0.1:%d", node[i].port);
    snprintf(class, sizeof(class), "class=c%d", i);
    snprintf(seed, sizeof(seed), "seed=%d", i + 1);
    proc_start(&meter[i], "larsctl", "-c", ini, "capacity", "measure", "1", "1", at,
               class, seed, "p99=600ms", "step_s=4", "confirm_s=4", more, NULL);
}

/* What it prints, until the end. */
static int finish(int i, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    while (proc_line(meter[i].err, line, sizeof(line)))
        n += (size_t)snprintf(text + n, n < size ? size - n : 0, "%s\n", line);
    return proc_wait(&meter[i]);
}

static void t_capacity_of_a_node_is_measured_within_10_percent(void **state)
{
    static char text[20000];
    char sql[200];
    int i, code, n = t_mode_is("memcheck") ? 1 : N;

    (void)state;
    for (i = 0; i < n; i++) {
        start_node(i);
        start_meter(i, "from=75");
    }
    for (i = 0; i < n; i++) {
        code = finish(i, text, sizeof(text));
        if (code != 0)
            fail_msg("larsctl returned %d and printed: %s", code, text);
        snprintf(sql, sizeof(sql),
                 "SELECT COUNT(*) FROM Capacity WHERE class = 'c%d' AND rps BETWEEN 90 "
                 "AND 110 AND target_us = 600000 AND p99_us <= 600000 AND inflight > 2",
                 i);
        if (testdb_number(sql) != 1)
            fail_msg("100 requests a second were measured as: %s", text);
    }
    for (i = 0; i < n; i++) {
        snprintf(sql, sizeof(sql), "SELECT ROUND(rps) FROM Capacity WHERE class = 'c%d'",
                 i);
        print_message("capacity: 100 requests a second measured as %llu\n",
                      testdb_number(sql));
    }
    assert_int_equal(testdb_number(
                         "SELECT COUNT(*) FROM ModulePolicy p WHERE modid = 1 "
                         "AND node_rps = (SELECT FLOOR(MIN(rps)) FROM Capacity) "
                         "AND node_inflight > 2 AND target_ms = 600"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity "
                                   "measure' AND subject = '1/1'"),
                     n);
    assert_true(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'policy set'") >
                0);
    assert_int_equal(ctl("capacity check"), 0);
}

static void t_node_that_visitors_use_is_not_measured(void **state)
{
    char args[100];

    (void)state;
    start_node(0);
    testdb_sqlf(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (9, 9, "
        "INET_ATON('127.0.0.1'), %d)",
        node[0].port);
    snprintf(args, sizeof(args), "capacity measure 1 1 --node 127.0.0.1:%d",
             node[0].port);
    assert_int_equal(ctl(args), 1);
    assert_non_null(strstr(out, "drain it first"));
    assert_int_equal(proc_end(&node[0], SIGTERM), 0);
}

static void t_node_that_does_not_answer_ends_it_at_the_first_step(void **state)
{
    (void)state;
    assert_int_equal(ctl("capacity measure 1 1 node=127.0.0.1:9 step_s=2"), 1);
    assert_non_null(strstr(out, "has answered no request"));
    assert_non_null(strstr(out, "connect"));
    assert_null(strstr(out, "once more 25")); /* no second rate */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity"), 0);
}

static void t_values_that_are_set_are_listed_and_checked(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (1, 1)");
    assert_int_equal(ctl("capacity check"), 1);
    assert_non_null(strstr(out, "not measured"));
    if (ctl("-n capacity set 1 1 rps=150.5 inflight=3.2 target=200") != 0)
        fail_msg("it printed: %s", out);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity"), 0);
    assert_int_equal(
        ctl("-r known capacity set 1 1 rps=150.5 inflight=3.2 target=200ms p99=120 "
            "class=small build=1.2"),
        0);
    assert_int_equal(ctl("-o csv capacity list 1 1"), 0);
    assert_non_null(strstr(out, "1/1,small,150.5,3.2,120,200,1,1.2,typed,"));
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ModulePolicy WHERE node_rps = "
                                   "150 AND node_inflight = 4 AND target_ms = 200"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity "
                                   "set' AND subject = '1/1' AND reason = 'known' AND "
                                   "detail LIKE '%150.5%'"),
                     1);
    assert_int_equal(ctl("capacity set 1 1 rps=500 inflight=9 target=200 class=big"), 0);
    assert_int_equal(testdb_number("SELECT node_rps FROM ModulePolicy"), 150);
    assert_int_equal(ctl("capacity check"), 0);
    assert_int_equal(ctl("policy set 1 1 node_rps=700"), 0);
    assert_int_equal(ctl("capacity check"), 1);
    assert_non_null(strstr(out, "node_rps 700, and 150 were measured"));
    assert_int_equal(ctl("capacity set 1 1 rps=0 inflight=9 target=200"), 2);
    assert_int_equal(ctl("capacity set 1 1 rps=5 inflight=9 node=127.0.0.1:1"), 2);
    assert_int_equal(ctl("capacity set 7 7 rps=5 inflight=9 target=1"), 1);
}

/* --- a gateway that begins to refuse visitors --------------------------------------- */

static int gate_fd;
static _Atomic int n_asked;

static void *serve_gate(void *arg)
{
    char in[2000], body[200], text[400];
    int fd;

    (void)arg;
    while ((fd = accept(gate_fd, NULL, NULL)) >= 0) {
        if (recv(fd, in, sizeof(in), 0) > 0) {
            snprintf(body, sizeof(body),
                     "{\"modules\":[{\"refused_new\":%d,\"refused_inside\":7}]}",
                     ++n_asked > 4 ? 3 : 2);
            snprintf(text, sizeof(text),
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     strlen(body), body);
            send(fd, text, strlen(text), MSG_NOSIGNAL);
        }
        close(fd);
    }
    return NULL;
}

static void t_measurement_stops_when_a_gateway_begins_to_refuse(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    static char text[20000];
    pthread_t thread;
    char guard[60];

    (void)state;
    n_asked = 0;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    gate_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(gate_fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(gate_fd, 10), 0);
    getsockname(gate_fd, (struct sockaddr *)&at, &len);
    assert_int_equal(pthread_create(&thread, NULL, serve_gate, NULL), 0);
    snprintf(guard, sizeof(guard), "guard=127.0.0.1:%d", ntohs(at.sin_port));
    start_node(0);
    start_meter(0, guard);
    assert_int_equal(finish(0, text, sizeof(text)), 1);
    if (!strstr(text, "has begun to refuse visitors (1 more)"))
        fail_msg("it printed: %s", text);
    assert_null(strstr(text, "100.0 1/s")); /* long before the capacity */
    shutdown(gate_fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(gate_fd);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Capacity"), 0);
    assert_int_equal(proc_end(&node[0], SIGTERM), 0);
}

static void t_guard_that_does_not_answer_prevents_the_measurement(void **state)
{
    (void)state;
    assert_int_equal(ctl("capacity measure 1 1 node=127.0.0.1:9 guard=127.0.0.1:9"), 1);
    assert_non_null(strstr(out, "guard: 127.0.0.1:9"));
}

#define CAPACITY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TESTDB_MAIN(CAPACITY_TEST(t_capacity_of_a_node_is_measured_within_10_percent),
            CAPACITY_TEST(t_node_that_visitors_use_is_not_measured),
            CAPACITY_TEST(t_node_that_does_not_answer_ends_it_at_the_first_step),
            CAPACITY_TEST(t_values_that_are_set_are_listed_and_checked),
            CAPACITY_TEST(t_measurement_stops_when_a_gateway_begins_to_refuse),
            CAPACITY_TEST(t_guard_that_does_not_answer_prevents_the_measurement))
