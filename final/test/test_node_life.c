/* The steps of nodes in slots, in a small world: hosts with slots, a lars-slotd that
 * starts what is ordered, a route, and agents that have it in force. */
#include "scale/node_life.h"

#include "base/rnd.h"
#include "t.h"

#define ROUND_MS 1000
#define FIRST_PORT 7000
#define HOSTS 8
#define SLOTS 32

static const struct module_id m = {20, 1}, other = {20, 2};

enum seen { EMPTY, STARTING, READY, SICK, FAILED, STOPPING };

static struct world {
    struct snapshot_host host[HOSTS];
    unsigned n_host;
    struct cell {
        bool ordered;
        struct module_id want, runs;
        enum seen seen;
        uint64_t since_ms;
        int row; /* in the route: 0 none, 1 up, 2 drained */
    } cell[HOSTS][SLOTS + 1];
    bool in_force, broken; /* broken: nothing starts */
    uint64_t sum, now_ms;
} w;

static struct node_life *life;
static struct snapshot s;
static struct node_steps steps;
static struct node_want want[4];
static unsigned n_want, missing[4];

static int setup(void **state)
{
    (void)t_fds_save(state);
    memset(&w, 0, sizeof(w));
    w.now_ms = 1000000;
    w.in_force = true;
    n_want = 0;
    return node_life_create(&life);
}

static int teardown(void **state)
{
    node_life_destroy(life);
    snapshot_empty(&s);
    return t_fds_check(state);
}

static unsigned add_host(const char *name, const char *zone, unsigned slots)
{
    struct snapshot_host *h = &w.host[w.n_host];

    snprintf(h->name, sizeof(h->name), "%s", name);
    snprintf(h->zone, sizeof(h->zone), "%s", zone);
    h->ip = 0x0a000001 + w.n_host;
    h->slots = slots;
    h->in_use = true;
    return w.n_host++;
}

static void add_want(struct module_id id, const char *zone, unsigned n, unsigned warm)
{
    want[n_want++] = (struct node_want){id, zone, n, warm};
}

/* --- the snapshot of the world ------------------------------------------------------ */

static void add_cell(unsigned h, unsigned slot)
{
    static const enum snapshot_slot_state states[] = {
        SNAPSHOT_STOPPING, SNAPSHOT_STARTING, SNAPSHOT_READY,
        SNAPSHOT_SICK,     SNAPSHOT_FAILED,   SNAPSHOT_STOPPING};
    const struct cell *c = &w.cell[h][slot];
    const struct snapshot_order o = {h, slot, c->want};
    const struct snapshot_slot t = {
        h, slot, FIRST_PORT + slot, c->runs, states[c->seen], w.now_ms - c->since_ms};
    const struct snapshot_route row = {c->runs, w.host[h].ip, FIRST_PORT + slot,
                                       c->row == 1};

    if (c->ordered)
        assert_int_equal(snapshot_add(&s, order, &o), 0);
    if (c->seen != EMPTY)
        assert_int_equal(snapshot_add(&s, slot, &t), 0);
    if (c->row)
        assert_int_equal(snapshot_add(&s, route, &row), 0);
}

static void look(void)
{
    struct snapshot_policy p = {.id = m, .in_force = w.in_force, .route_sum = w.sum};
    unsigned h, slot;

    snapshot_empty(&s);
    assert_int_equal(snapshot_add(&s, policy, &p), 0);
    p.id = other;
    assert_int_equal(snapshot_add(&s, policy, &p), 0);
    for (h = 0; h < w.n_host; h++)
        assert_int_equal(snapshot_add(&s, host, &w.host[h]), 0);
    for (h = 0; h < w.n_host; h++)
        for (slot = 1; slot <= SLOTS; slot++)
            add_cell(h, slot);
}

/* --- the world obeys ---------------------------------------------------------------- */

