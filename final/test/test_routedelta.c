/* The difference of two routes, applied to the first one, gives the second one; the check
 * sum tells routes apart; a difference that does not fit is refused. */
#include "route/routedelta.h"

#include "base/rnd.h"
#include "t.h"

#define MAX 300

static struct route_node had[MAX], has[MAX], add[MAX], gone[MAX], out[2 * MAX];
static size_t n_add, n_gone;

/* Some of the nodes 1 to MAX - 1, sorted.  Returns how many. */
static size_t some(struct rnd *r, struct route_node *node)
{
    size_t n = 0;
    uint32_t i, percent = rnd_u32(r) % 101;

    for (i = 1; i < MAX; i++)
        if (rnd_u32(r) % 100 < percent)
            node[n++] =
                (struct route_node){i / 3, (uint16_t)(i % 3 + 1),
                                    rnd_u32(r) % 9 ? 0 : 300, rnd_u32(r) % 9 ? 0 : 7};
    return n;
}

static void t_difference_of_random_routes_gives_the_second_one(void **state)
{
    uint64_t seed = (uint64_t)time(NULL);
    struct rnd r;
    int i;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    for (i = 0; i < 2000; i++) {
        size_t n_had = some(&r, had), n_has = some(&r, has);

        assert_int_equal(
            routedelta_diff(had, n_had, has, n_has, add, &n_add, gone, &n_gone, MAX), 0);
        assert_int_equal(n_had + n_add, n_has + n_gone);
        assert_int_equal(routedelta_apply(had, n_had, add, n_add, gone, n_gone, out),
                         n_has);
        assert_memory_equal(out, has, n_has * sizeof(has[0]));
        assert_true(routedelta_sum(out, n_has) == routedelta_sum(has, n_has));
    }
}

static void t_check_sums_of_different_routes_differ(void **state)
{
    struct route_node a[] = {{1, 80}, {2, 80}}, b[] = {{1, 80}, {2, 81}},
                      c[] = {{1, 336}, {2, 80}};

    (void)state;
    assert_true(routedelta_sum(NULL, 0) != 0);
    assert_true(routedelta_sum(a, 2) != routedelta_sum(b, 2));
    assert_true(routedelta_sum(a, 2) != routedelta_sum(c, 2));
    assert_true(routedelta_sum(a, 2) != routedelta_sum(a, 1));
    assert_true(routedelta_sum(a, 1) != routedelta_sum(NULL, 0));
    /* computed from the definition by another program, because both sides must agree */
    assert_true(routedelta_sum(a, 1) == 0xfaab78c73b211354ull);
    assert_true(routedelta_sum(a, 2) == 0x49eec3ed91d269d6ull);
}

/* Nodes with a weight or a zone have more bytes than those without. */
static void t_checksum_covers_weights_and_zones_where_there_are_any(void **state)
{
    struct route_node n[] = {{0x7f000101, 8001, 300, 0x12345678},
                             {0xffffffff, 65535, 0, 0}};

    (void)state;
    assert_true(routedelta_sum(n, 2) == 0x0980cbec09cab9d7ull);
}

static void t_difference_that_does_not_fit_is_refused(void **state)
{
    struct route_node at[] = {{1, 80}, {2, 80}}, other = {3, 80},
                      twice[] = {{4, 1}, {4, 1}};

    (void)state;
    assert_int_equal(routedelta_apply(at, 2, &at[1], 1, NULL, 0, out), -EBADMSG);
    assert_int_equal(routedelta_apply(at, 2, NULL, 0, &other, 1, out), -EBADMSG);
    assert_int_equal(routedelta_apply(at, 2, twice, 2, NULL, 0, out), -EBADMSG);
    assert_int_equal(routedelta_apply(at, 2, &other, 1, &at[0], 1, out), 2);
    assert_int_equal(routedelta_diff(at, 2, NULL, 0, add, &n_add, gone, &n_gone, 1),
                     -E2BIG);
    assert_int_equal(routedelta_diff(NULL, 0, at, 2, add, &n_add, gone, &n_gone, 1),
                     -E2BIG);
}

T_MAIN(T(t_checksum_covers_weights_and_zones_where_there_are_any),
       T(t_difference_of_random_routes_gives_the_second_one),
       T(t_check_sums_of_different_routes_differ),
       T(t_difference_that_does_not_fit_is_refused))
