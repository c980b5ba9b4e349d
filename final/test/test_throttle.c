/* Failed logins are counted by account and by address, and a refusal ends by itself. */
#include "web/throttle.h"

#include "t.h"

#define WINDOW_MS (THROTTLE_WINDOW_S * 1000ull)

static struct throttle *th;

static int setup(void **state)
{
    (void)t_fds_save(state);
    return throttle_create(&th);
}

static int teardown(void **state)
{
    throttle_destroy(th);
    return t_fds_check(state);
}

static void fail_n(const char *account, const char *peer, unsigned n, uint64_t now_ms)
{
    while (n-- > 0)
        throttle_failed(th, account, peer, now_ms);
}

static void t_account_waits_after_its_failures_from_any_address(void **state)
{
    char peer[20];
    unsigned i;

    (void)state;
    for (i = 0; i < THROTTLE_ACCOUNT; i++) {
        assert_int_equal(throttle_wait_s(th, "eve", "::1", 1000), 0);
        snprintf(peer, sizeof(peer), "10.0.0.%u", i);
        throttle_failed(th, "eve", peer, 1000);
    }
    assert_int_equal(throttle_wait_s(th, "eve", "::1", 1000), THROTTLE_WINDOW_S + 1);
    assert_int_equal(throttle_wait_s(th, "adam", "::1", 1000), 0);
}

static void t_address_waits_after_failures_of_any_account(void **state)
{
    char account[20];
    unsigned i;

    (void)state;
    for (i = 0; i < THROTTLE_PEER; i++) {
        assert_int_equal(throttle_wait_s(th, "eve", "10.0.0.1", 5), 0);
        snprintf(account, sizeof(account), "user%u", i);
        throttle_failed(th, account, "10.0.0.1", 5);
    }
    assert_true(throttle_wait_s(th, "eve", "10.0.0.1", 5) > 0);
    assert_int_equal(throttle_wait_s(th, "eve", "10.0.0.2", 5), 0);
}

static void t_refusal_ends_with_the_window(void **state)
{
    (void)state;
    fail_n("eve", "::1", THROTTLE_ACCOUNT, 1000);
    assert_int_equal(throttle_wait_s(th, "eve", "::1", 1000 + WINDOW_MS - 1), 1);
    assert_int_equal(throttle_wait_s(th, "eve", "::1", 1000 + WINDOW_MS), 0);
    throttle_failed(th, "eve", "::1", 1000 + WINDOW_MS);
    assert_int_equal(throttle_wait_s(th, "eve", "::1", 1000 + WINDOW_MS), 0);
}

static void t_success_begins_the_account_anew_but_not_the_address(void **state)
{
    (void)state;
    fail_n("eve", "10.0.0.9", THROTTLE_PEER, 7);
    throttle_succeeded(th, "eve");
    assert_int_equal(throttle_wait_s(th, "eve", "10.0.0.1", 7), 0);
    assert_true(throttle_wait_s(th, "eve", "10.0.0.9", 7) > 0);
    throttle_succeeded(th, "never seen");
}

static void t_account_is_not_taken_for_an_address(void **state)
{
    (void)state;
    fail_n("10.0.0.1", "::1", THROTTLE_ACCOUNT, 7);
    assert_int_equal(throttle_wait_s(th, "eve", "10.0.0.1", 7), 0);
}

static void t_many_names_do_not_make_it_grow_or_open_the_address(void **state)
{
    char account[80];
    unsigned i;

    (void)state;
    for (i = 0; i < 10000; i++) {
        snprintf(account, sizeof(account), "%070u", i);
        throttle_failed(th, account, "10.0.0.1", 9);
        if (i + 1 == THROTTLE_PEER)
            assert_true(throttle_wait_s(th, "eve", "10.0.0.1", 9) > 0);
    }
    assert_true(throttle_wait_s(th, "", "10.0.0.1", 9) > 0);
}

#define TH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
T_MAIN(TH(t_account_waits_after_its_failures_from_any_address),
       TH(t_address_waits_after_failures_of_any_account),
       TH(t_refusal_ends_with_the_window),
       TH(t_success_begins_the_account_anew_but_not_the_address),
       TH(t_account_is_not_taken_for_an_address),
       TH(t_many_names_do_not_make_it_grow_or_open_the_address))
