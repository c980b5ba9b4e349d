/* Route tables: making, updating, sharing and comparing them. */
#include "t.h"

#include "route/route.h"

static struct route_row R(uint32_t modid, uint32_t cmdid, uint32_t ip, uint16_t port)
{
    return (struct route_row){modid, cmdid, {ip, port}};
}

static void t_create_groups_sorts_and_removes_duplicates(void **state)
{
    struct route_row row[] = {R(LAB_ID, 1, 9, 9), R(1, 1, 3, 1), R(1, 1, 1, 1),
                              R(1, 1, 3, 1), R(1, 1, 1, 2)};
    struct route_table *t;
    const struct route *r;

    (void)state;
    assert_int_equal(route_table_create(&t, row, 5, LAB_ID2), 0);
    assert_int_equal(route_table_version(t), LAB_ID2);
    assert_int_equal(route_table_n_modules(t), 2);
    assert_int_equal(route_table_n_nodes(t), 4);
    r = route_table_find(t, 1, 1);
    assert_int_equal(r->n_node, 3);
    assert_int_equal(r->node[0].port, 1);
    assert_int_equal(r->node[1].port, 2);
    assert_int_equal(r->node[2].ip, 3);
    assert_null(route_table_find(t, 1, 2));
    assert_non_null(route_table_find(t, LAB_ID, 1));
    assert_null(route_table_find(t, LAB_ID + 1, 1));
    route_table_unref(t);
    assert_int_equal(route_table_create(&t, NULL, 0, 1), 0);
    assert_null(route_table_find(t, 1, 1));
    route_table_unref(t);
    route_table_unref(NULL);
}

static void t_update_replaces_adds_removes_and_shares_the_rest(void **state)
{
    struct route_row row[] = {R(1, 1, 1, 1), R(2, 1, 1, 1), R(3, 1, 1, 1), R(5, 1, 1, 1)};
    struct route_row changed[] = {R(4, 1, 0, 1), R(2, 1, 0, 1), R(3, 1, 0, 1),
                                  R(2, 1, 0, 1)};
    struct route_row now[] = {R(4, 1, 7, 7), R(2, 1, 8, 8), R(2, 1, 9, 9)};
    struct route_table *a, *b;

    (void)state;
    assert_int_equal(route_table_create(&a, row, 4, 1), 0);
    assert_int_equal(route_table_update(&b, a, changed, 4, now, 3, 2), 0);
    assert_int_equal(route_table_version(b), 2);
    assert_ptr_equal(route_table_find(b, 1, 1), route_table_find(a, 1, 1));
    assert_ptr_equal(route_table_find(b, 5, 1), route_table_find(a, 5, 1));
    assert_int_equal(route_table_find(b, 2, 1)->n_node, 2);
    assert_null(route_table_find(b, 3, 1));
    assert_int_equal(route_table_find(b, 4, 1)->node[0].ip, 7);
    assert_int_equal(route_table_n_nodes(b), 5);
    assert_int_equal(route_table_find(a, 2, 1)->n_node, 1); /* unchanged */
    route_table_unref(a);
    assert_int_equal(route_table_find(b, 5, 1)->node[0].ip, 1);
    route_table_unref(b);
}

static void t_equal_compares_nodes(void **state)
{
    struct route_row one[] = {R(1, 1, 1, 1), R(1, 1, 2, 2)},
                     two[] = {R(1, 1, 2, 2), R(1, 1, 1, 1)};
    struct route_row three[] = {R(1, 1, 1, 1), R(1, 1, 2, 3)};
    struct route_table *a, *b, *c;

    (void)state;
    route_table_create(&a, one, 2, 1);
    route_table_create(&b, two, 2, 9);
    route_table_create(&c, three, 2, 1);
    assert_true(route_table_equal(a, b));
    assert_false(route_table_equal(a, c));
    assert_true(route_equal(NULL, NULL));
    assert_false(route_equal(NULL, route_table_find(a, 1, 1)));
    route_table_unref(a);
    route_table_unref(b);
    route_table_unref(c);
}

enum { MODS = 8, IPS = 5 };

static bool there[MODS][IPS];

/* Write the rows of module <i> + 1 to <row>.  Returns their number. */
static size_t rows_of(int i, struct route_row *row)
{
    size_t n = 0;
    uint32_t k;

    for (k = 0; k < IPS; k++)
        if (there[i][k])
            row[n++] = R((uint32_t)i + 1, 1, k, 1);
    return n;
}

/* After each of 2,000 random updates, the table equals one made of all rows. */
static void t_update_agrees_with_create_at_random(void **state)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)atoi(env) : (unsigned)t_now_ms();
    struct route_row row[MODS * IPS], changed[2];
    struct route_table *t, *next, *fresh;
    int step, i, steps = t_mode_is("memcheck") ? 200 : 2000;

    (void)state;
    print_message("SEED=%u\n", seed);
    memset(there, 0, sizeof(there));
    route_table_create(&t, NULL, 0, 0);
    for (step = 1; step <= steps; step++) {
        int a = (int)((seed = seed * 1664525u + 1013904223u) >> 8) % MODS;
        int b = (a + 1 + (int)(seed >> 28)) % MODS;
        size_t n = 0;

        there[a][(seed >> 12) % IPS] ^= true;
        there[b][(seed >> 16) % IPS] ^= true;
        changed[0] = R((uint32_t)a + 1, 1, 0, 1);
        changed[1] = R((uint32_t)b + 1, 1, 0, 1);
        n = rows_of(a, row);
        if (b != a)
            n += rows_of(b, row + n);
        assert_int_equal(
            route_table_update(&next, t, changed, 2, row, n, (uint64_t)step), 0);
        for (n = 0, i = 0; i < MODS; i++)
            n += rows_of(i, row + n);
        assert_int_equal(route_table_create(&fresh, row, n, 0), 0);
        assert_true(route_table_equal(next, fresh));
        route_table_unref(fresh);
        route_table_unref(t);
        t = next;
    }
    route_table_unref(t);
}

T_MAIN(T(t_create_groups_sorts_and_removes_duplicates),
       T(t_update_replaces_adds_removes_and_shares_the_rest), T(t_equal_compares_nodes),
       T(t_update_agrees_with_create_at_random))
