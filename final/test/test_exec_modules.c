/* What the program [hook] exec lists, as zones, counts and steps of the route.  The hook
 * itself is played by this file, so the age of each list is what a test says. */
#include "scale/exec_modules.h"

#include <errno.h>

#include "t.h"

#define MINUTE_MS 60000

static const struct module_id m = {20, 1}, other = {20, 2};

static struct hook {
    struct played {
        struct module_id id;
        const char *zone;
        struct hook_view view;
    } at[4];
    size_t n;
    char orders[200]; /* "MODID/CMDID ZONE N FENCE;" ... */
    unsigned n_forgotten;
} h;

static struct exec_modules *e;
static struct snapshot s;
static struct node_steps steps;
static uint64_t now_ms;

void hook_look(struct hook *k, struct module_id id, const char *zone,
               struct hook_view *out)
{
    size_t i;

    *out = (struct hook_view){.known = false};
    for (i = 0; i < k->n; i++)
        if (snapshot_is(k->at[i].id, id) && strcmp(k->at[i].zone, zone) == 0)
            *out = k->at[i].view;
}

void hook_order(struct hook *k, struct module_id id, const char *zone, unsigned n,
                uint64_t fence)
{
    size_t len = strlen(k->orders);

    snprintf(k->orders + len, sizeof(k->orders) - len, "%u/%u %s %u %u;", id.modid,
             id.cmdid, zone, n, (unsigned)fence);
}

void hook_forget(struct hook *k)
{
    k->n_forgotten++;
}

static void add_policy(struct module_id id, const char *actuator)
{
    struct snapshot_policy p = {.id = id, .in_force = true};

    snprintf(p.actuator, sizeof(p.actuator), "%s", actuator);
    assert_int_equal(snapshot_add(&s, policy, &p), 0);
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    memset(&h, 0, sizeof(h));
    now_ms = 5000000;
    add_policy(m, "exec");
    return exec_modules_create(&e, &h, "a, b");
}

static int teardown(void **state)
{
    exec_modules_destroy(e);
    e = NULL;
    snapshot_empty(&s);
    return t_fds_check(state);
}

/* The program prints <text> for the module in the zone; the list is <age_ms> old. */
static void list(struct module_id id, const char *zone, const char *text, uint64_t age_ms)
{
    char why[HOOK_LIST_WHY];
    struct hook_view *v = NULL;
    size_t i;

    for (i = 0; i < h.n; i++)
        if (snapshot_is(h.at[i].id, id) && strcmp(h.at[i].zone, zone) == 0)
            v = &h.at[i].view;
    if (!v) {
        assert_in_range(h.n, 0, 3);
        h.at[h.n] = (struct played){.id = id, .zone = zone};
        v = &h.at[h.n++].view;
    }
    v->known = true;
    v->age_ms = age_ms;
    assert_int_equal(hook_list_parse(text, &v->list, why), 0);
}

static void look(void)
{
    assert_int_equal(exec_modules_look(e, &s, now_ms, 0), 0);
}

static void add_row(uint32_t ip, uint32_t port, bool up)
{
    const struct snapshot_route r = {m, ip, port, up};

    assert_int_equal(snapshot_add(&s, route, &r), 0);
}

/* The steps of this round as "route 1:80 a;" with the last byte of the address. */
static const char *steps_now(void)
{
    static const char *const names[] = {"order", "route", "drain", "remove", "cancel"};
    static char text[400];
    size_t i, n = 0;

    look();
    s.n_host = 0;
    steps.n = 0;
    assert_int_equal(exec_modules_routes(e, &s, &steps), 0);
    text[0] = '\0';
    for (i = 0; i < steps.n; i++) {
        const struct node_step *t = &steps.at[i];

        assert_in_range(t->host, 0, s.n_host - 1);
        assert_string_equal(s.host[t->host].name, "exec");
        assert_false(s.host[t->host].in_use); /* it stands for a zone and has no slots */
        assert_true(snapshot_is(t->id, m));
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %u:%u %s;", names[t->kind],
                              t->ip & 255, t->port, s.host[t->host].zone);
        assert_in_range(n, 1, sizeof(text) - 1);
    }
    return text;
}

/* --- zones -------------------------------------------------------------------------- */

