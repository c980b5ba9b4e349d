/* Rates from the counters of a gateway: over a restart, a silence and counters that are
 * none. */
#include "scale/demand_rates.h"

#include "scale/demand_question.h"
#include "t.h"

static struct demand_rates_source source;
static struct demand_answer answer;
static uint64_t now;

static int setup(void **state)
{
    (void)state;
    memset(&source, 0, sizeof(source));
    memset(&answer, 0, sizeof(answer));
    strcpy(answer.epoch, "a");
    answer.ms = 5000000000; /* its clock has nothing to do with ours */
    answer.n = 1;
    answer.module[0] = (struct demand_answer_module){.modid = 10, .cmdid = 1, .slot = 3};
    now = 700;
    return 0;
}

/* The gateway answers <ms> after the last time, and <more> requests went to nodes. */
static void add(uint32_t ms, uint64_t more)
{
    now += ms;
    answer.ms += ms;
    answer.module[0].forwarded += more;
    demand_rates_add(&source, &answer, now);
}

static double served(void)
{
    const struct demand_rates *r = demand_rates_of(&source, 10, 1);

    assert_non_null(r);
    return r->served;
}

static void t_first_answer_is_no_rate(void **state)
{
    (void)state;
    add(0, 1000);
    assert_null(demand_rates_of(&source, 10, 1));
    assert_false(demand_rates_counts(&source, now));
    assert_true(demand_rates_answers(&source, now));
}

static void t_each_counter_has_its_rate(void **state)
{
    const struct demand_rates *r;

    (void)state;
    add(0, 0);
    answer.module[0].arrived = 500;
    answer.module[0].cached = 300;
    answer.module[0].refused = 40;
    answer.module[0].inflight_ms = 6000;
    add(500, 100);
    r = demand_rates_of(&source, 10, 1);
    assert_true(r->arrived == 1000);
    assert_true(r->cached == 600);
    assert_true(r->served == 200);
    assert_true(r->refused == 80);
    assert_true(r->inflight == 12);
    assert_null(demand_rates_of(&source, 10, 2));
    assert_null(demand_rates_of(&source, 1, 10));
}

static void t_rate_is_that_of_the_last_second(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 10; i++)
        add(500, 50);
    assert_true(served() == 100);
    add(500, 500);
    assert_true(served() == 550);
    add(500, 500);
    assert_true(served() == 1000);
    add(500, 0);
    assert_true(served() == 500);
    add(500, 0);
    assert_true(served() == 0);
}

static void t_short_intervals_give_the_rate_of_a_second_too(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 40; i++)
        add(100, 10);
    assert_true(served() == 100);
    for (i = 0; i < 5; i++)
        add(100, 110);
    assert_true(served() > 400 && served() < 800);
    for (i = 0; i < 7; i++)
        add(100, 110);
    assert_true(served() == 1100);
}

static void t_two_answers_at_one_time_tell_nothing(void **state)
{
    (void)state;
    add(0, 0);
    add(0, 1000);
    add(1, 1000);
    assert_null(demand_rates_of(&source, 10, 1));
    add(999, 0);
    assert_true(served() == 2000);
}

static void t_restart_keeps_the_last_rates_until_there_are_new_ones(void **state)
{
    (void)state;
    add(0, 100000);
    add(1000, 200);
    assert_true(served() == 200);
    strcpy(answer.epoch, "b"); /* the clock is that of the host */
    add(500, 30000);
    assert_true(served() == 200);
    assert_true(demand_rates_counts(&source, now));
    add(500, 50);
    assert_true(served() == 100);
}

static void t_clock_that_goes_back_is_a_restart(void **state)
{
    (void)state;
    add(0, 0);
    add(1000, 200);
    answer.ms = 17;
    add(500, 1000000);
    assert_true(served() == 200);
    add(500, 50);
    assert_true(served() == 100);
}

static void t_counter_that_goes_back_or_jumps_is_no_rate(void **state)
{
    (void)state;
    add(0, 100000);
    add(1000, 200);
    answer.module[0].forwarded = 0;
    add(1000, 0);
    assert_true(served() == 200);
    add(1000, 300);
    assert_true(served() == 300);
    add(1000, (uint64_t)1 << 60);
    assert_true(served() == 300);
    add(1000, 400);
    assert_true(served() == 400);
}

static void t_counters_of_another_slot_are_others(void **state)
{
    (void)state;
    add(0, 0);
    add(1000, 200);
    answer.module[0].slot = 4;
    add(1000, 5000);
    assert_true(served() == 200);
    add(1000, 300);
    assert_true(served() == 300);
}

static void t_new_module_has_no_rate_and_an_old_one_goes(void **state)
{
    (void)state;
    add(0, 0);
    add(1000, 200);
    answer.n = 2;
    answer.module[1] = (struct demand_answer_module){.modid = 20, .forwarded = 100000};
    add(1000, 200);
    assert_true(demand_rates_of(&source, 20, 0)->served == 0);
    answer.module[1].forwarded += 70;
    add(1000, 200);
    assert_true(demand_rates_of(&source, 20, 0)->served == 70);
    answer.n = 1;
    add(1000, 200);
    assert_null(demand_rates_of(&source, 20, 0));
    assert_true(served() == 200);
}

