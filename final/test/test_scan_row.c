/* Four nodes at a time and one node at a time choose the same node, whatever the numbers
 * in shared memory are. */
#include "t.h"

#include "base/rnd.h"
#include "lb/policies.h"
#include "lb/scan.h"
#include "lb/scan_row.h"

#define FIRST 3                       /* nid of the first member */
#define MAX 200
#define NOW_MS 5000

static _Atomic uint32_t cost[FIRST + MAX];
static struct node_counter counter[FIRST + MAX];
static struct node_member member[MAX];
static struct rnd rnd;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    return (uint32_t)((uint64_t)rnd_u32(&rnd) * n >> 32);
}

static uint32_t any_cost(uint32_t kind)
{
    static const uint32_t edge[] = {0, 1, NODE_COST_MAX, NODE_WARMING, NODE_OUT,
                                    NODE_OUT | NODE_DOWN, UINT32_MAX, 0x7fffffff,
                                    0x80000000};

    switch (kind) {
    case 0:
        return 1 + below(3);          /* many equal ones */
    case 1:
        return edge[below(sizeof(edge) / sizeof(edge[0]))];
    case 2:
        return rnd_u32(&rnd);
    default:
        return NODE_OUT;              /* all are out */
    }
}

static int32_t any_inflight(void)
{
    static const int32_t edge[] = {INT32_MIN, -1, 0, 1, 0xfffff, 0x100000, INT32_MAX};

    return below(4) > 0 ? (int32_t)below(4) : edge[below(sizeof(edge) / sizeof(edge[0]))];
}

static uint64_t any_until(void)
{
    static const uint64_t edge[] = {1, NOW_MS - 1, NOW_MS, NOW_MS + 1, INT64_MAX,
                                    1ull << 63, UINT64_MAX};

    return below(4) > 0 ? 0 : edge[below(sizeof(edge) / sizeof(edge[0]))];
}

static void any_numbers(void)
{
    uint32_t i, kind = below(4);

    for (i = 0; i < FIRST + MAX; i++) {
        cost[i] = any_cost(kind);
        counter[i].inflight = any_inflight();
        counter[i].streak = rnd_u32(&rnd);
        counter[i].ejected_until_ms = any_until();
    }
}

static void compare(struct pick_view *v, const struct pick_part *p, uint32_t start)
{
    struct pick_state st = {0};
    struct pick_call one = {.now_ms = NOW_MS}, four = one;
    uint32_t at_one, at_four;

    v->in_row = false;
    at_one = scan_from(v, &st, p, start, p->n, &one);
    v->in_row = true;
    at_four = scan_from(v, &st, p, start, p->n, &four);
    if (at_one != at_four || one.n_skipped != four.n_skipped)
        fail_msg("SEED=%llu: %u of %u members from %u on, start %u: %u and %u, skipped "
                 "%u and %u",
                 (unsigned long long)seed, p->n, v->n, p->from, start, at_one, at_four,
                 one.n_skipped, four.n_skipped);
}

static void t_both_choose_the_same(void **state)
{
    struct pick_view v = {
        .cost = cost, .counter = counter, .member = member, .policy = &scan_policy};
    struct pick_part p = {0, 0, false};
    const char *env = getenv("SEED");
    int turn;

    (void)state;
    if (!scan_row_is_possible())
        skip();
    seed = env ? strtoull(env, NULL, 10) : t_now_ms();
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed);
    for (turn = 0; turn < 50000; turn++) {
        any_numbers();
        v.n = SCAN_ROW_LEAST + below(MAX - SCAN_ROW_LEAST);
        v.alone = below(2) > 0;
        p.from = below(v.n - SCAN_ROW_LEAST + 1);
        p.n = SCAN_ROW_LEAST + below(v.n - p.from - SCAN_ROW_LEAST + 1);
        compare(&v, &p, below(p.n));
    }
}

static int members(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < MAX; i++)
        member[i] = (struct node_member){.nid = FIRST + i, .weight = NODE_WEIGHT};
    return 0;
}

T_MAIN(cmocka_unit_test_setup(t_both_choose_the_same, members))
