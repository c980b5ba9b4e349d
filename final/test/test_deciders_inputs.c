/* What is decided from tables and gateways, and what is recorded of it. */
#include "scale/deciders.h"

#include "base/crc32.h"
#include "t.h"

static const struct module_id m = {20, 1};

static struct deciders *d;
static struct snapshot s;
static struct demand_view view; /* what gateways say */
static uint64_t now_ms;

static void look(struct demand *demand, uint32_t modid, uint32_t cmdid, uint64_t at_ms,
                 struct demand_view *out)
{
    (void)demand;
    assert_int_equal(modid, 20);
    assert_in_range(cmdid, 1, 9);
    assert_int_equal(at_ms, now_ms);
    *out = view;
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    d = calloc(1, sizeof(*d));
    assert_non_null(d);
    d->pace = decide_pace_usual;
    memset(&view, 0, sizeof(view));
    view.all_gateways_60s = true;
    now_ms = 5000000;
    return 0;
}

static int teardown(void **state)
{
    deciders_forget(d);
    free(d);
    snapshot_empty(&s);
    return t_fds_check(state);
}

static void add_policy(uint32_t cmdid, const char *actuator)
{
    struct snapshot_policy p = {.id = {20, cmdid},
                                .min_zone = 1,
                                .util_pct = 70,
                                .floor_pct = 90,
                                .warm = 1,
                                .node_rps = 10};

    snprintf(p.actuator, sizeof(p.actuator), "%s", actuator);
    assert_int_equal(snapshot_add(&s, policy, &p), 0);
}

static void add_host(const char *name, const char *zone)
{
    struct snapshot_host h = {.ip = 1, .slots = 8, .in_use = true};

    h.ip += (uint32_t)s.n_host;
    snprintf(h.name, sizeof(h.name), "%s", name);
    snprintf(h.zone, sizeof(h.zone), "%s", zone);
    assert_int_equal(snapshot_add(&s, host, &h), 0);
}

/* <n> nodes in the route on host <host>. */
static void add_nodes(uint32_t host, uint32_t n)
{
    uint32_t slot;

    for (slot = 1; slot <= n; slot++) {
        const struct snapshot_order o = {host, slot, m};
        const struct snapshot_slot t = {.host = host,
                                        .slot = slot,
                                        .port = 7000 + slot,
                                        .id = m,
                                        .state = SNAPSHOT_READY};
        const struct snapshot_route r = {m, s.host[host].ip, 7000 + slot, true};

        assert_int_equal(snapshot_add(&s, order, &o), 0);
        assert_int_equal(snapshot_add(&s, slot, &t), 0);
        assert_int_equal(snapshot_add(&s, route, &r), 0);
    }
}

static void two_zones(void)
{
    add_policy(1, "slots");
    add_host("a1", "a");
    add_host("b1", "b");
}

static void decide(void)
{
    assert_int_equal(deciders_round(d, &s, look, NULL, now_ms), 0);
    deciders_conclude(d, &s, now_ms);
}

static void visits(double rps)
{
    view.fresh = true;
    view.known = true;
    view.n_gateways = view.n_fresh = view.n_known = view.n_zones = 1;
    snprintf(view.zone[0].zone, sizeof(view.zone[0].zone), "a");
    view.zone[0].rates.served = view.all.served = rps;
}

static void calls(const char *zone, double rps)
{
    const struct snapshot_load l = {m, crc32_of(zone), rps};

    assert_int_equal(snapshot_add(&s, load, &l), 0);
}

/* --- load --------------------------------------------------------------------------- */

static void t_of_a_zone_the_larger_one_of_visits_and_calls_counts(void **state)
{
    (void)state;
    two_zones();
    visits(30);
    calls("a", 20); /* of these visits */
    calls("b", 7); /* of callers without a gateway */
    decide();
    assert_true(d->at[0].decision.demand == 37);
    assert_true(d->at[0].load > 3.69 && d->at[0].load < 3.71);
    snapshot_empty(&s);
    two_zones();
    calls("a", 50);
    decide();
    assert_true(d->at[0].decision.demand == 50);
}

