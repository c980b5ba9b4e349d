/* The budget of further attempts: what it earns and keeps, with the numbers of
 * lars_budget_set() and without, for one thread and for many that share it.  Every call
 * of the module fails. */
#include "api/lars_retry.h"

#include <pthread.h>

#include "lib/shmclient.h"

#define NODES 4
#define THREADS 4
#define FOREVER_MS 3600000

static struct lars_client *c;
static struct lars_budget budget;

static int setup(void **state)
{
    int rc = shmclient_setup(state);

    c = shmclient_open(NULL);
    budget = (struct lars_budget){{0}};
    assert_true(shmfix_publish(1, 0, NODES) >= 0);
    return rc;
}

static int teardown(void **state)
{
    lars_close(c);
    return shmclient_teardown(state);
}

static struct lars_retry request(uint32_t attempts)
{
    return (struct lars_retry){.modid = 1,
                               .cmdid = 1,
                               .idempotent = 1,
                               .attempts = attempts,
                               .timeout_ms = FOREVER_MS,
                               .budget = &budget};
}

/* One more attempt, which does not end.  Returns as lars_retry_next(). */
static int attempt(struct lars_retry *r, struct lars_host *h)
{
    int rc = lars_retry_next(c, r, h);

    assert_true(rc == 0 || rc == -EDQUOT || rc == -ECANCELED);
    return rc;
}

/* <n> requests, one after the other, of up to three attempts.  The node of a cancelled
 * call is not ejected, and the budget does not know how attempts end.  Returns the number
 * of attempts. */
static unsigned run_requests(unsigned n)
{
    unsigned i, attempts = 0;
    struct lars_host h;

    for (i = 0; i < n; i++) {
        struct lars_retry r = request(3);

        while (attempt(&r, &h) == 0) {
            attempts++;
            assert_int_equal(lars_cancel(c, &h), 0);
        }
    }
    return attempts;
}

static void t_a_zeroed_budget_keeps_ten_and_earns_a_tenth(void **state)
{
    uint64_t since = t_now_ms(), s;
    unsigned n = run_requests(1000);

    (void)state;
    s = (t_now_ms() - since) / 1000 + 1;
    assert_in_range(n, 1000 + 99 + 10, 1000 + 100 + 10 + s);
}

/* Four requests of five have their one attempt and no more. */
static void t_a_dead_module_gets_at_most_a_fifth_more(void **state)
{
    unsigned n;

    (void)state;
    assert_int_equal(lars_budget_set(&budget, 20, 0, 0), 0);
    n = run_requests(5000);
    assert_int_equal(n, 5000); /* nothing can be kept, so nothing is earned */
    assert_int_equal(lars_budget_set(&budget, 20, 0, 50), 0);
    n = run_requests(5000);
    assert_in_range(n, 5000 * 1.2, 5000 * 1.2 + 50);
    n = run_requests(5000); /* the reserve is used: exactly a fifth */
    assert_int_equal(n, 5000 * 1.2);
}

#define LIMIT 300

/* A zone dies with all requests that the limit of admission allows in flight there. */
static void t_calls_of_a_dying_zone_are_all_repeated_once(void **state)
{
    static struct lars_retry r[LIMIT];
    static struct lars_host h[LIMIT];
    int i, repeated = 0, again = 0;

    (void)state;
    assert_int_equal(lars_budget_set(&budget, 20, 10, LIMIT), 0);
    for (i = 0; i < LIMIT; i++) {
        r[i] = request(3);
        assert_int_equal(attempt(&r[i], &h[i]), 0);
    }
    for (i = 0; i < LIMIT; i++) {
        lars_cancel(c, &h[i]);
        repeated += attempt(&r[i], &h[i]) == 0;
    }
    assert_int_equal(repeated, LIMIT);
    for (i = 0; i < LIMIT; i++) {
        lars_cancel(c, &h[i]);
        again += attempt(&r[i], &h[i]) == 0;
    }
    assert_true(again < LIMIT);
    for (i = 0; i < LIMIT; i++)
        lars_end(c, &h[i], LARS_CANCELLED);
}

static void t_a_reserve_that_shrinks_and_grows_gives_nothing(void **state)
{
    unsigned i, n = 0;

    (void)state;
    assert_int_equal(lars_budget_set(&budget, 0, 0, 40), 0);
    for (i = 0; i < 20; i++) {
        n += run_requests(10) - 10;
        lars_budget_set(&budget, 0, 0, 10);
        n += run_requests(10) - 10;
        lars_budget_set(&budget, 0, 0, 40);
    }
    assert_int_equal(n, 40);
    lars_budget_set(&budget, 0, 0, 60); /* more than ever before: it gives the rest */
    assert_int_equal(run_requests(100), 100 + 20);
}

static void t_time_earns_what_was_set(void **state)
{
    struct lars_host h;
    struct lars_retry r;

    (void)state;
    assert_int_equal(lars_budget_set(&budget, 0, 1000, 1), 0);
    assert_int_equal(run_requests(1) >= 2, true);
    r = request(2);
    assert_int_equal(attempt(&r, &h), 0);
    lars_cancel(c, &h);
    T_WAIT(attempt(&r, &h) == 0); /* one in a millisecond */
    lars_cancel(c, &h);
}

static void t_wrong_numbers_are_refused_and_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(lars_budget_set(&budget, 0, 0, 3), 0);
    assert_int_equal(lars_budget_set(NULL, 0, 0, 0), -EINVAL);
    assert_string_equal(lars_last_error(), "b: it is NULL");
    assert_int_equal(lars_budget_set(&budget, 101, 0, 9), -EINVAL);
    assert_string_equal(lars_last_error(), "percent: 101 is more than 100");
    assert_int_equal(lars_budget_set(&budget, 0, LARS_BUDGET_PER_S_MAX + 1, 9), -EINVAL);
    assert_non_null(strstr(lars_last_error(), "per_s: 10000001 is more than 10000000"));
    assert_int_equal(run_requests(10), 10 + 3);
    assert_int_equal(lars_budget_set(&budget, 100, LARS_BUDGET_PER_S_MAX, UINT32_MAX), 0);
    assert_int_equal(run_requests(100), 300);
}

/* --- threads ------------------------------------------------------------------------ */

static _Atomic unsigned n_attempts;
static atomic_bool stop;

static void *run_many(void *arg)
{
    (void)arg;
    n_attempts += run_requests(2000);
    return NULL;
}

static void *set_again(void *arg)
{
    (void)arg;
    while (!stop) {
        lars_budget_set(&budget, 20, 0, 10);
        lars_budget_set(&budget, 10, 0, 100);
    }
    return NULL;
}

static void t_threads_together_stay_within_the_budget(void **state)
{
    pthread_t t[THREADS], setter;
    int i;

    (void)state;
    n_attempts = 0;
    stop = false;
    lars_budget_set(&budget, 20, 0, 100);
    assert_int_equal(pthread_create(&setter, NULL, set_again, NULL), 0);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, run_many, NULL), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    stop = true;
    pthread_join(setter, NULL);
    assert_in_range(n_attempts, THREADS * 2000 * 1.1 - THREADS,
                    THREADS * 2000 * 1.2 + 100);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_a_zeroed_budget_keeps_ten_and_earns_a_tenth),
       S(t_a_dead_module_gets_at_most_a_fifth_more),
       S(t_calls_of_a_dying_zone_are_all_repeated_once),
       S(t_a_reserve_that_shrinks_and_grows_gives_nothing), S(t_time_earns_what_was_set),
       S(t_wrong_numbers_are_refused_and_change_nothing),
       S(t_threads_together_stay_within_the_budget))
