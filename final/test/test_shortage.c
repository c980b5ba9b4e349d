/* Where fewer nodes are up than wanted, with the cause that is known, and that what is
 * not known is no shortage.  The program of the operator is played by this file. */
#include "scale/shortage.h"

#include "scale/start_failures.h"
#include "t.h"

static const struct module_id m = {20, 1}, other = {20, 2};

static struct hook {
    bool known;
    uint64_t age_ms;
    bool refused;
    const char *text;
} h;

static struct deciders *d;
static struct snapshot s;
static struct node_life *life;
static struct exec_modules *e;
static struct shortages x, y;
static uint64_t now_ms;

void hook_look(struct hook *k, struct module_id id, const char *zone,
               struct hook_view *out)
{
    char why[HOOK_LIST_WHY];

    (void)id;
    (void)zone;
    *out =
        (struct hook_view){.known = k->known, .age_ms = k->age_ms, .refused = k->refused};
    if (k->known)
        assert_int_equal(hook_list_parse(k->text, &out->list, why), 0);
}

void hook_order(struct hook *k, struct module_id id, const char *zone, unsigned n,
                uint64_t fence)
{
    (void)k;
    (void)id;
    (void)zone;
    (void)n;
    (void)fence;
}

void hook_forget(struct hook *k)
{
    (void)k;
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    d = calloc(1, sizeof(*d));
    assert_non_null(d);
    h = (struct hook){.text = ""};
    now_ms = 5000000;
    assert_int_equal(exec_modules_create(&e, &h, "a"), 0);
    return node_life_create(&life);
}

static int teardown(void **state)
{
    free(d);
    node_life_destroy(life);
    exec_modules_destroy(e);
    snapshot_empty(&s);
    return t_fds_check(state);
}

static void add_policy(struct module_id id, const char *actuator)
{
    struct snapshot_policy p = {.id = id};

    snprintf(p.actuator, sizeof(p.actuator), "%s", actuator);
    assert_int_equal(snapshot_add(&s, policy, &p), 0);
}

static void add_host(const char *name, const char *zone, uint64_t age_ms)
{
    struct snapshot_host t = {.ip = 1, .slots = 8, .in_use = true, .age_ms = age_ms};

    t.ip += (uint32_t)s.n_host;
    snprintf(t.name, sizeof(t.name), "%s", name);
    snprintf(t.zone, sizeof(t.zone), "%s", zone);
    assert_int_equal(snapshot_add(&s, host, &t), 0);
}

/* <n> more nodes with orders on a host, in the route if they are ready. */
static void add_nodes(uint32_t host, uint32_t n, enum snapshot_slot_state state)
{
    uint32_t i, first = (uint32_t)s.n_slot + 1;

    for (i = first; i < first + n; i++) {
        const struct snapshot_order o = {host, i, m};
        const struct snapshot_slot t = {
            .host = host, .slot = i, .port = 7000 + i, .id = m, .state = state};
        const struct snapshot_route r = {m, s.host[host].ip, 7000 + i, true};

        assert_int_equal(snapshot_add(&s, order, &o), 0);
        assert_int_equal(snapshot_add(&s, slot, &t), 0);
        if (state == SNAPSHOT_READY)
            assert_int_equal(snapshot_add(&s, route, &r), 0);
    }
}

/* Of a module that was decided, what one zone is to have. */
static void decide(struct module_id id, struct decided_zone zone)
{
    struct decided *one = &d->at[d->n++];

    one->decision.id = id;
    one->first_zone = d->n_zone;
    one->n_zone = 1;
    d->zone[d->n_zone++] = zone;
}

static size_t find(void)
{
    assert_int_equal(shortage_find(d, &s, life, now_ms, &x), 0);
    return x.n;
}

static void t_as_many_nodes_as_are_wanted_are_no_shortage(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    add_nodes(0, 3, SNAPSHOT_READY);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 3, .up = 3});
    assert_int_equal(find(), 0);
    assert_true(x.whole);
    d->zone[0].wanted = 0; /* the zone cannot be used, or is to be empty */
    s.n_slot = 0;
    assert_int_equal(find(), 0);
    d->zone[0].wanted = 4;
    s.n_policy = 0; /* it is not scaled any more */
    assert_int_equal(find(), 0);
}

static void t_a_shortage_has_its_numbers_and_its_zone(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    add_host("h2", "b", 0);
    add_nodes(0, 3, SNAPSHOT_READY);
    add_nodes(1, 1, SNAPSHOT_READY);
    decide(m, (struct decided_zone){.zone = "b", .wanted = 3, .missing = 2});
    assert_int_equal(find(), 1);
    assert_true(x.whole);
    assert_int_equal(x.at[0].id.cmdid, 1);
    assert_string_equal(x.at[0].zone, "b");
    assert_int_equal(x.at[0].wanted, 3);
    assert_int_equal(x.at[0].up, 1);
    assert_string_equal(x.at[0].why, "no free slot for 2");
}

static void t_a_host_on_which_starts_fail_is_named(void **state)
{
    struct start_failures *f =
        (struct start_failures *)(uintptr_t)node_life_failures(life);

    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    add_host("h2", "a", 0);
    add_host("h3", "b", 0);
    start_failures_add(f, "h2", m, now_ms);
    start_failures_add(f, "h3", m, now_ms);
    start_failures_add(f, "h1", other, now_ms);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 2, .starting = 1, .bad = 1});
    assert_int_equal(find(), 1);
    assert_string_equal(x.at[0].why, "starts fail on host h2; 1 sick or ended; 1 "
                                     "starting");
    add_nodes(0, 1, SNAPSHOT_FAILED); /* another leader has not counted it */
    assert_int_equal(find(), 1);
    assert_non_null(strstr(x.at[0].why, "starts fail on 2 hosts, one is h1"));
    now_ms += NODE_LIFE_REST_MS;
    assert_int_equal(find(), 1);
    assert_non_null(strstr(x.at[0].why, "starts fail on host h1;"));
}

