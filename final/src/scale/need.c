/* The load of a module is the larger one of two ratios, requests a second and requests in
 * progress, each to what one node was measured to do.  The first sees what is asked for;
 * the second also sees nodes that have become slow, of which requests a second say
 * nothing.  The processor's use is not looked at: it says nothing of nodes that wait, and
 * other processes of the host change it.
 * Every figure comes from another process, so each is brought into bounds before it is
 * used: the result is always a finite number that fits into an unsigned. */
#include "scale/need.h"

#include <math.h>

static double in_bounds(double v, double most)
{
    if (isnan(v) || v < 0)
        return 0;
    return v > most ? most : v;
}

double need_wanted_rps(const struct need_demand *d)
{
    double served = in_bounds(d->served, 1e12), refused = in_bounds(d->refused, 1e12);

    return served + fmin(refused, NEED_REFUSED_MAX * served);
}

double need_load(const struct need_demand *d, const struct need_capacity *c)
{
    double load = -1;

    if (c->rps > 0)
        load = need_wanted_rps(d) / c->rps;
    if (c->inflight > 0)
        load = fmax(load, in_bounds(d->inflight, 1e12) / c->inflight);
    return load < 0 ? -1 : in_bounds(load, NEED_NODES_MAX);
}

double need_per_zone(double load, const struct need_rule *r)
{
    double zones = r->zones > 0 ? r->zones : 1, need;
    double util = r->util > 0 ? r->util : 0.70, floor = r->floor > 0 ? r->floor : 0.90;

    load = in_bounds(load, NEED_NODES_MAX);
    need = load / (zones * util);
    if (zones >= 2)
        need = fmax(need, load / ((zones - 1) * floor));
    return in_bounds(need, NEED_NODES_MAX);
}

unsigned need_nodes(double need)
{
    return (unsigned)ceil(in_bounds(need, NEED_NODES_MAX) - 1e-9);
}
