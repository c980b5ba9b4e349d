/* What a gateway says is read with care, and becomes rates that are never negative. */
#include "web/gateway_rates.h"

#include <math.h>

#include "t.h"

static struct gateway_rates r;

static int setup(void **state)
{
    (void)state;
    memset(&r, 0, sizeof(r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gateway_rates_free(&r);
    return 0;
}

static int parse(struct gateway_answer *a, const char *text)
{
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    int rc = gateway_answer_read(a, o);

    json_decref(o);
    return rc;
}

#define HEAD "{\"host\":\"h\",\"version\":\"1.2\",\"address\":\"1.2.3.4:80\","

/* The gateway has been up for <up_s>, and 3/1 has had <node> requests. */
static void add(uint64_t at_ms, unsigned up_s, unsigned node, unsigned hits)
{
    struct gateway_answer a;
    char text[500];

    snprintf(text, sizeof(text),
             HEAD "\"up_s\":%u,\"cache\":{\"hits\":%u,\"misses\":10},\"modules\":[{"
                  "\"modid\":3,\"cmdid\":1,\"state\":\"queueing\",\"requests\":{\"node\":"
                  "%u,\"error\":7},\"refused_new\":%u}]}",
             up_s, hits, node, node / 10);
    assert_int_equal(parse(&a, text), 0);
    gateway_rates_add(&r, &a, at_ms);
}

static double rate_of(enum gateway_answer_count c)
{
    return gateway_rates_of(&r, &gateway_rates_newest(&r)->module[0], c);
}

static void expect_rate(double is, double wanted)
{
    if (!(fabs(is - wanted) < 0.001))
        fail_msg("%f instead of %f", is, wanted);
}

static void t_answer_is_read_as_a_whole(void **state)
{
    struct gateway_answer a;
    const struct gateway_answer_module *m;

    (void)state;
    assert_int_equal(
        parse(
            &a,
            "{\"host\":\"gw1\",\"version\":\"1.2.0\",\"address\":\"10.0.0.1:80\",\"up_"
            "s\":"
            "61,\"draining\":true,\"loops\":2,\"loops_max\":4,\"loop_busy_permille\":[10,"
            "2000],\"clients\":5,\"clients_max\":9,\"cache\":{\"bytes\":1,\"bytes_max\":"
            "2,"
            "\"objects\":3,\"hits\":4,\"misses\":5,\"stale\":6},\"static\":{\"present\":"
            "true,\"on\":false,\"files\":7,\"bytes\":8,\"taken_at\":null},\"modules\":[{"
            "\"modid\":3,\"cmdid\":1,\"state\":\"shedding\",\"nodes_in\":2,\"measured\":"
            "true,\"limit\":64,\"factor\":0.5,\"share\":1,\"inflight\":60,\"queue\":4,"
            "\"refused_new\":11,\"refused_inside\":12,\"requests\":{\"node\":1,\"cache\":"
            "2,"
            "\"stale\":3,\"static\":4,\"waiting\":5,\"error\":6},\"budget_empty\":13}]}"),
        0);
    assert_string_equal(a.host, "gw1");
    assert_true(a.is_draining);
    assert_int_equal(a.n_busy, 2);
    assert_int_equal(a.busy[1], 1000);
    assert_int_equal(a.cache.objects, 3);
    assert_true(a.copy.is_present && !a.copy.is_on && a.copy.taken_s == 0);
    m = gateway_answer_find(&a, 3, 1);
    assert_non_null(m);
    assert_null(gateway_answer_find(&a, 3, 2));
    assert_string_equal(gateway_answer_state_name(m->state), "shedding");
    assert_int_equal(m->inflight, 60);
    assert_int_equal(m->count[GATEWAY_COPY], 4);
    assert_int_equal(m->count[GATEWAY_REFUSED_INSIDE], 12);
    assert_int_equal(m->count[GATEWAY_BUDGET_EMPTY], 13);
    gateway_answer_free(&a);
}

static void t_answer_of_another_program_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        "{\"host\":1}",
        HEAD "\"modules\":{}}",
        HEAD "\"modules\":[1]}",
        HEAD "\"modules\":[{\"modid\":\"3\",\"cmdid\":1,\"state\":\"normal\"}]}",
        HEAD "\"modules\":[{\"modid\":3,\"cmdid\":1}]}",
        HEAD "\"modules\":[{\"modid\":3,\"cmdid\":1,\"state\":\"a state with a long "
             "name\"}]}",
        "{\"host\":\"h\",\"version\":\"0123456789012345678901234567890123456789\","
        "\"address\":\"a\",\"modules\":[]}"};
    struct gateway_answer a;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(parse(&a, texts[i]), -EPROTO);
}