static void apply_step(const struct node_step *t)
{
    struct cell *c = &w.cell[t->host][t->slot];

    if (t->kind == NODE_ORDER) {
        assert_false(c->ordered);
        assert_int_equal(c->seen, EMPTY);
        assert_in_range(t->slot, 1, w.host[t->host].slots);
        c->ordered = true;
        c->want = t->id;
        return;
    }
    if (t->kind == NODE_CANCEL) {
        assert_true(c->ordered);
        assert_int_equal(c->row, 0); /* never stopped while callers may use it */
        c->ordered = false;
        return;
    }
    assert_true(snapshot_is(t->id, c->runs));
    assert_int_equal(t->ip, w.host[t->host].ip);
    assert_int_equal(t->port, FIRST_PORT + t->slot);
    assert_int_equal(c->row, t->kind == NODE_ROUTE ? 0 : t->kind == NODE_DRAIN ? 1 : 2);
    if (t->kind == NODE_ROUTE)
        assert_int_equal(c->seen, READY);
    c->row = t->kind == NODE_ROUTE ? 1 : t->kind == NODE_DRAIN ? 2 : 0;
    w.sum++;
}

static void set_seen(struct cell *c, enum seen seen)
{
    c->seen = seen;
    c->since_ms = w.now_ms;
}

/* A lars-slotd starts and stops within a second. */
static void obey(struct cell *c)
{
    if (c->ordered && c->seen == EMPTY) {
        set_seen(c, STARTING);
        c->runs = c->want;
    } else if (c->ordered && c->seen == STARTING) {
        set_seen(c, w.broken ? FAILED : READY);
    } else if (!c->ordered && c->seen != EMPTY && c->seen != STOPPING) {
        set_seen(c, STOPPING);
    } else if (!c->ordered && c->seen == STOPPING) {
        set_seen(c, EMPTY);
    }
}

static void decide(void)
{
    look();
    assert_int_equal(node_life_round(life, &s, want, n_want, w.now_ms, &steps, missing),
                     0);
}

static void round_once(void)
{
    unsigned h, slot;
    size_t i;

    decide();
    for (i = 0; i < steps.n; i++)
        apply_step(&steps.at[i]);
    w.now_ms += ROUND_MS;
    for (h = 0; h < w.n_host; h++)
        for (slot = 1; slot <= SLOTS && w.host[h].age_ms == 0; slot++)
            obey(&w.cell[h][slot]);
}

static void rounds(unsigned n)
{
    while (n-- > 0)
        round_once();
}

static struct node_counts counts(const char *zone)
{
    struct node_counts c;

    look();
    assert_int_equal(node_life_count(&s, m, zone, &c), 0);
    return c;
}

static unsigned n_steps(enum node_step_kind kind)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < steps.n; i++)
        n += steps.at[i].kind == kind;
    return n;
}

static unsigned n_ordered(unsigned host)
{
    unsigned slot, n = 0;

    for (slot = 1; slot <= SLOTS; slot++)
        n += w.cell[host][slot].ordered;
    return n;
}

/* The nth cell of the host with a row 'up'. */
static struct cell *up_cell(unsigned host, unsigned nth)
{
    unsigned slot;

    for (slot = 1; slot <= SLOTS; slot++)
        if (w.cell[host][slot].row == 1 && nth-- == 0)
            return &w.cell[host][slot];
    fail_msg("host %u has no such node", host);
    return NULL;
}

/* --- promises ----------------------------------------------------------------------- */

static void t_wanted_nodes_are_ordered_then_routed_with_warm_ones_besides(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    round_once();
    assert_int_equal(n_steps(NODE_ORDER), 4);
    assert_int_equal(steps.n, 4);
    rounds(3);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("a").up_now, 3);
    assert_int_equal(counts("a").warm, 1);
    rounds(3);
    assert_int_equal(steps.n, 0);
    assert_int_equal(missing[0], 0);
}

