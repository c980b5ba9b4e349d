/* route_sort: any rows come into the order of qsort(), whatever their number, order and
 * duplicates. */
#include "t.h"

#include "base/mono.h"
#include "base/rnd.h"
#include "route/route_sort.h"

#define ROWS_MAX 20000

static int compare(const void *a, const void *b)
{
    return route_sort_compare(a, b);
}

/* Numbers below 2^<bits>: few bits give many duplicates and bytes that never differ. */
static void draw_rows(struct rnd *rnd, struct route_row *row, size_t n, unsigned bits)
{
    uint32_t mask = bits == 32 ? UINT32_MAX : (1u << bits) - 1;
    size_t i;

    for (i = 0; i < n; i++)
        row[i] = (struct route_row){rnd_u32(rnd) & mask,
                                    rnd_u32(rnd) & mask,
                                    {.ip = rnd_u32(rnd) & mask,
                                     .port = (uint16_t)(rnd_u32(rnd) & mask),
                                     .weight = (uint16_t)rnd_u32(rnd)}};
}

/* A sum that does not depend on the order. */
static uint64_t sum_of(const struct route_row *row, size_t n)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += (row[i].modid * 31ull + row[i].cmdid) * 37 + row[i].node.ip * 41ull +
               row[i].node.port * 43ull + row[i].node.weight * 47ull;
    return sum;
}

static void t_random_rows_have_the_order_of_qsort(void **state)
{
    static struct route_row row[ROWS_MAX], want[ROWS_MAX];
    static const unsigned bits[] = {1, 4, 8, 9, 17, 32};
    uint64_t seed = mono_us(), sum;
    struct rnd rnd;
    size_t n, i;
    unsigned round;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed);
    for (round = 0; round < 60; round++) {
        n = rnd_u32(&rnd) % (round % 2 ? ROWS_MAX : 2048);
        draw_rows(&rnd, row, n, bits[round % 6]);
        memcpy(want, row, n * sizeof(*row));
        qsort(want, n, sizeof(*want), compare);
        sum = sum_of(row, n);
        route_sort_rows(row, n);
        for (i = 0; i < n; i++)
            assert_int_equal(route_sort_compare(&row[i], &want[i]), 0);
        assert_true(sum_of(row, n) == sum); /* each row with its weight, once */
    }
}

static void t_order_is_by_modid_cmdid_ip_and_port(void **state)
{
    static const struct route_row in_order[] = {
        {1, 9, {.ip = 9, .port = 9}},          {2, 1, {.ip = 9, .port = 9}},
        {2, 0x100, {.ip = 1, .port = 9}},      {2, 0x100, {.ip = 2, .port = 0x100}},
        {2, 0x100, {.ip = 2, .port = 0x200}},  {2, 0x100, {.ip = 0xff000000, .port = 1}},
        {0x80000000, 0, {.ip = 0, .port = 1}}, {0xffffffff, 1, {.ip = 0, .port = 1}}};
    size_t i;

    (void)state;
    for (i = 1; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
        assert_true(route_sort_compare(&in_order[i - 1], &in_order[i]) < 0);
        assert_true(route_sort_compare(&in_order[i], &in_order[i - 1]) > 0);
        assert_int_equal(route_sort_compare(&in_order[i], &in_order[i]), 0);
    }
    route_sort_rows(NULL, 0);
}

T_MAIN(T(t_random_rows_have_the_order_of_qsort), T(t_order_is_by_modid_cmdid_ip_and_port))
