/* What a node can do, from `larsctl policy set` to the limit and the retry budget of a
 * gateway, in a whole system. */
#include "ctlrun.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "lib/visits.h"

#define NODES 4 /* of the module 10/2 */
#define DELAY_MS "300"
#define ATTEMPTS_AT 12 /* column of the access log */

static struct proc gateway, node[NODES];
static pid_t broken[2];
static struct httpreply reply;
static int http;

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    memset(node, 0, sizeof(node));
    memset(broken, 0, sizeof(broken));
    write_ini("", testdb_socket);
    return rc;
}

static int teardown(void **state)
{
    int i;

    proc_kill(&gateway);
    for (i = 0; i < NODES; i++)
        proc_kill(&node[i]);
    for (i = 0; i < 2; i++)
        if (broken[i] > 0) {
            kill(broken[i], SIGKILL);
            waitpid(broken[i], NULL, 0);
        }
    return gatesys_teardown(state);
}

static double metric(const char *name, const char *module)
{
    char sample[100];

    snprintf(sample, sizeof(sample), "%s{module=\"%s\"}", name, module);
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, sample);
}

static double limit_of(const char *module)
{
    return metric("lars_gateway_limit", module);
}

static void add_node(int port)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(10, 2, INET_ATON('127.0.0.1'), %d)",
             port);
    testdb_sql(sql);
}

static void start_gateway(const char *more)
{
    T_WAIT(lars_register(sys.client, 10, 2) == 0);
    gatesys_write_rules("[rule site]\nmodule = 10/2\ncache_ms = 0\n");
    http = gatesys_start(&gateway, 0, "loops = 2\n", more);
}

static void start_nodes(void)
{
    int i;

    for (i = 0; i < NODES; i++) {
        proc_start(&node[i], "http_node", "-d", DELAY_MS, "127.0.0.1:0", NULL);
        system_wait_port(&node[i], "http_node");
        add_node(node[i].port);
    }
}

static void t_policy_of_an_operator_becomes_the_limit(void **state)
{
    (void)state;
    http = gatesys_start(&gateway, 0, "", "");
    T_WAIT(limit_of("10/1") == 48); /* 1.5 x 32: a guess */
    assert_true(metric("lars_gateway_capacity_unmeasured", "10/1") == 1);
    assert_int_equal(ctl("policy set 10 1 node_inflight=20 target_ms=200"), 0);
    T_WAIT(limit_of("10/1") == 30);
    assert_true(metric("lars_gateway_capacity_unmeasured", "10/1") == 0);
    assert_true(metric("lars_gateway_nodes_in", "10/1") == 1);
    assert_int_equal(ctl("policy set 10 1 node_inflight=100"), 0);
    T_WAIT(limit_of("10/1") == 150);
    assert_int_equal(ctl("policy delete 10 1"), 0);
    T_WAIT(limit_of("10/1") == 48);
    proc_expect_line(gateway.err, "capacity.unmeasured");
}

/* The agent checks the nodes of modules that are called. */
static void t_limit_follows_the_nodes(void **state)
{
    static struct gateload load;
    char args[100];

    (void)state;
    start_nodes();
    assert_int_equal(ctl("policy set 10 2 node_inflight=20"), 0);
    start_gateway("");
    T_WAIT(limit_of("10/2") == NODES * 30);
    gateload_start(&load, gateway.port, 0);
    proc_kill(&node[0]); /* the checks of the agent find it */
    T_WAIT(limit_of("10/2") == (NODES - 1) * 30);
    snprintf(args, sizeof(args), "route set 10 2 127.0.0.1:%d state=drained",
             node[1].port);
    assert_int_equal(ctl(args), 0);
    T_WAIT(limit_of("10/2") == (NODES - 2) * 30);
    snprintf(args, sizeof(args), "route set 10 2 127.0.0.1:%d weight=250", node[2].port);
    assert_int_equal(ctl(args), 0);
    T_WAIT(limit_of("10/2") == (2.5 + 1) * 30);
    assert_true(metric("lars_gateway_nodes_in", "10/2") == NODES - 2);
    gateload_stop(&load);
    assert_int_equal(load.n_failed, 0);
    proc_kill(&node[2]);
    proc_kill(&node[3]);
    T_WAIT((httppeer_get(gateway.port, "/", &reply), reply.status == 503));
    assert_true(limit_of("10/2") >= 30); /* the last capacity stays */
}

