/* The two numbers whose quotient is the load: requests a second, and how many of them a
 * node can answer.  A zone counts with the larger one of two sources, because gateways
 * know what they refuse, and agents know callers that use no gateway.
 *
 * Rejected: the sum of both.  Requests of gateways are reported by agents as well. */
#include "scale/module_load.h"

#include <math.h>
#include <string.h>

#include "base/crc32.h"
#include "scale/exec_modules.h"

static double gateways_of(const struct demand_view *v, uint32_t zone)
{
    unsigned i;

    for (i = 0; i < v->n_zones; i++)
        if (crc32_of(v->zone[i].zone) == zone)
            return v->zone[i].rates.served;
    return 0;
}

/* In each zone the larger one of what gateways sent and what agents reported.  Gateways
 * without a zone have sent what the agents of any zone may have reported. */
double module_load_served(const struct snapshot *s, struct module_id id,
                          const struct demand_view *v)
{
    uint32_t none = crc32_of("");
    double beyond = -gateways_of(v, none); /* of other callers */
    size_t i;

    for (i = 0; i < s->n_load; i++) {
        const struct snapshot_load *l = &s->load[i];
        double known = l->zone == none ? 0 : gateways_of(v, l->zone);

        if (snapshot_is(l->id, id))
            beyond += fmax(l->rps - known, 0);
    }
    return v->all.served + fmax(beyond, 0);
}

static const struct snapshot_capacity *capacity_of(const struct snapshot *s,
                                                   struct module_id id, const char *class)
{
    const struct snapshot_capacity *any = NULL;
    size_t i;

    for (i = 0; i < s->n_capacity; i++) {
        if (!snapshot_is(s->capacity[i].id, id))
            continue;
        if (strcmp(s->capacity[i].class, class) == 0)
            return &s->capacity[i];
        if (s->capacity[i].class[0] == '\0')
            any = &s->capacity[i];
    }
    return any;
}

/* Of the slowest class of hosts in use, or without a class where a program runs the
 * nodes; NULL = nothing was measured. */
static const struct snapshot_capacity *slowest(const struct snapshot *s,
                                               const struct snapshot_policy *p)
{
    const struct snapshot_capacity *any = capacity_of(s, p->id, ""), *found = NULL;
    size_t i;

    if (exec_modules_has(p) && any)
        return any;
    for (i = 0; i < s->n_host; i++) {
        const struct snapshot_capacity *x;

        if (!s->host[i].in_use || s->host[i].age_ms >= NODE_LIFE_LOST_MS)
            continue;
        x = capacity_of(s, p->id, s->host[i].class);
        if (x && (!found || x->rps < found->rps))
            found = x;
    }
    return found;
}

struct need_capacity module_load_capacity(const struct snapshot *s,
                                          const struct snapshot_policy *p, double *factor)
{
    const struct snapshot_capacity *c = slowest(s, p);

    *factor = c ? c->factor : 1;
    return c ? (struct need_capacity){c->rps, c->inflight}
             : (struct need_capacity){p->node_rps, p->node_inflight};
}
