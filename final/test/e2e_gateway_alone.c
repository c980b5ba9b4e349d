/* A gateway that is started while no agent is there serves by the nodes that its rules
 * name, and by those of the agent as soon as there are routes.  The nodes of the rules
 * answer with OF_RULES bytes and those of the agent with OF_AGENT, so that visitors see
 * which of them has answered. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define OF_RULES 300
#define OF_AGENT 1024 /* the preset of http_node */
#define PART 300 /* requests */

static struct proc gateway, node;
static struct gateload load;
static int http;

/* The second of the nodes cannot be connected to. */
static int setup(void **state)
{
    int rc = gatesys_setup(state);
    char rules[200];

    memset(&gateway, 0, sizeof(gateway));
    memset(&node, 0, sizeof(node));
    memset(&load, 0, sizeof(load));
    proc_start(&node, "http_node", "--bytes", "300", "127.0.0.1:0", NULL);
    system_wait_port(&node, "http_node");
    snprintf(rules, sizeof(rules),
             "[rule site]\nmodule = 10/1\ncache_ms = 0\nnodes = 127.0.0.1:%d "
             "127.0.0.1:1\n",
             node.port);
    gatesys_write_rules(rules);
    return rc;
}

static int teardown(void **state)
{
    if (load.port && !load.stop)
        gateload_stop(&load);
    proc_kill(&gateway);
    proc_kill(&node);
    return gatesys_teardown(state);
}

static double metric(const char *name)
{
    static struct httpreply reply;

    httppeer_get(http, "/metrics", &reply);
    assert_int_equal(reply.status, 200);
    return httppeer_value(&reply, name);
}

static void begin(void)
{
    http = gatesys_start(&gateway, 0, "", "");
    load.length[0] = OF_RULES;
    load.length[1] = OF_AGENT;
    gateload_start(&load, gateway.port, 20);
}

/* PART requests more are answered, by these nodes. */
static void expect_nodes_of(bool rules)
{
    unsigned end = load.n_of[!rules] + PART;

    T_WAIT(load.n_of[!rules] >= end || load.n_failed);
    if (load.n_failed)
        fail_msg("a request failed: %s", load.failure);
}

/* From a moment on, only the agent's nodes answer. */
static void expect_change_to_the_agent(void)
{
    unsigned before = 0;
    int i;

    for (i = 0; i == 0 || load.n_of[0] != before; i++) {
        if (i == 100)
            fail_msg("nodes of the rules still answer, the %uth time", load.n_of[0]);
        before = load.n_of[0];
        expect_nodes_of(false);
    }
    T_WAIT(metric("lars_gateway_fallback{module=\"10/1\"}") == 0);
}

static void end_agent(void)
{
    proc_kill(&sys.agentd);
    system_wipe();
}

static void t_nodes_of_the_rules_serve_until_there_is_an_agent(void **state)
{
    unsigned by_rules;

    (void)state;
    end_agent();
    begin();
    expect_nodes_of(true);
    assert_int_equal(load.n_of[1], 0);
    assert_true(metric("lars_gateway_fallback{module=\"10/1\"}") == 1);
    assert_true(metric("lars_gateway_fallback_attempts_total") >= PART);
    T_WAIT(metric("lars_gateway_limit{module=\"10/1\"}") == 64);
    system_start_agentd();
    expect_change_to_the_agent();
    by_rules = load.n_of[0];
    proc_kill(&sys.agentd); /* what is in shared memory serves on */
    expect_nodes_of(false);
    assert_int_equal(load.n_of[0], by_rules);
    gateload_expect_no_failure(&load);
}

static void t_nodes_of_the_rules_serve_while_the_agent_knows_no_route(void **state)
{
    (void)state;
    end_agent();
    proc_kill(&sys.dnsd);
    system_start_agentd();
    begin();
    expect_nodes_of(true);
    assert_int_equal(load.n_of[1], 0);
    system_start_dnsd();
    expect_change_to_the_agent();
    gateload_expect_no_failure(&load);
}

static void t_nodes_of_the_rules_are_not_used_while_there_are_routes(void **state)
{
    (void)state;
    begin();
    expect_nodes_of(false);
    proc_kill(&sys.agentd);
    expect_nodes_of(false);
    assert_int_equal(load.n_of[0], 0);
    assert_true(metric("lars_gateway_fallback_attempts_total") == 0);
    gateload_expect_no_failure(&load);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(A(t_nodes_of_the_rules_serve_until_there_is_an_agent),
            A(t_nodes_of_the_rules_serve_while_the_agent_knows_no_route),
            A(t_nodes_of_the_rules_are_not_used_while_there_are_routes))
