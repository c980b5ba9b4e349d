/* Answers of gateways to POST /nodes: what is read of them, and what grew between two. */
#include "scale/node_minutes.h"

#include <errno.h>

#include "t.h"

static struct nodes_answer from, to;
static struct node_minutes minutes;

static int read_text(const char *text, struct nodes_answer *out)
{
    json_t *o = json_loads(text, 0, NULL);
    int rc;

    assert_non_null(o);
    rc = nodes_answer_read(out, o);
    json_decref(o);
    return rc;
}

#define ANSWER(ms, nodes) "{\"epoch\": \"e1\", \"ms\": " #ms ", \"nodes\": [" nodes "]}"
#define NODE(ip, us)                                                                     \
    "{\"modid\": 20, \"cmdid\": 1, \"at\": \"" ip ":8001\", \"us\": [" us "]}"

static void t_an_answer_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text(ANSWER(7000, NODE("10.0.0.1", "[17, 5], [113, 2]")), &to),
                     0);
    assert_string_equal(to.epoch, "e1");
    assert_int_equal(to.ms, 7000);
    assert_int_equal(to.n, 1);
    assert_int_equal(to.at[0].ip, 0x0a000001);
    assert_int_equal(to.at[0].port, 8001);
    assert_int_equal(to.at[0].n[17], 5);
    assert_int_equal(to.at[0].n[113], 2);
}

static void t_a_wrong_answer_is_refused_as_a_whole(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"epoch\": \"e\", \"ms\": 1}",
        "{\"epoch\": \"e\", \"ms\": -1, \"nodes\": []}",
        "{\"epoch\": 3, \"ms\": 1, \"nodes\": []}",
        "{\"epoch\": \"0123456789012345678901234567890123\", \"ms\": 1, \"nodes\": []}",
        "{\"epoch\": \"a\\u0001\", \"ms\": 1, \"nodes\": []}",
        ANSWER(1, "3"),
        ANSWER(1, "{\"modid\": 20, \"cmdid\": 1, \"us\": []}"),
        ANSWER(1, "{\"modid\": -1, \"cmdid\": 1, \"at\": \"10.0.0.1:1\", \"us\": []}"),
        ANSWER(1, "{\"modid\": 1, \"cmdid\": 1, \"at\": \"[::1]:1\", \"us\": []}"),
        ANSWER(1, "{\"modid\": 1, \"cmdid\": 1, \"at\": \"10.0.0.1\", \"us\": []}"),
        ANSWER(1, NODE("10.0.0.1", "[0, 1]")),
        ANSWER(1, NODE("10.0.0.1", "[114, 1]")),
        ANSWER(1, NODE("10.0.0.1", "[1, -1]")),
        ANSWER(1, NODE("10.0.0.1", "[1, 1.5]")),
        ANSWER(1, NODE("10.0.0.1", "[1]")),
        ANSWER(1, NODE("10.0.0.1", "[1, 2, 3]")),
        ANSWER(1, NODE("10.0.0.1", "1")),
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (read_text(wrong[i], &to) != -EPROTO)
            fail_msg("accepted: %s", wrong[i]);
}

static void t_what_grew_is_a_rate(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 5]")), &from);
    read_text(ANSWER(3000, NODE("10.0.0.2", "[20, 8]") "," NODE("10.0.0.1",
                                                                "[17, 25], [30, 10]")),
              &to);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_int_equal(minutes.n, 2);
    assert_int_equal(minutes.at[1].ip, 0x0a000001);
    assert_int_equal(node_minutes_answers(&minutes.at[1]), 30);
    assert_true(minutes.at[1].rps == 15);
    assert_false(minutes.at[1].partial);
    assert_int_equal(node_minutes_later(&minutes.at[1], latency_below_us(17)), 10);
    assert_int_equal(node_minutes_later(&minutes.at[1], latency_below_us(30)), 0);
    assert_int_equal(node_minutes_later(&minutes.at[1], 1), 30);
    /* the bucket of the limit does not count: its answers may be earlier */
    assert_int_equal(node_minutes_later(&minutes.at[1], latency_below_us(30) - 1), 0);
}

static void t_gateways_are_added(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 5]")), &from);
    read_text(ANSWER(2000, NODE("10.0.0.1", "[17, 25]")), &to);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_int_equal(minutes.n, 1);
    assert_true(minutes.at[0].rps == 40);
    assert_int_equal(minutes.at[0].n[17], 40);
}

static void t_a_restarted_gateway_and_an_early_answer_add_nothing(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 5]")), &from);
    read_text(ANSWER(1099, NODE("10.0.0.1", "[17, 25]")), &to);
    assert_false(node_minutes_add(&minutes, &from, &to));
    read_text(ANSWER(500, NODE("10.0.0.1", "[17, 25]")), &to);
    assert_false(node_minutes_add(&minutes, &from, &to));
    read_text("{\"epoch\": \"e2\", \"ms\": 9000, \"nodes\": []}", &to);
    assert_false(node_minutes_add(&minutes, &from, &to));
    assert_int_equal(minutes.n, 0);
}

/* The gateway has counted 100000 answers of the node in hours, and did not list it a
 * minute ago. */
static void t_a_node_that_an_answer_lacks_has_no_minute(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.2", "[17, 5]")), &from);
    read_text(ANSWER(61000, NODE("10.0.0.1", "[17, 100000], [90, 2000]")), &to);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_int_equal(minutes.n, 2);
    assert_int_equal(minutes.at[0].ip, 0x0a000001);
    assert_true(minutes.at[0].partial); /* not in the earlier answer */
    assert_int_equal(node_minutes_answers(&minutes.at[0]), 0);
    assert_true(minutes.at[0].rps == 0);
    assert_int_equal(minutes.at[1].ip, 0x0a000002);
    assert_true(minutes.at[1].partial); /* not in the later one */
}

/* What one gateway does not tell of a node, another one does not make up for. */
static void t_a_node_that_one_gateway_lost_sight_of_is_partial(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 5]")), &from);
    read_text(ANSWER(2000, NODE("10.0.0.1", "[17, 25]")), &to);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_false(minutes.at[0].partial);
    read_text(ANSWER(1000, ""), &from);
    assert_true(node_minutes_add(&minutes, &from, &to));
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 5]")), &from);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_int_equal(minutes.n, 1);
    assert_true(minutes.at[0].partial);
    assert_int_equal(node_minutes_answers(&minutes.at[0]), 40);
}

/* The loops of a gateway begin again one by one: of 500 + 200 answers 500 were lost, and
 * 210 are not those of a minute. */
static void t_a_node_whose_counters_went_back_has_no_minute(void **state)
{
    (void)state;
    minutes.n = 0;
    read_text(ANSWER(1000, NODE("10.0.0.1", "[17, 700], [30, 4]")), &from);
    read_text(ANSWER(2000, NODE("10.0.0.1", "[17, 210], [30, 9]")), &to);
    assert_true(node_minutes_add(&minutes, &from, &to));
    assert_true(minutes.at[0].partial);
    assert_int_equal(node_minutes_answers(&minutes.at[0]), 0);
    assert_true(minutes.at[0].rps == 0);
}

T_MAIN(T(t_an_answer_is_read), T(t_a_wrong_answer_is_refused_as_a_whole),
       T(t_what_grew_is_a_rate), T(t_gateways_are_added),
       T(t_a_restarted_gateway_and_an_early_answer_add_nothing),
       T(t_a_node_that_an_answer_lacks_has_no_minute),
       T(t_a_node_that_one_gateway_lost_sight_of_is_partial),
       T(t_a_node_whose_counters_went_back_has_no_minute))
