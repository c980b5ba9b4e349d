/* The effect of a change before it is made: what is counted, what is warned of, when
 * consent is needed, and which changes have the same checksum. */
#include "ops/plan.h"

#include "t.h"

static struct node_rows before, after;
static struct plan plan;

static int setup(void **state)
{
    before = after = (struct node_rows){NULL, 0, 0};
    plan = (struct plan){.n_module = 0};
    return t_fds_save(state);
}

static int teardown(void **state)
{
    node_row_free(&before);
    node_row_free(&after);
    plan_free(&plan);
    return t_fds_check(state);
}

static void put(struct node_rows *rows, uint32_t modid, uint32_t ip, const char *zone,
                uint32_t weight, const char *state)
{
    struct node_row r = {
        .modid = modid, .cmdid = 1, .ip = ip, .port = 80, .weight = weight};

    snprintf(r.zone, sizeof(r.zone), "%s", zone);
    snprintf(r.state, sizeof(r.state), "%s", state);
    assert_int_equal(node_row_add(rows, &r), 0);
}

/* <n> nodes of the module in both lists; the first <drained> of them are drained. */
static void put_module(uint32_t modid, uint32_t n, uint32_t drained)
{
    uint32_t i;

    for (i = 1; i <= n; i++) {
        put(&before, modid, i, "a", 100, "up");
        put(&after, modid, i, "a", 100, i <= drained ? "drained" : "up");
    }
}

static void make(uint64_t total)
{
    assert_int_equal(plan_make(&plan, &before, &after, total), 0);
    assert_null(before.at); /* moved */
    assert_null(after.at);
}

static void t_equal_lists_have_no_effect(void **state)
{
    (void)state;
    put_module(1, 3, 0);
    make(3);
    assert_int_equal(plan.n_module, 0);
    assert_int_equal(plan.added + plan.removed + plan.changed, 0);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
    assert_int_equal(plan_sum(&plan.before, 9, 9), plan_sum(&plan.after, 8, 8));
}

static void t_empty_lists_have_no_effect(void **state)
{
    (void)state;
    make(0);
    assert_int_equal(plan.n_module, 0);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
}

static void t_rows_are_counted_by_what_happens_to_them(void **state)
{
    (void)state;
    put(&before, 1, 1, "a", 100, "up");
    put(&before, 1, 2, "a", 100, "up");
    put(&before, 1, 3, "a", 100, "up");
    put(&after, 1, 1, "a", 50, "up");
    put(&after, 1, 3, "a", 0, "up");
    put(&after, 1, 4, "b", 100, "drained");
    make(100);
    assert_int_equal(plan.added, 1);
    assert_int_equal(plan.removed, 1);
    assert_int_equal(plan.changed, 2);
    assert_int_equal(plan.drained, 1);
    assert_int_equal(plan.n_module, 1);
    assert_int_equal(plan.module[0].had, 3);
    assert_int_equal(plan.module[0].gone, 2);
    assert_int_equal(plan.module[0].left, 1);
}

static void t_module_without_a_difference_is_not_in_the_plan(void **state)
{
    (void)state;
    put_module(1, 3, 0);
    put_module(2, 3, 1);
    put_module(3, 3, 0);
    make(9);
    assert_int_equal(plan.n_module, 1);
    assert_non_null(plan_find(&plan, 2, 1));
    assert_null(plan_find(&plan, 1, 1));
    assert_null(plan_find(&plan, 2, 2));
    assert_int_equal(plan.n_zone, 1);
}

static void t_last_node_needs_yes(void **state)
{
    (void)state;
    put_module(1, 1, 1);
    put_module(2, 9, 0);
    make(10);
    assert_int_equal(plan.module[0].warnings, PLAN_NONE_LEFT | PLAN_ZONE_EMPTY);
    assert_int_equal(plan.needs, PLAN_YES);
}

