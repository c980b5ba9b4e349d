/* lars_retry.h -- another attempt at another node, with a bound: retries may not become
 * the load that keeps a service down.
 *
 *     static struct lars_budget budget;             one for each module, for all threads
 *     struct lars_retry r = {.modid = 1, .cmdid = 1, .idempotent = 1, .budget = &budget};
 *
 *     while (lars_retry_next(c, &r, &h) >= 0) {
 *         ok = call(&h.addr, r.left_ms);            pass on what is left of the time
 *         lars_report(c, &h, ok ? 0 : 1);
 *         if (ok)
 *             break;
 *     }
 *
 * The budget: each first attempt earns a tenth of another one, each second a whole one,
 * ten are kept at most.  So a service that fails all calls gets at most 1.1 times the
 * requests, and one a second.  Source: Finagle's retry budgets. */
#ifndef LARS_API_LARS_RETRY_H
#define LARS_API_LARS_RETRY_H

#include "lars.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LARS_RETRY_MAX 4

/* Zeroed = full.  Thread: any, without a lock. */
struct lars_budget {
    uint64_t opaque[4];
};

/* One request.  Zeroed but for what is wanted.  Thread: one at a time. */
struct lars_retry {
    uint32_t size;                    /* sizeof(struct lars_retry); 0 = the same */
    uint32_t modid, cmdid;
    uint32_t attempts;                /* at most, LARS_RETRY_MAX; 0 = 3 */
    uint32_t timeout_ms;              /* of all attempts together; 0 = 1000 */
    uint32_t idempotent;              /* 0: it may have been done: one attempt only */
    uint64_t key;                     /* as lars_get_host_key() */
    struct lars_budget *budget;       /* borrowed; NULL = none, <attempts> bounds it */
    uint32_t n;                       /* attempts so far; written */
    uint32_t left_ms;                 /* of the time, now; written */
    uint64_t end_ms;                  /* the library's, with what follows */
    struct lars_addr tried[LARS_RETRY_MAX];
};

/* A node for the first attempt, or for another one after a failed one: not one that this
 * request has tried, while there are others.  Returns as lars_get_host(), and
 *   -ECANCELED  no attempt is left, or the request is not idempotent
 *   -ETIME      the time is over
 *   -EDQUOT     the budget is used up: most calls fail, fail as well */
int lars_retry_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out);

#ifdef __cplusplus
}
#endif

#endif