static void *kill_half(void *arg)
{
    int i;

    (void)arg;
    poll(NULL, 0, 5000); /* the slow start of the nodes is over */
    for (i = 0; i < NODES / 2; i++)
        kill(node[i].pid, SIGKILL);
    return NULL;
}

/* About 60 requests are in progress, half of them at these nodes. */
static void t_requests_at_half_of_the_nodes_that_die_are_all_repeated(void **state)
{
    struct visits_plan plan = {.per_s = 200, .run_ms = 7000, .pages = 1};
    struct visits_result r;
    pthread_t killer;
    double again;

    (void)state;
    start_nodes();
    assert_int_equal(ctl("policy set 10 2 node_inflight=40 target_ms=1000"), 0);
    start_gateway("");
    T_WAIT(limit_of("10/2") == NODES * 60);
    plan.port = gateway.port;
    assert_int_equal(pthread_create(&killer, NULL, kill_half, NULL), 0);
    visits_run(&plan, &r);
    pthread_join(killer, NULL);
    httppeer_get(http, "/metrics", &reply);
    again = httppeer_value(&reply, "lars_gateway_attempts_total{why=\"reset\"}") +
            httppeer_value(&reply, "lars_gateway_attempts_total{why=\"connect\"}");
    print_message("%u visitors, %u attempts failed, %u requests %s\n",
                  (unsigned)r.visitors, (unsigned)again, (unsigned)r.failed, r.failure);
    assert_true(again >= 15); /* on a connection that was kept: fails to connect anew */
    assert_true(httppeer_value(&reply, "lars_gateway_budget_empty_total") == 0);
    assert_int_equal(r.failed, 0);
}

/* --- a module that fails as a whole ------------------------------------------------- */

static _Atomic int bad_gateway = 502;

/* The sum of the attempts of all requests in the access log; <n>: how many there are. */
static unsigned sum_attempts(const char *path, unsigned *n)
{
    char line[2000], *word, *save;
    unsigned sum = 0, column;
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    for (*n = 0; fgets(line, sizeof(line), f); (*n)++)
        for (word = strtok_r(line, " ", &save), column = 1; word;
             word = strtok_r(NULL, " ", &save), column++)
            sum += column == ATTEMPTS_AT ? (unsigned)strtoul(word, NULL, 10) : 0;
    fclose(f);
    return sum;
}

static void t_a_module_that_fails_gets_at_most_a_fifth_more(void **state)
{
    static struct gateload load;
    char path[140], more[200];
    unsigned attempts, n;
    uint64_t since;
    double s;
    int i, port;

    (void)state;
    for (i = 0; i < 2; i++) {
        broken[i] = httppeer_serve(&port, &bad_gateway);
        add_node(port);
    }
    snprintf(path, sizeof(path), "%s/access.log", testdb_dir);
    snprintf(more, sizeof(more), "[log]\npath = %s\n", path);
    unlink(path);
    start_gateway(more);
    T_WAIT(limit_of("10/2") == 96);
    since = t_now_ms();
    gateload_start(&load, gateway.port, 0);
    T_WAIT(load.n_failed >= 2000);
    gateload_stop(&load);
    s = (double)(t_now_ms() - since) / 1000 + 1;
    assert_int_equal(proc_end(&gateway, SIGTERM), 0);
    attempts = sum_attempts(path, &n);
    print_message("%u requests, %u attempts in %.1f s\n", n, attempts, s);
    assert_true(n >= 2000);
    assert_true(attempts <= n * 1.2 + 10 * s + 96);
    assert_true(attempts > n); /* it is the budget, and not the end of all retries */
    unlink(path);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(A(t_policy_of_an_operator_becomes_the_limit), A(t_limit_follows_the_nodes),
            A(t_requests_at_half_of_the_nodes_that_die_are_all_repeated),
            A(t_a_module_that_fails_gets_at_most_a_fifth_more))