static void t_orders_are_spread_over_the_hosts_of_the_zone(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_host("a2", "a", 6);
    add_host("b1", "b", 9);
    add_want(m, "a", 6, 0);
    round_once();
    assert_int_equal(n_ordered(0), 2); /* four free slots are left on each */
    assert_int_equal(n_ordered(1), 4);
    assert_int_equal(n_ordered(2), 0);
}

static void t_at_most_eight_nodes_start_at_once_in_a_zone(void **state)
{
    (void)state;
    add_host("a1", "a", 16);
    add_host("b1", "b", 16);
    add_want(m, "a", 6, 0);
    add_want(other, "a", 6, 0);
    add_want(m, "b", 6, 0);
    round_once();
    assert_int_equal(n_ordered(0), 8);
    assert_int_equal(n_ordered(1), 6);
    rounds(5);
    assert_int_equal(n_ordered(0), 12);
}

static void t_wanted_nodes_come_before_warm_ones_of_another_module(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_want(m, "a", 1, 3);
    add_want(other, "a", 3, 0);
    rounds(6);
    assert_int_equal(counts("a").up, 1);
    assert_int_equal(n_ordered(0), 4);
    assert_int_equal(missing[0], 0);
    assert_int_equal(missing[1], 0);
}

static void t_nodes_without_a_slot_are_missing(void **state)
{
    (void)state;
    add_host("a1", "a", 2);
    add_want(m, "a", 5, 1);
    rounds(5);
    assert_int_equal(missing[0], 3);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(steps.n, 0);
}

static void t_a_warm_node_is_routed_in_the_round_in_which_it_is_wanted(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 2);
    rounds(5);
    want[0].n = 4;
    decide();
    assert_int_equal(n_steps(NODE_ROUTE), 2);
    assert_int_equal(n_steps(NODE_ORDER), 2); /* and the warm ones are made again */
}

static void t_a_node_is_drained_in_force_for_two_seconds_and_then_stopped(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(5);
    want[0].n = 2;
    w.in_force = false; /* from now on an agent has the old route */
    round_once();
    assert_int_equal(steps.n, 1);
    assert_int_equal(n_steps(NODE_DRAIN), 1);
    rounds(50);
    assert_int_equal(steps.n, 0);
    assert_int_equal(counts("a").drained, 1);
    w.in_force = true;
    rounds(2); /* 0 s and 1 s */
    assert_int_equal(steps.n, 0);
    round_once();
    assert_int_equal(n_steps(NODE_REMOVE), 1);
    assert_int_equal(n_steps(NODE_CANCEL), 1);
    assert_int_equal(steps.n, 2);
    rounds(3);
    assert_int_equal(n_ordered(0), 2);
    assert_int_equal(counts("a").up, 2);
}

/* The agents have the new route when the round looks for the first time: the two seconds
 * do not begin before the change. */
static void t_a_route_that_was_in_force_before_the_drain_does_not_count(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(9);
    want[0].n = 2;
    round_once();
    assert_int_equal(n_steps(NODE_DRAIN), 1);
    rounds(2);
    assert_int_equal(n_steps(NODE_REMOVE), 0);
    round_once();
    assert_int_equal(n_steps(NODE_REMOVE), 1);
}

static void t_nodes_leave_one_at_a_time_and_in_one_zone_at_a_time(void **state)
{
    unsigned i;

    (void)state;
    add_host("a1", "a", 8);
    add_host("b1", "b", 8);
    add_want(m, "a", 6, 0);
    add_want(m, "b", 6, 0);
    rounds(8);
    want[0].n = want[1].n = 3;
    for (i = 0; i < 60; i++) {
        round_once();
        assert_in_range(counts("a").drained + counts("b").drained, 0, 1);
    }
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("b").up, 3);
    assert_int_equal(n_ordered(0) + n_ordered(1), 6);
}

