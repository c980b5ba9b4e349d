/* Gateways and agents both see the requests that gateways send to nodes; the demand of a
 * module has each request once. */
#include "base/crc32.h"
#include "scale/deciders.h"
#include "t.h"

static struct deciders deciders;
static struct snapshot snapshot;
static struct demand_view view;

static void look(struct demand *d, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                 struct demand_view *out)
{
    (void)d;
    (void)now_ms;
    assert_int_equal(modid, 10);
    assert_int_equal(cmdid, 1);
    *out = view;
}

static int setup(void **state)
{
    const struct snapshot_policy p = {.id = {10, 1},
                                      .actuator = "slots",
                                      .min_zone = 1,
                                      .util_pct = 70,
                                      .floor_pct = 90,
                                      .node_rps = 10};

    (void)state;
    memset(&deciders, 0, sizeof(deciders));
    deciders.pace = (struct decide_pace){900, 300, 60};
    memset(&snapshot, 0, sizeof(snapshot));
    view = (struct demand_view){.fresh = true, .known = true, .n_gateways = 1};
    return snapshot_add(&snapshot, policy, &p);
}

static int teardown(void **state)
{
    (void)state;
    deciders_forget(&deciders);
    snapshot_empty(&snapshot);
    return 0;
}

static void agents_report(const char *zone, double rps)
{
    const struct snapshot_load l = {{10, 1}, crc32_of(zone), rps};

    assert_int_equal(snapshot_add(&snapshot, load, &l), 0);
}

static void gateways_send(const char *zone, double rps)
{
    struct demand_zone *z = &view.zone[view.n_zones++];

    snprintf(z->zone, sizeof(z->zone), "%s", zone);
    z->rates.served = rps;
    view.all.served += rps;
}

static double demand(void)
{
    assert_int_equal(deciders_round(&deciders, &snapshot, look, NULL, 1000), 0);
    assert_int_equal(deciders.n, 1);
    return deciders.at[0].decision.demand;
}

static void t_in_each_zone_the_larger_of_both_counts(void **state)
{
    (void)state;
    gateways_send("a", 100);
    gateways_send("b", 50);
    agents_report("a", 90);
    agents_report("b", 80);
    assert_true(demand() == 180);
}

static void t_callers_without_a_gateway_count(void **state)
{
    (void)state;
    agents_report("a", 30);
    agents_report("b", 20);
    assert_true(demand() == 50);
}

static void t_gateways_without_a_zone_do_not_count_twice(void **state)
{
    (void)state;
    gateways_send("", 100);
    agents_report("a", 60);
    agents_report("b", 35);
    assert_true(demand() == 100);
    agents_report("c", 25); /* 20 of these are of other callers */
    assert_true(demand() == 120);
}

static void t_some_gateways_without_a_zone_cover_what_the_others_do_not(void **state)
{
    (void)state;
    gateways_send("", 40);
    gateways_send("a", 50);
    agents_report("a", 70);
    agents_report("b", 30);
    assert_true(demand() == 100);
}

static void t_agents_and_gateways_without_zones_are_one_zone(void **state)
{
    (void)state;
    gateways_send("", 40);
    agents_report("", 45);
    assert_true(demand() == 45);
}

static void t_refused_requests_are_demand(void **state)
{
    (void)state;
    gateways_send("a", 10);
    view.all.refused = 30;
    assert_true(demand() == 40);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_in_each_zone_the_larger_of_both_counts), U(t_callers_without_a_gateway_count),
       U(t_gateways_without_a_zone_do_not_count_twice),
       U(t_some_gateways_without_a_zone_cover_what_the_others_do_not),
       U(t_agents_and_gateways_without_zones_are_one_zone),
       U(t_refused_requests_are_demand))
