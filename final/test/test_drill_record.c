/* What follows from the samples of a drill: times, targets, the limits for visitors; and
 * the page, which shows any text as text. */
#include "t.h"

#include "drill/limits.h"
#include "drill/record.h"
#include "drill/report_page.h"

static struct script s;
static struct record r;
static struct watch_sample sample[100];

/* A drill of 20 s with a sample each half second: three gateways count on nine nodes. */
static void start(enum script_do what)
{
    unsigned k;

    memset(&s, 0, sizeof(s));
    memset(&r, 0, sizeof(r));
    s.target = (struct script_target){SCRIPT_NONE, SCRIPT_NONE, SCRIPT_NONE,
                                      SCRIPT_NONE, SCRIPT_NONE, SCRIPT_NONE};
    s.event[0] = (struct script_event){.number = 1,
                                       .what = what,
                                       .factor = 8,
                                       .detect = what == SCRIPT_KILL};
    s.n_events = 1;
    r.script = &s;
    r.who = "the-operator";
    r.begin_ms = 5000;
    r.undone = true;
    r.event[0].did_ms = r.begin_ms + 4000;
    r.sample = sample;
    r.n_samples = 40;
    for (k = 0; k < r.n_samples; k++)
        sample[k] = (struct watch_sample){.at_ms = r.begin_ms + k * 500,
                                          .gateways = 3,
                                          .nodes_in = 9,
                                          .wanted = 4,
                                          .up = 4};
}

static void add_seconds(unsigned n, unsigned failed)
{
    struct figures f = {.scheduled = 10, .ok = 10 - failed};

    f.status[2] = 10 - failed;
    f.status[5] = failed;
    f.latency[latency_bucket(20000)] = 10 - failed;
    while (n-- > 0)
        assert_int_equal(record_add(&r, &f, &sample[0]), 0);
}

static bool near(double a, double b)
{
    return a > b - 0.001 && a < b + 0.001;
}

static void t_detection_is_the_first_sample_that_is_worse(void **state)
{
    (void)state;
    start(SCRIPT_KILL);
    add_seconds(20, 0);
    assert_true(record_detect_s(&r, 0) == RECORD_NONE);
    sample[3].nodes_in = 1; /* before it */
    sample[13].nodes_in = 8;
    assert_true(near(record_detect_s(&r, 0), 2.5));
    sample[12].alarms = 1;
    assert_true(near(record_detect_s(&r, 0), 2));
    sample[11].gateways = 2;
    assert_true(near(record_detect_s(&r, 0), 1.5));
    r.event[0].undone_ms = r.begin_ms + 5000; /* what is worse later is no effect of it */
    assert_true(record_detect_s(&r, 0) == RECORD_NONE);
    record_free(&r);
}

static void t_detection_does_not_apply_to_commands_and_loads(void **state)
{
    (void)state;
    start(SCRIPT_RUN);
    add_seconds(20, 0);
    sample[13].nodes_in = 8;
    assert_true(record_detect_s(&r, 0) == RECORD_NONE);
    s.event[0].what = SCRIPT_LOAD;
    assert_true(record_detect_s(&r, 0) == RECORD_NONE);
    record_free(&r);
}

static void t_detection_of_a_command_is_measured_when_the_script_says_so(void **state)
{
    struct record_target t[RECORD_TARGETS];

    (void)state;
    start(SCRIPT_RUN);
    add_seconds(20, 0);
    s.target.detect_s = 3;
    s.event[1] = (struct script_event){.number = 2, .what = SCRIPT_RUN};
    s.n_events = 2; /* without the key, event 2 fails no target */
    r.event[1].did_ms = r.begin_ms + 10000;
    s.event[0].detect = true;
    record_targets(&r, t);
    assert_false(t[0].pass); /* it was not seen */
    sample[13].alarms = 1;
    assert_true(near(record_detect_s(&r, 0), 2.5));
    assert_true(record_detect_s(&r, 1) == RECORD_NONE);
    assert_int_equal(record_targets(&r, t), 1);
    assert_string_equal(t[0].name, "detect_s");
    assert_true(t[0].pass && near(t[0].got, 2.5));
    record_free(&r);
}