static void t_refused_visits_count_as_demand(void **state)
{
    (void)state;
    two_zones();
    visits(10);
    view.all.refused = 30;
    decide();
    assert_true(d->at[0].decision.demand == 40);
    assert_true(d->at[0].decision.refused == 30);
}

static void t_the_slowest_class_of_hosts_in_use_counts(void **state)
{
    struct snapshot_capacity c = {.id = m, .rps = 40, .inflight = 4};

    (void)state;
    two_zones();
    assert_int_equal(snapshot_add(&s, capacity, &c), 0);
    snprintf(c.class, sizeof(c.class), "old");
    c.rps = 20;
    assert_int_equal(snapshot_add(&s, capacity, &c), 0);
    decide();
    assert_true(d->at[0].capacity.rps == 40);
    snprintf(s.host[1].class, sizeof(s.host[1].class), "old");
    decide();
    assert_true(d->at[0].capacity.rps == 20);
    s.host[1].in_use = false;
    decide();
    assert_true(d->at[0].capacity.rps == 40);
}

static void t_an_unmeasured_module_is_not_scaled_and_the_note_says_so(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].node_rps = 0;
    visits(1000);
    decide();
    assert_int_equal(d->at[0].decision.wanted, 1);
    assert_non_null(strstr(d->at[0].decision.note, "not measured"));
    assert_int_equal(d->at[0].hold, DECIDE_UNMEASURED);
}

/* --- wants -------------------------------------------------------------------------- */

static void t_each_usable_zone_is_to_have_what_was_decided(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].min_zone = 3;
    decide();
    assert_int_equal(d->n_want, 2);
    assert_string_equal(d->want[0].zone, "a");
    assert_int_equal(d->want[0].n, 3);
    assert_int_equal(d->want[0].warm, 1);
    assert_string_equal(d->want[1].zone, "b");
    assert_int_equal(d->want[1].n, 3);
}

static void t_a_plan_counts_in_its_zone_and_the_maximum_bounds_it(void **state)
{
    struct snapshot_plan p = {.id = m, .zone = "b", .n_zone = 6};

    (void)state;
    two_zones();
    assert_int_equal(snapshot_add(&s, plan, &p), 0);
    p.zone[0] = '\0';
    p.n_zone = 2;
    assert_int_equal(snapshot_add(&s, plan, &p), 0);
    decide();
    assert_int_equal(d->at[0].decision.plan, 2);
    assert_int_equal(d->want[0].n, 2);
    assert_int_equal(d->want[1].n, 6);
    s.policy[0].max_zone = 4;
    decide();
    assert_int_equal(d->want[1].n, 4);
}

static void
t_a_lost_zone_is_left_alone_and_one_that_is_emptied_waits_for_the_others(void **state)
{
    (void)state;
    two_zones();
    s.host[1].age_ms = 60000;
    decide();
    assert_int_equal(d->n_want, 1);
    assert_int_equal(d->at[0].decision.zones, 1);
    s.host[1].age_ms = 0;
    s.host[1].in_use = false;
    decide();
    assert_int_equal(d->n_want, 1); /* the other zone has no node so far */
    add_nodes(0, 8);
    decide();
    assert_int_equal(d->n_want, 2);
    assert_int_equal(d->want[1].n, 0);
    assert_int_equal(d->want[1].warm, 0);
}

static void t_a_dry_run_wants_nothing(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].dry_run = true;
    s.policy[0].min_zone = 3;
    decide();
    assert_int_equal(d->n_want, 0);
    assert_int_equal(d->at[0].decision.wanted, 3);
    assert_true(d->at[0].due);
    assert_non_null(strstr(d->at[0].decision.note, "dry run"));
}

static void t_modules_of_another_actuator_are_left_out(void **state)
{
    (void)state;
    two_zones();
    add_policy(2, "exec");
    decide();
    assert_int_equal(d->n, 1);
}

/* --- what a leader begins with, and missing data ------------------------------------ */

static void t_a_new_leader_begins_with_what_was_decided_last(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].was_decided = true;
    s.policy[0].last_wanted = 5;
    decide();
    assert_int_equal(d->at[0].decision.was, 5);
    assert_int_equal(d->at[0].decision.wanted, 5);
}

