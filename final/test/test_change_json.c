/* The body of a change is hostile: what is not an operation is refused with its number
 * and a sentence, and that sentence is text that JSON can hold. */
#include "web/change_json.h"

#include "t.h"

static char why[CHANGE_WHY];
static size_t bad;

static int read_text(struct change_json *c, const char *text)
{
    static json_t *body;
    int rc;

    json_decref(body);
    body = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!text)
        return 0;
    assert_non_null(body);
    memset(why, 'x', sizeof(why));
    rc = change_json_read(c, body, why, &bad);
    return rc;
}

/* One operation, which must be refused. */
static void expect_wrong(const char *op)
{
    struct change_json c = {.n_op = 0};
    char text[3000];
    json_t *j;

    snprintf(text, sizeof(text), "{\"operations\":[%s]}", op);
    if (read_text(&c, text) != -EINVAL)
        fail_msg("it is accepted: %s", op);
    change_json_free(&c);
    assert_non_null(memchr(why, '\0', sizeof(why)));
    j = json_string(why);
    if (!j)
        fail_msg("the reason is not UTF-8: %s", why);
    json_decref(j);
}

static void t_operations_are_read_in_any_order_of_their_members(void **state)
{
    struct change_json c = {.n_op = 0};

    (void)state;
    assert_int_equal(
        read_text(&c, "{\"operations\":[{\"weight\":7,\"node\":\"10.0.0.1:80\",\"state\":"
                      "\"drained\",\"module\":\"1/2\",\"zone\":\"b\",\"op\":\"add\"},"
                      "{\"op\":\"name\",\"module\":\"1/2\",\"command\":\"c\"}],"
                      "\"base\":[{\"module\":\"1/2\",\"sum\":\"00000000000000ff\"}]}"),
        0);
    assert_int_equal(c.n_op, 2);
    assert_int_equal(c.op[0].verb, CHANGE_ADD);
    assert_int_equal(c.op[0].node.modid, 1);
    assert_int_equal(c.op[0].node.cmdid, 2);
    assert_int_equal(c.op[0].node.ip, 0x0a000001);
    assert_int_equal(c.op[0].node.port, 80);
    assert_int_equal(c.op[0].node.weight, 7);
    assert_string_equal(c.op[0].node.zone, "b");
    assert_string_equal(c.op[0].node.state, "drained");
    assert_string_equal(c.op[1].command, "c");
    assert_int_equal(c.n_base, 1);
    assert_int_equal(c.base[0].sum, 255);
    assert_string_equal(c.action, "add");
    assert_string_equal(c.subject, "1/2");
    assert_string_equal(c.word, "1/2");
    change_json_free(&c);
    read_text(NULL, NULL);
}

static void t_name_that_is_not_given_stays(void **state)
{
    struct change_json c = {.n_op = 0};

    (void)state;
    assert_int_equal(
        read_text(&c, "{\"operations\":[{\"op\":\"name\",\"module\":\"1/2\","
                      "\"command\":\"c\"},{\"op\":\"name\",\"module\":\"1/2\","
                      "\"name\":\"n\"}]}"),
        0);
    assert_null(c.op[0].name);
    assert_string_equal(c.op[0].command, "c");
    assert_string_equal(c.op[1].name, "n");
    assert_null(c.op[1].command);
    change_json_free(&c);
    read_text(NULL, NULL);
}

static void t_word_of_consent_is_the_name_of_what_changes(void **state)
{
    struct change_json c = {.n_op = 0};

    (void)state;
    assert_int_equal(read_text(&c, "{\"operations\":[{\"op\":\"zone\",\"zone\":\"b\","
                                   "\"state\":\"drained\"}]}"),
                     0);
    assert_string_equal(c.word, "b");
    assert_string_equal(c.subject, "zone:b");
    change_json_free(&c);
    c = (struct change_json){.n_op = 0};
    assert_int_equal(read_text(&c, "{\"operations\":[{\"op\":\"host\",\"host\":"
                                   "\"10.1.2.3\",\"state\":\"up\"}]}"),
                     0);
    assert_string_equal(c.word, "10.1.2.3");
    assert_string_equal(c.subject, "host:10.1.2.3");
    change_json_free(&c);
    read_text(NULL, NULL);
}

