/* Subscriptions to modules that do not exist: they are bounded, the oldest one goes
 * first, and they take no place from modules that exist. */
#include "dns/subs.h"

#include <errno.h>

#include "t.h"

static struct subs *s;
static struct subs_client *a, *b;

#define CONN(i) ((struct conn *)(uintptr_t)(i))

static int setup(void **state)
{
    (void)state;
    assert_int_equal(subs_create(&s), 0);
    assert_int_equal(subs_client_create(&a, s, CONN(1)), 0);
    return subs_client_create(&b, s, CONN(2));
}

static int teardown(void **state)
{
    (void)state;
    subs_client_destroy(a);
    subs_client_destroy(b);
    assert_int_equal(subs_n(s), 0);
    subs_destroy(s);
    return 0;
}

static void count(struct conn *c, void *arg)
{
    (void)c;
    ++*(int *)arg;
}

static int n_of(uint32_t modid)
{
    int n = 0;

    subs_each_conn(s, modid, 1, count, &n);
    return n;
}

static void t_unknown_modules_leave_room_for_others(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 1000; i < 11050; i++)
        assert_int_equal(subs_add_unknown(a, i, 1, 100), 1);
    assert_int_equal(subs_n(s), 100);
    assert_int_equal(n_of(10949), 0);
    assert_int_equal(n_of(10950), 1); /* the newest hundred */
    for (i = 0; i < 10; i++)
        assert_int_equal(subs_add(a, i, 1, 10), 1);
    assert_int_equal(subs_add(a, 10, 1, 10), -EDQUOT);
    assert_int_equal(n_of(11049), 1);
}

static void t_module_that_is_created_becomes_a_known_one(void **state)
{
    uint32_t i;

    (void)state;
    assert_int_equal(subs_add_unknown(a, 7, 1, 3), 1);
    assert_int_equal(subs_add_unknown(a, 7, 1, 3), 0);
    assert_int_equal(subs_add(a, 7, 1, 10), 0);
    for (i = 100; i < 110; i++)
        subs_add_unknown(a, i, 1, 3);
    assert_int_equal(n_of(7), 1);     /* none of them has pushed it out */
    assert_int_equal(subs_n(s), 4);
    assert_int_equal(subs_add_unknown(a, 7, 1, 3), 0);
    assert_int_equal(n_of(7), 1);
}

static void t_clients_have_memories_of_their_own(void **state)
{
    (void)state;
    subs_add_unknown(a, 1, 1, 1);
    subs_add_unknown(b, 1, 1, 1);
    assert_int_equal(n_of(1), 2);
    subs_add_unknown(a, 2, 1, 1);
    assert_int_equal(n_of(1), 1);
    assert_int_equal(n_of(2), 1);
}

#define P(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(P(t_unknown_modules_leave_room_for_others),
       P(t_module_that_is_created_becomes_a_known_one),
       P(t_clients_have_memories_of_their_own))
