/* How often a transaction that has lost against another one is repeated. */
#include "db/repeat.h"

#include "t.h"

static int n_calls, results[16];

static int attempt(void)
{
    return results[n_calls++];
}

static int setup(void **state)
{
    (void)state;
    n_calls = 0;
    memset(results, 0, sizeof(results));
    return 0;
}

static void lose(int n)
{
    while (n > 0)
        results[--n] = -EDEADLK;
}

static int repeat_return(void)
{
    REPEAT_RETURN(attempt());
}

static void t_success_is_not_repeated(void **state)
{
    int rc = -1;

    (void)state;
    REPEAT(rc, attempt());
    assert_int_equal(rc, 0);
    assert_int_equal(n_calls, 1);
}

static void t_conflict_is_repeated_until_it_is_none(void **state)
{
    int rc = -1;

    (void)state;
    lose(3);
    results[3] = 7;
    REPEAT(rc, attempt());
    assert_int_equal(rc, 7);
    assert_int_equal(n_calls, 4);
}

static void t_any_other_error_is_final(void **state)
{
    (void)state;
    lose(1);
    results[1] = -ENOTCONN;
    assert_int_equal(repeat_return(), -ENOTCONN);
    assert_int_equal(n_calls, 2);
}

static void t_conflict_is_returned_after_5_repetitions(void **state)
{
    (void)state;
    lose(16);
    assert_int_equal(repeat_return(), -EDEADLK);
    assert_int_equal(n_calls, 1 + REPEAT_MAX);
}

static void t_no_attempt_begins_after_5_s(void **state)
{
    struct repeat r;

    (void)state;
    repeat_begin(&r);
    assert_true(repeat_after(&r, -EDEADLK));
    r.end_ms -= REPEAT_MS;
    assert_false(repeat_after(&r, -EDEADLK));
}

static void t_pause_is_5_ms_at_least(void **state)
{
    struct repeat r;
    uint64_t begin = t_now_ms();

    (void)state;
    repeat_begin(&r);
    while (repeat_after(&r, -EDEADLK))
        continue;
    assert_true(t_now_ms() - begin >= 5 * REPEAT_MAX - 1); /* the clock has whole ms */
}

#define S(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(S(t_success_is_not_repeated), S(t_conflict_is_repeated_until_it_is_none),
       S(t_any_other_error_is_final), S(t_conflict_is_returned_after_5_repetitions),
       S(t_no_attempt_begins_after_5_s), S(t_pause_is_5_ms_at_least))