static void t_names_of_zones_are_read_or_refused_as_a_whole(void **state)
{
    static const char *const bad[] = {
        "",     " ",  ",",   "a,",  ",a",   "a,,b", "a b",
        "a, a", "-a", "a/b", "a;b", "a\tb", "a\n",  "123456789012345678901234567890123"};
    char name[ZONES_MAX][SNAPSHOT_ZONE], many[ZONES_MAX * 8] = "z0";
    size_t i;

    (void)state;
    assert_int_equal(exec_modules_parse_zones("a", name), 1);
    assert_int_equal(exec_modules_parse_zones("  eu-1.b_2 ,c,  d ", name), 3);
    assert_string_equal(name[0], "eu-1.b_2");
    assert_string_equal(name[1], "c");
    assert_string_equal(name[2], "d");
    assert_int_equal(exec_modules_parse_zones("12345678901234567890123456789012", name),
                     1);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (exec_modules_parse_zones(bad[i], name) != -EINVAL)
            fail_msg("accepted: \"%s\"", bad[i]);
    for (i = 1; i < ZONES_MAX; i++)
        snprintf(many + strlen(many), 8, ",z%zu", i);
    assert_int_equal(exec_modules_parse_zones(many, name), ZONES_MAX);
    snprintf(many + strlen(many), 8, ",z%zu", i);
    assert_int_equal(exec_modules_parse_zones(many, name), -EINVAL);
}

static void t_wrong_zones_create_nothing(void **state)
{
    struct exec_modules *x = NULL;

    (void)state;
    assert_int_equal(exec_modules_create(&x, &h, "a, a"), -EINVAL);
    assert_null(x);
    exec_modules_destroy(NULL);
}

static void t_only_the_actuator_exec_is_asked_for(void **state)
{
    (void)state;
    add_policy(other, "slots");
    assert_true(exec_modules_has(&s.policy[0]));
    assert_false(exec_modules_has(&s.policy[1]));
    list(other, "a", "p1 10.0.0.1 80 ready\n", 0);
    look();
    assert_int_equal(exec_modules_zones(e)->n, 0);
    assert_false(exec_modules_knows(e, other));
}

static void t_a_zone_is_as_young_as_its_youngest_list(void **state)
{
    const struct zones *z;

    (void)state;
    add_policy(other, "exec");
    list(m, "a", "", 5000);
    list(m, "b", "", MINUTE_MS);
    list(other, "b", "", 5001);
    look();
    z = exec_modules_zones(e);
    assert_int_equal(z->n, 2);
    assert_int_equal(z->n_usable, 2);
    assert_string_equal(z->at[0].name, "a");
    assert_false(z->at[0].suspect);
    assert_true(z->at[1].suspect); /* 5 s */
    list(other, "b", "", MINUTE_MS);
    look();
    assert_int_equal(z->n_usable, 1);
    assert_false(z->at[1].usable);
}

static void t_a_node_of_a_zone_that_is_kept_out_gets_no_route(void **state)
{
    const struct snapshot_zone b = {"b"};

    (void)state;
    list(m, "a", "n1 10.0.0.1 80 ready\n", 0);
    list(m, "b", "n2 10.0.0.2 80 ready\n", 0);
    assert_int_equal(snapshot_add(&s, zone_out, &b), 0);
    assert_string_equal(steps_now(), "route 1:80 a;");
    s.n_zone_out = 0;
    assert_string_equal(steps_now(), "route 1:80 a;route 2:80 b;");
}

static void t_a_module_is_known_with_all_zones_or_after_a_minute(void **state)
{
    (void)state;
    look();
    assert_false(exec_modules_knows(e, m));
    list(m, "a", "", 0);
    look();
    assert_false(exec_modules_knows(e, m)); /* b is still being asked */
    list(m, "b", "", MINUTE_MS);
    look();
    assert_false(exec_modules_knows(e, m)); /* a list that is too old is none */
    list(m, "b", "", MINUTE_MS - 1);
    look();
    assert_true(exec_modules_knows(e, m));
    assert_false(exec_modules_knows(e, other));
    list(m, "b", "", MINUTE_MS);
    now_ms += MINUTE_MS - 1;
    look();
    assert_false(exec_modules_knows(e, m));
    now_ms++;
    look();
    assert_true(exec_modules_knows(e, m)); /* one zone is lost; the other one counts */
    list(m, "a", "", MINUTE_MS);
    look();
    assert_false(exec_modules_knows(e, m)); /* without any list, never */
}