/* A newer gateway has other states; numbers out of their range are cut. */
static void t_strange_values_are_cut(void **state)
{
    struct gateway_answer a;

    (void)state;
    assert_int_equal(
        parse(&a,
              HEAD "\"up_s\":-5,\"clients\":99999999999,\"loop_busy_permille\":[\"x\","
                   "-1],\"new\":[],\"modules\":[{\"modid\":3,\"cmdid\":1,\"state\":"
                   "\"melting\",\"factor\":-1,\"requests\":{\"node\":-9}}]}"),
        0);
    assert_int_equal(a.up_s, 0);
    assert_int_equal(a.clients, UINT32_MAX);
    assert_int_equal(a.busy[0] + a.busy[1], 0);
    assert_int_equal(a.module[0].state, GATEWAY_UNKNOWN);
    assert_true(a.module[0].factor >= 0);
    assert_int_equal(a.module[0].count[GATEWAY_NODE], 0);
    gateway_answer_free(&a);
}

static void t_one_answer_has_no_rate(void **state)
{
    (void)state;
    add(1000, 5, 100, 0);
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    assert_true(isnan(gateway_rates_sum(&r, GATEWAY_NODE)));
    assert_true(isnan(gateway_rates_hits(&r)));
    assert_int_equal(r.n_recent, 1);
    assert_true(isnan(r.recent[0]));
}

static void t_rate_is_the_growth_of_the_last_seconds(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 20; i++)
        add(1000 + i * 500, i / 2, 100 * i, i);
    expect_rate(rate_of(GATEWAY_NODE), 200);
    expect_rate(gateway_rates_sum(&r, GATEWAY_NODE), 200);
    expect_rate(rate_of(GATEWAY_REFUSED_NEW), 20);
    expect_rate(rate_of(GATEWAY_ERROR), 0);
    expect_rate(r.recent[r.n_recent - 1], 200);
    assert_int_equal(r.n, GATEWAY_RATES_LOOKS);
}

static void t_share_of_hits_is_of_the_last_seconds(void **state)
{
    (void)state;
    add(1000, 1, 0, 50);
    add(2000, 2, 0, 80);
    expect_rate(gateway_rates_hits(&r), 1);
    add(3000, 3, 0, 80);
    expect_rate(gateway_rates_hits(&r), 1);
}

/* A gateway that restarts counts from 0: neither a negative nor a huge rate. */
static void t_restart_begins_again(void **state)
{
    (void)state;
    add(1000, 500, 5000, 9);
    add(2000, 501, 5100, 9);
    add(3000, 1, 5200, 9); /* found by the time that it is up */
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    add(4000, 2, 5300, 9);
    expect_rate(rate_of(GATEWAY_NODE), 100);
    add(5000, 3, 20, 9); /* found by a counter */
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    assert_true(isnan(r.recent[r.n_recent - 1]));
    add(6000, 4, 50, 3); /* by one of the cache */
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    add(7000, 5, 80, 3);
    expect_rate(rate_of(GATEWAY_NODE), 30);
}

/* When no viewer has looked for a while, the mean over that while is not shown. */
static void t_old_answer_is_no_part_of_a_rate(void **state)
{
    (void)state;
    add(1000, 1, 0, 0);
    add(2000, 2, 10, 0);
    add(60000, 60, 20, 0);
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    assert_int_equal(r.n_recent, 1);
    add(61000, 61, 50, 0);
    expect_rate(rate_of(GATEWAY_NODE), 30);
}

static void t_module_that_comes_back_has_no_negative_rate(void **state)
{
    struct gateway_answer a;

    (void)state;
    add(1000, 1, 500, 0);
    assert_int_equal(
        parse(&a, HEAD "\"up_s\":2,\"cache\":{\"misses\":10},\"modules\":[]}"), 0);
    gateway_rates_add(&r, &a, 2000);
    expect_rate(gateway_rates_sum(&r, GATEWAY_NODE), 0);
    add(3000, 3, 20, 0);
    assert_true(isnan(rate_of(GATEWAY_NODE)));
    add(4000, 4, 50, 0);
    expect_rate(rate_of(GATEWAY_NODE), 30);
}

static void t_chart_has_the_last_minute(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 100; i++)
        add(1000 * i, i, i * i, 0);
    assert_int_equal(r.n_recent, GATEWAY_RATES_RECENT);
    expect_rate(r.recent[GATEWAY_RATES_RECENT - 1], 99 * 99 - 98 * 98);
    expect_rate(r.recent[0], 40 * 40 - 39 * 39);
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(F(t_answer_is_read_as_a_whole), F(t_answer_of_another_program_is_refused),
       F(t_strange_values_are_cut), F(t_one_answer_has_no_rate),
       F(t_rate_is_the_growth_of_the_last_seconds),
       F(t_share_of_hits_is_of_the_last_seconds), F(t_restart_begins_again),
       F(t_old_answer_is_no_part_of_a_rate),
       F(t_module_that_comes_back_has_no_negative_rate), F(t_chart_has_the_last_minute))