static void t_what_is_not_an_operation_is_refused(void **state)
{
    static const char *const ops[] = {
        "null",
        "1",
        "\"add\"",
        "[]",
        "{}",
        "{\"op\":null}",
        "{\"op\":1}",
        "{\"op\":\"drop table\"}",
        "{\"op\":\"add\"}",
        "{\"op\":\"add\",\"module\":\"1/1\"}",
        "{\"op\":\"add\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:0\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:65536\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"0.0.0.0:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"[::1]:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"example.org:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80 \"}",
        "{\"op\":\"add\",\"module\":\"1\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"1/\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"-1/1\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1x\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"4294967296/1\",\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"1/18446744073709551617\",\"node\":\"1.1.1.1:80\"}",
        "{\"op\":\"add\",\"module\":11,\"node\":\"10.0.0.1:80\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"weigth\":1}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"weight\":-1}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"weight\":1.5}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"weight\":10001}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"weight\":true}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"state\":\"UP\"}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"state\":null}",
        "{\"op\":\"add\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"rule\":\"wrr\"}",
        "{\"op\":\"remove\",\"module\":\"1/1\",\"node\":\"10.0.0.1:80\",\"zone\":\"b\"}",
        "{\"op\":\"remove_module\"}",
        "{\"op\":\"host\",\"host\":\"10.0.0.1\"}",
        "{\"op\":\"host\",\"host\":\"10.0.0.1:80\",\"state\":\"up\"}",
        "{\"op\":\"host\",\"host\":\"::1\",\"state\":\"up\"}",
        "{\"op\":\"zone\",\"zone\":\"b\"}",
        "{\"op\":\"zone\",\"zone\":{\"$ne\":1},\"state\":\"up\"}",
        "{\"op\":\"policy\",\"module\":\"1/1\",\"timeout_ms\":\"1 OR 1\"}",
        "{\"op\":\"policy\",\"module\":\"1/1\",\"node_inflight\":1000001}",
        "{\"op\":\"policy\",\"module\":\"1/1\",\"target_ms\":-1}",
        "{\"op\":\"policy\",\"module\":\"1/1\",\"rule\":\"none such\"}"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        expect_wrong(ops[i]);
    read_text(NULL, NULL);
}

static void t_reason_is_text_when_a_long_value_is_cut(void **state)
{
    static const char *const forms[] = {"{\"op\":\"%s\"}",
                                        "{\"op\":\"add\",\"module\":\"%s\"}",
                                        "{\"op\":\"add\",\"node\":\"%s\"}",
                                        "{\"op\":\"host\",\"host\":\"%s\"}",
                                        "{\"op\":\"set\",\"%s\":1}",
                                        "{\"op\":\"set\",\"weight\":\"%s\"}",
                                        "{\"op\":\"set\",\"state\":\"%s\"}",
                                        "{\"op\":\"set\",\"zone\":\"%s\"}",
                                        "{\"op\":\"policy\",\"rule\":\"%s\"}",
                                        "{\"op\":\"policy\",\"probe\":\"%s\"}",
                                        "{\"op\":\"policy\",\"timeout_ms\":\"%s\"}"};
    char value[1200], op[1400];
    size_t i, shift, k;

    (void)state;
    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        for (shift = 0; shift < 3; shift++) {
            memset(value, 'a', shift);
            for (k = 0; k < 300; k++)
                memcpy(value + shift + 3 * k, "\xe5\x86\x9c", 4);
            snprintf(op, sizeof(op), forms[i], value);
            expect_wrong(op);
        }
    read_text(NULL, NULL);
}

static void t_wrong_operation_is_named_by_its_number(void **state)
{
    struct change_json c = {.n_op = 0};

    (void)state;
    assert_int_equal(read_text(&c, "{\"operations\":[{\"op\":\"confirm\",\"module\":"
                                   "\"1/1\"},{\"op\":\"confirm\",\"module\":\"x\"}]}"),
                     -EINVAL);
    assert_int_equal(bad, 1);
    change_json_free(&c);
    read_text(NULL, NULL);
}

static void t_reason_says_which_form_an_address_has(void **state)
{
    (void)state;
    expect_wrong("{\"op\":\"remove\",\"module\":\"1/1\",\"node\":\"10.0.0.300:80\"}");
    assert_string_equal(why, "node: \"10.0.0.300:80\" is not one IPv4 address with a "
                             "port, such as 10.0.1.7:8001");
    expect_wrong("{\"op\":\"host\",\"host\":\"h\",\"state\":\"up\"}");
    assert_string_equal(why, "host: \"h\" is not an IPv4 address, such as 10.0.1.7");
    read_text(NULL, NULL);
}

static void t_lists_have_bounds(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"operations\":null}",
        "{\"operations\":{}}",
        "{\"operations\":[]}",
        "{\"operations\":\"add\"}",
        "{\"operations\":[{\"op\":\"confirm\",\"module\":\"1/1\"}],\"base\":[1]}",
        "{\"operations\":[{\"op\":\"confirm\",\"module\":\"1/1\"}],\"base\":[{\"module\":"
        "\"1/1\",\"sum\":\"ff\"}]}",
        "{\"operations\":[{\"op\":\"confirm\",\"module\":\"1/1\"}],\"base\":[{\"module\":"
        "\"1/1\",\"sum\":\"00000000000000FG\"}]}",
        "{\"operations\":[{\"op\":\"confirm\",\"module\":\"1/1\"}],\"base\":\"1/1\"}"};
    struct change_json c;
    json_t *body, *list;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        c = (struct change_json){.n_op = 0};
        if (read_text(&c, bodies[i]) != -EINVAL)
            fail_msg("it is accepted: %s", bodies[i]);
        change_json_free(&c);
    }
    read_text(NULL, NULL);
    list = json_array();
    for (i = 0; i <= CHANGE_OPS_MAX; i++)
        json_array_append_new(list,
                              json_pack("{s:s,s:s}", "op", "confirm", "module", "1/1"));
    body = json_pack("{s:o}", "operations", list);
    c = (struct change_json){.n_op = 0};
    assert_int_equal(change_json_read(&c, body, why, &bad), -EINVAL);
    change_json_free(&c);
    json_array_remove(list, 0);
    c = (struct change_json){.n_op = 0};
    assert_int_equal(change_json_read(&c, body, why, &bad), 0);
    assert_int_equal(c.n_op, CHANGE_OPS_MAX);
    change_json_free(&c);
    json_decref(body);
}

T_MAIN(T(t_operations_are_read_in_any_order_of_their_members),
       T(t_name_that_is_not_given_stays),
       T(t_word_of_consent_is_the_name_of_what_changes),
       T(t_what_is_not_an_operation_is_refused),
       T(t_reason_is_text_when_a_long_value_is_cut),
       T(t_wrong_operation_is_named_by_its_number),
       T(t_reason_says_which_form_an_address_has), T(t_lists_have_bounds))