static void t_more_than_half_of_a_module_needs_yes(void **state)
{
    (void)state;
    put_module(1, 4, 3);
    make(1000);
    assert_int_equal(plan.module[0].warnings, PLAN_MOST_GONE);
    assert_int_equal(plan.needs, PLAN_YES);
    assert_false(plan.many_of_all);
}

static void t_half_of_a_module_needs_no_consent(void **state)
{
    (void)state;
    put_module(1, 4, 2);
    make(1000);
    assert_int_equal(plan.module[0].warnings, 0);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
}

static void t_30_percent_of_all_nodes_need_yes(void **state)
{
    uint32_t m;

    (void)state;
    for (m = 1; m <= 10; m++)
        put_module(m, 10, 3);
    make(100);
    assert_true(plan.many_of_all);
    assert_int_equal(plan.needs, PLAN_YES);
    assert_int_equal(plan.module[9].warnings, 0);
}

static void t_all_nodes_of_all_modules_need_their_own_consent(void **state)
{
    (void)state;
    put_module(1, 2, 2);
    put_module(2, 1, 1);
    make(3);
    assert_int_equal(plan.needs, PLAN_REMOVE_ALL);
}

static void t_node_that_is_replaced_is_not_the_last(void **state)
{
    (void)state;
    put(&before, 1, 1, "a", 100, "up");
    put(&after, 1, 2, "a", 100, "up");
    make(1);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
    assert_int_equal(plan.module[0].gone, 1);
    assert_int_equal(plan.module[0].left, 1);
}

static void t_nodes_that_were_not_in_service_are_removed_without_consent(void **state)
{
    (void)state;
    put(&before, 1, 1, "a", 100, "drained");
    put(&before, 1, 2, "a", 0, "up");
    put(&before, 1, 3, "a", 100, "maintenance");
    put(&before, 2, 1, "a", 100, "up");
    put(&after, 2, 1, "a", 100, "up");
    make(1);
    assert_int_equal(plan.removed, 3);
    assert_int_equal(plan.gone, 0);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
}

static void t_zone_that_is_left_empty_is_shown_and_needs_no_consent(void **state)
{
    (void)state;
    put(&before, 1, 1, "a", 100, "up");
    put(&before, 1, 2, "b", 100, "up");
    put(&before, 1, 3, "c", 100, "up");
    put(&after, 1, 1, "a", 100, "up");
    put(&after, 1, 2, "b", 100, "drained");
    put(&after, 1, 3, "c", 100, "up");
    make(1000);
    assert_int_equal(plan.module[0].warnings, PLAN_ZONE_EMPTY);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
    assert_int_equal(plan.n_zone, 3);
    assert_string_equal(plan.zone[1].zone, "b");
    assert_int_equal(plan.zone[1].had, 1);
    assert_int_equal(plan.zone[1].left, 0);
}

static void t_node_that_moves_to_another_zone_stays_in_service(void **state)
{
    (void)state;
    put(&before, 1, 1, "b", 100, "up");
    put(&after, 1, 1, "a", 100, "up");
    make(1);
    assert_int_equal(plan.gone, 0);
    assert_int_equal(plan.needs, PLAN_NO_CONSENT);
    assert_int_equal(plan.n_zone, 2);
    assert_string_equal(plan.zone[0].zone, "a"); /* sorted */
    assert_int_equal(plan.zone[0].left, 1);
    assert_int_equal(plan.zone[1].had, 1);
}

static void t_load_of_the_nodes_that_go_is_summed(void **state)
{
    const struct plan_load load[] = {
        {1, 1, 1, 80, 300}, {1, 1, 2, 80, 700}, {1, 1, 9, 80, 5}, {7, 7, 1, 80, 99}};
    size_t i;

    (void)state;
    put_module(1, 2, 1);
    make(100);
    for (i = 0; i < 4; i++)
        plan_add_load(&plan, &load[i]);
    assert_int_equal(plan.module[0].calls, 1005);
    assert_int_equal(plan.module[0].calls_gone, 300);
}

