/* Raised once, cleared once, whatever swings in between. */
#include "report/alarms.h"

#include "t.h"

static struct alarms *a;
static char said[400]; /* "+kind subject " and "-kind subject " */

static void on_alarm(const struct alarm *al, bool raised, void *arg)
{
    size_t n = strlen(said);

    (void)arg;
    snprintf(said + n, sizeof(said) - n, "%c%s %s(%s) ", raised ? '+' : '-', al->kind,
             al->subject, al->detail);
}

static int setup(void **state)
{
    struct alarm_config c = {3, 5, on_alarm, NULL};

    (void)state;
    said[0] = '\0';
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

/* A round for each letter: b bad, m in between, g good, . not seen. */
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

static void t_bad_in_a_row_raises_once(void **state)
{
    (void)state;
    rounds("x", "bb");
    assert_string_equal(said, "");
    rounds("x", "bbbbbb");
    assert_string_equal(said, "+k x(d) ");
    assert_int_equal(alarms_n_raised(a), 1);
}

static void t_a_break_begins_anew(void **state)
{
    (void)state;
    rounds("x", "bbgbbmbb.bb");
    assert_string_equal(said, "");
}

static void t_swinging_is_one_alarm(void **state)
{
    (void)state;
    rounds("x", "bbb"
                "ggggb"
                "ggggm"
                "....b"
                "ggmgg");
    assert_string_equal(said, "+k x(d) ");
    rounds("x", "gggg");
    assert_string_equal(said, "+k x(d) -k x(d) ");
    rounds("x", "ggggggg");
    assert_string_equal(said, "+k x(d) -k x(d) ");
}

static void t_not_seen_is_good(void **state)
{
    (void)state;
    rounds("x", "bbb.....");
    assert_string_equal(said, "+k x(d) -k x(d) ");
    assert_int_equal(alarms_n_raised(a), 0);
}

static void t_subjects_are_apart(void **state)
{
    struct alarm x = about("x", "d"), y = about("y", "e");
    int i;

    (void)state;
    for (i = 0; i < 3; i++) {
        alarms_see(a, &x, ALARM_BAD);
        alarms_see(a, &y, i == 1 ? ALARM_GOOD : ALARM_BAD);
        alarms_end_round(a);
    }
    assert_string_equal(said, "+k x(d) ");
}

static void t_raised_before_is_not_raised_again_and_clears(void **state)
{
    struct alarm x = about("x", "");

    (void)state;
    assert_int_equal(alarms_set_raised(a, &x), 0);
    rounds("x", "bbbb");
    assert_string_equal(said, "");
    rounds("x", "ggggg");
    assert_string_equal(said, "-k x(d) ");
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

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(A(t_bad_in_a_row_raises_once), A(t_a_break_begins_anew),
       A(t_swinging_is_one_alarm), A(t_not_seen_is_good), A(t_subjects_are_apart),
       A(t_raised_before_is_not_raised_again_and_clears),
       A(t_number_of_subjects_is_bounded))
