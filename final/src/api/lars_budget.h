/* lars_budget -- what lars_retry_next() does with a budget.  The struct, what it counts
 * and lars_budget_set() are in lars_retry.h.  Thread: any, without a lock. */
#ifndef LARS_API_LARS_BUDGET_H
#define LARS_API_LARS_BUDGET_H

#include <stdbool.h>

#include "api/lars_retry.h"

/* A request makes its first attempt.  Times are monotonic. */
void lars_budget_first(struct lars_budget *b, uint64_t now_ms);

/* Take one further attempt.  False: the budget is used up. */
bool lars_budget_take(struct lars_budget *b, uint64_t now_ms);

/* An attempt that was taken is not made. */
void lars_budget_give_back(struct lars_budget *b);

#endif
