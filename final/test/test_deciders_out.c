/* A zone that an operator drains, or is about to drain: the other zones are to carry its
 * load, and its own nodes stay as they are. */
#include "scale/deciders.h"

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

/* An operator drains zone b: zone a is to carry all of it, and zone b stays as it is. */
static void t_a_zone_that_is_kept_out_is_left_alone_and_the_others_grow(void **state)
{
    const struct snapshot_zone b = {"b"};

    (void)state;
    two_zones();
    add_nodes(0, 4);
    add_nodes(1, 4);
    s.policy[0].last_wanted = 4;
    s.policy[0].was_decided = true;
    visits(36); /* floor: 36 / 10 / 0.9 = 4 in one zone when the other one is lost */
    decide();
    assert_int_equal(d->at[0].decision.zones, 2);
    assert_int_equal(d->at[0].decision.wanted, 4);
    assert_int_equal(d->n_want, 2);
    assert_int_equal(snapshot_add(&s, zone_out, &b), 0);
    for (; d->at[0].decision.wanted == 4 && now_ms < 5090000; decide())
        now_ms += 1000;
    assert_int_equal(d->at[0].decision.zones, 1);
    assert_int_equal(d->at[0].decision.wanted, 6); /* 36 / 10 / 0.7 */
    assert_int_equal(d->n_want, 1);
    assert_string_equal(d->want[0].zone, "a");
    s.n_zone_out = 0;
    now_ms += 1000;
    decide();
    assert_int_equal(d->at[0].decision.zones, 2);
    assert_int_equal(d->n_want, 2);
    assert_int_equal(d->want[1].n, 6); /* nothing goes down at once */
}

static void t_a_zone_that_is_kept_out_is_not_lost(void **state)
{
    const struct snapshot_zone b = {"b"};
    struct zones z = {0};

    (void)state;
    two_zones();
    assert_int_equal(snapshot_add(&s, zone_out, &b), 0);
    s.host[1].in_use = false;
    zones_look(&z, &s, 1000, 300000);
    assert_int_equal(z.n_usable, 1);
    assert_true(z.at[1].is_out);
    assert_false(z.at[1].emptied); /* its nodes stay */
    s.host[1].in_use = true;
    s.n_zone_out = 0;
    zones_look(&z, &s, 2000, 300000);
    assert_int_equal(z.n_usable, 2);
    assert_false(z.suspect);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(D(t_a_zone_that_is_kept_out_is_left_alone_and_the_others_grow),
       D(t_a_zone_that_is_kept_out_is_not_lost))