static void t_silent_gateway_counts_for_10_s(void **state)
{
    (void)state;
    add(0, 0);
    add(1000, 200);
    assert_true(demand_rates_is_fresh(&source, now + 1500));
    assert_true(demand_rates_answers(&source, now + 1500));
    assert_false(demand_rates_is_fresh(&source, now + 1501));
    assert_false(demand_rates_answers(&source, now + 1501));
    assert_true(demand_rates_counts(&source, now + 10000));
    assert_false(demand_rates_counts(&source, now + 10001));
}

static void t_first_rate_after_a_silence_is_the_mean_over_it(void **state)
{
    (void)state;
    add(0, 0);
    add(1000, 200);
    add(20000, 2100);
    assert_true(served() == 105);
    add(500, 250);
    assert_true(served() == 500);
}

static void t_it_answers_without_a_pause_since_the_last_pause_or_restart(void **state)
{
    int i;

    (void)state;
    for (i = 0; i <= 60; i++)
        add(1000, 1);
    assert_int_equal(demand_rates_whole_ms(&source, now), 60000);
    assert_int_equal(demand_rates_whole_ms(&source, now + 1500), 61500);
    assert_int_equal(demand_rates_whole_ms(&source, now + 1501), 0);
    add(1501, 1);
    assert_int_equal(demand_rates_whole_ms(&source, now), 0);
    add(1500, 1);
    assert_int_equal(demand_rates_whole_ms(&source, now), 1500);
    strcpy(answer.epoch, "b");
    add(1000, 1);
    assert_int_equal(demand_rates_whole_ms(&source, now), 0);
    add(1000, 1);
    assert_int_equal(demand_rates_whole_ms(&source, now), 1000);
}

static void t_gateway_whose_clock_stands_still_does_not_count_as_whole(void **state)
{
    int i;

    (void)state;
    add(0, 0);
    add(1000, 100);
    for (i = 0; i < 70; i++) {
        answer.ms -= 1000;
        add(1000, 100);
    }
    assert_int_equal(demand_rates_whole_ms(&source, now), 0);
    assert_false(demand_rates_counts(&source, now));
}

/* --- the answer as JSON ------------------------------------------------------------- */

#define MODULE                                                                           \
    "\"modid\":10,\"cmdid\":1,\"slot\":0,\"arrived\":9,\"cached\":5,\"forwarded\":3,"    \
    "\"refused_new\":1,\"refused_waiting\":2,\"refused_inside\":4"
#define HEAD                                                                             \
    "\"epoch\":\"e\",\"ms\":1,\"loops\":1,\"loops_max\":2,\"loop_busy_permille\":3"

static int read_text(const char *text)
{
    json_t *o = json_loads(text, 0, NULL);
    int rc = demand_answer_read(&answer, o);

    json_decref(o);
    return rc;
}

static void t_answer_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("{" HEAD ",\"zone\":\"a\",\"modules\":[{" MODULE
                               ",\"inflight_ms\":77,\"new\":[]}],\"more\":1}"),
                     0);
    assert_string_equal(answer.zone, "a");
    assert_int_equal(answer.n, 1);
    assert_int_equal(answer.module[0].refused, 7);
    assert_int_equal(answer.module[0].inflight_ms, 77);
    assert_int_equal(read_text("{" HEAD ",\"zone\":\"\",\"modules\":[]}"), 0);
    assert_int_equal(answer.n, 0);
}

static void t_answer_that_lacks_or_breaks_a_member_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{" HEAD ",\"modules\":[]}",
        "{" HEAD ",\"zone\":\"\"}",
        "{" HEAD ",\"zone\":\"\",\"modules\":{}}",
        "{" HEAD ",\"zone\":\"\",\"modules\":[1]}",
        "{" HEAD ",\"zone\":\"\",\"modules\":[{" MODULE "}]}",
        "{" HEAD ",\"zone\":\"\",\"modules\":[{" MODULE ",\"inflight_ms\":-1}]}",
        "{" HEAD ",\"zone\":\"\",\"modules\":[{" MODULE ",\"inflight_ms\":1.5}]}",
        "{" HEAD ",\"zone\":\"\",\"modules\":[{" MODULE ",\"inflight_ms\":\"1\"}]}",
        "{" HEAD ",\"zone\":\"123456789012345678901234567890123\",\"modules\":[]}",
        "{" HEAD ",\"zone\":\"a\\u001b[2J\",\"modules\":[]}",
        "{\"epoch\":1,\"ms\":1,\"loops\":1,\"loops_max\":2,\"loop_busy_permille\":3,"
        "\"zone\":\"\",\"modules\":[]}",
        "{\"epoch\":\"\",\"ms\":1,\"loops\":4294967296,\"loops_max\":2,"
        "\"loop_busy_permille\":3,\"zone\":\"\",\"modules\":[]}"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (read_text(wrong[i]) != -EPROTO)
            fail_msg("accepted: %s", wrong[i]);
}

