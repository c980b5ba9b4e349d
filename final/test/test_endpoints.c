/* The list of servers: how it is written, which one is tried next, how long a program
 * waits, and when it goes back to the server of its own zone. */
#include "db/endpoints.h"

#include "base/rnd.h"
#include "t.h"

#define NOW 1000000u

static struct endpoints list;
static size_t order[ENDPOINTS_MAX];

static void parse(const char *text)
{
    const char *why = endpoints_parse(&list, text);

    if (why)
        fail_msg("%s: %s", text, why);
}

static void t_parse_reads_names_addresses_and_paths(void **state)
{
    static const char *const text[] = {"10.0.1.11:3310", "db-b.example:3306",
                                       "[fd00::1]:3310", "/run/mysqld/mysqld.sock"};
    char got[ENDPOINTS_TEXT];
    size_t i;

    (void)state;
    parse(
        " 10.0.1.11:3310\tdb-b.example:3306, [fd00::1]:3310   /run/mysqld/mysqld.sock ");
    assert_int_equal(list.n, 4);
    for (i = 0; i < 4; i++)
        assert_string_equal(endpoints_text(&list.at[i], got), text[i]);
    assert_string_equal(list.at[2].host, "fd00::1"); /* as the client library wants it */
    assert_int_equal(list.at[2].port, 3310);
    assert_int_equal(list.at[3].port, 0);
}

static void t_parse_refuses_what_is_no_endpoint(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "no endpoint"},
               {" ", "no endpoint"},
               {"10.0.1.11", "ADDRESS:PORT"},
               {":3306", "ADDRESS:PORT"},
               {"a:0", "1 to 65535"},
               {"a:65536", "1 to 65535"},
               {"a:33066", NULL},
               {"a:330666", "1 to 65535"},
               {"a:", "1 to 65535"},
               {"a:-1", "1 to 65535"},
               {"a:3306x", "1 to 65535"},
               {"fd00::1:3306", "between [ and ]"},
               {"[]:3306", "IPv6"},
               {"[a_b]:3306", "between [ and ]"},
               {"a;b:3306", "between [ and ]"},
               {"a:1 a:2 a:1", "twice"},
               {"/a /a", "twice"},
               {"a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8", NULL},
               {"a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9", "more than 8"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *why = endpoints_parse(&list, bad[i].text);

        if (!why != !bad[i].why || (why && !strstr(why, bad[i].why)))
            fail_msg("'%s': %s", bad[i].text, why ? why : "is accepted");
    }
}

static void t_parse_refuses_a_path_that_is_no_path_of_a_socket(void **state)
{
    char text[300] = "/";

    (void)state;
    memset(text + 1, 'x', 107);
    text[107] = '\0';                 /* sun_path holds 107 and the 0 */
    parse(text);
    text[107] = 'x';
    text[108] = '\0';
    assert_non_null(strstr(endpoints_parse(&list, text), "longer than 107"));
}

static void t_order_begins_with_the_preferred_endpoint(void **state)
{
    (void)state;
    parse("a:1 b:2 c:3");
    assert_int_equal(endpoints_order(&list, NOW, order), 3);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 2);
}

static void t_order_has_failed_endpoints_last_for_1_to_2_s(void **state)
{
    (void)state;
    parse("a:1 b:2 c:3");
    endpoints_failed(&list, 0, NOW, 0);
    endpoints_failed(&list, 1, NOW, 1000);
    assert_int_equal(endpoints_order(&list, NOW + 999, order), 3);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    endpoints_order(&list, NOW + 1000, order);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 1);
    endpoints_order(&list, NOW + 2000, order);
    assert_int_equal(order[1], 1);
}

static void t_list_of_one_never_waits(void **state)
{
    (void)state;
    endpoints_set_one(&list, "/run/x", 0);
    endpoints_failed(&list, 0, NOW, 7);
    endpoints_round_failed(&list, NOW, UINT32_MAX);
    assert_int_equal(endpoints_order(&list, NOW, order), 1);
    assert_false(endpoints_go_back(&list, 0, NOW + 3600000, 0));
}

/* <random> is chosen so that the whole bound is waited. */
static void t_wait_after_failed_rounds_doubles_up_to_5_s(void **state)
{
    static const uint32_t bound[] = {200, 400, 800, 1600, 3200, 5000, 5000};
    uint64_t now = NOW;
    size_t i;

    (void)state;
    parse("a:1 b:2");
    for (i = 0; i < sizeof(bound) / sizeof(bound[0]); i++) {
        endpoints_round_failed(&list, now, bound[i]);
        assert_int_equal(endpoints_order(&list, now + bound[i] - 1, order), 0);
        now += bound[i];
        assert_int_equal(endpoints_order(&list, now, order), 2);
    }
    endpoints_round_failed(&list, now, 0); /* full jitter: it may be nothing */
    assert_int_equal(endpoints_order(&list, now, order), 2);
    endpoints_connected(&list, 1, now, 0);
    endpoints_round_failed(&list, now, 200);
    assert_int_equal(endpoints_order(&list, now + 200, order), 2);
}

static void t_going_back_is_tried_once_in_10_to_12_s(void **state)
{
    (void)state;
    parse("a:1 b:2 c:3");
    endpoints_failed(&list, 0, NOW, 0);
    endpoints_connected(&list, 1, NOW, 0);
    assert_false(endpoints_go_back(&list, 1, NOW + 9999, 0));
    assert_true(endpoints_go_back(&list, 1, NOW + 10000, 2000));
    assert_false(endpoints_go_back(&list, 1, NOW + 10001, 0));
    assert_false(endpoints_go_back(&list, 1, NOW + 21999, 0));
    assert_true(endpoints_go_back(&list, 1, NOW + 22000, 0));
}

