/* A counter that begins again shows in two ways: the process has been up for a shorter
 * time, or a counter is smaller than before.  Either makes the new answer the first one.
 * A module that came with new rules has no rate until its second answer.
 *
 * Rejected: a rate between the last two answers only.  At one request in two seconds the
 * page would change between 0 and 1 with every look. */
#include "web/gateway_rates.h"

#include <math.h>
#include <string.h>

const struct gateway_answer *gateway_rates_newest(const struct gateway_rates *r)
{
    return r->n ? &r->answer[r->n - 1] : NULL;
}

static void drop_oldest(struct gateway_rates *r, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        gateway_answer_free(&r->answer[i]);
    r->n -= n;
    memmove(r->answer, r->answer + n, r->n * sizeof(r->answer[0]));
    memmove(r->at_ms, r->at_ms + n, r->n * sizeof(r->at_ms[0]));
}

static bool has_less(const struct gateway_answer *a, const struct gateway_answer *before)
{
    size_t i;
    int c;

    if (a->cache.hits < before->cache.hits || a->cache.misses < before->cache.misses)
        return true;
    for (i = 0; i < a->n_module; i++) {
        const struct gateway_answer_module *m = &a->module[i],
                                           *old = gateway_answer_find(before, m->modid,
                                                                      m->cmdid);

        for (c = 0; old && c < GATEWAY_COUNTS; c++)
            if (m->count[c] < old->count[c])
                return true;
    }
    return false;
}

static bool has_restarted(const struct gateway_answer *a,
                          const struct gateway_answer *before)
{
    return a->up_s < before->up_s || has_less(a, before);
}

/* How far <c> of a module has grown since answer <i>, a second; NAN: the module was not
 * in it, or has come back in between with counters that begin again. */
static double growth(const struct gateway_rates *r, size_t i,
                     const struct gateway_answer_module *m, enum gateway_answer_count c)
{
    const struct gateway_answer_module *old =
        gateway_answer_find(&r->answer[i], m->modid, m->cmdid);
    uint64_t ms = r->at_ms[r->n - 1] - r->at_ms[i];

    return old && ms > 0 && m->count[c] >= old->count[c]
               ? (double)(m->count[c] - old->count[c]) * 1000 / (double)ms
               : NAN;
}

/* Requests a second since the answer before, with whatever result. */
static double last_step(const struct gateway_rates *r)
{
    const struct gateway_answer *a = gateway_rates_newest(r);
    double sum = 0;
    size_t i;
    int c;

    if (r->n < 2)
        return NAN;
    for (i = 0; i < a->n_module; i++)
        for (c = 0; c < GATEWAY_RESULTS; c++) {
            double v = growth(r, r->n - 2, &a->module[i], (enum gateway_answer_count)c);

            sum += isnan(v) ? 0 : v;
        }
    return sum;
}

static void add_recent(struct gateway_rates *r, double v)
{
    if (r->n_recent == GATEWAY_RATES_RECENT) {
        r->n_recent--;
        memmove(r->recent, r->recent + 1, r->n_recent * sizeof(r->recent[0]));
    }
    r->recent[r->n_recent++] = v;
}

void gateway_rates_add(struct gateway_rates *r, struct gateway_answer *a, uint64_t now_ms)
{
    size_t n = 0;

    if (r->n > 0 && has_restarted(a, gateway_rates_newest(r)))
        n = r->n;
    while (n < r->n && now_ms - r->at_ms[n] > GATEWAY_RATES_MS)
        n++;
    if (n == r->n)
        r->n_recent = 0; /* a chart without a gap would show another time */
    if (n == 0 && r->n == GATEWAY_RATES_LOOKS)
        n = 1;
    drop_oldest(r, n);
    r->answer[r->n] = *a;
    r->at_ms[r->n++] = now_ms;
    memset(a, 0, sizeof(*a));
    add_recent(r, last_step(r));
}

void gateway_rates_free(struct gateway_rates *r)
{
    drop_oldest(r, r->n);
    r->n_recent = 0;
}

double gateway_rates_of(const struct gateway_rates *r,
                        const struct gateway_answer_module *m,
                        enum gateway_answer_count c)
{
    size_t i;

    for (i = 0; i + 1 < r->n; i++) {
        double v = growth(r, i, m, c);

        if (!isnan(v))
            return v;
    }
    return NAN;
}

double gateway_rates_sum(const struct gateway_rates *r, enum gateway_answer_count c)
{
    const struct gateway_answer *a = gateway_rates_newest(r);
    double sum = 0;
    size_t i;

    if (r->n < 2)
        return NAN;
    for (i = 0; i < a->n_module; i++) {
        double v = gateway_rates_of(r, &a->module[i], c);

        sum += isnan(v) ? 0 : v;
    }
    return sum;
}

double gateway_rates_hits(const struct gateway_rates *r)
{
    const struct gateway_answer *a = gateway_rates_newest(r), *old = &r->answer[0];
    double hits, misses;

    if (r->n < 2)
        return NAN;
    hits = (double)(a->cache.hits - old->cache.hits);
    misses = (double)(a->cache.misses - old->cache.misses);
    return hits + misses > 0 ? hits / (hits + misses) : NAN;
}
