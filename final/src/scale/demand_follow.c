/* Gateways that come at run time.  Each gets a place with a thread of its own, which
 * stays: when the gateway is followed no more, the thread empties the place and waits for
 * the next one, so the caller never waits for the end of a question.
 *
 * Invariant: while a place is in use its address does not change, and its thread alone
 * changes what it has heard.
 * Rejected: threads that end with their gateway.  The rounds of the autoscaler would wait
 * for a gateway that hangs just when it is given up. */
#include "scale/demand_private.h"

#include <stdio.h>
#include <string.h>

static bool is_at(struct demand_gateway *g, const char *at)
{
    bool is;

    worker_lock(g->worker);
    is = g->in_use && strcmp(g->at, at) == 0;
    worker_unlock(g->worker);
    return is;
}

static bool is_configured(struct demand *d, const char *at)
{
    unsigned i;

    for (i = 0; i < d->n; i++)
        if (d->at[i].configured && is_at(&d->at[i], at))
            return true;
    return false;
}

/* Those that are not in the list are followed no more. */
static void leave_others(struct demand *d, const struct demand_follow *list, unsigned n)
{
    unsigned i, k;

    for (i = 0; i < d->n; i++) {
        struct demand_gateway *g = &d->at[i];

        if (g->configured)
            continue;
        for (k = 0; k < n && !is_at(g, list[k].at); k++)
            ;
        worker_lock(g->worker);
        g->in_use = g->in_use && k < n;
        worker_unlock(g->worker);
    }
}

/* A place without a gateway; NULL: there is none, or no thread. */
static struct demand_gateway *idle_place(struct demand *d)
{
    struct demand_gateway *g;
    unsigned i;
    bool idle;

    for (i = 0; i < d->n; i++) {
        g = &d->at[i];
        worker_lock(g->worker);
        idle = !g->configured && !g->in_use && g->idle;
        worker_unlock(g->worker);
        if (idle)
            return g;
    }
    if (i == DEMAND_GATEWAYS_MAX || demand_private_prepare(d, i, "", false) < 0)
        return NULL;
    g = &d->at[i];
    if (worker_start(g->worker, demand_private_run, g) < 0) {
        worker_destroy(g->worker);
        g->worker = NULL;
        return NULL;
    }
    d->n = i + 1;
    return g;
}

static void follow_one(struct demand *d, const struct demand_follow *f)
{
    struct demand_gateway *g = NULL;
    unsigned i;

    for (i = 0; i < d->n && !g; i++)
        if (is_at(&d->at[i], f->at))
            g = &d->at[i];
    if (!g)
        g = idle_place(d);
    if (!g)
        return; /* it is tried again in the next round */
    worker_lock(g->worker);
    if (!g->in_use)
        snprintf(g->at, sizeof(g->at), "%s", f->at);
    g->in_use = true;
    g->idle = false;
    g->required = f->required;
    g->counts = f->counts;
    worker_unlock(g->worker);
}

void demand_follow_set(struct demand *d, const struct demand_follow *list, unsigned n)
{
    unsigned i;

    leave_others(d, list, n);
    for (i = 0; i < n; i++)
        if (!is_configured(d, list[i].at))
            follow_one(d, &list[i]);
}
