/* The orders of all slots: found by host, whatever the order in which they were added. */
#include "db/slot_order_table.h"

#include "t.h"

static struct slot_order_table *t;
static struct msg_slot_orders of;

static int setup(void **state)
{
    (void)state;
    return slot_order_table_create(&t);
}

static int teardown(void **state)
{
    (void)state;
    slot_order_table_unref(t);
    slot_order_table_unref(NULL);
    return 0;
}

static int add(const char *host, uint32_t slot, uint32_t modid, uint64_t fence)
{
    const struct msg_slot_order o = {slot, {modid, 1}, fence};

    return slot_order_table_add(t, host, &o);
}

static void t_host_gets_its_orders_sorted_by_slot(void **state)
{
    (void)state;
    assert_int_equal(add("web2", 1, 10, 1) | add("web1", 9, 12, 1) |
                         add("Web1", 2, 11, 1) | add("web", 1, 10, 1),
                     0);
    slot_order_table_sort(t);
    slot_order_table_of(t, "WEB1", &of);
    assert_string_equal(of.host, "WEB1");
    assert_int_equal(of.n, 2);
    assert_true(of.order[0].slot == 2 && of.order[0].mod.modid == 11);
    assert_true(of.order[1].slot == 9 && of.order[1].mod.modid == 12);
}

static void t_host_without_orders_gets_the_fence_of_the_lease(void **state)
{
    (void)state;
    slot_order_table_set_fence(t, 8);
    slot_order_table_sort(t);
    slot_order_table_of(t, "web1", &of);
    assert_true(of.n == 0 && of.fence == 8);
    slot_order_table_ref(t);
    slot_order_table_unref(t);
    slot_order_table_of(t, "web1", &of); /* one reference is left */
    assert_true(of.fence == 8);
}

static void t_fence_of_other_hosts_does_not_count(void **state)
{
    (void)state;
    slot_order_table_set_fence(t, 8);
    assert_int_equal(
        add("web1", 1, 10, 7) | add("web2", 1, 10, 90) | add("web1", 2, 10, 12), 0);
    slot_order_table_sort(t);
    slot_order_table_of(t, "web1", &of);
    assert_int_equal(of.fence, 12);
}

static void t_slot_of_a_host_has_one_order(void **state)
{
    (void)state;
    assert_int_equal(add("web1", 1, 10, 1) | add("WEB1", 1, 11, 1), 0);
    slot_order_table_sort(t);
    slot_order_table_of(t, "web1", &of);
    assert_int_equal(of.n, 1);
}

static void t_orders_that_cannot_be_obeyed_are_refused(void **state)
{
    char name[MSG_SLOT_HOST + 1] = "";

    (void)state;
    memset(name, 'x', MSG_SLOT_HOST);
    assert_int_equal(add(name, 1, 10, 1), -EINVAL);
    name[MSG_SLOT_HOST - 1] = '\0';
    assert_int_equal(add(name, 1, 10, 1), 0);
    assert_int_equal(add("", 1, 10, 1), -EINVAL);
    assert_int_equal(add("web1", 0, 10, 1), -EINVAL);
    assert_int_equal(add("web1", MSG_SLOT_MAX + 1, 10, 1), -EINVAL);
    assert_int_equal(slot_order_table_add(t, "web1", &(struct msg_slot_order){1}),
                     -EINVAL);
}

static void t_more_rows_than_the_limit_are_refused(void **state)
{
    char host[20];
    uint32_t i;

    (void)state;
    for (i = 0; i < SLOT_ORDER_TABLE_ROWS; i++) {
        snprintf(host, sizeof(host), "web%u", i % 1000);
        if (add(host, i / 1000 + 1, 10, 1) != 0)
            fail_msg("row %u was refused", i);
    }
    assert_int_equal(add("web1", 200, 10, 1), -E2BIG);
    slot_order_table_sort(t);
    slot_order_table_of(t, "web7", &of);
    assert_int_equal(of.n, 66);
}

#define M(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(M(t_host_gets_its_orders_sorted_by_slot),
       M(t_host_without_orders_gets_the_fence_of_the_lease),
       M(t_fence_of_other_hosts_does_not_count), M(t_slot_of_a_host_has_one_order),
       M(t_orders_that_cannot_be_obeyed_are_refused),
       M(t_more_rows_than_the_limit_are_refused))
