/* lars_retry.h -- further attempts of a request at other nodes, with a bound: retries
 * must not become the load that keeps a service down.
 *
 *     static struct lars_budget budget;    one for each module, shared by all threads
 *     struct lars_retry r = {.modid = 1, .cmdid = 1, .idempotent = 1, .budget = &budget};
 *
 *     while ((rc = lars_retry_next(c, &r, &h)) >= 0) {
 *         ok = call(&h.addr, r.left_ms);   r.left_ms: time that the request has left
 *         lars_report(c, &h, ok ? 0 : 1);
 *         if (ok)
 *             break;
 *     }
 *
 * The budget.  Each first attempt adds a tenth of an attempt, each second adds a whole
 * one, and at most ten are kept; each further attempt takes one.  So a service that fails
 * all calls receives at most 1.1 times the requests and one attempt a second more.
 * lars_budget_set() sets other numbers.
 * Source: the retry budgets of Finagle. */
#ifndef LARS_API_LARS_RETRY_H
#define LARS_API_LARS_RETRY_H

#include "lars.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LARS_RETRY_MAX 4              /* attempts of a request */

/* Zeroed = full.  Thread: any, without a lock. */
struct lars_budget {
    uint64_t opaque[4];
};

#define LARS_BUDGET_PER_S_MAX 10000000

/* Set what the budget earns and keeps: <percent> of an attempt for each first attempt, 0
 * to 100; <per_s> attempts a second, 0 to LARS_BUDGET_PER_S_MAX; at most <reserve> are
 * kept.  A zeroed budget has 10, 1 and 10.  What further attempts have taken stays taken,
 * so a reserve that shrinks and grows again gives nothing: set it as often as it changes,
 * for example to the number of calls in progress, so that each of them can be repeated
 * once.  Returns 0; -EINVAL for NULL or other numbers.  Thread: any, without a lock.
 * Since version 1.2. */
int lars_budget_set(struct lars_budget *b, uint32_t percent, uint32_t per_s,
                    uint32_t reserve);

/* One request.  Zero all fields and set those that are wanted.  Thread: one at a time. */
struct lars_retry {
    uint32_t size;                    /* sizeof(struct lars_retry); 0 = the same */
    uint32_t modid, cmdid;
    uint32_t attempts;                /* at most LARS_RETRY_MAX; 0 = 3 */
    uint32_t timeout_ms;              /* for all attempts together; 0 = 1000 */
    uint32_t idempotent;              /* 0 = the call must not be repeated: one attempt */
    uint64_t key;                     /* as lars_get_host_key() */
    struct lars_budget *budget;       /* borrowed; NULL = only <attempts> is the bound */
    uint32_t n;                       /* out: attempts so far */
    uint32_t left_ms;                 /* out: time that is left */
    uint64_t end_ms;                  /* of the library, like what follows */
    struct lars_addr tried[LARS_RETRY_MAX];
};

/* A node for the first attempt or, after an attempt that failed, for the next one: a node
 * that this request has not tried, while there are others; one of another zone, when
 * that has nodes that work.  Returns as lars_get_host(), and
 *     -ECANCELED    no attempt is left, or the request is not idempotent
 *     -ETIME        the time of the request is over
 *     -EDQUOT       the budget is used up: most calls fail, so let this request fail too
 *     -EINTR        the hook <interrupted> ended the wait; the next call makes this
 *                   attempt, within the same time and budget
 *     -EINVAL       more than LARS_RETRY_MAX attempts, or another <size> */
int lars_retry_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out);

#ifdef __cplusplus
}
#endif

#endif
