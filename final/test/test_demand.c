/* The demand of all gateways, over real HTTP: what is known when some of them hang, send
 * garbage, start anew or are gone. */
#include "scale/demand.h"

#include "base/mono.h"
#include "lib/gatefake.h"
#include "t.h"

#define N 3

static struct gatefake fake[N];
static struct fleet_keys *keys;
static struct demand *demand;
static struct demand_view view;
static struct demand_gateway_view one;
static char err[CONF_ERR_MAX];

static int setup(void **state)
{
    (void)state;
    memset(fake, 0, sizeof(fake));
    demand = NULL;
    return fleet_keys_create(&keys, "", "", err);
}

static int teardown(void **state)
{
    int i;

    (void)state;
    demand_stop(demand);
    for (i = 0; i < N; i++)
        gatefake_stop(&fake[i]);
    fleet_keys_destroy(keys);
    return 0;
}

static int start_at(const char *gateways)
{
    struct demand_config c = {
        .gateways = gateways, .keys = keys, .pull_ms = 100, .nodes_ms = 200};

    return demand_start(&demand, &c, err);
}

/* Ask the first <n> gateways. */
static void start(unsigned n)
{
    char list[N * 40] = "";
    unsigned i;

    for (i = 0; i < n; i++) {
        strcat(list, fake[i].at);
        strcat(list, ", ");
    }
    assert_int_equal(start_at(list), 0);
}

static const struct demand_view *look_at(uint64_t now_ms)
{
    demand_look(demand, 10, 1, now_ms, &view);
    return &view;
}

static const struct demand_view *look(void)
{
    return look_at(mono_ms());
}

static const struct demand_gateway_view *gateway(unsigned i)
{
    demand_look_gateway(demand, i, mono_ms(), &one);
    return &one;
}

static void await_fresh(unsigned n)
{
    T_WAIT(look()->n_fresh == n);
}

/* --- what gateways answer ----------------------------------------------------------- */

static void t_rates_of_all_gateways_are_summed_by_zone(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "b", 100, keys);
    gatefake_start(&fake[1], "a", 30, keys);
    gatefake_start(&fake[2], "b", 20, keys);
    fake[1].rate[0].arrived = 1000;
    fake[1].rate[0].cached = 960;
    fake[1].rate[0].refused = 10;
    fake[1].rate[0].inflight = 7;
    start(3);
    await_fresh(3);
    assert_true(view.known);
    assert_true(view.fresh);
    assert_int_equal(view.n_gateways, 3);
    assert_int_equal(view.n_known, 3);
    assert_true(view.all.served == 150);
    assert_int_equal(view.n_zones, 2);
    assert_string_equal(view.zone[0].zone, "a");
    assert_true(view.zone[0].rates.served == 30);
    assert_true(view.zone[0].rates.arrived == 1000);
    assert_true(view.zone[0].rates.cached == 960);
    assert_true(view.zone[0].rates.refused == 10);
    assert_true(view.zone[0].rates.inflight == 7);
    assert_string_equal(view.zone[1].zone, "b");
    assert_true(view.zone[1].rates.served == 120);
    assert_true(view.zone[1].rates.refused == 0);
}

static void t_module_that_no_rules_name_has_no_demand(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    start(1);
    await_fresh(1);
    demand_look(demand, 10, 2, mono_ms(), &view);
    assert_false(view.known);
    assert_true(view.fresh);
    assert_true(view.all.served == 0);
    assert_int_equal(view.n_zones, 1);
}

static void t_new_rate_is_seen_with_the_next_answers(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "", 100, keys);
    start(1);
    await_fresh(1);
    pthread_mutex_lock(&fake[0].lock);
    fake[0].rate[0].forwarded = 5000;
    pthread_mutex_unlock(&fake[0].lock);
    T_WAIT(look()->all.served == 5000);
}

static void t_restart_of_a_gateway_is_no_gap_and_no_negative_rate(void **state)
{
    unsigned n;

    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    start(1);
    await_fresh(1);
    gatefake_restart(&fake[0], "second");
    n = fake[0].n_answered;
    T_WAIT((assert_true(look()->all.served == 100), fake[0].n_answered) >= n + 10);
    assert_true(look()->fresh);
}

