/* Gateways that come while the autoscaler runs: they are asked for their demand without a
 * restart, and a host is seen from outside when the right gateway answers there. */
#include "base/mono.h"
#include "lib/gatefake.h"
#include "scale/demand.h"
#include "t.h"

#define N 3

static struct gatefake fake[N];
static struct fleet_keys *keys;
static struct demand *demand;
static struct demand_view view;
static struct demand_gateway_view one;

static int setup(void **state)
{
    char err[CONF_ERR_MAX];
    int i;

    (void)state;
    memset(fake, 0, sizeof(fake));
    assert_int_equal(fleet_keys_create(&keys, "", "", err), 0);
    for (i = 0; i < N; i++)
        gatefake_start(&fake[i], "a", 100, keys);
    demand = NULL;
    return 0;
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

static void start(const char *gateways)
{
    struct demand_config c = {.gateways = gateways, .keys = keys, .pull_ms = 100};
    char err[CONF_ERR_MAX];

    assert_int_equal(demand_start(&demand, &c, err), 0);
}

static struct demand_follow to(int i, bool required, bool counts)
{
    struct demand_follow f = {.required = required, .counts = counts};

    snprintf(f.at, sizeof(f.at), "%s", fake[i].at);
    return f;
}

static const struct demand_view *look(void)
{
    demand_look(demand, 10, 1, mono_ms(), &view);
    return &view;
}

static void t_a_followed_gateway_counts_without_a_restart(void **state)
{
    struct demand_follow list[2] = {to(1, true, true), to(2, true, true)};

    (void)state;
    start(fake[0].at);
    T_WAIT(look()->n_fresh == 1);
    assert_int_equal(view.n_gateways, 1);
    demand_follow_set(demand, list, 2);
    assert_int_equal(look()->n_gateways, 3);
    T_WAIT(look()->n_fresh == 3);
    assert_true(view.all.served == 300);
    demand_follow_set(demand, list, 2); /* said again, it changes nothing */
    assert_int_equal(look()->n_gateways, 3);
    assert_true(gatefake_was_asked(&fake[1], "\"gateways\""));
    demand_follow_set(demand, list, 1);
    assert_int_equal(look()->n_gateways, 2);
    assert_true(view.all.served == 200);
}

static void t_a_place_is_used_again_and_begins_empty(void **state)
{
    struct demand_follow first = to(1, true, true), second = to(2, true, true);
    unsigned n;

    (void)state;
    start("");
    demand_follow_set(demand, &first, 1);
    T_WAIT(look()->n_fresh == 1);
    n = demand_n_gateways(demand);
    demand_follow_set(demand, NULL, 0);
    assert_int_equal(look()->n_gateways, 0);
    assert_false(demand_look_gateway(demand, 0, mono_ms(), &one));
    fake[2].mode = GATEFAKE_HANGS;
    /* until the thread has emptied its place, the next one would get a new one */
    T_WAIT((demand_look_gateway(demand, 0, mono_ms(), &one), one.epoch[0] == '\0'));
    demand_follow_set(demand, &second, 1);
    assert_int_equal(demand_n_gateways(demand), n);
    assert_true(demand_look_gateway(demand, 0, mono_ms(), &one));
    assert_string_equal(one.at, fake[2].at);
    assert_false(one.answers);
    assert_int_equal(look()->n_known, 0);
    assert_string_equal(one.epoch, "");
}

static void t_a_configured_gateway_is_not_asked_twice(void **state)
{
    struct demand_follow f = to(0, false, false);

    (void)state;
    start(fake[0].at);
    demand_follow_set(demand, &f, 1);
    assert_int_equal(look()->n_gateways, 1);
    assert_true(demand_look_gateway(demand, 0, mono_ms(), &one));
    assert_true(one.configured && one.required);
}

static void t_only_required_gateways_have_to_answer(void **state)
{
    struct demand_follow f = to(1, true, true);

    (void)state;
    start("");
    assert_true(look()->all_gateways_60s);
    fake[1].mode = GATEFAKE_HANGS;
    demand_follow_set(demand, &f, 1);
    assert_false(look()->all_gateways_60s);
    f.required = false; /* it is being withdrawn */
    demand_follow_set(demand, &f, 1);
    assert_true(look()->all_gateways_60s);
}

static void t_only_gateways_that_count_are_in_the_mean(void **state)
{
    struct demand_follow f = to(1, true, false);

    (void)state;
    fake[0].loops = fake[0].loops_max = fake[1].loops = fake[1].loops_max = 1;
    fake[0].permille = 900;
    fake[1].permille = 100;
    start(fake[0].at);
    demand_follow_set(demand, &f, 1);
    T_WAIT(look()->n_fresh == 2);
    assert_in_range((int)(demand_gateways_busy(demand, mono_ms()) * 1000), 899, 901);
    f.counts = true;
    demand_follow_set(demand, &f, 1);
    assert_in_range((int)(demand_gateways_busy(demand, mono_ms()) * 1000), 499, 501);
}

static void t_more_than_there_are_places_are_left_out(void **state)
{
    struct demand_follow list[DEMAND_GATEWAYS_MAX + 3];
    unsigned i;

    (void)state;
    start(fake[0].at);
    for (i = 0; i < DEMAND_GATEWAYS_MAX + 3; i++) {
        list[i] = to(1, true, true);
        snprintf(list[i].at, sizeof(list[i].at), "127.0.0.1:%u", i + 1);
    }
    demand_follow_set(demand, list, DEMAND_GATEWAYS_MAX + 3);
    assert_int_equal(look()->n_gateways, DEMAND_GATEWAYS_MAX);
    demand_follow_set(demand, NULL, 0);
    assert_int_equal(look()->n_gateways, 1);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(t_a_followed_gateway_counts_without_a_restart),
        S(t_a_place_is_used_again_and_begins_empty),
        S(t_a_configured_gateway_is_not_asked_twice),
        S(t_only_required_gateways_have_to_answer),
        S(t_only_gateways_that_count_are_in_the_mean),
        S(t_more_than_there_are_places_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
