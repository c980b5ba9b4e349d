/* Everything that is known of a node decays with time and not with calls: a node that
 * gets few calls is judged by calls as old as those of a busy one.  What decays:
 *   mean_us        weighed by the time since the last call (tau_ms); without calls the
 *                  cost falls (COST_FADE_MS), or one slow call would starve the node
 *   n, n_err       evidence for outliers and for eject_after
 *
 * Costs are rounded up to steps, because exact ones made the best of nearly equal nodes
 * take almost all calls (docs/decisions/015).
 *
 * Rejected: peak-EWMA, whose cost jumps up at once and comes down over 10 s (Finagle).
 * Its p99 is 2.3 times the oracle's, the mean's is 1.3 times (lars-sim speeds). */
#include "lb/health.h"

#include <math.h>
#include <stdlib.h>

#define UNKNOWN_US 1000.0             /* duration assumed when nothing is known */
#define NOISE_US 512.0                /* durations below this count as equal */
#define STEPS 2                       /* cost steps for each doubling */
#define COST_FADE_MS 5000             /* after so long without a call: 1/e of the cost */
#define EJECT_AFTER_MIN 3
#define EJECT_AFTER_MAX 20
#define CHANCE 1e-5 /* of ejecting a node that fails as its fellows do */
#define OUTLIER_NODES 5 /* fewer nodes, or nodes with fewer calls, are not */
#define OUTLIER_CALLS 20.0            /* compared */
#define MAD_TO_SIGMA 1.4826           /* for a normal distribution */
#define MAD_MIN 0.01 /* below this the nodes are alike, and one that is */
#define OUTLIER_MARGIN 0.05           /* so far below the median is an outlier */

const struct health_config health_preset = {
    .tau_ms = 1000,
    .state = {.eject_ms = 1000, .eject_max_ms = 60000, .slow_ms = 10000, .slow_min = 10}};

/* --- cost --------------------------------------------------------------------------- */

static struct health_totals added(const struct health_totals *seen,
                                  const struct health_totals *now)
{
    if (now->done < seen->done || now->err < seen->err || now->lat_us < seen->lat_us)
        return (struct health_totals){0};
    return (struct health_totals){now->done - seen->done, now->err - seen->err,
                                  now->lat_us - seen->lat_us};
}

struct health_totals health_observe(struct health_node *h, const struct health_config *c,
                                    const struct health_totals *totals, uint32_t streak,
                                    uint64_t now_ms)
{
    struct health_totals n = added(&h->seen, totals);
    double dt = h->stamp_ms ? (double)(now_ms - h->stamp_ms) : 0, fade, keep, mean;

    h->stamp_ms = now_ms;
    fade = exp(-dt / HEALTH_FADE_MS);
    h->n = h->n * fade + (double)n.done;
    h->n_err = h->n_err * fade + (double)n.err;
    if (n.done > 0) {
        mean = (double)n.lat_us / (double)n.done;
        keep = h->mean_us > 0 ? exp(-(double)(now_ms - h->sample_ms) / c->tau_ms) : 0;
        h->mean_us = h->mean_us * keep + mean * (1 - keep);
        h->sample_ms = now_ms;
        if (h->mean_us < 1)
            h->mean_us = 1;
    }
    h->seen = *totals;
    h->streak = streak;
    return n;
}

uint32_t health_cost(const struct health_node *h, uint32_t weight, double mean_us,
                     uint64_t now_ms)
{
    double us = h->mean_us > 0 ? h->mean_us : mean_us > 0 ? mean_us : UNKNOWN_US, cost;

    if (h->mean_us > 0)
        us *= exp(-(double)(now_ms - h->sample_ms) / COST_FADE_MS);
    us = us < NOISE_US ? NOISE_US : exp2(ceil(log2(us) * STEPS) / STEPS);
    cost = us * NODE_COST_UNIT * NODE_WEIGHT / weight;
    return cost >= NODE_COST_MAX ? NODE_COST_MAX : cost < 1 ? 1 : (uint32_t)cost;
}

/* --- failures ----------------------------------------------------------------------- */

uint32_t health_eject_after(double p)
{
    double n;

    if (p <= 0)
        return EJECT_AFTER_MIN;
    if (p >= 1)
        return EJECT_AFTER_MAX;
    n = ceil(log(CHANCE) / log(p));
    return n < EJECT_AFTER_MIN   ? EJECT_AFTER_MIN
           : n > EJECT_AFTER_MAX ? EJECT_AFTER_MAX
                                 : (uint32_t)n;
}

uint32_t health_module_eject_after(struct health_node *const *h, uint32_t n)
{
    double calls = 0, err = 0, worst_err = 0, worst_calls = 0, unended;
    uint32_t i;

    for (i = 0; i < n; i++) {
        unended = h[i]->streak < h[i]->n_err ? h[i]->streak : h[i]->n_err;
        calls += h[i]->n - unended;
        err += h[i]->n_err - unended;
        if (h[i]->n_err - unended > worst_err) {
            worst_err = h[i]->n_err - unended;
            worst_calls = h[i]->n - unended;
        }
    }
    calls -= worst_calls;
    return calls < 1 ? EJECT_AFTER_MIN : health_eject_after((err - worst_err) / calls);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *x, uint32_t n)
{
    qsort(x, n, sizeof(*x), by_size);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

double health_outlier_limit(struct health_node *const *h, uint32_t n)
{
    double *rate = n < OUTLIER_NODES ? NULL : malloc(n * sizeof(*rate)), mid, mad;
    uint32_t k, m = 0;
    bool any = false;

    for (k = 0; rate && k < n; k++) {
        any = any || h[k]->n_err >= 1;
        if (h[k]->n >= OUTLIER_CALLS)
            rate[m++] = 1 - h[k]->n_err / h[k]->n;
    }
    if (!any)                         /* the usual case costs no sorting */
        m = 0;
    mid = m >= OUTLIER_NODES ? median(rate, m) : 0;
    for (k = 0; k < m; k++)
        rate[k] = fabs(rate[k] - mid);
    mad = m >= OUTLIER_NODES ? MAD_TO_SIGMA * median(rate, m) : 0;
    free(rate);
    if (m < OUTLIER_NODES)
        return -1;
    return mid - (mad < MAD_MIN ? OUTLIER_MARGIN : 3 * mad);
}

bool health_is_below(const struct health_node *h, double limit)
{
    return h->n >= OUTLIER_CALLS && h->n_err >= 1 && 1 - h->n_err / h->n < limit;
}

bool health_is_outlier(struct health_node *const *h, uint32_t n, uint32_t i)
{
    return health_is_below(h[i], health_outlier_limit(h, n));
}

void health_begin_anew(struct health_node *h)
{
    h->n = h->n_err = 0;
    h->streak = 0;
    h->mean_us = 0;                   /* until it is called, its cost is its fellows'
                                       * mean */
}
