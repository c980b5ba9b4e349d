#include "pickfix.h"

_Atomic uint32_t cost[MAX];
struct node_counter counter[MAX];
struct node_member member[MAX];
struct pick_state st;
struct pick_view v;
int hits[MAX];

static int64_t slot[MAX];

int pickfix_setup(void **state)
{
    int i;

    (void)state;
    memset(counter, 0, sizeof(counter));
    memset(slot, 0, sizeof(slot));
    memset(&st, 0, sizeof(st));
    for (i = 0; i < MAX; i++) {
        cost[i] = 1000;
        member[i] = (struct node_member){(uint32_t)i, 100, 0, 0};
    }
    rnd_init(&st.rnd, 7);
    st.slot = slot;
    v = (struct pick_view){.cost = cost,
                           .counter = counter,
                           .member = member,
                           .n = 8,
                           .n_own = 8,
                           .demand = PICK_DEMAND_PRESET,
                           .own_max = PICK_FULL,
                           .policy = policies_at(0)};
    return 0;
}

void use(const char *policy)
{
    int id = policies_find(policy);

    assert_true(id >= 0);
    v.policy = policies_at((uint32_t)id);
}

void nodes(uint32_t n, uint32_t n_own)
{
    uint32_t i;

    st.policy = NULL;
    v.n = n;
    v.n_own = n_own;
    for (i = 0; i < n; i++)
        member[i].zone = i >= n_own;
}

void eject(uint32_t i)
{
    cost[i] = NODE_OUT;
}

uint32_t available(void)
{
    struct pick_census c;

    pick_count(&v, NOW, &c);
    return c.own + c.other;
}

unsigned picks_at(uint64_t now_ms, int n)
{
    unsigned why, all = 0;

    memset(hits, 0, sizeof(hits));
    while (n-- > 0) {
        hits[pick_node(&v, &st, now_ms, (uint64_t)n, &why)]++;
        all |= why;
    }
    return all;
}

unsigned picks(int n)
{
    return picks_at(NOW, n);
}
