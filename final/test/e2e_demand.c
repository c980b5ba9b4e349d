/* What the autoscaler learns from two gateways, and the shares that it gives to them, in
 * a whole system. */
#include "base/mono.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "scale/demand.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define N 2

static struct proc gateway[N];
static int http[N], admin[N];
static struct gateload load;
static struct fleet_keys *keys;
static struct demand *demand;
static struct demand_view view;

static int setup(void **state)
{
    memset(gateway, 0, sizeof(gateway));
    demand = NULL;
    keys = NULL;
    return gatesys_setup(state);
}

static int teardown(void **state)
{
    int i;

    demand_stop(demand);
    fleet_keys_destroy(keys);
    for (i = 0; i < N; i++)
        proc_kill(&gateway[i]);
    return gatesys_teardown(state);
}

/* With its admin port at <port>, 0 = any. */
static void start_gateway(int i, int port)
{
    char more[400], lines[40];

    snprintf(lines, sizeof(lines), "zone = %s\n", i == 0 ? "east" : "west");
    snprintf(more, sizeof(more),
             "[admin]\nlisten = 127.0.0.1:%d\nkey_file = %s\n[admission]\nunmeasured = "
             "40\n",
             port, system_write_file("fleet.key", KEY "\n"));
    http[i] = gatesys_start(&gateway[i], 0, lines, more);
    admin[i] = system_http_port(&gateway[i]);
}

static void start(void)
{
    char list[100], err[CONF_ERR_MAX];
    struct demand_config c = {.gateways = list, .pull_ms = 200};

    gatesys_write_rules("[rule site]\nmodule = 10/1\ncache_ms = 0\n");
    start_gateway(0, 0);
    start_gateway(1, 0);
    assert_int_equal(
        fleet_keys_create(&keys, system_write_file("fleet.key", KEY "\n"), "", err), 0);
    c.keys = keys;
    snprintf(list, sizeof(list), "127.0.0.1:%d, 127.0.0.1:%d", admin[0], admin[1]);
    assert_int_equal(demand_start(&demand, &c, err), 0);
    T_WAIT((demand_look(demand, 10, 1, mono_ms(), &view), view.n_fresh) == N);
}

static const struct demand_view *look(void)
{
    demand_look(demand, 10, 1, mono_ms(), &view);
    return &view;
}

static double limit_of(int i)
{
    static struct httpreply reply;

    httppeer_get(http[i], "/metrics", &reply);
    return httppeer_value(&reply, "lars_gateway_limit{module=\"10/1\"}");
}

static int ready(int i)
{
    static struct httpreply reply;

    httppeer_get(admin[i], "/ready", &reply);
    return reply.status;
}

static void t_demand_of_gateways_is_known_by_zone_and_sets_their_limits(void **state)
{
    (void)state;
    start();
    assert_true(look()->known);
    assert_int_equal(view.n_zones, 2);
    assert_string_equal(view.zone[0].zone, "east");
    assert_string_equal(view.zone[1].zone, "west");
    T_WAIT(limit_of(0) == 30 && limit_of(1) == 30); /* equal shares */
    gateload_start(&load, gateway[0].port, 0);
    T_WAIT(look()->zone[0].rates.served > 0);
    T_WAIT(limit_of(0) == 60 && limit_of(1) == 15);
    assert_true(look()->zone[0].rates.inflight > 0);
    assert_true(view.zone[0].rates.arrived > 0);
    assert_true(view.zone[1].rates.served == 0);
    assert_true(view.all.refused == 0);
    gateload_expect_no_failure(&load);
    T_WAIT(look()->all.served == 0);
    T_WAIT(limit_of(0) == 30 && limit_of(1) == 30);
}

static void t_gateway_that_is_killed_and_started_again_is_counted_again(void **state)
{
    struct demand_gateway_view one;

    (void)state;
    start();
    gateload_start(&load, gateway[0].port, 0);
    T_WAIT(look()->zone[0].rates.served > 0);
    proc_kill(&gateway[1]);
    T_WAIT(look()->n_fresh == 1);
    assert_int_equal(view.n_known, 2);
    start_gateway(1, admin[1]);
    T_WAIT((assert_true(look()->all.served >= 0), view.n_fresh) == N);
    demand_look_gateway(demand, 1, mono_ms(), &one);
    assert_true(one.answers);
    assert_true(one.n_failed > 0);
    T_WAIT(limit_of(1) == 15);
    gateload_expect_no_failure(&load);
}

/* --- what is decided about zones ---------------------------------------------------- */

static void restart(int i)
{
    proc_kill(&gateway[i]);
    T_WAIT(look()->n_fresh == N - 1);
    start_gateway(i, admin[i]);
    T_WAIT(look()->n_fresh == N);
}

static void t_gateway_that_starts_in_a_zone_that_is_out_drains(void **state)
{
    struct snapshot_zone west = {.name = "west"};
    struct snapshot out = {.zone_out = &west, .n_zone_out = 1}, none = {.n_zone_out = 0};

    (void)state;
    start();
    restart(1);
    assert_int_equal(ready(1), 200);
    demand_orders_set(demand, &out, mono_ms() - 6000); /* too old to be known */
    restart(1);
    assert_int_equal(ready(1), 200);
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), ready(1)) == 503);
    assert_int_equal(ready(0), 200);
    restart(1);
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), ready(1)) == 503);
    west.leaves = true; /* not yet */
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), ready(1)) == 200);
    west.leaves = false;
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), ready(1)) == 503);
    T_WAIT((demand_orders_set(demand, &none, mono_ms()), ready(1)) == 200);
}

/* Visitors need a gateway. */
static void t_only_gateway_that_answers_is_not_drained_with_its_zone(void **state)
{
    struct snapshot_zone west = {.name = "west"};
    struct snapshot out = {.zone_out = &west, .n_zone_out = 1};
    struct demand_gateway_view one;
    char epoch[sizeof(one.epoch)];
    uint64_t until;

    (void)state;
    start();
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), ready(1)) == 503);
    proc_kill(&gateway[0]);
    T_WAIT(look()->n_fresh == N - 1);
    demand_orders_set(demand, &out, mono_ms());
    assert_int_equal(ready(1), 503); /* it stays as it is */
    demand_look_gateway(demand, 1, mono_ms(), &one);
    snprintf(epoch, sizeof(epoch), "%s", one.epoch);
    proc_kill(&gateway[1]);
    start_gateway(1, admin[1]);
    T_WAIT((demand_orders_set(demand, &out, mono_ms()),
            demand_look_gateway(demand, 1, mono_ms(), &one),
            one.answers && strcmp(one.epoch, epoch) != 0));
    until = mono_ms() + 1000; /* five questions */
    T_WAIT((demand_orders_set(demand, &out, mono_ms()), mono_ms() > until));
    assert_int_equal(ready(1), 200);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_demand_of_gateways_is_known_by_zone_and_sets_their_limits),
            E(t_gateway_that_is_killed_and_started_again_is_counted_again),
            E(t_gateway_that_starts_in_a_zone_that_is_out_drains),
            E(t_only_gateway_that_answers_is_not_drained_with_its_zone))