static void t_rest_that_cannot_carry_the_calls_is_warned_of(void **state)
{
    const struct plan_load load = {1, 1, 2, 80, 60 * 101};

    (void)state;
    put_module(1, 2, 1);
    make(100);
    plan_set_capacity(&plan, 1, 1, 100);
    assert_int_equal(plan.module[0].capacity, 100);
    assert_int_equal(plan.module[0].warnings, 0);
    plan_add_load(&plan, &load);
    plan_set_capacity(&plan, 1, 1, 0); /* not known */
    assert_int_equal(plan.module[0].warnings, 0);
    plan_set_capacity(&plan, 1, 1, 100);
    assert_int_equal(plan.module[0].warnings, PLAN_OVERLOAD);
    plan_set_capacity(&plan, 9, 9, 100); /* not in the plan */
}

static uint64_t hash_of(uint32_t weight, const char *zone, const char *state)
{
    uint64_t hash;

    put(&before, 1, 1, "a", 100, "up");
    put(&after, 1, 1, zone, weight, state);
    make(10);
    hash = plan.hash;
    plan_free(&plan);
    return hash;
}

static void t_hash_is_that_of_the_whole_effect(void **state)
{
    uint64_t a = hash_of(50, "a", "up");

    (void)state;
    assert_true(a == hash_of(50, "a", "up"));
    assert_true(a != hash_of(51, "a", "up"));
    assert_true(a != hash_of(50, "b", "up"));
    assert_true(a != hash_of(50, "a", "drained"));
    assert_true(hash_of(50, "au", "p") != hash_of(50, "a", "up"));
}

static void t_base_is_the_checksum_of_all_rows_of_the_module(void **state)
{
    uint64_t base;

    (void)state;
    put_module(1, 3, 1);
    make(10);
    base = plan.module[0].base;
    assert_true(base == plan_sum(&plan.before, 1, 1));
    assert_true(base != plan_sum(&plan.after, 1, 1));
    plan.before.at[2].weight++; /* also of a row that the change leaves as it is */
    assert_true(base != plan_sum(&plan.before, 1, 1));
}

static int note(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    char *text = arg;

    strcat(text, !old ? "+" : !fresh ? "-" : "=");
    return strlen(text) == 3 ? 1 : 0;
}

static void t_rows_that_differ_are_visited_until_the_visitor_ends_it(void **state)
{
    char text[10] = "";

    (void)state;
    put(&before, 1, 1, "a", 100, "up");
    put(&before, 1, 2, "a", 100, "up");
    put(&before, 1, 3, "a", 100, "up");
    put(&before, 1, 4, "a", 100, "up");
    put(&after, 1, 0, "a", 100, "up");
    put(&after, 1, 2, "a", 100, "up");
    put(&after, 1, 3, "a", 1, "up");
    make(10);
    assert_int_equal(plan_each(&plan, note, text), 1);
    assert_string_equal(text, "+-=");
}

#define P(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(P(t_equal_lists_have_no_effect), P(t_empty_lists_have_no_effect),
       P(t_rows_are_counted_by_what_happens_to_them),
       P(t_module_without_a_difference_is_not_in_the_plan), P(t_last_node_needs_yes),
       P(t_more_than_half_of_a_module_needs_yes), P(t_half_of_a_module_needs_no_consent),
       P(t_30_percent_of_all_nodes_need_yes),
       P(t_all_nodes_of_all_modules_need_their_own_consent),
       P(t_node_that_is_replaced_is_not_the_last),
       P(t_nodes_that_were_not_in_service_are_removed_without_consent),
       P(t_zone_that_is_left_empty_is_shown_and_needs_no_consent),
       P(t_node_that_moves_to_another_zone_stays_in_service),
       P(t_load_of_the_nodes_that_go_is_summed),
       P(t_rest_that_cannot_carry_the_calls_is_warned_of),
       P(t_hash_is_that_of_the_whole_effect),
       P(t_base_is_the_checksum_of_all_rows_of_the_module),
       P(t_rows_that_differ_are_visited_until_the_visitor_ends_it))