static void t_busy_is_the_mean_over_the_loops_that_gateways_may_have(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "a", 0, keys);
    gatefake_start(&fake[1], "a", 0, keys);
    fake[0].loops = 2;
    fake[0].loops_max = 4;
    fake[0].permille = 600; /* 0.3 of what it can have */
    fake[1].loops = fake[1].loops_max = 4;
    fake[1].permille = 900;
    start(2);
    await_fresh(2);
    assert_in_range((int)(demand_gateways_busy(demand, mono_ms()) * 10000), 5999, 6001);
    assert_true(demand_gateways_busy(demand, mono_ms() + 60000) == -1);
    assert_int_equal(gateway(0)->loops_max, 4);
    assert_string_equal(one.zone, "a");
    assert_true(one.answers);
}

/* --- gateways that do not answer ---------------------------------------------------- */

static void t_gateway_that_hangs_counts_for_10_s_and_delays_no_other(void **state)
{
    uint64_t now;
    unsigned n;

    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    gatefake_start(&fake[1], "b", 50, keys);
    start(2);
    await_fresh(2);
    fake[0].mode = GATEFAKE_HANGS;
    n = fake[1].n_answered;
    T_WAIT(look()->n_fresh == 1);
    assert_true(fake[1].n_answered > n);
    assert_true(view.all.served == 150);
    assert_int_equal(view.n_known, 2);
    assert_false(view.all_gateways_60s);
    T_WAIT(gateway(0)->n_failed > 0);
    assert_non_null(strstr(one.why, "no answer came within"));
    now = mono_ms() + DEMAND_KEEP_MS + 1 - gateway(0)->age_ms;
    assert_int_equal(look_at(now)->n_known, 1);
    assert_true(view.all.served == 50);
    assert_int_equal(view.n_zones, 1);
    fake[0].mode = GATEFAKE_ANSWERS;
    await_fresh(2);
    assert_true(look()->all.served == 150);
}

static void t_answers_that_are_none_leave_the_last_rates(void **state)
{
    static const struct {
        enum gatefake_mode mode;
        const char *why;
    } wrong[] = {{GATEFAKE_GARBAGE, "no JSON object"},
                 {GATEFAKE_LACKS, "lacks a member"},
                 {GATEFAKE_CUTS, "connection failed"},
                 {GATEFAKE_OVERSIZED, "more than 1048576 bytes"},
                 {GATEFAKE_DRIPS, "no answer came within"},
                 {GATEFAKE_REFUSES, "the signature is wrong"},
                 {GATEFAKE_FAILS, "status 503: no memory"}};
    uint64_t n;
    size_t i;

    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    start(1);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        fake[0].mode = GATEFAKE_ANSWERS;
        await_fresh(1);
        n = gateway(0)->n_failed;
        fake[0].mode = wrong[i].mode;
        T_WAIT(gateway(0)->n_failed > n + 1); /* the second one began in this mode */
        if (!strstr(one.why, wrong[i].why))
            fail_msg("\"%s\" is not in: %s", wrong[i].why, one.why);
        assert_true(look_at(mono_ms() - one.age_ms)->all.served == 100);
    }
}

static void t_gateway_that_never_answered_is_missing(void **state)
{
    char list[100];

    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    gatefake_start(&fake[1], "a", 100, keys);
    gatefake_stop(&fake[1]); /* its port has no listener any more */
    snprintf(list, sizeof(list), "%s %s", fake[0].at, fake[1].at);
    assert_int_equal(start_at(list), 0);
    await_fresh(1);
    T_WAIT(gateway(1)->n_failed > 0);
    assert_non_null(strstr(one.why, "nothing listens there"));
    assert_true(one.age_ms == UINT64_MAX);
    assert_false(one.answers);
    assert_int_equal(look()->n_gateways, 2);
    assert_int_equal(view.n_known, 1);
    assert_false(view.all_gateways_60s);
    assert_true(view.all.served == 100);
}

static void t_it_stops_while_all_gateways_hang(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < N; i++) {
        gatefake_start(&fake[i], "a", 100, keys);
        fake[i].mode = GATEFAKE_HANGS;
    }
    start(N);
    for (i = 0; i < N; i++)
        T_WAIT(fake[i].n_asked > 0);
    demand_stop(demand);
    demand = NULL;
}

/* --- what they are asked ------------------------------------------------------------ */

/* --- response times of nodes -------------------------------------------------------- */

static struct node_minutes minutes;

static bool take(void)
{
    return demand_nodes_take(demand, &minutes);
}