static void t_without_a_decision_it_begins_with_what_runs(void **state)
{
    (void)state;
    two_zones();
    add_nodes(0, 3);
    add_nodes(1, 4);
    decide();
    assert_int_equal(d->at[0].decision.was, 4);
    assert_int_equal(d->at[0].decision.up, 7);
}

static void t_nodes_of_a_silent_host_are_gone_unless_all_hosts_are_silent(void **state)
{
    (void)state;
    two_zones();
    add_nodes(0, 3);
    add_nodes(1, 4);
    s.host[1].age_ms = 5001;
    decide();
    assert_int_equal(d->at[0].decision.up, 3);
    s.host[0].age_ms = 5001;
    decide();
    assert_int_equal(d->at[0].decision.up, 7);
}

static void t_silent_gateways_hold_what_is_there(void **state)
{
    unsigned i;

    (void)state;
    two_zones();
    s.policy[0].was_decided = true;
    s.policy[0].last_wanted = 6;
    view.n_gateways = 1;
    view.all_gateways_60s = false;
    for (i = 0; i < 3000; i++) {
        decide();
        assert_int_equal(d->at[0].decision.wanted, 6);
        now_ms += 1000;
    }
    assert_int_equal(d->at[0].hold, DECIDE_NO_DATA);
    assert_non_null(strstr(d->at[0].decision.note, "nothing goes down"));
}

/* --- what is recorded --------------------------------------------------------------- */

static void t_a_decision_is_recorded_first_on_change_and_once_a_minute(void **state)
{
    unsigned i, n = 0;

    (void)state;
    two_zones();
    decide();
    assert_true(d->at[0].due);
    decide();
    assert_true(d->at[0].due); /* it was not written */
    deciders_recorded(d, now_ms);
    for (i = 0; i < 120; i++) {
        now_ms += 1000;
        decide();
        n += d->at[0].due;
        deciders_recorded(d, now_ms);
    }
    assert_int_equal(n, 2);
    s.policy[0].min_zone = 4;
    now_ms += 1000;
    decide();
    assert_int_equal(d->at[0].decision.wanted, 4);
    assert_string_equal(d->at[0].decision.rule, "plan");
    assert_true(d->at[0].due);
}

static void t_a_changed_number_of_zones_is_recorded_at_once(void **state)
{
    (void)state;
    two_zones();
    decide();
    deciders_recorded(d, now_ms);
    now_ms += 1000;
    s.host[1].age_ms = 60000;
    decide();
    assert_int_equal(d->at[0].decision.was, d->at[0].decision.wanted);
    assert_int_equal(d->at[0].decision.zones, 1);
    assert_true(d->at[0].due);
    deciders_recorded(d, now_ms);
    now_ms += 1000;
    decide();
    assert_false(d->at[0].due);
}

static void t_the_maximum_that_keeps_a_module_low_is_noted_and_recorded(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].max_zone = 2;
    decide();
    deciders_recorded(d, now_ms);
    assert_null(strstr(d->at[0].decision.note, "capacity.max"));
    now_ms += 1000;
    s.policy[0].min_zone = 5;
    decide();
    assert_true(d->at[0].due);
    deciders_recorded(d, now_ms);
    now_ms += 1000;
    decide();
    assert_int_equal(d->at[0].decision.wanted, 2);
    assert_string_equal(d->at[0].decision.rule, "max");
    assert_non_null(strstr(d->at[0].decision.note,
                           "capacity.max: each zone needs 5 nodes, max=2"));
    s.policy[0].min_zone = 2;
    now_ms += 1000;
    decide();
    assert_null(strstr(d->at[0].decision.note, "capacity.max"));
    assert_false(d->at[0].due); /* with the next minute */
}

