/* The budget is shared by all threads of a module's callers, so it is three atomic words
 * and no lock; all are zero at the start, which means a full budget of the preset
 * numbers.
 *
 * Invariant: over any period, further attempts are at most <percent> of the requests,
 * plus <per_s> for each second, plus the largest <reserve> that was set.
 * Rejected: to cut what is missing when the reserve shrinks.  A reserve that goes up and
 * down would then give attempts that were never earned. */
#include "api/lars_budget.h"

#include <stdatomic.h>

#include "api/last_error.h"

#define WHOLE 1000 /* the budget counts thousandths of an attempt */
#define IS_SET (UINT64_C(1) << 63) /* so that three zeros are not the preset */

/* opaque[0]: what is missing to the reserve, so that a zeroed budget is full; it stays
 * when the reserve changes.  opaque[1]: the time, in ms, up to which the budget has
 * earned.  opaque[2]: the numbers, packed so that they change together; 0 = preset. */
static _Atomic uint64_t *part(struct lars_budget *b, int i)
{
    return (_Atomic uint64_t *)(void *)&b->opaque[i];
}

struct rates {
    uint32_t percent, per_s, reserve;
};

static struct rates rates_of(struct lars_budget *b)
{
    uint64_t p = atomic_load_explicit(part(b, 2), memory_order_relaxed);

    if (p == 0)
        return (struct rates){10, 1, 10};
    return (struct rates){(uint32_t)(p >> 56 & 127), (uint32_t)(p >> 32 & 0xffffff),
                          (uint32_t)p};
}

int lars_budget_set(struct lars_budget *b, uint32_t percent, uint32_t per_s,
                    uint32_t reserve)
{
    if (!b)
        return last_error_set("b: it is NULL");
    if (percent > 100)
        return last_error_set("percent: %u is more than 100", percent);
    if (per_s > LARS_BUDGET_PER_S_MAX)
        return last_error_set("per_s: %u is more than %d", per_s, LARS_BUDGET_PER_S_MAX);
    atomic_store_explicit(part(b, 2),
                          IS_SET | (uint64_t)percent << 56 | (uint64_t)per_s << 32 |
                              reserve,
                          memory_order_relaxed);
    return 0;
}

static void earn(struct lars_budget *b, uint64_t n)
{
    uint64_t missing = *part(b, 0);

    while (!atomic_compare_exchange_weak(part(b, 0), &missing,
                                         missing > n ? missing - n : 0))
        continue;
}

/* One attempt a second is a thousandth of an attempt in a millisecond. */
static void earn_time(struct lars_budget *b, uint64_t now_ms)
{
    uint64_t paid = *part(b, 1);

    if (now_ms > paid && atomic_compare_exchange_strong(part(b, 1), &paid, now_ms))
        earn(b, paid == 0 ? 0 : (now_ms - paid) * rates_of(b).per_s);
}

void lars_budget_first(struct lars_budget *b, uint64_t now_ms)
{
    earn_time(b, now_ms);
    earn(b, rates_of(b).percent * (WHOLE / 100));
}

bool lars_budget_take(struct lars_budget *b, uint64_t now_ms)
{
    uint64_t missing, most = (uint64_t)rates_of(b).reserve * WHOLE;

    earn_time(b, now_ms);
    missing = *part(b, 0);
    do {
        if (missing + WHOLE > most)
            return false;
    } while (!atomic_compare_exchange_weak(part(b, 0), &missing, missing + WHOLE));
    return true;
}

void lars_budget_give_back(struct lars_budget *b)
{
    earn(b, WHOLE);
}