static void t_node_times_are_given_out_once_and_only_when_all_gateways_told(void **state)
{
    unsigned n;

    (void)state;
    gatefake_start(&fake[0], "a", 10, keys);
    gatefake_start(&fake[1], "b", 10, keys);
    start(2);
    T_WAIT(take());
    assert_int_equal(minutes.n, 1);
    assert_int_equal(node_minutes_answers(&minutes.at[0]), 600);
    assert_true(minutes.at[0].rps == 600);
    assert_int_equal(demand_nodes_timed(demand, mono_ms()), 2);
    fake[0].mode = GATEFAKE_FAILS;
    T_WAIT(gateway(0)->n_failed > 0); /* nothing new of it comes after this */
    take();
    assert_false(take());
    n = fake[1].n_answered;
    T_WAIT(fake[1].n_answered >= n + 10);
    assert_false(take());
    T_WAIT(demand_nodes_timed(demand, mono_ms()) == 1);
    fake[0].mode = GATEFAKE_ANSWERS;
    T_WAIT(take());
}

static void t_each_gateway_gets_its_share_of_the_demand(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "a", 100, keys);
    gatefake_start(&fake[1], "b", 300, keys);
    start(2);
    T_WAIT(gatefake_was_asked(
        &fake[0], "\"gateways\":2,\"modules\":[{\"modid\":10,\"cmdid\":1,\"share\":"
                  "0.2500}]}"));
    T_WAIT(gatefake_was_asked(&fake[1], "\"share\":0.7500"));
    pthread_mutex_lock(&fake[0].lock);
    fake[0].rate[0].refused = 200; /* refused visitors are demand too */
    pthread_mutex_unlock(&fake[0].lock);
    T_WAIT(gatefake_was_asked(&fake[0], "\"share\":0.5000"));
    T_WAIT(gatefake_was_asked(&fake[1], "\"share\":0.5000"));
}

static void t_gateway_without_visitors_gets_half_of_an_equal_share(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "a", 0, keys);
    gatefake_start(&fake[1], "b", 300, keys);
    start(2);
    T_WAIT(gatefake_was_asked(&fake[0], "\"share\":0.2500"));
    T_WAIT(gatefake_was_asked(&fake[1], "\"share\":1.0000"));
}

/* Ten questions a second: each needs a signature of its own. */
static void t_every_question_is_signed_and_none_is_repeated(void **state)
{
    (void)state;
    gatefake_start(&fake[0], "a", 0, keys);
    start(1);
    T_WAIT(fake[0].n_answered >= 30);
    assert_int_equal(fake[0].n_wrong, 0);
    assert_int_equal(gateway(0)->n_failed, 0);
}

/* --- configuration ------------------------------------------------------------------ */

static void t_without_gateways_there_is_no_demand_and_none_is_missing(void **state)
{
    (void)state;
    assert_int_equal(start_at(""), 0);
    assert_int_equal(demand_n_gateways(demand), 0);
    assert_false(look()->fresh);
    assert_false(view.known);
    assert_int_equal(view.n_zones, 0);
    assert_true(view.all_gateways_60s);
    assert_true(demand_gateways_busy(demand, mono_ms()) == -1);
}

static void t_wrong_list_of_gateways_is_refused(void **state)
{
    static const char *const wrong[] = {"x", "127.0.0.1", "127.0.0.1:0",
                                        "127.0.0.1:1, 127.0.0.1:1"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(start_at(wrong[i]), -EINVAL);
        assert_non_null(strstr(err, "[autoscaler] gateways"));
    }
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_rates_of_all_gateways_are_summed_by_zone),
       U(t_module_that_no_rules_name_has_no_demand),
       U(t_new_rate_is_seen_with_the_next_answers),
       U(t_restart_of_a_gateway_is_no_gap_and_no_negative_rate),
       U(t_busy_is_the_mean_over_the_loops_that_gateways_may_have),
       U(t_gateway_that_hangs_counts_for_10_s_and_delays_no_other),
       U(t_answers_that_are_none_leave_the_last_rates),
       U(t_gateway_that_never_answered_is_missing), U(t_it_stops_while_all_gateways_hang),
       U(t_node_times_are_given_out_once_and_only_when_all_gateways_told),
       U(t_each_gateway_gets_its_share_of_the_demand),
       U(t_gateway_without_visitors_gets_half_of_an_equal_share),
       U(t_every_question_is_signed_and_none_is_repeated),
       U(t_without_gateways_there_is_no_demand_and_none_is_missing),
       U(t_wrong_list_of_gateways_is_refused))
