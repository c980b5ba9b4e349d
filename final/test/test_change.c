/* What an operator wants, as operations: which values are right, what each operation does
 * to the rows in memory, and which operations cannot be applied. */
#include "ops/change.h"

#include "t.h"

#define FARM "\xe5\x86\x9c" /* one character, 3 bytes */
#define SMILE "\xf0\x9f\x98\x80" /* one character, 4 bytes */

static struct node_rows rows;
static char why[CHANGE_WHY];
static size_t bad;

static struct node_row node(uint32_t modid, uint32_t ip, const char *zone)
{
    struct node_row r = {.modid = modid, .cmdid = 1, .ip = ip, .port = 80, .weight = 100};

    snprintf(r.zone, sizeof(r.zone), "%s", zone);
    snprintf(r.state, sizeof(r.state), "up");
    return r;
}

/* Two modules: 1/1 with nodes 1 and 2 of zone a, 2/1 with node 2 of zone b. */
static int setup(void **state)
{
    struct node_row r[] = {node(1, 1, "a"), node(1, 2, "a"), node(2, 2, "b")};
    size_t i;

    t_fds_save(state);
    for (i = 0; i < 3; i++)
        node_row_add(&rows, &r[i]);
    why[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    node_row_free(&rows);
    return t_fds_check(state);
}

static struct change_op op_of(enum change_verb verb, uint32_t modid, uint32_t ip)
{
    struct change_op op = {.verb = verb};

    op.node.modid = modid;
    op.node.cmdid = 1;
    op.node.ip = ip;
    op.node.port = 80;
    return op;
}

static int apply(struct change_op *op)
{
    return change_apply(op, 1, &rows, why, &bad);
}

static int set_field(enum change_verb verb, const char *key, const char *value)
{
    struct change_op op = {.verb = verb};

    return change_set_field(&op, key, value, why);
}

static void repeat(char *to, const char *what, unsigned n)
{
    for (*to = '\0'; n > 0; n--)
        to = strcpy(to, what) + strlen(what);
}

/* --- values ------------------------------------------------------------------------- */

static void t_weight_is_a_number_from_0_to_10000(void **state)
{
    static const char *const wrong[] = {
        "",   "-1",  "10001", "1.5",        " 1",
        "+1", "0x1", "1 ",    "4294967296", "99999999999999999999"};
    struct change_op op = {.verb = CHANGE_SET};
    size_t i;

    (void)state;
    assert_int_equal(change_set_field(&op, "weight", "0", why), 0);
    assert_int_equal(op.node.weight, 0);
    assert_int_equal(change_set_field(&op, "weight", "10000", why), 0);
    assert_int_equal(op.node.weight, 10000);
    assert_int_equal(op.fields, CHANGE_F_WEIGHT);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(change_set_field(&op, "weight", wrong[i], why), -EINVAL);
    assert_string_equal(
        why, "weight: \"99999999999999999999\" is not a number from 0 to 10000");
}

static void t_state_is_up_or_drained(void **state)
{
    (void)state;
    assert_int_equal(set_field(CHANGE_SET, "state", "up"), 0);
    assert_int_equal(set_field(CHANGE_SET, "state", "drained"), 0);
    assert_int_equal(set_field(CHANGE_SET, "state", "UP"), -EINVAL);
    assert_int_equal(set_field(CHANGE_SET, "state", ""), -EINVAL);
    assert_string_equal(why, "state: \"\" is not up or drained");
}

static void t_zone_has_at_most_32_characters_of_any_length(void **state)
{
    char text[200];

    (void)state;
    repeat(text, SMILE, 32);
    assert_int_equal(set_field(CHANGE_SET, "zone", text), 0);
    repeat(text, FARM, 33);
    assert_int_equal(set_field(CHANGE_SET, "zone", text), -EINVAL);
    assert_string_equal(why, "zone: it has more than 32 characters");
    assert_int_equal(set_field(CHANGE_SET, "zone", ""), 0);
}

/* Bytes of another character set, such as those of a terminal that uses GBK, and bytes
 * that UTF-8 never has. */
static void t_text_that_is_not_utf8_is_refused(void **state)
{
    static const char *const wrong[] = {"\xbb\xfa\xb7\xbf", /* two characters in GBK */
                                        "\xff",
                                        "a\x80",
                                        "\xe5\x86",
                                        FARM "\xf0\x9f\x98",
                                        "\xc0\xaf",
                                        "\xed\xa0\x80", /* half of a surrogate pair */
                                        "\xf4\x90\x80\x80",
                                        "\xe0\x80\xaf",
                                        "\xf0\x80\x80\xaf"};
    struct change_op op = {.verb = CHANGE_NAME};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(set_field(CHANGE_SET, "zone", wrong[i]), -EINVAL);
        assert_string_equal(why, "zone: it is not a text in UTF-8");
        assert_int_equal(change_set_names(&op, wrong[i], NULL, why), -EINVAL);
        assert_string_equal(why, "NAME: it is not a text in UTF-8");
        assert_int_equal(change_set_names(&op, "a", wrong[i], why), -EINVAL);
        assert_string_equal(why, "COMMAND: it is not a text in UTF-8");
    }
}

