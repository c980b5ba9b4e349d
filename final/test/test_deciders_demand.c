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

/* --- what is shown and recorded ----------------------------------------------------- */

static void add_host(const char *name, const char *zone)
{
    struct snapshot_host h = {.ip = 1, .slots = 8, .in_use = true};

    h.ip += (uint32_t)snapshot.n_host;
    snprintf(h.name, sizeof(h.name), "%s", name);
    snprintf(h.zone, sizeof(h.zone), "%s", zone);
    assert_int_equal(snapshot_add(&snapshot, host, &h), 0);
}

/* A round at this second.  Is its decision recorded? */
static bool is_recorded(uint64_t now_s)
{
    bool due;

    assert_int_equal(
        deciders_round(&deciders, &snapshot, look, NULL, now_s * UINT64_C(1000)), 0);
    deciders_conclude(&deciders, &snapshot, now_s * UINT64_C(1000));
    assert_int_equal(deciders.n, 1);
    due = deciders.at[0].due;
    deciders_recorded(&deciders, now_s * UINT64_C(1000));
    return due;
}

static void t_each_zone_is_shown_with_its_visits_and_what_it_is_to_have(void **state)
{
    const struct decided *x = &deciders.at[0];

    (void)state;
    add_host("a1", "a");
    add_host("b1", "b");
    gateways_send("a", 5);
    view.zone[0].rates.refused = 2;
    (void)is_recorded(1);
    assert_int_equal(x->first_zone, 0);
    assert_int_equal(x->n_zone, 2);
    assert_string_equal(deciders.zone[0].zone, "a");
    assert_true(deciders.zone[0].served == 5 && deciders.zone[0].refused == 2);
    assert_string_equal(deciders.zone[1].zone, "b");
    assert_true(deciders.zone[1].served == 0 && deciders.zone[1].refused == 0);
    assert_int_equal(deciders.zone[0].wanted, x->decision.wanted);
    assert_int_equal(deciders.zone[1].wanted, x->decision.wanted);
    snapshot.host[1].age_ms = 60000; /* lost: nothing is wanted there */
    (void)is_recorded(2);
    assert_int_equal(deciders.zone[0].wanted, x->decision.wanted);
    assert_int_equal(deciders.zone[1].wanted, 0);
}

static void t_missing_data_are_recorded_at_once_and_their_return_too(void **state)
{
    const char *why = decide_hold_name(DECIDE_NO_DATA);
    unsigned s;

    (void)state;
    add_host("a1", "a");
    add_host("b1", "b");
    gateways_send("a", 5);
    view.all_gateways_60s = true;
    for (s = 1; s < 10; s++)
        (void)is_recorded(s);
    assert_false(is_recorded(10));
    view.all_gateways_60s = view.fresh = false;
    assert_true(is_recorded(11));
    assert_non_null(strstr(deciders.at[0].decision.note, why));
    assert_false(is_recorded(12));
    view.all_gateways_60s = view.fresh = true;
    assert_true(is_recorded(13));
    assert_null(strstr(deciders.at[0].decision.note, why));
    assert_false(is_recorded(14));
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_in_each_zone_the_larger_of_both_counts), U(t_callers_without_a_gateway_count),
       U(t_gateways_without_a_zone_do_not_count_twice),
       U(t_some_gateways_without_a_zone_cover_what_the_others_do_not),
       U(t_agents_and_gateways_without_zones_are_one_zone),
       U(t_refused_requests_are_demand),
       U(t_each_zone_is_shown_with_its_visits_and_what_it_is_to_have),
       U(t_missing_data_are_recorded_at_once_and_their_return_too))
