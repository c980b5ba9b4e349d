/* Holds: a change that removes too many nodes of a module, or of all modules, is held; a
 * smaller or a confirmed one is not. */
#include "dns/holds.h"

#include "t.h"

static struct holds *h;
static int n_asked, answer; /* questions for confirmations; their result */
static uint32_t
    consent_from; /* the nodes from this address on were removed with consent */

/* Without consent: the nodes that the answer does not cover; 1 = it covers all. */
static int confirmed(void *arg, uint32_t modid, uint32_t cmdid,
                     const struct route_node *gone, uint32_t n)
{
    (void)arg;
    (void)modid;
    (void)cmdid;
    n_asked++;
    while (consent_from > 0 && n > 0 && gone[n - 1].ip >= consent_from)
        n--;
    return answer == 1 ? 0 : answer < 0 ? answer : (int)n;
}

static int setup(void **state)
{
    (void)state;
    n_asked = answer = 0;
    consent_from = 0;
    return holds_create(&h);
}

static int teardown(void **state)
{
    (void)state;
    holds_destroy(h);
    holds_destroy(NULL);
    return 0;
}

/* "1:4 2:1" = module 1 has the nodes 1 to 4, module 2 the node 1; "1:5-8": 5 to 8. */
static struct route_table *table(const char *text)
{
    struct route_row row[512];
    struct route_table *t;
    unsigned mod, from, to;
    size_t n = 0;
    int used;

    for (; sscanf(text, " %u:%u%n", &mod, &to, &used) == 2; text += used) {
        from = 1;
        if (text[used] == '-') {
            from = to;
            text += used + 1;
            assert_int_equal(sscanf(text, "%u%n", &to, &used), 1);
        }
        for (; from <= to; from++)
            row[n++] = (struct route_row){mod, 1, {from, 80}};
    }
    assert_int_equal(route_table_create(&t, row, n, 1), 0);
    return t;
}

static int judge(const char *now, const char *next)
{
    struct route_table *a = table(now), *b = table(next);
    int rc = holds_judge(h, a, b, confirmed, NULL);

    route_table_unref(a);
    route_table_unref(b);
    return rc;
}

#define REST " 9:100" /* keeps each case below 30 % of all nodes */

static void t_removal_of_the_last_node_is_held(void **state)
{
    (void)state;
    assert_int_equal(judge("1:1 2:1" REST, "2:1" REST), 1);
    assert_int_equal(holds_at(h, 0)->modid, 1);
    assert_int_equal(holds_at(h, 0)->had, 1);
    assert_int_equal(holds_at(h, 0)->gone, 1);
    assert_true(holds_has(h, 1, 1));
    assert_false(holds_has(h, 2, 1));
    assert_false(holds_has(h, 1, 2));
}

static void t_more_than_half_is_held_half_is_not(void **state)
{
    (void)state;
    assert_int_equal(judge("1:4" REST, "1:2" REST), 0);
    assert_int_equal(judge("1:2" REST, "1:1" REST), 0);
    assert_int_equal(n_asked, 0); /* only a change that would be held is looked up */
    assert_int_equal(judge("1:4" REST, "1:1" REST), 1);
    assert_int_equal(holds_at(h, 0)->gone, 3);
}

static void t_replaced_nodes_count_as_removed(void **state)
{
    (void)state;
    assert_int_equal(judge("1:1" REST, "1:2-2" REST), 0); /* a single node was replaced */
    assert_int_equal(judge("1:4" REST, "1:5-8" REST), 1);
}

static void t_removal_of_a_third_of_all_nodes_is_held(void **state)
{
    (void)state;
    assert_int_equal(judge("1:10 2:10 3:10", "1:7 2:7 3:7"), 3); /* 9 of 30 */
    assert_int_equal(judge("1:10 2:10 3:10", "1:10 2:10 3:10"), 0);
    assert_int_equal(judge("1:10 2:10 3:10", "1:7 2:7 3:8"), 0); /* 8 of 30 */
    assert_int_equal(judge("1:3", "1:2"), 0); /* one node is no mass removal */
}

static void t_more_nodes_and_modules_are_never_held(void **state)
{
    (void)state;
    assert_int_equal(judge("1:1", "1:5 2:100"), 0);
    assert_int_equal(judge("", "1:5"), 0);
    assert_int_equal(judge("1:5", "1:5"), 0);
    assert_int_equal(n_asked, 0);
}

static void t_confirmed_change_is_not_held(void **state)
{
    (void)state;
    answer = 1;
    assert_int_equal(judge("1:5" REST, REST), 0);
    assert_int_equal(n_asked, 1);
}

static void t_held_module_is_released_when_complete_or_confirmed(void **state)
{
    (void)state;
    assert_int_equal(judge("1:4 2:2" REST, "2:2" REST), 1);
    assert_int_equal(judge("1:4 2:2" REST, "1:3 2:2" REST),
                     1); /* one node is still missing */
    assert_int_equal(judge("1:4 2:2" REST, "1:4 2:2" REST), 0);
    assert_int_equal(judge("1:4 2:2" REST, "2:2" REST), 1);
    answer = 1;
    assert_int_equal(judge("1:4 2:2" REST, "2:2" REST), 0);
    assert_int_equal(holds_n(h), 0);
}

static void t_consent_to_other_nodes_does_not_release_a_hold(void **state)
{
    (void)state;
    assert_int_equal(judge("1:4" REST, "1:1" REST), 1);
    consent_from = 4; /* the author of one of three removals confirms */
    assert_int_equal(judge("1:4" REST, "1:1" REST), 1);
    consent_from = 2;
    assert_int_equal(judge("1:4" REST, "1:1" REST), 0);
}

static void t_change_is_held_for_what_lacks_consent_only(void **state)
{
    (void)state;
    consent_from = 4;
    assert_int_equal(judge("1:5" REST, "1:2" REST), 0); /* one of five lacks it */
    consent_from = 6;
    assert_int_equal(judge("1:5" REST, "1:2" REST), 1);
}

static void t_held_module_does_not_hold_other_modules(void **state)
{
    (void)state;
    assert_int_equal(judge("1:40 2:10 3:50", "2:10 3:50"), 1);
    assert_int_equal(judge("1:40 2:10 3:50", "2:9 3:50"),
                     1); /* the 40 were removed before */
    assert_false(holds_has(h, 2, 1));
}

static void t_failed_lookup_of_confirmations_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(judge("1:4" REST, REST), 1);
    answer = -ENOTCONN;
    assert_int_equal(judge("1:4 2:4" REST, REST), -ENOTCONN);
    assert_int_equal(holds_n(h), 1);
    assert_true(holds_has(h, 1, 1));
}

#define H(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(H(t_removal_of_the_last_node_is_held), H(t_more_than_half_is_held_half_is_not),
       H(t_replaced_nodes_count_as_removed), H(t_removal_of_a_third_of_all_nodes_is_held),
       H(t_more_nodes_and_modules_are_never_held), H(t_confirmed_change_is_not_held),
       H(t_held_module_is_released_when_complete_or_confirmed),
       H(t_consent_to_other_nodes_does_not_release_a_hold),
       H(t_change_is_held_for_what_lacks_consent_only),
       H(t_held_module_does_not_hold_other_modules),
       H(t_failed_lookup_of_confirmations_changes_nothing))