static void t_shift_is_the_end_of_the_last_second_with_errors(void **state)
{
    (void)state;
    start(SCRIPT_KILL);
    add_seconds(4, 0);
    add_seconds(3, 2);
    add_seconds(13, 0);
    assert_true(near(record_shift_s(&r, 0), 3));
    record_free(&r);
    start(SCRIPT_KILL);
    add_seconds(3, 5); /* before it */
    add_seconds(17, 0);
    assert_true(near(record_shift_s(&r, 0), 0));
    record_free(&r);
    start(SCRIPT_KILL);
    add_seconds(20, 1); /* they do not end */
    assert_true(record_shift_s(&r, 0) == RECORD_NONE);
    record_free(&r);
}

static void t_effects_of_the_next_event_are_not_those_of_this_one(void **state)
{
    (void)state;
    start(SCRIPT_KILL);
    s.event[1] = (struct script_event){.number = 2, .what = SCRIPT_KILL};
    s.n_events = 2;
    r.event[1].did_ms = r.begin_ms + 10000;
    add_seconds(10, 0);
    add_seconds(2, 1);
    add_seconds(8, 0);
    assert_true(near(record_shift_s(&r, 0), 0));
    assert_true(near(record_shift_s(&r, 1), 2));
    s.event[1].what = SCRIPT_WAIT; /* a mark has no effects */
    assert_true(near(record_shift_s(&r, 0), 8));
    assert_true(record_shift_s(&r, 1) == RECORD_NONE);
    record_free(&r);
}

static void t_scale_is_when_as_many_are_up_as_are_wanted(void **state)
{
    unsigned k;

    (void)state;
    start(SCRIPT_LOAD);
    add_seconds(20, 0);
    assert_true(record_scale_s(&r, 0) == RECORD_NONE); /* no more were wanted */
    assert_true(record_decide_s(&r, 0) == RECORD_NONE);
    for (k = 12; k < 40; k++)
        sample[k].wanted = 8;
    assert_true(record_scale_s(&r, 0) == RECORD_NONE); /* they are not up */
    assert_true(record_decide_s(&r, 0) == RECORD_NONE); /* when is not known */
    sample[12].decided_ms = r.event[0].did_ms + 1250;
    sample[13].decided_ms = r.event[0].did_ms + 1750; /* a later one */
    assert_true(near(record_decide_s(&r, 0), 1.25));
    for (k = 15; k < 40; k++)
        sample[k].up = 8;
    assert_true(near(record_scale_s(&r, 0), 3.5));
    s.event[0].factor = 0.5;
    assert_true(record_scale_s(&r, 0) == RECORD_NONE);
    record_free(&r);
}

static void t_targets_pass_at_their_value_and_fail_when_nothing_was_seen(void **state)
{
    struct record_target t[RECORD_TARGETS];

    (void)state;
    start(SCRIPT_KILL);
    add_seconds(19, 0);
    add_seconds(1, 10); /* 5 % */
    s.target.error_percent = 5;
    s.target.detect_s = 10;
    assert_int_equal(record_targets(&r, t), 2);
    assert_string_equal(t[0].name, "max_error_percent");
    assert_true(t[0].pass && near(t[0].got, 5));
    assert_false(t[1].pass);
    assert_true(t[1].got == RECORD_NONE);
    assert_false(record_passed(&r));
    sample[10].nodes_in = 8;
    assert_true(record_passed(&r));
    s.target.error_percent = 4.9;
    assert_false(record_passed(&r));
    record_free(&r);
}

static void t_drill_that_was_aborted_or_not_undone_does_not_pass(void **state)
{
    (void)state;
    start(SCRIPT_WAIT);
    add_seconds(20, 0);
    s.target.p99_ms = 500;
    assert_true(record_passed(&r));
    r.undone = false;
    assert_false(record_passed(&r));
    r.undone = true;
    snprintf(r.why, sizeof(r.why), "Ctrl-C");
    assert_false(record_passed(&r));
    record_free(&r);
}