static void t_another_leader_makes_the_minute_begin_again(void **state)
{
    (void)state;
    list(m, "a", "", 0);
    look();
    now_ms += MINUTE_MS;
    look();
    assert_true(exec_modules_knows(e, m));
    exec_modules_forget(e);
    assert_int_equal(h.n_forgotten, 1);
    look();
    assert_false(exec_modules_knows(e, m));
    now_ms += MINUTE_MS;
    look();
    assert_true(exec_modules_knows(e, m));
}

/* --- counts ------------------------------------------------------------------------- */

static void t_nodes_are_counted_by_state_from_a_list_of_the_last_minute(void **state)
{
    struct node_counts c;

    (void)state;
    list(m, "a",
         "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 ready\np3 - - starting\n"
         "p4 10.0.0.4 80 starting\np5 - - starting\np6 10.0.0.6 80 stopping\n",
         MINUTE_MS - 1);
    look();
    exec_modules_count(e, m, "a", &c);
    assert_int_equal(c.up, 2);
    assert_int_equal(c.up_now, 2);
    assert_int_equal(c.starting, 3);
    assert_int_equal(c.drained, 1);
    assert_int_equal(c.warm + c.bad + c.leaving, 0);
    exec_modules_count(e, m, "b", &c);
    assert_int_equal(c.up + c.starting + c.drained, 0);
    exec_modules_count(e, other, "a", &c);
    assert_int_equal(c.up + c.starting + c.drained, 0);
    h.at[0].view.age_ms = MINUTE_MS;
    look();
    exec_modules_count(e, m, "a", &c);
    assert_int_equal(c.up + c.starting + c.drained, 0);
}

/* --- the route ---------------------------------------------------------------------- */

static void t_ready_nodes_get_a_row_in_their_zone_once(void **state)
{
    (void)state;
    list(m, "a", "p1 10.0.0.1 80 ready\np2 - - starting\np3 10.0.0.3 80 stopping\n", 0);
    list(m, "b", "q1 10.0.0.9 81 ready\nq2 10.0.0.8 81 starting\n", 0);
    assert_string_equal(steps_now(), "route 1:80 a;route 9:81 b;");
    add_row(0x0a000001, 80, true);
    assert_string_equal(steps_now(), "route 9:81 b;"); /* b was not written: again */
    add_row(0x0a000009, 81, false); /* an operator has drained it */
    assert_string_equal(steps_now(), "");
}

static void t_a_stopping_node_is_drained_and_removed_when_it_is_not_listed(void **state)
{
    (void)state;
    list(m, "a", "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 ready\n", 0);
    add_row(0x0a000001, 80, true);
    add_row(0x0a000002, 80, true);
    assert_string_equal(steps_now(), "");
    list(m, "a", "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 stopping\n", 0);
    assert_string_equal(steps_now(), "drain 2:80 a;");
    s.route[1].up = false;
    assert_string_equal(steps_now(), ""); /* it still answers */
    list(m, "a", "p1 10.0.0.1 80 ready\n", 0);
    s.policy[0].in_force = false;
    assert_string_equal(steps_now(), ""); /* an agent still has it */
    s.policy[0].in_force = true;
    assert_string_equal(steps_now(), "remove 2:80 a;");
    s.n_route = 1;
    assert_string_equal(steps_now(), "");
    add_row(0x0a000002, 80, true); /* by an operator, and no longer ours */
    assert_string_equal(steps_now(), "");
}

static void t_a_node_that_is_not_listed_any_more_is_drained_first(void **state)
{
    (void)state;
    list(m, "a", "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 ready\n", 0);
    add_row(0x0a000001, 80, true);
    add_row(0x0a000002, 80, true);
    assert_string_equal(steps_now(), "");
    list(m, "a", "p1 10.0.0.1 80 ready\n", 0);
    assert_string_equal(steps_now(), "drain 2:80 a;");
    list(m, "a", "p1 10.0.0.1 80 ready\np2 10.0.0.2 80 ready\n", 0);
    assert_string_equal(steps_now(), ""); /* it is back before that was written */
}

/* Otherwise a program that loses sight of all nodes would empty the route. */
static void t_nothing_is_drained_while_no_node_of_the_zone_is_ready(void **state)
{
    (void)state;
    list(m, "a", "p1 10.0.0.1 80 ready\n", 0);
    list(m, "b", "q1 10.0.0.9 80 ready\nq2 10.0.0.8 80 ready\n", 0);
    add_row(0x0a000001, 80, true);
    add_row(0x0a000009, 80, true);
    add_row(0x0a000008, 80, true);
    assert_string_equal(steps_now(), "");
    list(m, "a", "", 0);
    list(m, "b", "q1 10.0.0.9 80 stopping\nq2 10.0.0.8 80 starting\n", 0);
    assert_string_equal(steps_now(), "");
    list(m, "b", "q1 10.0.0.9 80 stopping\nq2 10.0.0.8 80 ready\n", 0);
    assert_string_equal(steps_now(), "drain 9:80 b;");
}

