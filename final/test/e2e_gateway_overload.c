/* A gateway before nodes that get five times the visitors that they can serve: the nodes
 * work at their full capacity, visitors who were admitted are served to the end of their
 * visit, the others get the waiting page, and the overload ends with its cause.
 *   LARS_OVERLOAD_S=N   the overload lasts N s, not 10 (bench/run-gateway-faults) */
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "lib/visits.h"

#define WORKERS 10
#define DELAY_MS 100
#define CAPACITY (2 * WORKERS * 1000 / DELAY_MS) /* pages a second of two nodes */

static struct proc gateway, nodes[2];
static struct httpreply reply;
static int http;

static int setup(void **state)
{
    memset(&gateway, 0, sizeof(gateway));
    memset(nodes, 0, sizeof(nodes));
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    proc_kill(&nodes[0]);
    proc_kill(&nodes[1]);
    return gatesys_teardown(state);
}

static double metric(const char *name)
{
    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

/* Two nodes of the module 10/2, each with <limit>, behind a gateway with <admission>. */
static void start(const char *limit, const char *admission)
{
    char sql[300], delay[12], workers[12];
    int i;

    snprintf(delay, sizeof(delay), "%d", DELAY_MS);
    snprintf(workers, sizeof(workers), "%d", WORKERS);
    for (i = 0; i < 2; i++) {
        proc_start(&nodes[i], "http_node", "-d", delay, "-w", workers, "-l", limit,
                   "127.0.0.1:0", NULL);
        system_wait_port(&nodes[i], "http_node");
    }
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(10, 2, INET_ATON('127.0.0.1'), %d), (10, 2, INET_ATON('127.0.0.1'), %d)",
             nodes[0].port, nodes[1].port);
    testdb_sql(sql);
    T_WAIT(lars_register(sys.client, 10, 2) == 0);
    gatesys_write_rules("[rule site]\nmodule = 10/2\ncache_ms = 0\n");
    http = gatesys_start(&gateway, 0, "loops = 2\n", admission);
    T_WAIT(metric("lars_gateway_limit{module=\"10/2\"}") > 50);
}

static void print_result(const char *what, const struct visits_result *r, double run_s)
{
    print_message("%s: visitors %d, admitted %d, pages/s %.1f (capacity %d), p99 %u ms, "
                  "refused: new %d, inside %d of %d, failed %d %s\n",
                  what, (int)r->visitors, (int)r->admitted, (double)r->pages / run_s,
                  CAPACITY, r->p99_ms, (int)r->refused_new, (int)r->refused_inside,
                  (int)r->n_inside, (int)r->failed, r->failure);
}

/* The figures of a run are those of the gateway: at least <part> of the capacity is used,
 * and at most one of 1,000 requests of visitors inside is refused.  valgrind and the
 * sanitizers slow the programs down, so that the figures are theirs. */
static bool is_good(const struct visits_result *r, double run_s, double part)
{
    return getenv("LARS_MODE") || ((double)r->pages >= CAPACITY * run_s * part &&
                                   r->refused_inside * 1000 <= r->n_inside);
}

/* A node that is new gets a growing part of its load, so that two of them have their
 * whole capacity only after some seconds with a little load. */
static void warm_up(void)
{
    struct visits_plan plan = {
        .port = gateway.port, .per_s = CAPACITY * 0.3, .run_ms = 5000, .pages = 1};
    struct visits_result r;

    visits_run(&plan, &r);
    assert_int_equal(r.failed, 0);
}

static long rss_kib(void)
{
    char path[40], line[200];
    long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)gateway.pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = atol(line + 6);
    if (f)
        fclose(f);
    return kib;
}

static void t_visits_are_served_whole_at_five_times_the_capacity(void **state)
{
    struct visits_plan plan = {
        .per_s = CAPACITY, .run_ms = 10000, .pages = 5, .pause_ms = 200};
    const char *s = getenv("LARS_OVERLOAD_S");
    struct visits_result r;
    uint64_t end;
    long kib;
    int run_s = s ? atoi(s) : 10;

    (void)state;
    start("0", "");
    warm_up();
    kib = rss_kib();
    plan.port = gateway.port;
    plan.run_ms = (uint32_t)run_s * 1000;
    visits_run(&plan, &r);
    end = t_now_ms();
    print_result("5 x capacity", &r, run_s);
    print_message("memory: %ld KiB before and %ld KiB after it\n", kib, rss_kib());
    assert_int_equal(r.failed, 0);
    assert_true(r.refused_new > r.visitors / 2);
    assert_true(is_good(&r, run_s, 0.9));
    httppeer_get(http, "/metrics", &reply);
    assert_true(
        httppeer_value(&reply, "lars_gateway_refused_total{class=\"new\"}") +
            httppeer_value(&reply, "lars_gateway_refused_total{class=\"inside\"}") ==
        (double)(r.refused_new + r.refused_inside));
    T_WAIT(metric("lars_gateway_state{module=\"10/2\"}") == 0);
    print_message("normal again %d ms after the last visit\n", (int)(t_now_ms() - end));
    assert_true(metric("lars_gateway_module_inflight{module=\"10/2\"}") == 0);
    assert_true(metric("lars_gateway_queue") == 0);
}

static void t_below_the_capacity_nothing_waits_long_and_nothing_is_refused(void **state)
{
    struct visits_plan plan = {
        .per_s = CAPACITY * 0.6 / 5, .run_ms = 4000, .pages = 5, .pause_ms = 200};
    struct visits_result r;

    (void)state;
    start("0", "");
    plan.port = gateway.port;
    visits_run(&plan, &r);
    print_result("0.6 x capacity", &r, 4);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.refused_new + r.refused_inside, 0);
    assert_int_equal(r.all_pages, 5 * r.visitors);
}

/* The nodes take fewer requests than the gateway believes: a refusal is no failure, so no
 * node is ejected and no visitor sees an error, and the limit falls. */
static void t_nodes_that_refuse_are_asked_less_and_none_is_ejected(void **state)
{
    struct visits_plan plan = {
        .per_s = CAPACITY, .run_ms = 5000, .pages = 5, .pause_ms = 200};
    struct visits_result r;

    (void)state;
    start("20", "");
    plan.port = gateway.port;
    visits_run(&plan, &r);
    print_result("nodes with a limit of 20", &r, 5);
    assert_int_equal(r.failed, 0);
    assert_true(metric("lars_gateway_attempts_total{why=\"rejected\"}") > 0);
    assert_true(metric("lars_gateway_attempts_total{why=\"status\"}") == 0);
    assert_true(metric("lars_gateway_no_node_total") == 0);
    assert_true(metric("lars_gateway_limit_factor{module=\"10/2\"}") < 1);
    assert_true(getenv("LARS_MODE") || r.pages >= CAPACITY * 5 * 0.7);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(A(t_visits_are_served_whole_at_five_times_the_capacity),
            A(t_below_the_capacity_nothing_waits_long_and_nothing_is_refused),
            A(t_nodes_that_refuse_are_asked_less_and_none_is_ejected))
