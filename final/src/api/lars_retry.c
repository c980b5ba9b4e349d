#include "api/lars_retry.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "api/shm_calls.h"
#include "base/mono.h"

#define ATTEMPTS 3
#define TIMEOUT_MS 1000
#define TRIES 4                       /* by UDP: until it is another node */

/* In thousandths of an attempt. */
#define WHOLE 1000
#define EARNED (WHOLE / 10)
#define MOST (10 * WHOLE)

/* --- the budget --------------------------------------------------------------------- */

/* opaque[0]: what is missing to MOST, so that zeroed is full.  opaque[1]: the millisecond
 * up to which time was paid for; a millisecond earns a thousandth. */
static _Atomic uint64_t *part(struct lars_budget *b, int i)
{
    return (_Atomic uint64_t *)(void *)&b->opaque[i];
}

static void earn(struct lars_budget *b, uint64_t n)
{
    uint64_t missing = *part(b, 0);

    while (!atomic_compare_exchange_weak(part(b, 0), &missing,
                                         missing > n ? missing - n : 0))
        continue;
}

static void earn_time(struct lars_budget *b, uint64_t now_ms)
{
    uint64_t paid = *part(b, 1);

    if (now_ms > paid && atomic_compare_exchange_strong(part(b, 1), &paid, now_ms))
        earn(b, paid == 0 ? 0 : now_ms - paid);
}

static bool spend(struct lars_budget *b)
{
    uint64_t missing = *part(b, 0);

    do {
        if (missing + WHOLE > MOST)
            return false;
    } while (!atomic_compare_exchange_weak(part(b, 0), &missing, missing + WHOLE));
    return true;
}

/* --- attempts ----------------------------------------------------------------------- */

static bool was_tried(const struct lars_retry *r, const struct lars_addr *a)
{
    uint32_t i;

    for (i = 0; i < r->n; i++)
        if (memcmp(&r->tried[i], a, sizeof(*a)) == 0)
            return true;
    return false;
}

/* May there be another one?  0 or why not. */
static int may_try(struct lars_retry *r, uint64_t now_ms)
{
    uint32_t most = r->attempts ? r->attempts : ATTEMPTS;

    if (r->n == 0) {
        r->end_ms = now_ms + (r->timeout_ms ? r->timeout_ms : TIMEOUT_MS);
        if (r->budget) {
            earn_time(r->budget, now_ms);
            earn(r->budget, EARNED);
        }
        return 0;
    }
    if (r->n >= most || !r->idempotent)
        return -ECANCELED;
    if (now_ms >= r->end_ms)
        return -ETIME;
    if (r->budget && (earn_time(r->budget, now_ms), !spend(r->budget)))
        return -EDQUOT;
    return 0;
}

static int get(struct lars_client *c, const struct lars_retry *r, struct lars_host *out)
{
    int i, rc = 0;

    shm_calls_avoid(r->tried, r->n);
    for (i = 0; i < TRIES; i++) {
        rc = lars_get_host_key(c, r->modid, r->cmdid, r->key, out);
        if (rc < 0 || shm_calls_has(out) || !was_tried(r, &out->addr))
            break;                    /* what was chosen by shared memory was begun */
    }
    shm_calls_avoid(NULL, 0);
    return rc;
}

int lars_retry_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out)
{
    uint64_t now_ms = mono_ms();
    int rc;

    if ((r->size != 0 && r->size != sizeof(*r)) || r->attempts > LARS_RETRY_MAX ||
        r->n > LARS_RETRY_MAX)
        return -EINVAL;
    rc = may_try(r, now_ms);
    if (rc == 0)
        rc = get(c, r, out);
    if (rc < 0)
        return rc;
    r->tried[r->n++] = out->addr;
    now_ms = mono_ms();
    r->left_ms = now_ms < r->end_ms ? (uint32_t)(r->end_ms - now_ms) : 0;
    return rc;
}
