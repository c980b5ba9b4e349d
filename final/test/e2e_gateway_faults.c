/* Nodes that end, stand still, are slow or close connections, and a zone that is lost,
 * while visitors make requests through a gateway: no request fails. */
#include <netinet/tcp.h>

#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define N_MAX 8
#define KEYS "loops = 2\nconnect_ms = 300\ntry_ms = 700\n"
/* The gateway still waits for a stopped node when the node is killed. */
#define LONG_TRY "loops = 2\nconnect_ms = 300\ntry_ms = 5000\n"
#define HOLD_MS 100 /* for a request to arrive at a stopped node */

static struct proc gateway, node[N_MAX]; /* pid 0: not running */
static struct httpreply reply;
static struct gateload load;
static int http;

static int setup(void **state)
{
    int rc = system_setup_shm(state);

    memset(&gateway, 0, sizeof(gateway));
    memset(node, 0, sizeof(node));
    memset(&load, 0, sizeof(load));
    system_agentd_conf("[choice]\nzone = A\n");
    testdb_sql("DELETE FROM RouteData");
    return rc;
}

static int teardown(void **state)
{
    int i;

    if (load.port && !load.stop)
        gateload_stop(&load);
    proc_kill(&gateway);
    for (i = 0; i < N_MAX; i++) {
        if (node[i].pid)
            kill(node[i].pid, SIGCONT);
        proc_kill(&node[i]);
    }
    return system_teardown(state);
}

/* A node of the module 1/1 in <zone>, with one option of http_node. */
static void start_node(int i, const char *zone, const char *option, const char *value)
{
    proc_start(&node[i], "http_node", option, value, "127.0.0.1:0", NULL);
    system_wait_port(&node[i], "http_node");
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
                "(1, 1, INET_ATON('127.0.0.1'), %d, '%s')",
                node[i].port, zone);
}

static double metric(const char *name)
{
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static double attempts(const char *why)
{
    char name[80];

    snprintf(name, sizeof(name), "lars_gateway_attempts_total{why=\"%s\"}", why);
    return metric(name);
}

/* The system and a gateway, and visitors who make requests from now on. */
static void start(const char *keys)
{
    system_start();
    gatesys_write_rules("[rule site]\nmodule = 1/1\ncache_ms = 0\n");
    http = gatesys_start(&gateway, 0, keys, "");
    gateload_start(&load, gateway.port, 0);
    T_WAIT(load.n_ok > 500 || load.n_failed);
}

/* The visitors make <n> more requests, or as many as valgrind can. */
static void make_requests(unsigned n)
{
    unsigned end = load.n_ok + (getenv("LARS_MODE") ? n / 20 : n);

    T_WAIT(load.n_ok > end || load.n_failed);
}

static void check_none_failed(void)
{
    gateload_stop(&load);
    if (load.n_failed)
        fail_msg("%u of %u requests failed; the first: %s", load.n_failed, load.n_ok,
                 load.failure);
}

static void print_attempts(const char *what)
{
    print_message("%s: %u requests; attempts: first %.0f, connect %.0f, reset %.0f, "
                  "timeout %.0f, stale %.0f; without budget %.0f, without node %.0f\n",
                  what, load.n_ok, attempts("first"), attempts("connect"),
                  attempts("reset"), attempts("timeout"), attempts("stale_connection"),
                  metric("lars_gateway_budget_empty_total"),
                  metric("lars_gateway_no_node_total"));
}

static void t_no_request_fails_when_nodes_close_idle_connections_at_random(void **state)
{
    (void)state;
    start_node(0, "A", "--close-ms", "2");
    start_node(1, "A", "--close-ms", "2");
    start(KEYS);
    make_requests(20000);
    check_none_failed();
    print_attempts("nodes that close");
    assert_true(getenv("LARS_MODE") || attempts("stale_connection") > 0);
    assert_true(attempts("reset") == 0);
}

/* A connection to the port has bytes that the node has not read. */
static bool has_unread(int port)
{
    FILE *f = fopen("/proc/net/tcp", "r");
    char line[300];
    unsigned at, tcp_state, unread;
    bool found = false;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, " %*d: %*x:%x %*x:%*x %x %*x:%x", &at, &tcp_state, &unread) == 3)
            found |= (int)at == port && tcp_state == TCP_ESTABLISHED && unread > 0;
    fclose(f);
    return found;
}

/* The node is stopped and has a request; otherwise it runs again. */
static bool is_stopped_with_request(const struct proc *p)
{
    uint64_t end = t_now_ms() + HOLD_MS;

    kill(p->pid, SIGSTOP);
    while (!has_unread(p->port)) {
        if (t_now_ms() > end) {
            kill(p->pid, SIGCONT);
            return false;
        }
        poll(NULL, 0, 1);
    }
    return true;
}

/* Stops a node that has a request and is not the second one; returns it.  A node without
 * a request may get none any more: when few requests arrive, a check of the agent can be
 * the first that fails. */
static struct proc *stop_node_with_request(void)
{
    int i = 0;

    T_WAIT(is_stopped_with_request(&node[i]) || (i = (i + 2) % N_MAX, false));
    return &node[i];
}

static void t_no_request_fails_when_one_of_eight_is_killed_and_one_is_slow(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        start_node(i, "A", "--delay-ms", i == 1 ? "50" : "5");
    start(LONG_TRY);
    proc_kill(stop_node_with_request());
    make_requests(4000);
    check_none_failed();
    print_attempts("one killed, one slow");
    assert_true(attempts("connect") + attempts("reset") > 0);
}

static void t_no_request_fails_when_one_of_eight_stands_still(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        start_node(i, "A", "--delay-ms", "5");
    start(KEYS);
    stop_node_with_request();
    make_requests(4000);
    check_none_failed();
    print_attempts("one stands still");
    assert_true(attempts("timeout") > 0);
}

/* Four nodes in each of two zones; those of the agent's zone get <signo> under load. */
static void lose_zone(const char *what, int signo)
{
    int i;

    for (i = 0; i < 8; i++)
        start_node(i, i < 4 ? "A" : "B", "--delay-ms", "5");
    start(KEYS);
    for (i = 0; i < 4; i++)
        kill(node[i].pid, signo);
    make_requests(4000);
    print_attempts(what);
    check_none_failed();
}

static void t_no_request_fails_when_a_zone_is_killed(void **state)
{
    (void)state;
    lose_zone("a zone killed", SIGKILL);
}

static void t_no_request_fails_when_a_zone_stands_still(void **state)
{
    (void)state;
    lose_zone("a zone stands still", SIGSTOP);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(A(t_no_request_fails_when_nodes_close_idle_connections_at_random),
            A(t_no_request_fails_when_one_of_eight_is_killed_and_one_is_slow),
            A(t_no_request_fails_when_one_of_eight_stands_still),
            A(t_no_request_fails_when_a_zone_is_killed),
            A(t_no_request_fails_when_a_zone_stands_still))
