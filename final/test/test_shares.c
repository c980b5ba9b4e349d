/* The share of a gateway is what the autoscaler said, for as long as it asks and a while
 * after that. */
#include "gateway/shares.h"

#include "gateway/modules.h"
#include "t.h"

static struct shares *shares;

static int setup(void **state)
{
    (void)state;
    return shares_create(&shares);
}

static int teardown(void **state)
{
    (void)state;
    shares_destroy(shares);
    return 0;
}

/* In parts of 1000. */
static int share_of(uint32_t modid, uint32_t cmdid, uint64_t now_ms)
{
    return (int)(shares_of(shares, modid, cmdid, now_ms) * 1000 + 0.5);
}

static void t_without_a_share_a_module_has_all_of_its_capacity(void **state)
{
    (void)state;
    assert_int_equal(share_of(10, 1, 5), 1000);
    shares_set_gateways(shares, 4);
    assert_int_equal(share_of(10, 1, 5), 1000);
}

static void t_each_module_has_its_own_share(void **state)
{
    (void)state;
    shares_set(shares, 10, 1, 0.25, 1000);
    shares_set(shares, 10, 2, 0, 1000);
    assert_int_equal(share_of(10, 1, 1000), 250);
    assert_int_equal(share_of(10, 2, 1000), 0);
    assert_int_equal(share_of(1, 10, 1000), 1000);
    shares_set(shares, 10, 1, 0.75, 1500);
    assert_int_equal(share_of(10, 1, 1500), 750);
}

static void t_a_share_is_kept_for_60_s_and_then_it_is_an_equal_one(void **state)
{
    (void)state;
    shares_set_gateways(shares, 4);
    shares_set(shares, 10, 1, 0.7, 1000);
    assert_int_equal(share_of(10, 1, 1000 + SHARES_KEEP_MS - 1), 700);
    assert_int_equal(share_of(10, 1, 1000 + SHARES_KEEP_MS), 250);
    shares_set(shares, 10, 1, 0.6, 100000);
    assert_int_equal(share_of(10, 1, 100000), 600);
}

static void t_more_modules_than_fit_replace_the_oldest_share(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < MODULES_MAX; i++)
        shares_set(shares, i, 1, 0.5, i == 7 ? 1 : 10 + i);
    shares_set(shares, 1000, 1, 0.25, 1000);
    assert_int_equal(share_of(1000, 1, 1000), 250);
    assert_int_equal(share_of(7, 1, 1000), 1000);
    assert_int_equal(share_of(0, 1, 1000), 500);
    assert_int_equal(share_of(MODULES_MAX - 1, 1, 1000), 500);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_without_a_share_a_module_has_all_of_its_capacity),
       U(t_each_module_has_its_own_share),
       U(t_a_share_is_kept_for_60_s_and_then_it_is_an_equal_one),
       U(t_more_modules_than_fit_replace_the_oldest_share))
