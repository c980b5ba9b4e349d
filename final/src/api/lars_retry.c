/* Whether another attempt may be made, and at which node.  A request belongs to one
 * thread; only its budget is shared (lars_budget.c).
 *
 * Rejected: a number of retries for each request alone.  Three attempts of every request
 * triple the load of a service exactly when it fails. */
#include "api/lars_retry.h"

#include <errno.h>
#include <string.h>

#include "api/client.h"
#include "api/lars_budget.h"
#include "api/last_error.h"
#include "api/retry.h"
#include "api/shm_client.h"
#include "base/mono.h"

#define ATTEMPTS 3
#define TIMEOUT_MS 1000
#define TRIES 4                       /* questions by UDP for a node not yet tried */

/* --- attempts ----------------------------------------------------------------------- */

bool lars_retry_was_tried(const struct lars_retry *r, const struct lars_addr *a)
{
    uint32_t i;

    for (i = 0; i < r->n; i++)
        if (memcmp(&r->tried[i], a, sizeof(*a)) == 0)
            return true;
    return false;
}

static void begin_time(struct lars_retry *r, uint64_t now_ms)
{
    r->end_ms = now_ms + (r->timeout_ms ? r->timeout_ms : TIMEOUT_MS);
}

/* May another attempt be made?  Returns 0, or the error of lars_retry_next(). */
static int may_try(struct lars_retry *r, uint64_t now_ms)
{
    uint32_t most = r->attempts ? r->attempts : ATTEMPTS;

    if (r->n == 0 && r->end_ms == 0) {
        begin_time(r, now_ms);
        if (r->budget)
            lars_budget_first(r->budget, now_ms);
        return 0;
    }
    if (r->n > 0 && (r->n >= most || !r->idempotent))
        return -ECANCELED;
    if (now_ms >= r->end_ms)
        return -ETIME;
    if (r->n == 0)                    /* its first wait was interrupted */
        return 0;
    if (r->budget && !lars_budget_take(r->budget, now_ms))
        return -EDQUOT;
    return 0;
}

/* The wait for a node ends with the client's time-out and with the request. */
static uint32_t wait_ms(const struct lars_client *c, const struct lars_retry *r)
{
    uint64_t now_ms = mono_ms(), left = now_ms < r->end_ms ? r->end_ms - now_ms : 1;
    uint32_t most = client_is_open(c) ? c->timeout_ms : 1;

    return left < most ? (uint32_t)left : most;
}

static int get(struct lars_client *c, const struct lars_retry *r, uint32_t flags,
               struct lars_host *out)
{
    struct lars_get_options o = {
        .flags = flags, .key = r->key, .avoid = r->tried, .n_avoid = r->n};
    int i, rc = 0;

    for (i = 0; i < TRIES; i++) {
        o.timeout_ms = wait_ms(c, r);
        rc = lars_get_host_opt(c, r->modid, r->cmdid, &o, out);
        /* A pick by shared memory has avoided what it could, and has begun a call. */
        if (rc < 0 || shm_client_began(out) || !lars_retry_was_tried(r, &out->addr))
            break;
    }
    return rc;
}

/* No node: the attempt that may_try() allowed is not made.  After -EINTR the caller may
 * ask for it again, within the same time and budget. */
static void take_back(struct lars_retry *r, int rc)
{
    if (r->n == 0 && rc != -EINTR)
        r->end_ms = 0;
    if (r->n > 0 && rc == -EINTR && r->budget)
        lars_budget_give_back(r->budget);
}

static void note_attempt(struct lars_retry *r, const struct lars_addr *at)
{
    uint64_t now_ms = mono_ms();

    r->tried[r->n++] = *at;
    r->left_ms = now_ms < r->end_ms ? (uint32_t)(r->end_ms - now_ms) : 0;
}

void lars_retry_made(struct lars_retry *r, const struct lars_addr *at)
{
    if (r->end_ms == 0)               /* take_back() has ended it */
        begin_time(r, mono_ms());
    note_attempt(r, at);
}

static int check(const struct lars_retry *r, const struct lars_host *out)
{
    last_error_clear();
    if (!r || !out)
        return last_error_set("%s: it is NULL", r ? "out" : "r");
    if (r->size != 0 && r->size != sizeof(*r))
        return last_error_set("size: %u is not sizeof(struct lars_retry), %zu", r->size,
                              sizeof(*r));
    if (r->attempts > LARS_RETRY_MAX)
        return last_error_set("attempts: %u is more than %d", r->attempts,
                              LARS_RETRY_MAX);
    if (r->n > LARS_RETRY_MAX)
        return last_error_set("n: %u attempts cannot have been made; zero the struct "
                              "for each request", r->n);
    return 0;
}

int lars_retry_with(struct lars_client *c, struct lars_retry *r, uint32_t flags,
                    struct lars_host *out)
{
    uint64_t now_ms = mono_ms();
    int rc = check(r, out);

    if (rc == 0)
        rc = may_try(r, now_ms);
    if (rc < 0)
        return rc;
    rc = get(c, r, flags, out);
    if (rc < 0) {
        take_back(r, rc);
        return rc;
    }
    note_attempt(r, &out->addr);
    return rc;
}

int lars_retry_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out)
{
    return lars_retry_with(c, r, 0, out);
}
