/* Two faults at once: each pair of those of lib/faultset.h.  No call is without a node;
 * calls fail only until the dead nodes are ejected; when the faults are over, everything
 * is in order again and every call is counted once.
 *   LARS_PAIRS=all  all 36 pairs (make faults); without it three, with six faults */
#include "lib/faultset.h"

#define QUIET_MS 1000 /* without a failed call: the steady state has begun */
#define STEADY_MS 3000

struct pair {
    enum faultset_id one, two;
};

static void watch_for(uint64_t ms)
{
    uint64_t end = t_now_ms() + ms;

    for (; t_now_ms() < end; poll(NULL, 0, 5))
        faultset_supervise();
}

/* Has no call failed for QUIET_MS, and does the agent run? */
static bool is_quiet(uint64_t began_ms)
{
    uint64_t last = faultset_seen.last_fail_ms;

    faultset_supervise();
    return sys.agentd.pid > 0 &&
           t_now_ms() > (last > began_ms ? last : began_ms) + QUIET_MS;
}

static void t_pair(void **state)
{
    const struct pair *p = *state;
    unsigned set = FAULTSET_BIT(p->one) | FAULTSET_BIT(p->two);
    unsigned long long calls, failed;
    uint64_t began, settled, order;

    memset(&faultset_seen, 0, sizeof(faultset_seen));
    faultset_call();
    T_WAIT(faultset_seen.calls > 200);
    assert_int_equal(faultset_seen.failed, 0);
    began = t_now_ms();
    faultset_begin(set);
    T_WAIT(is_quiet(began));
    failed = faultset_seen.failed;
    settled = failed > 0 ? faultset_seen.last_fail_ms - began : 0;
    calls = faultset_seen.calls;
    watch_for(STEADY_MS);
    calls = faultset_seen.calls - calls;
    if (faultset_seen.failed != failed || faultset_seen.no_host != 0)
        fail_msg("%s and %s: %llu of %llu calls failed in the steady state, %llu had no "
                 "node",
                 faultset_name[p->one], faultset_name[p->two],
                 (unsigned long long)faultset_seen.failed - failed, calls,
                 (unsigned long long)faultset_seen.no_host);
    assert_true(calls > 20);
    faultset_end(set);
    order = faultset_wait_order();
    assert_int_equal(faultset_seen.no_host, 0);
    print_message("pair: %s %s: %llu failed within %llu ms; steady: 0 of %llu; in order "
                  "%llu ms after the end\n",
                  faultset_name[p->one], faultset_name[p->two], failed,
                  (unsigned long long)settled, calls, (unsigned long long)order);
}

static int setup(void **state)
{
    const struct pair *p = *state;
    const char *why = faultset_missing(p->one);

    why = why ? why : faultset_missing(p->two);
    if (!why)
        return faultset_setup(state);
    print_message("skipped: %s and %s, because %s\n", faultset_name[p->one],
                  faultset_name[p->two], why);
    return 0;
}

static void t_pair_or_skip(void **state)
{
    const struct pair *p = *state;

    if (faultset_missing(p->one) || faultset_missing(p->two))
        skip();
    t_pair(state);
}

static int teardown(void **state)
{
    const struct pair *p = *state;

    return faultset_missing(p->one) || faultset_missing(p->two)
               ? 0
               : faultset_teardown(state);
}

static bool is_chosen(enum faultset_id one, enum faultset_id two)
{
    const char *all = getenv("LARS_PAIRS");

    return (all && strcmp(all, "all") == 0) ||
           (one == FAULTSET_ZONE && two == FAULTSET_DATABASE) ||
           (one == FAULTSET_AGENT && two == FAULTSET_DISK) ||
           (one == FAULTSET_CLOCK && two == FAULTSET_LINK);
}

int main(void)
{
    static struct CMUnitTest tests[FAULTSET_N * FAULTSET_N];
    static struct pair pairs[FAULTSET_N * FAULTSET_N];
    static char names[FAULTSET_N * FAULTSET_N][40];
    int one, two;
    size_t n = 0;

    for (one = 0; one < FAULTSET_N; one++)
        for (two = one + 1; two < FAULTSET_N; two++) {
            if (!is_chosen((enum faultset_id)one, (enum faultset_id)two))
                continue;
            pairs[n] = (struct pair){(enum faultset_id)one, (enum faultset_id)two};
            snprintf(names[n], sizeof(names[n]), "t_%s_%s", faultset_name[one],
                     faultset_name[two]);
            tests[n] =
                (struct CMUnitTest){names[n], t_pair_or_skip, setup, teardown, &pairs[n]};
            n++;
        }
    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return _cmocka_run_group_tests("pairs", tests, n, faultset_group_setup,
                                   faultset_group_teardown);
}