static void t_name_has_at_most_255_characters(void **state)
{
    struct change_op op = {.verb = CHANGE_NAME};
    char text[1100];

    (void)state;
    repeat(text, FARM, 255);
    assert_int_equal(change_set_names(&op, text, text, why), 0);
    assert_ptr_equal(op.name, text);
    repeat(text, FARM, 256);
    assert_int_equal(change_set_names(&op, text, NULL, why), -EINVAL);
    assert_string_equal(why, "NAME: it has more than 255 characters");
    assert_int_equal(change_set_names(&op, "a", text, why), -EINVAL);
    assert_string_equal(why, "COMMAND: it has more than 255 characters");
}

static void t_key_of_another_kind_of_operation_is_refused(void **state)
{
    (void)state;
    assert_int_equal(set_field(CHANGE_SET, "rule", "p2c"), -EINVAL);
    assert_int_equal(set_field(CHANGE_POLICY, "weight", "1"), -EINVAL);
    assert_int_equal(set_field(CHANGE_POLICY, "", ""), -EINVAL);
}

static void t_policy_takes_what_agents_know(void **state)
{
    struct change_op op = {.verb = CHANGE_POLICY};
    char path[100] = "/";

    (void)state;
    assert_int_equal(change_set_field(&op, "rule", "p2c", why), 0);
    assert_int_equal(change_set_field(&op, "rule", "", why), 0);
    assert_int_equal(change_set_field(&op, "rule", "fastest", why), -EINVAL);
    assert_int_equal(change_set_field(&op, "probe", "echo", why), 0);
    assert_int_equal(change_set_field(&op, "probe", "/healthz", why), 0);
    assert_int_equal(change_set_field(&op, "probe", "healthz", why), -EINVAL);
    memset(path + 1, 'a', 70);
    assert_int_equal(change_set_field(&op, "probe", path, why), -EINVAL);
    assert_int_equal(change_set_field(&op, "probe", "/a\r\nX: y", why), -EINVAL);
    assert_int_equal(change_set_field(&op, "timeout_ms", "86400000", why), 0);
    assert_int_equal(change_set_field(&op, "timeout_ms", "86400001", why), -EINVAL);
    assert_int_equal(change_set_field(&op, "node_rps", "7", why), 0);
    assert_int_equal(op.policy.node_rps, 7);
    assert_int_equal(change_set_field(&op, "node_inflight", "1000000", why), 0);
    assert_int_equal(change_set_field(&op, "node_inflight", "1000001", why), -EINVAL);
    assert_string_equal(why,
                        "node_inflight: \"1000001\" is not a number from 0 to 1000000");
    assert_int_equal(change_set_field(&op, "target_ms", "3600000", why), 0);
    assert_int_equal(change_set_field(&op, "target_ms", "3600001", why), -EINVAL);
    assert_int_equal(change_set_field(&op, "target_ms", "-1", why), -EINVAL);
    assert_int_equal(op.policy.node_inflight, 1000000);
    assert_int_equal(op.policy.target_ms, 3600000);
    assert_string_equal(op.policy.probe, "/healthz");
    assert_int_equal(op.fields & CHANGE_F_SLOW_MS, 0);
}

/* --- applying ----------------------------------------------------------------------- */

static void t_node_is_added_with_the_usual_values(void **state)
{
    struct change_op op = op_of(CHANGE_ADD, 1, 3);

    (void)state;
    assert_int_equal(apply(&op), 0);
    assert_int_equal(rows.n, 4);
    assert_int_equal(rows.at[2].ip, 3);
    assert_int_equal(rows.at[2].weight, 100);
    assert_string_equal(rows.at[2].state, "up");
    assert_string_equal(rows.at[2].zone, "");
    assert_int_equal(rows.at[2].number, 0);
}

static void t_node_that_is_there_is_not_added_again(void **state)
{
    struct change_op op = op_of(CHANGE_ADD, 1, 2);

    (void)state;
    assert_int_equal(apply(&op), -EINVAL);
    assert_string_equal(why, "0.0.0.2:80 is already a node of 1/1");
}

