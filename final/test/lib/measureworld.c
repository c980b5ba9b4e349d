/* The rows are plain data, like the world, and are part of each snapshot that is made of
 * it.  They change as measure_rows writes them. */
#include "measureworld.h"

struct snapshot_measure row[ROWS];
unsigned n_row;
struct measures_changes changes; /* of the last round */
const char *actuator;
bool frozen, no_policy;

int measureworld_setup(void **state)
{
    n_row = 0;
    actuator = "slots";
    frozen = no_policy = false;
    memset(&changes, 0, sizeof(changes));
    return slotworld_setup(state);
}

struct snapshot_measure *add_measure(struct module_id id, const char *class)
{
    struct snapshot_measure *x = &row[n_row];

    memset(x, 0, sizeof(*x));
    x->id = id;
    snprintf(x->token, sizeof(x->token), "%032u", n_row++);
    snprintf(x->class, sizeof(x->class), "%s", class ? class : "");
    x->any_class = !class;
    x->state = SNAPSHOT_ASKED;
    x->host = HOSTS;
    return x;
}

struct snapshot *measureworld_look(void)
{
    struct snapshot *s = slotworld_look();
    size_t i;

    for (i = 0; i < s->n_policy; i++)
        snprintf(s->policy[i].actuator, sizeof(s->policy[i].actuator), "%s", actuator);
    if (no_policy)
        s->n_policy = 0;
    s->frozen = frozen;
    for (i = 0; i < n_row; i++) {
        struct snapshot_measure x = row[i];

        if (x.state != SNAPSHOT_GIVEN)
            x.host = (uint32_t)s->n_host;
        assert_int_equal(snapshot_add(s, measure, &x), 0);
    }
    return s;
}

void decide_both(void)
{
    const struct snapshot *s = measureworld_look();

    assert_int_equal(node_life_round(life, s, want, n_want, w.now_ms, &steps, missing),
                     0);
    measures_round(s, want, missing, n_want, &steps, &changes);
}

struct snapshot_measure *measured_in(unsigned host, unsigned slot)
{
    unsigned i;

    for (i = 0; i < n_row; i++)
        if (row[i].state == SNAPSHOT_GIVEN && row[i].host == host && row[i].slot == slot)
            return &row[i];
    return NULL;
}

void give_slot(struct snapshot_measure *x, unsigned host, unsigned slot)
{
    struct cell *c = &w.cell[host][slot];

    assert_int_equal(x->state, SNAPSHOT_ASKED);
    assert_false(c->ordered);
    assert_int_equal(c->seen, EMPTY);
    assert_in_range(slot, 1, w.host[host].slots);
    c->ordered = true;
    c->want = x->id;
    x->state = SNAPSHOT_GIVEN;
    x->host = host;
    x->slot = slot;
}

/* As measure_rows writes it: the order goes when it is of this module. */
static void take_back(struct snapshot_measure *x)
{
    struct cell *c;

    if (x->state != SNAPSHOT_GIVEN)
        return;
    c = &w.cell[x->host][x->slot];
    assert_int_equal(c->row, 0);
    if (c->ordered && snapshot_is(c->want, x->id))
        c->ordered = false;
    x->state = SNAPSHOT_REFUSED;
}

static void obey_changes(void)
{
    size_t i;

    for (i = changes.n; i-- > 0;) {
        const struct measures_change *x = &changes.at[i];
        struct snapshot_measure *of = &row[x->measure];

        assert_true(x->measure < n_row);
        if (x->verb == MEASURES_GIVE) {
            give_slot(of, x->host, x->slot);
            continue;
        }
        take_back(of);
        of->state = SNAPSHOT_REFUSED;
        if (x->verb == MEASURES_END) /* the last row takes its place */
            memmove(of, of + 1, (--n_row - x->measure) * sizeof(*of));
    }
}

static void round_both(void)
{
    size_t i;

    decide_both();
    for (i = 0; i < steps.n; i++) {
        assert_null(measured_in(steps.at[i].host, steps.at[i].slot));
        apply_step(&steps.at[i]);
    }
    obey_changes();
    pass_second();
}

void rounds_both(unsigned n)
{
    while (n-- > 0)
        round_both();
}

void measure_on(unsigned slots)
{
    add_host("a1", "a", slots);
    add_host("b1", "b", 0);
    add_measure(m, NULL);
    rounds_both(4);
    assert_int_equal(row[0].state, SNAPSHOT_GIVEN);
    assert_int_equal(row[0].host, 0);
    assert_int_equal(row[0].slot, 1);
    assert_int_equal(w.cell[0][1].seen, READY);
}

void expect_given(unsigned host, unsigned slot)
{
    decide_both();
    assert_int_equal(changes.n, 1);
    if (changes.at[0].verb != MEASURES_GIVE)
        fail_msg("it was refused: %s", changes.at[0].note);
    assert_int_equal(changes.at[0].measure, 0);
    assert_int_equal(changes.at[0].host, host);
    assert_int_equal(changes.at[0].slot, slot);
}

void expect_refused(const char *text)
{
    decide_both();
    assert_int_equal(changes.n, 1);
    assert_int_equal(changes.at[0].verb, MEASURES_REFUSE);
    assert_int_equal(changes.at[0].measure, 0);
    if (!strstr(changes.at[0].note, text))
        fail_msg("\"%s\" is not in: %s", text, changes.at[0].note);
}
