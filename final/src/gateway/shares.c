/* A small table under a lock: it is written when the autoscaler asks and read once a
 * second, never for a request.  Modules are named by their ids and not by their slots, so
 * a module that gets the slot of another one does not get its share.
 * Rejected: a share of 1 as soon as the autoscaler is gone.  All gateways would let in as
 * much as the nodes can do together, and that at the time of the largest load. */
#include "gateway/shares.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "gateway/modules.h"

struct shares {
    pthread_mutex_t lock; /* of all below */
    uint32_t n_gateways;
    unsigned n;
    struct {
        uint32_t modid, cmdid;
        double share;
        uint64_t at_ms; /* it was received */
    } at[MODULES_MAX];
};

int shares_create(struct shares **out)
{
    struct shares *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    pthread_mutex_init(&s->lock, NULL);
    s->n_gateways = 1;
    *out = s;
    return 0;
}

void shares_destroy(struct shares *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void shares_set_gateways(struct shares *s, uint32_t n)
{
    pthread_mutex_lock(&s->lock);
    s->n_gateways = n;
    pthread_mutex_unlock(&s->lock);
}

/* Where the module is; <n> = it is not there. */
static unsigned find(const struct shares *s, uint32_t modid, uint32_t cmdid)
{
    unsigned i = 0;

    while (i < s->n && (s->at[i].modid != modid || s->at[i].cmdid != cmdid))
        i++;
    return i;
}

static unsigned oldest(const struct shares *s)
{
    unsigned i, first = 0;

    for (i = 1; i < s->n; i++)
        if (s->at[i].at_ms < s->at[first].at_ms)
            first = i;
    return first;
}

void shares_set(struct shares *s, uint32_t modid, uint32_t cmdid, double share,
                uint64_t now_ms)
{
    unsigned i;

    pthread_mutex_lock(&s->lock);
    i = find(s, modid, cmdid);
    if (i == s->n && s->n == MODULES_MAX)
        i = oldest(s);
    else if (i == s->n)
        s->n++;
    s->at[i].modid = modid;
    s->at[i].cmdid = cmdid;
    s->at[i].share = share;
    s->at[i].at_ms = now_ms;
    pthread_mutex_unlock(&s->lock);
}

double shares_of(struct shares *s, uint32_t modid, uint32_t cmdid, uint64_t now_ms)
{
    double share = 1;
    unsigned i;

    pthread_mutex_lock(&s->lock);
    i = find(s, modid, cmdid);
    if (i < s->n)
        share = now_ms < s->at[i].at_ms + SHARES_KEEP_MS ? s->at[i].share
                                                         : 1.0 / s->n_gateways;
    pthread_mutex_unlock(&s->lock);
    return share;
}