static void t_node_that_is_not_there_cannot_be_changed_or_removed(void **state)
{
    struct change_op set = op_of(CHANGE_SET, 2, 1), gone = op_of(CHANGE_REMOVE, 9, 1);

    (void)state;
    assert_int_equal(apply(&set), -EINVAL);
    assert_string_equal(why, "0.0.0.1:80 is not a node of 2/1");
    assert_int_equal(apply(&gone), -EINVAL);
}

static void t_module_0_0_and_impossible_nodes_are_not_added(void **state)
{
    struct change_op none = op_of(CHANGE_ADD, 0, 3), ip = op_of(CHANGE_ADD, 1, 0),
                     port = op_of(CHANGE_ADD, 1, 3);

    (void)state;
    none.node.cmdid = 0;
    assert_int_equal(apply(&none), -EINVAL);
    assert_int_equal(apply(&ip), -EINVAL);
    port.node.port = 65536;
    assert_int_equal(apply(&port), -EINVAL);
    port.node.port = 0;
    assert_int_equal(apply(&port), -EINVAL);
    assert_int_equal(rows.n, 3);
}

static void t_only_the_fields_that_are_set_change(void **state)
{
    struct change_op op = op_of(CHANGE_SET, 1, 1);

    (void)state;
    change_set_field(&op, "weight", "7", why);
    assert_int_equal(apply(&op), 0);
    assert_int_equal(rows.at[0].weight, 7);
    assert_string_equal(rows.at[0].zone, "a");
    assert_string_equal(rows.at[0].state, "up");
}

static void t_host_is_drained_in_every_module(void **state)
{
    struct change_op op = op_of(CHANGE_HOST, 0, 2);

    (void)state;
    change_set_field(&op, "state", "drained", why);
    assert_int_equal(apply(&op), 0);
    assert_string_equal(rows.at[0].state, "up");
    assert_string_equal(rows.at[1].state, "drained");
    assert_string_equal(rows.at[2].state, "drained");
}

static void t_zone_is_drained_by_its_exact_name(void **state)
{
    struct change_op op = {.verb = CHANGE_ZONE};

    (void)state;
    change_set_field(&op, "state", "drained", why);
    change_set_field(&op, "zone", "A", why);
    assert_int_equal(apply(&op), -EINVAL);
    assert_string_equal(why, "no node is in A");
    change_set_field(&op, "zone", "a", why);
    assert_int_equal(apply(&op), 0);
    assert_string_equal(rows.at[0].state, "zone_drained");
    assert_string_equal(rows.at[2].state, "up");
}

static void t_zone_returns_with_the_nodes_that_its_drain_took(void **state)
{
    struct change_op drain = {.verb = CHANGE_ZONE}, back = {.verb = CHANGE_ZONE};

    (void)state;
    memcpy(rows.at[1].zone, rows.at[0].zone, sizeof(rows.at[1].zone));
    strcpy(rows.at[1].state, "drained"); /* by an operator, before */
    change_set_field(&drain, "state", "drained", why);
    change_set_field(&drain, "zone", "a", why);
    assert_int_equal(apply(&drain), 0);
    assert_string_equal(rows.at[1].state, "drained");
    change_set_field(&back, "state", "up", why);
    change_set_field(&back, "zone", "a", why);
    assert_int_equal(apply(&back), 0);
    assert_string_equal(rows.at[0].state, "up");
    assert_string_equal(rows.at[1].state, "drained");
    change_set_field(&back, "zone", "gone", why);
    assert_int_equal(apply(&back), 0); /* its nodes were removed meanwhile */
}

/* Nodes without a zone are no zone: an empty argument must not drain them all. */
static void t_zone_without_a_name_is_refused(void **state)
{
    struct change_op op = {.verb = CHANGE_ZONE};

    (void)state;
    rows.at[2].zone[0] = '\0';
    assert_int_equal(change_set_field(&op, "state", "drained", why), 0);
    assert_int_equal(apply(&op), -EINVAL);
    assert_string_equal(why,
                        "the zone has no name; name nodes without a zone one by one, "
                        "or by their host");
    assert_string_equal(rows.at[2].state, "up");
}

/* Rows without a state would be left in the database. */
static void t_host_or_zone_without_a_state_is_refused(void **state)
{
    struct change_op host = op_of(CHANGE_HOST, 0, 2), zone = {.verb = CHANGE_ZONE};

    (void)state;
    assert_int_equal(apply(&host), -EINVAL);
    assert_string_equal(why, "the state is not up or drained");
    change_set_field(&zone, "zone", "a", why);
    assert_int_equal(apply(&zone), -EINVAL);
    assert_string_equal(rows.at[1].state, "up");
}

