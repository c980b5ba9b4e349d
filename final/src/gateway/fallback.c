/* At most 16 nodes, looked through under a lock: this way is taken only while the agent
 * has not been there, and shared memory is the fast one.
 *
 * Invariant: <inflight> of a node is the number of its requests that have not ended, so
 * fallback_end() is called once for each fallback_next() that has returned 0.
 * Rejected: to share the requests out by load, or to eject nodes for failures.  That is
 * the work of the library, and a second copy of it would have to be right as well; the
 * bound of requests keeps a slow node from holding all of them. */
#include "gateway/fallback.h"

#include <string.h>

#include "api/retry.h"

_Static_assert(sizeof(struct lars_addr) == sizeof(struct net_addr), "the same struct");

void fallback_init(struct fallback *f)
{
    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
}

void fallback_fini(struct fallback *f)
{
    pthread_mutex_destroy(&f->lock);
}

/* NULL = it is not named any more. */
static struct fallback_node *find(struct fallback_node *node, unsigned n,
                                  const void *addr)
{
    unsigned i;

    for (i = 0; i < n; i++)
        if (memcmp(&node[i].addr, addr, sizeof(node[i].addr)) == 0)
            return &node[i];
    return NULL;
}

void fallback_set(struct fallback *f, const struct net_addr *node, unsigned n)
{
    struct fallback_node next[FALLBACK_NODES_MAX] = {0}, *old;
    unsigned i;

    pthread_mutex_lock(&f->lock);
    for (i = 0; i < n; i++) {
        old = find(f->node, f->n, &node[i]);
        if (old)
            next[i] = *old;
        memcpy(&next[i].addr, &node[i], sizeof(next[i].addr));
    }
    memcpy(f->node, next, sizeof(next));
    f->n = n;
    f->turn = 0;
    pthread_mutex_unlock(&f->lock);
}

unsigned fallback_n(struct fallback *f)
{
    unsigned n;

    pthread_mutex_lock(&f->lock);
    n = f->n;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* The node to use, beginning with the one whose turn it is: one that was not tried before
 * one that was, and then one that is not left out before one that is.  NULL = none has
 * room. */
static struct fallback_node *choose(struct fallback *f, const struct lars_retry *r,
                                    uint64_t now_ms)
{
    struct fallback_node *best = NULL;
    unsigned i, cost, least = 4;

    for (i = 0; i < f->n; i++) {
        struct fallback_node *at = &f->node[(f->turn + i) % f->n];

        cost = lars_retry_was_tried(r, &at->addr) * 2u + (now_ms < at->pause_ms);
        if (at->inflight < FALLBACK_INFLIGHT && cost < least) {
            best = at;
            least = cost;
        }
    }
    return best;
}

int fallback_next(struct fallback *f, struct lars_retry *r, uint64_t now_ms,
                  struct lars_host *out)
{
    struct fallback_node *at;
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    at = choose(f, r, now_ms);
    if (at) {
        at->inflight++;
        f->turn = (unsigned)(at - f->node) + 1;
        *out = (struct lars_host){.addr = at->addr, .modid = r->modid, .cmdid = r->cmdid};
        lars_retry_made(r, &at->addr);
    } else {
        rc = f->n ? -EBUSY : -ENOENT;
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void fallback_end(struct fallback *f, const struct lars_addr *a)
{
    struct fallback_node *at;

    pthread_mutex_lock(&f->lock);
    at = find(f->node, f->n, a);
    if (at && at->inflight > 0) /* 0: it was removed meanwhile, and named again */
        at->inflight--;
    pthread_mutex_unlock(&f->lock);
}

void fallback_refused(struct fallback *f, const struct lars_addr *a, uint64_t now_ms)
{
    struct fallback_node *at;

    pthread_mutex_lock(&f->lock);
    at = find(f->node, f->n, a);
    if (at)
        at->pause_ms = now_ms + FALLBACK_PAUSE_MS;
    pthread_mutex_unlock(&f->lock);
}

bool fallback_note(struct fallback *f, bool used)
{
    bool changed;

    pthread_mutex_lock(&f->lock);
    changed = f->used != used;
    f->used = used;
    pthread_mutex_unlock(&f->lock);
    return changed;
}

bool fallback_is_used(struct fallback *f)
{
    bool used;

    pthread_mutex_lock(&f->lock);
    used = f->used;
    pthread_mutex_unlock(&f->lock);
    return used;
}
