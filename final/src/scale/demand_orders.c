/* A gateway keeps the command of an operator in memory, and one that is started again in
 * a zone that is out would serve.  The decision is a row of ZoneState, so it goes with
 * each question.
 *
 * Rejected: a file of the gateway.  A host that is switched off when its zone returns
 * would come back drained, and would get no command to serve. */
#include "scale/demand_private.h"

#include <string.h>

#include "base/mono.h"

#define ORDER_MS 3000 /* after which a decision that was read is not known any more */

static bool is_out(const struct snapshot *s, const char *zone)
{
    size_t i;

    for (i = 0; i < s->n_zone_out; i++)
        if (strcmp(s->zone_out[i].name, zone) == 0)
            return !s->zone_out[i].leaves;
    return false;
}

static bool serves_elsewhere(struct demand_gateway *g, const struct snapshot *s,
                             uint64_t now_ms)
{
    bool is;

    worker_lock(g->worker);
    is = g->in_use && demand_rates_answers(&g->source, now_ms) &&
         !is_out(s, demand_rates_newest(&g->source)->zone);
    worker_unlock(g->worker);
    return is;
}

static enum demand_order order_of(const struct demand_gateway *g,
                                  const struct snapshot *s, bool others_serve)
{
    const struct demand_answer *a = s ? demand_rates_newest(&g->source) : NULL;

    if (!a)
        return DEMAND_ORDER_UNKNOWN;
    if (!is_out(s, a->zone))
        return DEMAND_ORDER_SERVE;
    return others_serve ? DEMAND_ORDER_DRAIN : DEMAND_ORDER_UNKNOWN;
}

void demand_orders_set(struct demand *d, const struct snapshot *s, uint64_t now_ms)
{
    bool others_serve = false;
    unsigned i;

    for (i = 0; s && i < d->n && !others_serve; i++)
        others_serve = serves_elsewhere(&d->at[i], s, now_ms);
    for (i = 0; i < d->n; i++) {
        struct demand_gateway *g = &d->at[i];

        worker_lock(g->worker);
        g->order = order_of(g, s, others_serve);
        g->order_ms = now_ms;
        worker_unlock(g->worker);
    }
}

enum demand_order demand_orders_of(struct demand_gateway *g)
{
    enum demand_order order;

    worker_lock(g->worker);
    order = mono_ms() <= g->order_ms + ORDER_MS ? g->order : DEMAND_ORDER_UNKNOWN;
    worker_unlock(g->worker);
    return order;
}