static void t_of_many_nodes_a_tenth_leaves_at_a_time(void **state)
{
    (void)state;
    add_host("a1", "a", 32);
    add_want(m, "a", 30, 0);
    rounds(20);
    assert_int_equal(counts("a").up, 30);
    want[0].n = 20;
    round_once();
    assert_int_equal(n_steps(NODE_DRAIN), 3);
}

static void t_a_failed_node_is_replaced_on_another_host(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("a2", "a", 4);
    add_want(m, "a", 1, 0);
    w.broken = true;
    rounds(2);
    assert_int_equal(n_ordered(0), 1);
    w.broken = false;
    round_once();
    assert_int_equal(n_steps(NODE_CANCEL), 1);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    assert_int_equal(n_ordered(0), 0);
    assert_int_equal(n_ordered(1), 1);
}

static void t_a_host_rests_for_ten_minutes_after_three_failed_starts(void **state)
{
    unsigned i, n = 0;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 1, 0);
    add_want(other, "a", 0, 0);
    w.broken = true;
    for (i = 0; i < 500; i++) {
        round_once();
        n += n_steps(NODE_ORDER);
    }
    assert_int_equal(n, 3);
    assert_int_equal(node_life_n_resting(life, w.now_ms), 1);
    assert_int_equal(missing[0], 1);
    w.broken = false;
    want[1].n = 1; /* it rests for the module that fails only */
    rounds(4);
    assert_int_equal(n_ordered(0), 1);
    rounds(120);
    assert_int_equal(counts("a").up, 1);
    assert_int_equal(node_life_n_resting(life, w.now_ms), 0);
}

static void t_a_sick_node_leaves_when_another_has_taken_its_place(void **state)
{
    struct cell *sick;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(5);
    sick = up_cell(0, 0);
    set_seen(sick, SICK);
    rounds(4);
    assert_int_equal(steps.n, 0); /* it may be for a moment */
    rounds(2);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    assert_int_equal(sick->row, 1);
    rounds(3);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(sick->row, 2);
    rounds(8);
    assert_int_equal(n_ordered(0), 2);
    assert_int_equal(sick->seen == READY || sick->seen == EMPTY, 1);
}

/* What all of them need may be gone: that is no reason to take them away. */
static void t_sick_nodes_stay_in_the_route_while_none_is_healthy(void **state)
{
    (void)state;
    add_host("a1", "a", 2);
    add_want(m, "a", 2, 0);
    rounds(5);
    set_seen(up_cell(0, 0), SICK);
    set_seen(up_cell(0, 1), SICK);
    rounds(60);
    assert_int_equal(counts("a").bad, 2);
    assert_non_null(up_cell(0, 1));
}

static void
t_a_host_that_is_to_be_empty_is_emptied_after_its_nodes_are_replaced(void **state)
{
    unsigned i;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    rounds(5);
    add_host("a2", "a", 8);
    w.host[0].in_use = false;
    for (i = 0; i < 40; i++) {
        round_once();
        assert_in_range(counts("a").up + counts("a").leaving, 3, 99);
    }
    assert_int_equal(n_ordered(0), 0);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(counts("a").warm, 1);
}

static void
t_without_another_host_a_host_that_is_to_be_empty_keeps_its_nodes(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 0);
    rounds(5);
    w.host[0].in_use = false;
    rounds(30);
    assert_int_equal(counts("a").leaving, 3);
    assert_int_equal(missing[0], 3);
}

static void t_a_silent_host_starts_and_stops_nothing(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 3, 1);
    rounds(6);
    w.host[0].age_ms = 5001;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 5;
    want[0].warm = 0;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 1;
    rounds(3);
    assert_int_equal(steps.n, 0);
    w.host[0].age_ms = 0;
    round_once();
    assert_int_equal(n_steps(NODE_DRAIN), 1);
}

/* One of two hosts is silent: its nodes are not replaced before a minute, and none of the
 * other one leaves on the strength of nodes that may be gone. */