static void t_a_host_that_is_gone_is_named_when_it_has_orders(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    add_host("h2", "a", NODE_LIFE_LOST_MS);
    add_host("h3", "a", NODE_LIFE_LOST_MS);
    add_nodes(0, 1, SNAPSHOT_READY);
    add_nodes(1, 2, SNAPSHOT_READY);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 3, .missing = 2});
    assert_int_equal(find(), 1);
    assert_int_equal(x.at[0].up, 1);
    assert_string_equal(x.at[0].why, "nothing is heard of host h2; no free slot for 2");
    s.host[1].age_ms = NODE_LIFE_LOST_MS - 1; /* silent, and not gone */
    assert_int_equal(find(), 0);
}

static void t_a_cause_that_is_not_known_is_not_invented(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 1});
    assert_int_equal(find(), 1);
    assert_string_equal(x.at[0].why, "no cause is known; see scale.step in the log of "
                                     "lars-autoscaler");
}

/* Report Services that are away look like hosts that are all silent. */
static void t_without_a_host_that_is_heard_nothing_is_short(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", NODE_LIFE_FRESH_MS + 1);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 3});
    assert_int_equal(find(), 0);
    assert_false(x.whole);
    s.host[0].age_ms = NODE_LIFE_FRESH_MS;
    assert_int_equal(find(), 1);
    assert_true(x.whole);
}

/* --- nodes that a program runs ------------------------------------------------------ */

static void look(bool known, uint64_t age_ms, const char *text, bool refused)
{
    h = (struct hook){known, age_ms, refused, text};
    assert_int_equal(exec_modules_look(e, &s, now_ms, 0), 0);
    d->exec = e;
}

static void t_nodes_that_a_program_does_not_start_are_short(void **state)
{
    (void)state;
    add_policy(m, "exec");
    decide(m, (struct decided_zone){.zone = "a", .wanted = 2});
    look(true, 0, "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 ready\n", true);
    assert_int_equal(find(), 0);
    look(true, 0, "p1 10.0.0.1 80 ready\np2 - - starting\n", false);
    assert_int_equal(find(), 1);
    assert_int_equal(x.at[0].up, 1);
    assert_string_equal(x.at[0].why, "1 starting");
    look(true, 0, "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 stopping\n", true);
    assert_int_equal(find(), 1);
    assert_string_equal(x.at[0].why, "[hook] exec did not accept the last scale; [hook] "
                                     "exec starts none");
    assert_true(x.whole);
}

static void t_without_a_list_of_the_last_minute_nothing_is_short(void **state)
{
    (void)state;
    add_policy(m, "exec");
    decide(m, (struct decided_zone){.zone = "a", .wanted = 2});
    look(false, 0, "", true);
    assert_int_equal(find(), 0);
    assert_false(x.whole);
    look(true, NODE_LIFE_LOST_MS, "", true);
    assert_int_equal(find(), 0);
    assert_false(x.whole);
    look(true, NODE_LIFE_LOST_MS - 1, "", false);
    assert_int_equal(find(), 1);
    assert_true(x.whole);
    d->n = 0; /* it was not decided, for want of lists */
    assert_int_equal(find(), 0);
    assert_false(x.whole);
}

/* --- all ---------------------------------------------------------------------------- */

static void t_more_shortages_than_fit_are_left_out(void **state)
{
    unsigned i;

    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    for (i = 0; i < SHORTAGE_MAX; i++)
        decide(m, (struct decided_zone){.zone = "a", .wanted = 1});
    assert_int_equal(find(), SHORTAGE_MAX);
    assert_true(x.whole);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 1});
    assert_int_equal(find(), SHORTAGE_MAX);
    assert_false(x.whole); /* those that are left out do not count as mended */
}

static void t_other_numbers_and_places_differ(void **state)
{
    (void)state;
    add_policy(m, "slots");
    add_host("h1", "a", 0);
    decide(m, (struct decided_zone){.zone = "a", .wanted = 2});
    (void)find();
    y = x;
    snprintf(y.at[0].why, sizeof(y.at[0].why), "another reason");
    assert_false(shortage_differs(&x, &y));
    y.at[0].up++;
    assert_true(shortage_differs(&x, &y));
    y = x;
    y.at[0].wanted++;
    assert_true(shortage_differs(&x, &y));
    y = x;
    y.at[0].zone[0] = 'b';
    assert_true(shortage_differs(&x, &y));
    y = x;
    y.at[0].id = other;
    assert_true(shortage_differs(&x, &y));
    y.n = 0;
    assert_true(shortage_differs(&x, &y));
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_as_many_nodes_as_are_wanted_are_no_shortage),
       E(t_a_shortage_has_its_numbers_and_its_zone),
       E(t_a_host_on_which_starts_fail_is_named),
       E(t_a_host_that_is_gone_is_named_when_it_has_orders),
       E(t_a_cause_that_is_not_known_is_not_invented),
       E(t_without_a_host_that_is_heard_nothing_is_short),
       E(t_nodes_that_a_program_does_not_start_are_short),
       E(t_without_a_list_of_the_last_minute_nothing_is_short),
       E(t_more_shortages_than_fit_are_left_out), E(t_other_numbers_and_places_differ))
