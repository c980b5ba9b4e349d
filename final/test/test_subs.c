/* Subscriptions: no duplicates, the limit of a client, the end of a client. */
#include "t.h"

#include "dns/subs.h"

static int called;
static struct conn *last;

static void note(struct conn *c, void *arg)
{
    (void)arg;
    called++;
    last = c;
}

static void note_module(uint32_t modid, uint32_t cmdid, void *arg)
{
    *(uint64_t *)arg += (uint64_t)modid * 1000 + cmdid;
    called++;
}

#define CONN(i) ((struct conn *)(uintptr_t)(i))

static void t_add_once_per_client_and_module(void **state)
{
    struct subs *s;
    struct subs_client *a, *b;
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(subs_create(&s), 0);
    assert_int_equal(subs_client_create(&a, s, CONN(1)), 0);
    assert_int_equal(subs_client_create(&b, s, CONN(2)), 0);
    assert_int_equal(subs_add(a, 1, 1, 10), 1);
    assert_int_equal(subs_add(a, 1, 1, 10), 0);
    assert_int_equal(subs_add(b, 1, 1, 10), 1);
    assert_int_equal(subs_add(a, 1, 2, 10), 1);
    assert_int_equal(subs_n(s), 3);
    called = 0;
    subs_each_conn(s, 1, 1, note, NULL);
    assert_int_equal(called, 2);
    called = 0;
    subs_each_conn(s, 1, 2, note, NULL);
    assert_int_equal(called, 1);
    assert_ptr_equal(last, CONN(1));
    called = 0;
    subs_each_conn(s, 9, 9, note, NULL);
    assert_int_equal(called, 0);
    subs_each_module(s, note_module, &sum);
    assert_int_equal(called, 2);
    assert_int_equal(sum, 2003);
    subs_client_destroy(a);
    called = 0;
    subs_each_conn(s, 1, 1, note, NULL);
    assert_int_equal(called, 1);
    assert_ptr_equal(last, CONN(2));
    subs_client_destroy(b);
    subs_client_destroy(NULL);
    assert_int_equal(subs_n(s), 0);
    subs_destroy(s);
    subs_destroy(NULL);
}

static void t_add_is_bounded_per_client(void **state)
{
    struct subs *s;
    struct subs_client *a, *b;
    uint32_t i;

    (void)state;
    assert_int_equal(subs_create(&s), 0);
    assert_int_equal(subs_client_create(&a, s, CONN(1)), 0);
    assert_int_equal(subs_client_create(&b, s, CONN(2)), 0);
    for (i = 0; i < LAB_LIMIT; i++)
        assert_int_equal(subs_add(a, i, 1, LAB_LIMIT), 1);
    assert_int_equal(subs_add(a, LAB_LIMIT, 1, LAB_LIMIT), -EDQUOT);
    assert_int_equal(subs_add(a, 50, 1, LAB_LIMIT), 0);
    assert_int_equal(subs_add(b, LAB_LIMIT, 1, LAB_LIMIT), 1);
    subs_client_destroy(a);
    subs_client_destroy(b);
    subs_destroy(s);
}

T_MAIN(T(t_add_once_per_client_and_module), T(t_add_is_bounded_per_client))
