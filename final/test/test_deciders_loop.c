/* The decision in a closed loop with the nodes of a small world: demand, deciders,
 * node_life, slots.  Two zones, a node does 100 requests a second, one round a second. */
#include "scale/deciders.h"

#include "base/crc32.h"
#include "lib/slotworld.h"

static struct {
    struct deciders *d;
    struct demand_view view;
    uint32_t node_rps, max_zone;
    bool frozen;
    double agents_rps; /* what agents of zone a report */
    bool reports; /* the Report Service is there */
} f;

static int setup(void **state)
{
    memset(&f, 0, sizeof(f));
    f.d = calloc(1, sizeof(*f.d));
    assert_non_null(f.d);
    f.d->pace = (struct decide_pace){15, 5, 2};
    f.view = (struct demand_view){.n_gateways = 1,
                                  .n_fresh = 1,
                                  .n_known = 1,
                                  .known = true,
                                  .fresh = true,
                                  .all_gateways_60s = true};
    f.node_rps = 100;
    f.reports = true;
    return slotworld_setup(state);
}

static int teardown(void **state)
{
    deciders_forget(f.d);
    free(f.d);
    return slotworld_teardown(state);
}

static void demand_of(struct demand *d, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                      struct demand_view *out)
{
    (void)d;
    (void)modid;
    (void)cmdid;
    (void)now_ms;
    *out = f.view;
}

/* What the Report Service writes: without it, loads go and states become old. */
static void report(struct snapshot *s)
{
    const struct snapshot_load l = {m, crc32_of("a"), f.agents_rps};
    unsigned i;

    for (i = 0; i < w.n_host && !f.reports; i++)
        w.host[i].age_ms += 1000;
    if (f.reports && f.agents_rps > 0)
        assert_int_equal(snapshot_add(s, load, &l), 0);
}

static const struct decided *one_round(void)
{
    struct snapshot *s = slotworld_look();
    struct snapshot_policy *p = &s->policy[0];
    size_t i;

    s->n_policy = 1;
    report(s);
    snprintf(p->actuator, sizeof(p->actuator), "slots");
    p->min_zone = 1;
    p->max_zone = f.max_zone;
    p->util_pct = 70;
    p->floor_pct = 90;
    p->node_rps = f.node_rps;
    s->frozen = f.frozen;
    assert_int_equal(deciders_round(f.d, s, demand_of, NULL, w.now_ms), 0);
    assert_int_equal(node_life_round(life, s, f.d->want, f.d->n_want, w.now_ms, &steps,
                                     f.d->missing),
                     0);
    deciders_conclude(f.d, s, w.now_ms);
    deciders_recorded(f.d, w.now_ms);
    for (i = 0; i < steps.n; i++)
        apply_step(&steps.at[i]);
    pass_second();
    assert_int_equal(f.d->n, 1);
    return &f.d->at[0];
}

static const struct decided *seconds(unsigned n, double rps)
{
    const struct decided *x = NULL;

    f.view.all.served = rps;
    while (n-- > 0)
        x = one_round();
    return x;
}

static void two_zones(unsigned slots)
{
    add_host("a1", "a", slots);
    add_host("b1", "b", slots);
}

static void t_a_crowd_gets_its_nodes_and_they_leave_when_it_has_left(void **state)
{
    const struct decided *x;

    (void)state;
    two_zones(24);
    x = seconds(60, 360);
    assert_int_equal(x->decision.wanted, 4);
    assert_int_equal(counts("a").up, 4);
    x = seconds(1, 1440);
    assert_int_equal(x->rule, DECIDE_URGENT);
    assert_int_equal(x->decision.wanted, 16);
    seconds(8, 1440);
    assert_int_equal(counts("a").up_now, 16);
    assert_int_equal(counts("b").up_now, 16);
    x = seconds(600, 360);
    assert_in_range(x->decision.wanted, 4, 6);
    assert_int_equal(counts("a").up, x->decision.wanted);
}

/* Nodes that were wanted and have no slot are not "behind": they will not come. */
static void t_nodes_without_a_slot_do_not_keep_the_others_for_ever(void **state)
{
    const struct decided *x;

    (void)state;
    two_zones(4);
    x = seconds(60, 1440);
    assert_in_range(x->decision.wanted, 16, 17);
    assert_true(x->ceiling);
    assert_int_equal(counts("a").up, 4);
    x = seconds(900, 90);
    assert_int_equal(x->decision.wanted, 2);
    assert_int_equal(x->missing, 0);
    assert_false(x->ceiling);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(counts("b").up, 2);
}

static void t_a_lost_zone_keeps_its_nodes_and_the_other_gets_more(void **state)
{
    const struct decided *x;
    unsigned i;

    (void)state;
    two_zones(24);
    seconds(60, 900);
    assert_int_equal(counts("a").up, 10);
    for (i = 0; i < 120; i++) {
        w.host[1].age_ms += 1000;
        x = seconds(1, 890);
    }
    assert_int_equal(x->decision.zones, 1);
    assert_in_range(counts("a").up, 13, 14);
    assert_int_equal(x->decision.wanted, counts("a").up);
    assert_non_null(up_cell(1, 9)); /* b has its ten rows in the route */
}

static void t_nothing_happens_to_an_unmeasured_module(void **state)
{
    const struct decided *x;

    (void)state;
    two_zones(24);
    seconds(60, 900);
    f.node_rps = 0;
    x = seconds(300, 0);
    assert_int_equal(x->decision.wanted, 10);
    assert_int_equal(x->hold, DECIDE_UNMEASURED);
    x = seconds(300, 9000);
    assert_int_equal(x->decision.wanted, 10);
}

static void t_a_gateway_that_is_silent_keeps_all_nodes(void **state)
{
    const struct decided *x;

    (void)state;
    two_zones(24);
    seconds(60, 900);
    f.view.all_gateways_60s = false;
    x = seconds(600, 90);
    assert_int_equal(x->decision.wanted, 10);
    assert_int_equal(x->hold, DECIDE_NO_DATA);
    f.view.fresh = false;
    x = seconds(600, 0);
    assert_int_equal(x->decision.wanted, 10);
}

/* Loads that agents reported are gone then, and that is no demand that went away. */
static void
t_without_reports_nothing_is_taken_away_then_or_when_they_are_back(void **state)
{
    const struct decided *x;
    bool gateways;

    for (gateways = false;; gateways = true) {
        two_zones(24);
        f.view.n_gateways = gateways;
        f.view.fresh = gateways;
        f.agents_rps = 900;
        x = seconds(60, 0);
        assert_int_equal(x->decision.wanted, 10);
        f.reports = false;
        x = seconds(1200, 0);
        assert_int_equal(x->decision.wanted, 10);
        assert_int_equal(x->hold, DECIDE_NO_DATA);
        f.reports = true;
        w.host[0].age_ms = w.host[1].age_ms = 0;
        x = seconds(60, 0);
        assert_int_equal(x->decision.wanted, 10);
        assert_non_null(up_cell(0, 9));
        assert_non_null(up_cell(1, 9));
        if (gateways)
            return;
        teardown(state);
        setup(state);
    }
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(D(t_a_crowd_gets_its_nodes_and_they_leave_when_it_has_left),
       D(t_nodes_without_a_slot_do_not_keep_the_others_for_ever),
       D(t_a_lost_zone_keeps_its_nodes_and_the_other_gets_more),
       D(t_nothing_happens_to_an_unmeasured_module),
       D(t_a_gateway_that_is_silent_keeps_all_nodes),
       D(t_without_reports_nothing_is_taken_away_then_or_when_they_are_back))