static void t_rows_that_were_never_listed_stay(void **state)
{
    (void)state;
    list(m, "a",
         "p1 10.0.0.1 80 ready\np7 10.0.0.7 80 stopping\np8 10.0.0.8 80 starting\n", 0);
    add_row(0x0a000005, 80, true);
    add_row(0x0a000006, 80, false);
    add_row(0x0a000007, 80, true); /* listed, and never ready */
    assert_string_equal(steps_now(), "route 1:80 a;");
    list(m, "a", "p1 10.0.0.1 80 ready\n", 0);
    assert_string_equal(steps_now(), "route 1:80 a;");
}

static void t_an_old_list_and_a_dry_run_change_no_route(void **state)
{
    (void)state;
    list(m, "a", "p1 10.0.0.1 80 ready\n", NODE_LIFE_FRESH_MS + 1);
    assert_string_equal(steps_now(), "");
    h.at[0].view.age_ms = NODE_LIFE_FRESH_MS;
    s.policy[0].dry_run = true;
    assert_string_equal(steps_now(), "");
    s.policy[0].dry_run = false;
    assert_string_equal(steps_now(), "route 1:80 a;");
    h.at[0].view.known = false;
    assert_string_equal(steps_now(), "");
}

/* Two lists of 256 nodes need more steps than a round has; the rest waits. */
static void t_a_round_has_no_more_steps_than_fit(void **state)
{
    static char text[HOOK_NODES_MAX * 32];
    size_t i, n = 0;

    (void)state;
    for (i = 0; i < HOOK_NODES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "p%zu 10.0.0.1 %zu ready\n", i,
                              i + 1);
    list(m, "a", text, 0);
    for (i = 0; i < n; i++)
        if (strncmp(text + i, " 10.0.0.1 ", 10) == 0)
            text[i + 8] = '2';
    list(m, "b", text, 0);
    look();
    steps.n = 1; /* of another part of the round */
    assert_int_equal(exec_modules_routes(e, &s, &steps), 0);
    assert_int_equal(steps.n, NODE_LIFE_STEPS_MAX);
    for (i = 1; i < steps.n; i++)
        assert_int_equal(steps.at[i].ip, 0x0a000001);
    for (i = 0; i < HOOK_NODES_MAX; i++)
        add_row(0x0a000001, (uint32_t)i + 1, true);
    steps.n = 0;
    assert_int_equal(exec_modules_routes(e, &s, &steps), 0);
    assert_int_equal(steps.n, HOOK_NODES_MAX);
    assert_int_equal(steps.at[0].ip, 0x0a000002);
}

/* --- orders ------------------------------------------------------------------------- */

static void t_orders_name_module_zone_number_and_fence(void **state)
{
    const struct node_want want[] = {{m, "a", 3, 1}, {other, "b", 0, 0}};

    (void)state;
    exec_modules_order(e, want, 2, 7);
    assert_string_equal(h.orders, "20/1 a 3 7;20/2 b 0 7;");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_names_of_zones_are_read_or_refused_as_a_whole),
       E(t_wrong_zones_create_nothing), E(t_only_the_actuator_exec_is_asked_for),
       E(t_a_zone_is_as_young_as_its_youngest_list),
       E(t_a_node_of_a_zone_that_is_kept_out_gets_no_route),
       E(t_a_module_is_known_with_all_zones_or_after_a_minute),
       E(t_another_leader_makes_the_minute_begin_again),
       E(t_nodes_are_counted_by_state_from_a_list_of_the_last_minute),
       E(t_ready_nodes_get_a_row_in_their_zone_once),
       E(t_a_stopping_node_is_drained_and_removed_when_it_is_not_listed),
       E(t_a_node_that_is_not_listed_any_more_is_drained_first),
       E(t_nothing_is_drained_while_no_node_of_the_zone_is_ready),
       E(t_rows_that_were_never_listed_stay),
       E(t_an_old_list_and_a_dry_run_change_no_route),
       E(t_a_round_has_no_more_steps_than_fit),
       E(t_orders_name_module_zone_number_and_fence))