static void t_module_is_removed_with_all_its_nodes(void **state)
{
    struct change_op op = op_of(CHANGE_REMOVE_MODULE, 1, 0);

    (void)state;
    assert_int_equal(apply(&op), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.at[0].modid, 2);
    assert_int_equal(apply(&op), -EINVAL);
    assert_string_equal(why, "there is no module 1/1");
}

static void t_names_and_policies_need_a_module(void **state)
{
    struct change_op name = op_of(CHANGE_NAME, 3, 0), policy = op_of(CHANGE_POLICY, 3, 0);

    (void)state;
    assert_int_equal(apply(&name), -EINVAL);
    assert_int_equal(apply(&policy), -EINVAL);
    name.node.modid = policy.node.modid = 2;
    assert_int_equal(apply(&name), 0);
    assert_int_equal(apply(&policy), 0);
    assert_int_equal(rows.n, 3);
}

static void t_operations_are_applied_in_their_order(void **state)
{
    struct change_op op[3] = {op_of(CHANGE_ADD, 1, 3), op_of(CHANGE_SET, 1, 3),
                              op_of(CHANGE_REMOVE, 1, 3)};

    (void)state;
    assert_int_equal(change_apply(op, 3, &rows, why, &bad), 0);
    assert_int_equal(rows.n, 3);
    assert_int_equal(change_apply(op + 1, 2, &rows, why, &bad), -EINVAL);
    assert_int_equal(bad, 0);
}

static void t_operation_that_fails_is_named(void **state)
{
    struct change_op op[3] = {op_of(CHANGE_ADD, 1, 3), op_of(CHANGE_ADD, 1, 3),
                              op_of(CHANGE_REMOVE, 1, 9)};

    (void)state;
    assert_int_equal(change_apply(op, 3, &rows, why, &bad), -EINVAL);
    assert_int_equal(bad, 1);
}

static void t_500_operations_are_applied_to_an_empty_table(void **state)
{
    static struct change_op op[CHANGE_OPS_MAX];
    size_t i;

    (void)state;
    node_row_free(&rows);
    for (i = 0; i < CHANGE_OPS_MAX; i++)
        op[i] = op_of(CHANGE_ADD, 1, (uint32_t)(CHANGE_OPS_MAX - i));
    assert_int_equal(change_apply(op, CHANGE_OPS_MAX, &rows, why, &bad), 0);
    assert_int_equal(rows.n, CHANGE_OPS_MAX);
    for (i = 1; i < rows.n; i++)
        assert_true(node_row_cmp(&rows.at[i - 1], &rows.at[i]) < 0);
}

static void t_quotes_and_markup_are_kept_as_they_are(void **state)
{
    struct change_op op = op_of(CHANGE_SET, 1, 1);

    (void)state;
    assert_int_equal(change_set_field(&op, "zone", "'\"\\;--<b>%s" SMILE, why), 0);
    assert_int_equal(apply(&op), 0);
    assert_string_equal(rows.at[0].zone, "'\"\\;--<b>%s" SMILE);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(C(t_weight_is_a_number_from_0_to_10000), C(t_state_is_up_or_drained),
       C(t_zone_has_at_most_32_characters_of_any_length),
       C(t_text_that_is_not_utf8_is_refused), C(t_name_has_at_most_255_characters),
       C(t_key_of_another_kind_of_operation_is_refused),
       C(t_policy_takes_what_agents_know), C(t_node_is_added_with_the_usual_values),
       C(t_node_that_is_there_is_not_added_again),
       C(t_node_that_is_not_there_cannot_be_changed_or_removed),
       C(t_module_0_0_and_impossible_nodes_are_not_added),
       C(t_only_the_fields_that_are_set_change), C(t_host_is_drained_in_every_module),
       C(t_zone_is_drained_by_its_exact_name),
       C(t_zone_returns_with_the_nodes_that_its_drain_took),
       C(t_zone_without_a_name_is_refused),
       C(t_host_or_zone_without_a_state_is_refused),
       C(t_module_is_removed_with_all_its_nodes), C(t_names_and_policies_need_a_module),
       C(t_operations_are_applied_in_their_order), C(t_operation_that_fails_is_named),
       C(t_500_operations_are_applied_to_an_empty_table),
       C(t_quotes_and_markup_are_kept_as_they_are))
