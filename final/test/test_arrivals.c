/* Open-loop arrivals: the rates of a schedule are met exactly, and a seed repeats. */
#include "t.h"

#include <math.h>

#include "load/arrivals.h"

#define S 1000000u

/* How many arrive in [from, until) s. */
static unsigned count(const struct arrivals_plan *plan, double from, double until)
{
    struct arrivals a;
    unsigned n = 0;
    uint64_t at;

    arrivals_init(&a, plan);
    while ((at = arrivals_next_us(&a)) < (uint64_t)(until * S))
        n += at >= (uint64_t)(from * S);
    return n;
}

static void t_fixed_arrivals_have_equal_distances(void **state)
{
    const struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 200};
    struct arrivals a;
    int i;

    (void)state;
    arrivals_init(&a, &plan);
    for (i = 1; i <= 10000; i++)
        assert_in_range(arrivals_next_us(&a), i * 5000 - 1, i * 5000);
}

static void t_poisson_arrivals_have_the_mean_and_the_spread_of_poisson(void **state)
{
    struct arrivals_plan plan = {.kind = ARRIVALS_POISSON, .per_s = 500};
    double sum = 0, squares = 0, gap, last = 0, mean;
    struct arrivals a;
    const int n = 200000;
    int i;

    (void)state;
    for (plan.seed = 1; plan.seed <= 5; plan.seed++, sum = squares = last = 0) {
        arrivals_init(&a, &plan);
        for (i = 0; i < n; i++) {
            double at = (double)arrivals_next_us(&a);

            gap = at - last;
            last = at;
            sum += gap;
            squares += gap * gap;
        }
        mean = sum / n;
        assert_true(fabs(mean - 2000) < 20); /* 4 standard errors */
        assert_true(fabs(sqrt(squares / n - mean * mean) / mean - 1) < 0.02);
    }
}

static void t_same_seed_gives_the_same_times_and_another_seed_others(void **state)
{
    const struct arrivals_plan plan = {.per_s = 100, .seed = 7};
    const struct arrivals_plan other = {.per_s = 100, .seed = 8};
    struct arrivals a, b, c;
    unsigned i, n_same = 0;

    (void)state;
    arrivals_init(&a, &plan);
    arrivals_init(&b, &plan);
    arrivals_init(&c, &other);
    for (i = 0; i < 1000; i++) {
        uint64_t at = arrivals_next_us(&a);

        assert_int_equal(at, arrivals_next_us(&b));
        n_same += at == arrivals_next_us(&c);
    }
    assert_true(n_same < 10);
}

static void t_small_seeds_do_not_begin_alike(void **state)
{
    struct arrivals_plan plan = {.per_s = 1};
    struct arrivals a;
    unsigned early = 0;

    (void)state;
    for (plan.seed = 1; plan.seed <= 1000; plan.seed++) {
        arrivals_init(&a, &plan);
        early += arrivals_next_us(&a) < 693147; /* the median */
    }
    assert_in_range(early, 400, 600);
}

static void t_rate_follows_the_steps_at_their_times(void **state)
{
    struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 100};

    (void)state;
    assert_int_equal(arrivals_add_step(&plan, "10=8"), 0);
    assert_int_equal(arrivals_add_step(&plan, "12.5=0"), 0);
    assert_int_equal(arrivals_add_step(&plan, "20=0.5"), 0);
    assert_in_range(count(&plan, 0, 10), 999, 1000);
    assert_in_range(count(&plan, 10, 12.5), 2000, 2001);
    assert_in_range(count(&plan, 12.5, 20), 0, 1);
    assert_in_range(count(&plan, 20, 30), 499, 501);
    plan.kind = ARRIVALS_POISSON;
    assert_in_range(count(&plan, 10, 12.5), 1800, 2200);
    assert_int_equal(count(&plan, 12.5, 20), 0);
}

/* At 1 in 1000 s the first arrival would be long after the step. */
static void t_step_from_a_low_rate_is_in_force_at_once(void **state)
{
    struct arrivals_plan plan = {.kind = ARRIVALS_FIXED, .per_s = 0.001};

    (void)state;
    assert_int_equal(arrivals_add_step(&plan, "1=1000"), 0);
    plan.per_s = 1;
    assert_in_range(count(&plan, 1, 2), 1000, 1001);
}

static void t_last_step_to_zero_ends_the_arrivals(void **state)
{
    struct arrivals_plan plan = {.per_s = 100, .seed = 3};
    struct arrivals a;
    uint64_t at;
    unsigned n = 0;

    (void)state;
    assert_int_equal(arrivals_add_step(&plan, "2=0"), 0);
    arrivals_init(&a, &plan);
    while ((at = arrivals_next_us(&a)) != UINT64_MAX && ++n < 1000)
        assert_true(at <= 2 * S);
    assert_in_range(n, 150, 250);
    assert_true(arrivals_next_us(&a) == UINT64_MAX);
}

static void t_wrong_steps_are_refused(void **state)
{
    static const char *const wrong[] = {"",      "10",    "=8",     "10=",     "10=x",
                                        "-1=8",  "10=-1", "10=nan", "10=1001", "nan=1",
                                        "10=8 ", "4=1",   "inf=1",  "1e9=1"};
    struct arrivals_plan plan = {.per_s = 1};
    unsigned i;

    (void)state;
    assert_int_equal(arrivals_add_step(&plan, "5=1"), 0);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(arrivals_add_step(&plan, wrong[i]), -EINVAL);
    assert_int_equal(plan.n_steps, 1);
    for (i = 1; i < ARRIVALS_STEPS; i++)
        assert_int_equal(arrivals_add_step(&plan, "6=2"), 0);
    assert_int_equal(arrivals_add_step(&plan, "6=2"), -E2BIG);
}

T_MAIN(T(t_fixed_arrivals_have_equal_distances),
       T(t_poisson_arrivals_have_the_mean_and_the_spread_of_poisson),
       T(t_same_seed_gives_the_same_times_and_another_seed_others),
       T(t_small_seeds_do_not_begin_alike), T(t_rate_follows_the_steps_at_their_times),
       T(t_step_from_a_low_rate_is_in_force_at_once),
       T(t_last_step_to_zero_ends_the_arrivals), T(t_wrong_steps_are_refused))
