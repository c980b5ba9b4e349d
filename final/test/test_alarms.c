/* Alarms: a condition that is bad several rounds in a row raises one alarm, one that is
 * good several rounds in a row clears it, and changes in between do neither. */
#include "report/alarms.h"

#include "db/alarm_kinds.h"
#include "t.h"

static struct alarms *a;
static char events[2000]; /* "+kind subject " and "-kind subject " */

static void on_alarm(const struct alarm *al, bool raised, void *arg)
{
    size_t n = strlen(events);

    (void)arg;
    snprintf(events + n, sizeof(events) - n, "%c%s %s(%s) ", raised ? '+' : '-', al->kind,
             al->subject, al->detail);
}

static int setup(void **state)
{
    struct alarm_config c = {3, 5, on_alarm, NULL};

    (void)state;
    events[0] = '\0';
    return alarms_create(&a, &c);
}

static int teardown(void **state)
{
    (void)state;
    alarms_destroy(a);
    alarms_destroy(NULL);
    return 0;
}

static struct alarm about(const char *subject, const char *detail)
{
    struct alarm al = {.kind = "k"};

    snprintf(al.subject, sizeof(al.subject), "%s", subject);
    snprintf(al.detail, sizeof(al.detail), "%s", detail);
    return al;
}

/* One round for each letter: b bad, m neither bad nor good, g good, . no observation. */
static void rounds(const char *subject, const char *levels)
{
    for (; *levels; levels++) {
        struct alarm al = about(subject, "d");

        if (*levels != '.')
            assert_int_equal(alarms_see(a, &al,
                                        *levels == 'b'   ? ALARM_BAD
                                        : *levels == 'g' ? ALARM_GOOD
                                                         : ALARM_BETWEEN),
                             0);
        alarms_end_round(a);
    }
}

static void t_several_bad_rounds_raise_one_alarm(void **state)
{
    (void)state;
    rounds("x", "bb");
    assert_string_equal(events, "");
    rounds("x", "bbbbbb");
    assert_string_equal(events, "+k x(d) ");
    assert_int_equal(alarms_n_raised(a), 1);
}

static void t_good_round_restarts_the_count(void **state)
{
    (void)state;
    rounds("x", "bbgbbmbb.bb");
    assert_string_equal(events, "");
}

static void t_changing_condition_is_one_alarm(void **state)
{
    (void)state;
    rounds("x", "bbb"
                "ggggb"
                "ggggm"
                "....b"
                "ggmgg");
    assert_string_equal(events, "+k x(d) ");
    rounds("x", "gggg");
    assert_string_equal(events, "+k x(d) -k x(d) ");
    rounds("x", "ggggggg");
    assert_string_equal(events, "+k x(d) -k x(d) ");
}

static void t_round_without_observation_is_good(void **state)
{
    (void)state;
    rounds("x", "bbb.....");
    assert_string_equal(events, "+k x(d) -k x(d) ");
    assert_int_equal(alarms_n_raised(a), 0);
}

static void t_subjects_have_separate_alarms(void **state)
{
    struct alarm x = about("x", "d"), y = about("y", "e");
    int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        alarms_see(a, &x, ALARM_BAD);
        alarms_see(a, &y, i == 1 ? ALARM_GOOD : ALARM_BAD);
        alarms_end_round(a);
    }
    assert_string_equal(events, "+k x(d) ");
}

static void t_alarm_of_the_table_is_cleared_and_not_raised_again(void **state)
{
    struct alarm x = about("x", "");

    (void)state;
    assert_int_equal(alarms_set_raised(a, &x), 0);
    rounds("x", "bbbb");
    assert_string_equal(events, "");
    rounds("x", "ggggg");
    assert_string_equal(events, "-k x(d) ");
}

static void t_subject_that_is_raised_again_soon_must_be_good_for_longer(void **state)
{
    (void)state;
    rounds("x", "bbbggggg"
                "bbbggggg");
    assert_string_equal(events, "+k x(d) -k x(d) +k x(d) ");
    rounds("x", "gggg"
                "bggggg"
                "gggg");
    assert_string_equal(events, "+k x(d) -k x(d) +k x(d) ");
    rounds("x", "g");
    assert_string_equal(events, "+k x(d) -k x(d) +k x(d) -k x(d) ");
}

static void t_alarm_included_in_another_is_cleared_at_once(void **state)
{
    (void)state;
    alarms_close(a, "k", "x");        /* there is none */
    rounds("x", "bbb");
    alarms_close(a, "k", "x");
    assert_string_equal(events, "+k x(d) -k x(d) ");
    alarms_close(a, "k", "x");
    assert_string_equal(events, "+k x(d) -k x(d) ");
}

static void t_number_of_subjects_is_bounded(void **state)
{
    char name[20];
    struct alarm al;
    int i;

    (void)state;
    for (i = 0; i < ALARM_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        al = about(name, "");
        assert_int_equal(alarms_see(a, &al, ALARM_BAD), 0);
    }
    al = about("more", "");
    assert_int_equal(alarms_see(a, &al, ALARM_BAD), -ENOSPC);
    alarms_forget(a);
    assert_int_equal(alarms_see(a, &al, ALARM_BAD), 0);
}

static void t_every_kind_has_words_in_both_languages(void **state)
{
    const struct alarm_kind *k;
    size_t i;
    int lang;

    (void)state;
    for (i = 0; (k = alarm_kinds_at(i)); i++) {
        assert_true(strlen(k->name) < ALARM_KIND_MAX);
        assert_true(k->raise_after >= 1 && k->clear_after >= 1);
        assert_ptr_equal(alarm_kinds_find(k->name), k);
        for (lang = 0; lang < ALARM_LANGUAGES; lang++)
            assert_true(strlen(k->means[lang]) > 20 && strlen(k->steps[lang]) > 20);
    }
    assert_int_equal(i, 24);
    assert_null(alarm_kinds_find("nothing"));
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(A(t_several_bad_rounds_raise_one_alarm), A(t_good_round_restarts_the_count),
       A(t_changing_condition_is_one_alarm), A(t_round_without_observation_is_good),
       A(t_subjects_have_separate_alarms),
       A(t_alarm_of_the_table_is_cleared_and_not_raised_again),
       A(t_subject_that_is_raised_again_soon_must_be_good_for_longer),
       A(t_alarm_included_in_another_is_cleared_at_once),
       A(t_every_kind_has_words_in_both_languages), A(t_number_of_subjects_is_bounded))