static void t_page_shows_any_text_as_text(void **state)
{
    struct buf b = {0};
    json_t *json;

    (void)state;
    start(SCRIPT_RUN);
    add_seconds(20, 1);
    snprintf(s.name, sizeof(s.name), "</title><script>x('&\")</script>");
    snprintf(s.event[0].text, sizeof(s.event[0].text), "run <b>\"&amp;");
    json = record_json(&r);
    assert_non_null(json);
    assert_int_equal(report_page_write(&b, json, REPORT_ZH), 0);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_null(strstr(buf_bytes(&b), "<script"));
    assert_null(strstr(buf_bytes(&b), "<b>\""));
    assert_non_null(strstr(buf_bytes(&b), "run &lt;b&gt;&quot;&amp;amp;"));
    buf_free(&b);
    json_decref(json);
    json = json_pack("{s[nn{}]s[n]s[n]}", "seconds", "events", "targets"); /* damaged */
    assert_int_equal(report_page_write(&b, json, REPORT_EN), 0);
    buf_free(&b);
    json_decref(json);
    record_free(&r);
}

/* --- limits ------------------------------------------------------------------------- */

static struct limits l;
static struct limits_second now;
static char why[LIMITS_WHY];

static void start_limits(void)
{
    const struct script_abort max = {.error_percent = 0.5, .p99_ms = 2000};

    memset(&now, 0, sizeof(now));
    limits_init(&l, &max);
}

/* Seconds in which the drill gets <own> answers in <ms>, and gateways count <all> answers
 * with <failed> failures.  Returns whether the drill went on. */
static bool seconds(unsigned n, unsigned own, unsigned ms, unsigned all, unsigned failed)
{
    memset(&now.own, 0, sizeof(now.own));
    now.own.ok = now.own.status[2] = own;
    now.own.latency[latency_bucket(ms * 1000)] = own;
    while (n-- > 0) {
        now.answered += all;
        now.failed += failed;
        if (!limits_add(&l, &now, why))
            return false;
    }
    return true;
}

static void t_load_alone_is_no_visitor(void **state)
{
    (void)state;
    start_limits();
    assert_true(seconds(30, 100, 5000, 100, 50));
    assert_int_equal(limits_visitors(&l), 0);
    assert_true(seconds(30, 100, 5000, 103, 50)); /* counted at other moments */
    assert_int_equal(limits_visitors(&l), 0);
}

static void t_errors_of_visitors_end_the_drill(void **state)
{
    (void)state;
    start_limits();
    assert_true(seconds(30, 100, 10, 200, 1)); /* 0.5 % */
    assert_int_equal(limits_visitors(&l), 1000);
    assert_false(seconds(10, 100, 10, 200, 2));
    assert_non_null(strstr(why, "visitors get errors"));
    assert_non_null(strstr(why, "at most 0.5 %"));
}

static void t_latency_of_visitors_ends_the_drill(void **state)
{
    (void)state;
    start_limits();
    assert_true(seconds(30, 100, 1000, 200, 0));
    assert_false(seconds(10, 100, 3000, 200, 0));
    assert_non_null(strstr(why, "visitors wait"));
    assert_non_null(strstr(why, "at most 2000 ms"));
}

T_MAIN(T(t_detection_is_the_first_sample_that_is_worse),
       T(t_detection_does_not_apply_to_commands_and_loads),
       T(t_detection_of_a_command_is_measured_when_the_script_says_so),
       T(t_shift_is_the_end_of_the_last_second_with_errors),
       T(t_effects_of_the_next_event_are_not_those_of_this_one),
       T(t_scale_is_when_as_many_are_up_as_are_wanted),
       T(t_targets_pass_at_their_value_and_fail_when_nothing_was_seen),
       T(t_drill_that_was_aborted_or_not_undone_does_not_pass),
       T(t_page_shows_any_text_as_text), T(t_load_alone_is_no_visitor),
       T(t_errors_of_visitors_end_the_drill), T(t_latency_of_visitors_ends_the_drill))