static void t_nodes_without_a_slot_are_short_of_the_floor_or_of_the_load(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].min_zone = 6;
    visits(50);
    assert_int_equal(deciders_round(d, &s, look, NULL, now_ms), 0);
    d->missing[1] = 2; /* four in each zone: 5.6 nodes in normal use */
    deciders_conclude(d, &s, now_ms);
    assert_true(d->at[0].floor_short);
    assert_false(d->at[0].ceiling);
    assert_int_equal(d->at[0].missing, 2);
    assert_non_null(strstr(d->at[0].decision.note, "capacity.floor: 2 nodes"));
    d->missing[1] = 3;
    deciders_conclude(d, &s, now_ms);
    assert_true(d->at[0].ceiling);
    assert_non_null(strstr(d->at[0].decision.note, "capacity.ceiling"));
}

static void t_a_module_whose_policy_has_gone_begins_anew(void **state)
{
    (void)state;
    two_zones();
    s.policy[0].min_zone = 5;
    decide();
    s.n_policy = 0;
    decide();
    assert_int_equal(d->n, 0);
    s.n_policy = 1;
    s.policy[0].min_zone = 1;
    now_ms += 1000;
    decide();
    assert_int_equal(d->at[0].decision.was, 1);
}

/* --- zones -------------------------------------------------------------------------- */

static void t_a_zone_is_suspect_while_silent_and_after_it_came_back(void **state)
{
    struct zones z = {0};

    (void)state;
    two_zones();
    zones_look(&z, &s, 1000, 300000);
    assert_int_equal(z.n_usable, 2);
    assert_false(z.suspect); /* the first look is no return */
    s.host[1].age_ms = 5001;
    zones_look(&z, &s, 2000, 300000);
    assert_int_equal(z.n_usable, 2);
    assert_true(z.at[1].suspect);
    s.host[1].age_ms = 60000;
    zones_look(&z, &s, 3000, 300000);
    assert_int_equal(z.n_usable, 1);
    assert_false(z.suspect);
    s.host[1].age_ms = 0;
    zones_look(&z, &s, 4000, 300000);
    assert_int_equal(z.n_usable, 2);
    assert_true(z.at[1].suspect);
    zones_look(&z, &s, 303999, 300000);
    assert_true(z.suspect);
    zones_look(&z, &s, 304000, 300000);
    assert_false(z.suspect);
}

static void t_one_host_that_is_heard_suffices_for_its_zone(void **state)
{
    struct zones z = {0};

    (void)state;
    two_zones();
    add_host("b2", "b");
    s.host[1].age_ms = 70000;
    zones_look(&z, &s, 1000, 300000);
    assert_int_equal(z.n_usable, 2);
    assert_false(z.suspect);
    s.host[2].in_use = false;
    zones_look(&z, &s, 2000, 300000);
    assert_int_equal(z.n_usable, 1);
    assert_true(z.at[1].emptied);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(D(t_of_a_zone_the_larger_one_of_visits_and_calls_counts),
       D(t_refused_visits_count_as_demand), D(t_the_slowest_class_of_hosts_in_use_counts),
       D(t_an_unmeasured_module_is_not_scaled_and_the_note_says_so),
       D(t_each_usable_zone_is_to_have_what_was_decided),
       D(t_a_plan_counts_in_its_zone_and_the_maximum_bounds_it),
       D(t_a_lost_zone_is_left_alone_and_one_that_is_emptied_waits_for_the_others),
       D(t_a_dry_run_wants_nothing), D(t_modules_of_another_actuator_are_left_out),
       D(t_a_new_leader_begins_with_what_was_decided_last),
       D(t_without_a_decision_it_begins_with_what_runs),
       D(t_nodes_of_a_silent_host_are_gone_unless_all_hosts_are_silent),
       D(t_silent_gateways_hold_what_is_there),
       D(t_a_decision_is_recorded_first_on_change_and_once_a_minute),
       D(t_a_changed_number_of_zones_is_recorded_at_once),
       D(t_the_maximum_that_keeps_a_module_low_is_noted_and_recorded),
       D(t_nodes_without_a_slot_are_short_of_the_floor_or_of_the_load),
       D(t_a_module_whose_policy_has_gone_begins_anew),
       D(t_a_zone_is_suspect_while_silent_and_after_it_came_back),
       D(t_one_host_that_is_heard_suffices_for_its_zone))