static void t_going_back_waits_until_a_preferred_endpoint_is_not_marked(void **state)
{
    (void)state;
    parse("a:1 b:2 c:3");
    endpoints_connected(&list, 2, NOW, 0);
    endpoints_failed(&list, 0, NOW + 9500, 1000);
    endpoints_failed(&list, 1, NOW + 9500, 0);
    assert_false(endpoints_go_back(&list, 2, NOW + 10000, 0));
    assert_false(endpoints_go_back(&list, 0, NOW + 10600, 0)); /* there is none before */
    assert_true(endpoints_go_back(&list, 2, NOW + 10600, 0)); /* for b */
}

/* A program as myconn is one: servers die and return, and time passes. */
struct world {
    struct rnd rnd;
    bool up[ENDPOINTS_MAX];
    size_t at;                        /* of the connection; SIZE_MAX = none */
    uint64_t now, tried_back, round;  /* the last attempts */
};

static void check_order(const struct world *w, size_t n)
{
    unsigned seen = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        bool down = w->now < list.down_until_ms[order[i]];

        seen |= 1u << order[i];
        if (i > 0 && down == (w->now < list.down_until_ms[order[i - 1]]))
            assert_true(order[i] > order[i - 1]);
        else if (i > 0)
            assert_true(down);        /* marked ones are last */
    }
    assert_int_equal(seen, (1u << list.n) - 1);
}

static void connect_one(struct world *w)
{
    size_t i, n = endpoints_order(&list, w->now, order);

    if (n == 0) {                     /* the wait is bounded */
        assert_true(w->now < w->round + ENDPOINTS_WAIT_MAX_MS);
        return;
    }
    check_order(w, n);
    for (i = 0; i < n; i++) {
        if (w->up[order[i]]) {
            w->at = order[i];
            endpoints_connected(&list, w->at, w->now, rnd_u32(&w->rnd));
            w->tried_back = w->now;
            return;
        }
        endpoints_failed(&list, order[i], w->now, rnd_u32(&w->rnd));
    }
    endpoints_round_failed(&list, w->now, rnd_u32(&w->rnd));
    w->round = w->now;
}

static void go_back(struct world *w)
{
    size_t i;

    if (!endpoints_go_back(&list, w->at, w->now, rnd_u32(&w->rnd)))
        return;
    assert_true(w->now >= w->tried_back + ENDPOINTS_BACK_MS);
    assert_true(w->at > 0);
    w->tried_back = w->now;
    for (i = 0; i < w->at; i++) {
        if (w->up[i]) {
            w->at = i;
            endpoints_connected(&list, i, w->now, rnd_u32(&w->rnd));
            return;
        }
        endpoints_failed(&list, i, w->now, rnd_u32(&w->rnd));
    }
}

static void step(struct world *w, uint32_t ms)
{
    w->now += ms;
    if (w->at != SIZE_MAX && !w->up[w->at]) {
        endpoints_failed(&list, w->at, w->now, rnd_u32(&w->rnd));
        w->at = SIZE_MAX;
    }
    if (w->at == SIZE_MAX)
        connect_one(w);
    else
        go_back(w);
}

static void run_world(struct world *w)
{
    size_t i, k, first;

    for (i = 0; i < 300; i++) {
        k = rnd_u32(&w->rnd) % list.n;
        w->up[k] = rnd_u32(&w->rnd) % 2;
        for (k = rnd_u32(&w->rnd) % 30; k > 0; k--)
            step(w, rnd_u32(&w->rnd) % 400);
    }
    /* From now on nothing changes: within the longest wait there is a connection when a
     * server is there, and within another 15 s it is to the most preferred one. */
    for (k = 0; k < 60; k++)
        step(w, 100);
    for (first = 0; first < list.n && !w->up[first]; first++)
        continue;
    if (first == list.n) {
        assert_true(w->at == SIZE_MAX);
        return;
    }
    assert_true(w->at != SIZE_MAX);
    for (k = 0; k < 250; k++)
        step(w, 100);
    assert_int_equal(w->at, first);
}

static void t_random_rounds_keep_the_promises(void **state)
{
    static const char all[] = "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1";
    uint64_t seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
    char text[sizeof(all)];
    size_t i;

    (void)state;
    if (getenv("SEED"))
        seed = strtoull(getenv("SEED"), NULL, 10);
    print_message("SEED=%llu\n", (unsigned long long)seed);
    for (i = 0; i < 200; i++) {
        struct world w = {.at = SIZE_MAX, .now = NOW};

        rnd_init(&w.rnd, seed + i);
        snprintf(text, 4 * (1 + rnd_u32(&w.rnd) % ENDPOINTS_MAX), "%s", all);
        parse(text);
        run_world(&w);
    }
}

T_MAIN(T(t_parse_reads_names_addresses_and_paths), T(t_parse_refuses_what_is_no_endpoint),
       T(t_parse_refuses_a_path_that_is_no_path_of_a_socket),
       T(t_order_begins_with_the_preferred_endpoint),
       T(t_order_has_failed_endpoints_last_for_1_to_2_s), T(t_list_of_one_never_waits),
       T(t_wait_after_failed_rounds_doubles_up_to_5_s),
       T(t_going_back_is_tried_once_in_10_to_12_s),
       T(t_going_back_waits_until_a_preferred_endpoint_is_not_marked),
       T(t_random_rounds_keep_the_promises))
