/* node_life and a node that is measured: it is never routed, counted, drained or stopped,
 * whatever is wanted. */
#include "lib/measureworld.h"

#include "base/rnd.h"
#include "scale/start_failures.h"

/* --- node_life ---------------------------------------------------------------------- */

static void check_counts(unsigned up, unsigned warm, unsigned starting)
{
    struct node_counts c;

    assert_int_equal(node_life_count(measureworld_look(), m, "a", &c), 0);
    assert_int_equal(c.up, up);
    assert_int_equal(c.up_now, up);
    assert_int_equal(c.warm, warm);
    assert_int_equal(c.starting, starting);
    assert_int_equal(c.drained + c.bad + c.leaving, 0);
}

/* More nodes are wanted than there are slots, and the only ready one is measured: that it
 * is not put into the route before its slot is taken back, rounds_both() checks. */
static void t_a_measured_node_is_never_routed_when_nodes_are_short(void **state)
{
    (void)state;
    measure_on(1);
    check_counts(0, 0, 0);
    add_want(m, "a", 4, 2);
    decide_both();
    assert_int_equal(steps.n, 0); /* neither its route nor an order of its slot */
    assert_int_equal(missing[0], 4);
    expect_refused("its slot is needed for visitors");
    rounds_both(1);
    assert_int_equal(w.cell[0][1].row, 0);
    rounds_both(6); /* it ended, and another one began in its slot */
    assert_int_equal(w.cell[0][1].row, 1);
    assert_int_equal(counts("a").up, 1);
}

static void t_a_measured_node_is_not_one_of_those_that_are_wanted(void **state)
{
    (void)state;
    measure_on(4);
    check_counts(0, 0, 0);
    add_want(m, "a", 2, 1);
    rounds_both(1);
    assert_int_equal(n_steps(NODE_ORDER), 3);
    rounds_both(5);
    check_counts(2, 1, 0);
    assert_int_equal(w.cell[0][1].row, 0);
    assert_int_equal(n_ordered(0), 4);
    want[0].n = want[0].warm = 0; /* all leave but the one that is measured */
    rounds_both(60);
    check_counts(0, 0, 0);
    assert_int_equal(n_ordered(0), 1);
    assert_true(w.cell[0][1].ordered);
    assert_int_equal(w.cell[0][1].seen, READY);
}

/* Neither its start nor its end is one of a node that is wanted: it is not replaced, its
 * order stays until larsctl has seen the state, and its host does not rest. */
static void t_a_measured_node_that_fails_is_left_to_larsctl(void **state)
{
    (void)state;
    add_host("a1", "a", 4);
    add_want(m, "a", 0, 0);
    add_measure(m, NULL);
    rounds_both(1);
    assert_int_equal(w.cell[0][1].seen, STARTING);
    check_counts(0, 0, 0);
    set_seen(&w.cell[0][1], FAILED);
    check_counts(0, 0, 0);
    rounds_both(9);
    assert_int_equal(changes.n, 0);
    assert_true(w.cell[0][1].ordered);
    row[0].over = true;
    rounds_both(4);
    assert_int_equal(n_row, 0);
    assert_int_equal(w.cell[0][1].seen, EMPTY);
    assert_int_equal(start_failures_recent(node_life_failures(life), "a1", m, w.now_ms),
                     0);
}

/* Its last moments, when the row has gone and the program has not. */
static void t_a_node_that_was_measured_is_not_routed_while_it_ends(void **state)
{
    (void)state;
    measure_on(2);
    row[0].over = true;
    rounds_both(1);
    assert_int_equal(n_row, 0);
    add_want(m, "a", 2, 0);
    decide_both();
    assert_int_equal(n_steps(NODE_ROUTE), 0);
    assert_int_equal(n_steps(NODE_ORDER), 1);
    assert_int_equal(steps.at[0].slot, 2);
    rounds_both(9);
    check_counts(2, 0, 0);
}

/* --- whatever happens --------------------------------------------------------------- */

static unsigned below(struct rnd *r, unsigned n)
{
    return rnd_u32(r) % n;
}

static void change_something(struct rnd *r)
{
    unsigned host = below(r, w.n_host), i;

    switch (below(r, 10)) {
    case 0:
        w.host[host].age_ms = below(r, 4) == 0 ? below(r, 3) * 30000 : 0;
        break;
    case 1:
        w.host[host].slots = below(r, 9);
        break;
    case 2:
        w.host[host].in_use = below(r, 4) > 0;
        break;
    case 3:
    case 4:
        want[below(r, n_want)].n = below(r, 7);
        break;
    case 5:
        frozen = below(r, 5) == 0;
        break;
    case 6:
    case 7:
        if (n_row < SNAPSHOT_MEASURES_MAX) /* as many as are read */
            add_measure(below(r, 2) ? m : other, below(r, 2) ? NULL : "");
        break;
    default:
        for (i = 0; i < n_row; i++)
            row[i].over |= below(r, 2) == 0;
    }
}

static void check_world(void)
{
    unsigned h, slot, n;

    for (h = 0; h < w.n_host; h++) {
        for (n = 0, slot = 1; slot <= SLOTS; slot++) {
            const struct snapshot_measure *x = measured_in(h, slot);

            n += x != NULL;
            if (x)
                assert_int_equal(w.cell[h][slot].row, 0);
        }
        assert_true(n <= 1);
    }
}

static void t_random_days_route_and_stop_no_measured_node(void **state)
{
    uint64_t seed = (uint64_t)t_now_ms();
    unsigned i, given = 0, taken = 0, end = t_mode_is("memcheck") ? 2000 : 20000;
    unsigned more = 20000;            /* rounds, when the first gave or took too few */
    struct rnd r;

    (void)state;
    print_message("measures: seed %llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    add_host("a1", "a", 5);
    add_host("a2", "a", 4);
    add_host("b1", "b", 6);
    add_want(m, "a", 3, 1);
    add_want(other, "a", 2, 1);
    add_want(m, "b", 2, 1);
    for (i = 0; i < end || (i < more && (taken == 0 || given <= end / 200)); i++) {
        size_t k;

        if (below(&r, 3) == 0)
            change_something(&r);
        rounds_both(1);
        for (k = 0; k < changes.n; k++) {
            given += changes.at[k].verb == MEASURES_GIVE;
            taken += strstr(changes.at[k].note, "needed for visitors") != NULL;
        }
        check_world();
    }
    print_message("measures: %u slots given, %u taken for visitors\n", given, taken);
    assert_true(given > end / 200);
    assert_true(taken > 0);
}

/* Eight nodes that are measured start in the zone, one on each host. */
static void t_a_measured_node_that_starts_takes_no_turn_of_another(void **state)
{
    static const char *const names[] = {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"};
    unsigned i;

    (void)state;
    for (i = 0; i < NODE_LIFE_STARTING_MAX; i++) {
        add_host(names[i], "a", 4);
        give_slot(add_measure(m, NULL), i, 1);
    }
    add_want(m, "a", 3, 0);
    decide_both();
    assert_int_equal(n_steps(NODE_ORDER), 3);
}

T_MAIN(M(t_a_measured_node_is_never_routed_when_nodes_are_short),
       M(t_a_measured_node_is_not_one_of_those_that_are_wanted),
       M(t_a_measured_node_that_fails_is_left_to_larsctl),
       M(t_a_node_that_was_measured_is_not_routed_while_it_ends),
       M(t_a_measured_node_that_starts_takes_no_turn_of_another),
       M(t_random_days_route_and_stop_no_measured_node))