static void t_nodes_of_a_silent_host_are_replaced_after_a_minute(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("a2", "a", 8);
    add_want(m, "a", 4, 0);
    rounds(5);
    w.host[0].age_ms = 59999;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 3;
    rounds(3);
    assert_int_equal(steps.n, 0);
    want[0].n = 4;
    w.host[0].age_ms = 60000;
    round_once();
    assert_int_equal(n_steps(NODE_ORDER), 2);
    rounds(5);
    assert_int_equal(counts("a").up, 4);
    w.host[0].age_ms = 0; /* it comes back: two are too many */
    rounds(40);
    assert_int_equal(counts("a").up, 4);
    assert_int_equal(n_ordered(0) + n_ordered(1), 4);
}

static void t_a_slot_without_an_order_leaves_the_route(void **state)
{
    struct cell *c;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(5);
    want[0].n = 3;
    c = up_cell(0, 0);
    c->ordered = false; /* an operator has deleted it */
    decide();
    assert_int_equal(counts("a").up, 1);
    assert_int_equal(n_steps(NODE_ORDER), 2);
    assert_int_equal(n_steps(NODE_CANCEL), 0);
}

static void t_a_node_that_an_operator_drained_is_replaced(void **state)
{
    struct cell *c;

    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 0);
    rounds(9);
    c = up_cell(0, 0);
    c->row = 2;
    w.sum++;
    round_once();
    assert_int_equal(n_steps(NODE_ORDER), 1);
    rounds(8);
    assert_int_equal(c->row, 0);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(n_ordered(0), 2);
}

static void t_what_is_not_wanted_of_a_zone_or_module_stays_as_it_is(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_host("b1", "b", 8);
    add_want(m, "a", 2, 1);
    add_want(m, "b", 2, 1);
    rounds(6);
    n_want = 1; /* no more word about zone b */
    want[0].n = 3;
    set_seen(up_cell(1, 0), FAILED);
    rounds(9);
    assert_int_equal(counts("a").up, 3);
    assert_int_equal(n_ordered(1), 3);
}

static void t_warm_nodes_that_are_too_many_are_stopped(void **state)
{
    (void)state;
    add_host("a1", "a", 8);
    add_want(m, "a", 2, 4);
    rounds(6);
    want[0].warm = 1;
    rounds(4);
    assert_int_equal(counts("a").warm, 1);
    assert_int_equal(counts("a").up, 2);
    assert_int_equal(n_ordered(0), 3);
}

static void t_more_steps_than_a_round_may_have_are_taken_later(void **state)
{
    unsigned h;

    (void)state;
    for (h = 0; h < HOSTS; h++) {
        char zone[8];

        snprintf(zone, sizeof(zone), "z%u", h);
        add_host(zone, zone, SLOTS);
    }
    for (h = 0; h < 4; h++)
        add_want(m, w.host[h].zone, SLOTS, 0);
    rounds(20);
    for (h = 0; h < 4; h++)
        assert_int_equal(counts(w.host[h].zone).up, SLOTS);
    for (h = 0; h < 4; h++)
        want[h].n = 0;
    rounds(1);
    assert_in_range(steps.n, 1, NODE_LIFE_STEPS_MAX);
}

/* --- anything may happen ------------------------------------------------------------ */

static void disturb(struct rnd *rnd)
{
    unsigned h = rnd_u32(rnd) % w.n_host, slot = 1 + rnd_u32(rnd) % w.host[h].slots;
    struct cell *c = &w.cell[h][slot];

    switch (rnd_u32(rnd) % 8) {
    case 0:
        if (c->seen == READY)
            set_seen(c, rnd_u32(rnd) % 2 ? SICK : FAILED);
        break;
    case 1:
        if (c->seen == SICK)
            set_seen(c, READY);
        break;
    case 2:
        w.host[h].age_ms = rnd_u32(rnd) % 3 ? 0 : rnd_u32(rnd) % 70000;
        break;
    case 3:
        w.in_force = rnd_u32(rnd) % 2;
        break;
    case 4:
        want[rnd_u32(rnd) % n_want].n = rnd_u32(rnd) % 7;
        break;
    case 5:
        w.host[h].in_use = rnd_u32(rnd) % 4 > 0;
        break;
    default:
        break;
    }
}

