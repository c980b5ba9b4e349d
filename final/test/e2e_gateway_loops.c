/* More visitors than one loop can serve: another loop accepts them, by itself, and no
 * request fails meanwhile. */
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define HIGH 0.6 /* of a processor: more for 2 s is the reason to grow */
#define HIGH_FOR_MS 8000 /* a machine with other work shows it late */
#define LOOK_MS 20

static struct proc gateway;
static struct gateload load;
static int http;

static int setup(void **state)
{
    memset(&gateway, 0, sizeof(gateway));
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    return gatesys_teardown(state);
}

static double metric(const char *name)
{
    static struct httpreply reply;

    httppeer_get(http, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

/* For how long the loop has been above HIGH without a pause, at most for T_DEADLINE_MS;
 * ends when a second loop accepts. */
static uint64_t await_growth(void)
{
    uint64_t end_ms = t_now_ms() + T_DEADLINE_MS, high_ms = 0, now_ms = 0;

    while (metric("lars_gateway_loops") < 2) {
        now_ms = t_now_ms();
        if (metric("lars_gateway_loop_busy_ratio") <= HIGH)
            high_ms = 0;
        else if (high_ms == 0)
            high_ms = now_ms;
        if ((high_ms > 0 && now_ms > high_ms + HIGH_FOR_MS) || now_ms > end_ms)
            break;
        poll(NULL, 0, LOOK_MS);
    }
    return high_ms > 0 ? now_ms - high_ms : 0;
}

static void t_loops_grow_by_themselves_and_no_request_fails(void **state)
{
    uint64_t high_ms;

    (void)state;
    http = gatesys_start(&gateway, 0, "loops = 1\nloops_max = 2\n", "");
    assert_true(metric("lars_gateway_loops") == 1);
    gateload_start(&load, gateway.port, 0);
    high_ms = await_growth();
    gateload_expect_no_failure(&load);
    if (metric("lars_gateway_loops") == 1 && high_ms <= HIGH_FOR_MS) {
        print_message("skipped: other programs use the processors, so the loop of the "
                      "gateway did not get 60 %% of one\n");
        skip();
    }
    assert_true(metric("lars_gateway_loops") == 2);
    proc_expect_line(gateway.err, "gateway.loops");
    assert_true(load.n_ok > 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_loops_grow_by_themselves_and_no_request_fails))
