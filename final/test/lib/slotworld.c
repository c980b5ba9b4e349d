/* The world is plain data, and its snapshot is made anew for each look, as scale_db makes
 * one from the tables.
 *
 * Rejected: a database.  A round then takes milliseconds instead of microseconds, and
 * thousands of rounds find what a few do not. */
#include "slotworld.h"

const struct module_id m = {20, 1}, other = {20, 2};

struct world w;

struct node_life *life;
static struct snapshot s;
struct node_steps steps;
struct node_want want[4];
unsigned n_want, missing[4];

int slotworld_setup(void **state)
{
    (void)t_fds_save(state);
    memset(&w, 0, sizeof(w));
    w.now_ms = 1000000;
    w.in_force = true;
    n_want = 0;
    return node_life_create(&life);
}

int slotworld_teardown(void **state)
{
    node_life_destroy(life);
    snapshot_empty(&s);
    return t_fds_check(state);
}

unsigned add_host(const char *name, const char *zone, unsigned slots)
{
    struct snapshot_host *h = &w.host[w.n_host];

    snprintf(h->name, sizeof(h->name), "%s", name);
    snprintf(h->zone, sizeof(h->zone), "%s", zone);
    h->ip = 0x0a000001 + w.n_host;
    h->slots = slots;
    h->in_use = true;
    return w.n_host++;
}

void add_want(struct module_id id, const char *zone, unsigned n, unsigned warm)
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

struct snapshot *slotworld_look(void)
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
    return &s;
}

/* --- the world obeys ---------------------------------------------------------------- */

void apply_step(const struct node_step *t)
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

void set_seen(struct cell *c, enum seen seen)
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

void decide(void)
{
    (void)slotworld_look();
    assert_int_equal(node_life_round(life, &s, want, n_want, w.now_ms, &steps, missing),
                     0);
}

void pass_second(void)
{
    unsigned h, slot;

    w.now_ms += ROUND_MS;
    for (h = 0; h < w.n_host; h++)
        for (slot = 1; slot <= SLOTS && w.host[h].age_ms == 0; slot++)
            obey(&w.cell[h][slot]);
}

static void round_once(void)
{
    size_t i;

    decide();
    for (i = 0; i < steps.n; i++)
        apply_step(&steps.at[i]);
    pass_second();
}

void rounds(unsigned n)
{
    while (n-- > 0)
        round_once();
}

struct node_counts counts(const char *zone)
{
    struct node_counts c;

    (void)slotworld_look();
    assert_int_equal(node_life_count(&s, m, zone, &c), 0);
    return c;
}

unsigned n_steps(enum node_step_kind kind)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < steps.n; i++)
        n += steps.at[i].kind == kind;
    return n;
}

unsigned n_ordered(unsigned host)
{
    unsigned slot, n = 0;

    for (slot = 1; slot <= SLOTS; slot++)
        n += w.cell[host][slot].ordered;
    return n;
}

/* The nth cell of the host with a row 'up'. */
struct cell *up_cell(unsigned host, unsigned nth)
{
    unsigned slot;

    for (slot = 1; slot <= SLOTS; slot++)
        if (w.cell[host][slot].row == 1 && nth-- == 0)
            return &w.cell[host][slot];
    fail_msg("host %u has no such node", host);
    return NULL;
}