/* Nodes that serve, by what was heard in the last 5 s. */
static unsigned serving_after_steps(const char *zone)
{
    return counts(zone).up_now;
}

/* In no round do fewer healthy nodes stay than are wanted, unless there were fewer
 * before.  apply_step() checks that no step contradicts the state of its slot. */
static void t_no_round_takes_away_nodes_that_are_wanted(void **state)
{
    uint32_t seed = (uint32_t)time(NULL);
    struct rnd rnd;
    unsigned i, k;

    (void)state;
    print_message("seed %u\n", seed);
    rnd_init(&rnd, seed);
    add_host("a1", "a", 6);
    add_host("a2", "a", 6);
    add_host("b1", "b", 8);
    add_want(m, "a", 3, 1);
    add_want(m, "b", 3, 1);
    add_want(other, "a", 2, 0);
    for (i = 0; i < 5000; i++) {
        unsigned before[2], after;

        disturb(&rnd);
        for (k = 0; k < 2; k++)
            before[k] = counts(want[k].zone).up_now;
        decide();
        for (k = 0; k < steps.n; k++)
            apply_step(&steps.at[k]);
        for (k = 0; k < 2; k++) {
            after = serving_after_steps(want[k].zone);
            assert_true(after >= want[k].n || after >= before[k]);
        }
        w.now_ms += ROUND_MS;
        for (k = 0; k < w.n_host * SLOTS; k++)
            if (w.host[k / SLOTS].age_ms == 0)
                obey(&w.cell[k / SLOTS][k % SLOTS + 1]);
    }
}

#define N(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(N(t_wanted_nodes_are_ordered_then_routed_with_warm_ones_besides),
       N(t_orders_are_spread_over_the_hosts_of_the_zone),
       N(t_at_most_eight_nodes_start_at_once_in_a_zone),
       N(t_wanted_nodes_come_before_warm_ones_of_another_module),
       N(t_nodes_without_a_slot_are_missing),
       N(t_a_warm_node_is_routed_in_the_round_in_which_it_is_wanted),
       N(t_a_node_is_drained_in_force_for_two_seconds_and_then_stopped),
       N(t_a_route_that_was_in_force_before_the_drain_does_not_count),
       N(t_nodes_leave_one_at_a_time_and_in_one_zone_at_a_time),
       N(t_of_many_nodes_a_tenth_leaves_at_a_time),
       N(t_a_failed_node_is_replaced_on_another_host),
       N(t_a_host_rests_for_ten_minutes_after_three_failed_starts),
       N(t_a_sick_node_leaves_when_another_has_taken_its_place),
       N(t_sick_nodes_stay_in_the_route_while_none_is_healthy),
       N(t_a_host_that_is_to_be_empty_is_emptied_after_its_nodes_are_replaced),
       N(t_without_another_host_a_host_that_is_to_be_empty_keeps_its_nodes),
       N(t_a_silent_host_starts_and_stops_nothing),
       N(t_nodes_of_a_silent_host_are_replaced_after_a_minute),
       N(t_a_slot_without_an_order_leaves_the_route),
       N(t_a_node_that_an_operator_drained_is_replaced),
       N(t_what_is_not_wanted_of_a_zone_or_module_stays_as_it_is),
       N(t_warm_nodes_that_are_too_many_are_stopped),
       N(t_more_steps_than_a_round_may_have_are_taken_later),
       N(t_no_round_takes_away_nodes_that_are_wanted))