static void t_answer_with_too_many_modules_is_refused(void **state)
{
    json_t *all = json_array(), *o;
    int i;

    (void)state;
    for (i = 0; i <= DEMAND_MODULES_MAX; i++)
        json_array_append_new(all,
                              json_loads("{" MODULE ",\"inflight_ms\":77}", 0, NULL));
    o = json_loads("{" HEAD ",\"zone\":\"\"}", 0, NULL);
    json_object_set_new(o, "modules", all);
    assert_int_equal(demand_answer_read(&answer, o), -EPROTO);
    json_array_remove(all, 0);
    assert_int_equal(demand_answer_read(&answer, o), 0);
    assert_int_equal(answer.n, DEMAND_MODULES_MAX);
    json_decref(o);
}

/* --- the question ------------------------------------------------------------------- */

static void t_share_follows_the_demand_and_has_a_least_value(void **state)
{
    (void)state;
    assert_true(demand_question_share(30, 100, 2) == 0.3);
    assert_true(demand_question_share(10, 100, 2) == 0.25);
    assert_true(demand_question_share(100, 100, 2) == 1);
    assert_true(demand_question_share(0, 0, 4) == 0.25);
    assert_true(demand_question_share(0, 50, 4) == 0.125);
    assert_true(demand_question_share(7, 7, 1) == 1);
}

static void t_question_has_shares_that_fit_and_the_others_next_time(void **state)
{
    static struct demand_share share[DEMAND_MODULES_MAX];
    static bool seen[DEMAND_MODULES_MAX];
    static char text[DEMAND_QUESTION_SIZE];
    unsigned i, round, first = 0;

    (void)state;
    for (i = 0; i < DEMAND_MODULES_MAX; i++)
        share[i] = (struct demand_share){4294967040 + i, 4294967295, 0.25};
    for (round = 0; round < 4; round++) {
        json_t *o, *m;
        size_t k;

        first = demand_question_write(text, "0123-4", 2, round % 3, share,
                                      DEMAND_MODULES_MAX, first);
        o = json_loads(text, 0, NULL);
        assert_non_null(o);
        assert_int_equal(json_integer_value(json_object_get(o, "gateways")), 2);
        json_array_foreach(json_object_get(o, "modules"), k, m)
        {
            seen[json_integer_value(json_object_get(m, "modid")) - 4294967040] = true;
            assert_true(json_number_value(json_object_get(m, "share")) == 0.25);
        }
        assert_true(k > 40);
        json_decref(o);
    }
    for (i = 0; i < DEMAND_MODULES_MAX; i++)
        assert_true(seen[i]);
}

static void t_question_without_modules_is_complete(void **state)
{
    char text[DEMAND_QUESTION_SIZE];

    (void)state;
    assert_int_equal(
        demand_question_write(text, "a-1", 3, DEMAND_ORDER_UNKNOWN, NULL, 0, 0), 0);
    assert_string_equal(text, "{\"id\":\"a-1\",\"gateways\":3,\"modules\":[]}");
}

static void t_question_says_whether_the_zone_is_out(void **state)
{
    char text[DEMAND_QUESTION_SIZE];

    (void)state;
    demand_question_write(text, "a-1", 3, DEMAND_ORDER_SERVE, NULL, 0, 0);
    assert_string_equal(text, "{\"id\":\"a-1\",\"gateways\":3,\"zone_out\":false,"
                              "\"modules\":[]}");
    demand_question_write(text, "a-1", 3, DEMAND_ORDER_DRAIN, NULL, 0, 0);
    assert_string_equal(text, "{\"id\":\"a-1\",\"gateways\":3,\"zone_out\":true,"
                              "\"modules\":[]}");
}

#define U(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(U(t_first_answer_is_no_rate), U(t_each_counter_has_its_rate),
       U(t_rate_is_that_of_the_last_second),
       U(t_short_intervals_give_the_rate_of_a_second_too),
       U(t_two_answers_at_one_time_tell_nothing),
       U(t_restart_keeps_the_last_rates_until_there_are_new_ones),
       U(t_clock_that_goes_back_is_a_restart),
       U(t_counter_that_goes_back_or_jumps_is_no_rate),
       U(t_counters_of_another_slot_are_others),
       U(t_new_module_has_no_rate_and_an_old_one_goes),
       U(t_silent_gateway_counts_for_10_s),
       U(t_first_rate_after_a_silence_is_the_mean_over_it),
       U(t_it_answers_without_a_pause_since_the_last_pause_or_restart),
       U(t_gateway_whose_clock_stands_still_does_not_count_as_whole), U(t_answer_is_read),
       U(t_answer_that_lacks_or_breaks_a_member_is_refused),
       U(t_answer_with_too_many_modules_is_refused),
       U(t_share_follows_the_demand_and_has_a_least_value),
       U(t_question_has_shares_that_fit_and_the_others_next_time),
       U(t_question_without_modules_is_complete),
       U(t_question_says_whether_the_zone_is_out))
