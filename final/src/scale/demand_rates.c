/* A few answers are kept, at least 150 ms apart, so that one of them is a second old also
 * when pull_ms is short.
 *
 * Invariant: no rate is negative or above DEMAND_RATE_MAX.  A module whose counters went
 * back, jumped, or belong to another slot keeps its last rates until there are new ones.
 * Rejected: a smoothed rate.  The decision smooths over the times that its rules need,
 * and a sudden rise has to be seen at once. */
#include "scale/demand_rates.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define APART_MS 150
#define SPAN_MS 1000 /* of a rate, about */
#define SPAN_LEAST_MS 100 /* less tells nothing */

const struct demand_answer *demand_rates_newest(const struct demand_rates_source *s)
{
    return s->n ? &s->answer[s->n - 1] : NULL;
}

static const struct demand_answer_module *find(const struct demand_answer *a,
                                               const struct demand_answer_module *like)
{
    unsigned i;

    for (i = 0; i < a->n; i++)
        if (a->module[i].modid == like->modid && a->module[i].cmdid == like->cmdid &&
            a->module[i].slot == like->slot)
            return &a->module[i];
    return NULL;
}

/* The answer before the newest one whose distance is nearest to SPAN_MS; NULL = none. */
static const struct demand_answer *base_of(const struct demand_rates_source *s)
{
    uint64_t end = s->answer[s->n - 1].ms, best = UINT64_MAX;
    const struct demand_answer *found = NULL;
    unsigned i;

    for (i = 0; i + 1 < s->n; i++) {
        uint64_t span = end - s->answer[i].ms;
        uint64_t off = span > SPAN_MS ? span - SPAN_MS : SPAN_MS - span;

        if (span >= SPAN_LEAST_MS && off < best) {
            best = off;
            found = &s->answer[i];
        }
    }
    return found;
}

/* A growth in <ms> as a rate; NAN: it can be none. */
static double rate_of(uint64_t from, uint64_t to, double ms)
{
    double rate = to >= from ? (double)(to - from) * 1000 / ms : NAN;

    return rate <= DEMAND_RATE_MAX ? rate : NAN;
}

/* False: the counters of the module did not grow as counters do. */
static bool rate_module(const struct demand_answer_module *from,
                        const struct demand_answer_module *to, double ms,
                        struct demand_rates *out)
{
    struct demand_rates r = {.arrived = rate_of(from->arrived, to->arrived, ms),
                             .cached = rate_of(from->cached, to->cached, ms),
                             .served = rate_of(from->forwarded, to->forwarded, ms),
                             .refused = rate_of(from->refused, to->refused, ms),
                             .inflight =
                                 rate_of(from->inflight_ms, to->inflight_ms, ms) / 1000};

    if (isnan(r.arrived + r.cached + r.served + r.refused + r.inflight))
        return false;
    *out = r;
    return true;
}

/* The modules are those of the newest answer. */
static void rate_all(struct demand_rates_source *s, const struct demand_answer *from,
                     uint64_t now_ms)
{
    const struct demand_answer *to = demand_rates_newest(s);
    struct demand_rates_module next[DEMAND_MODULES_MAX];
    double ms = (double)(to->ms - from->ms);
    unsigned i;

    memset(next, 0, to->n * sizeof(next[0]));
    for (i = 0; i < to->n; i++) {
        const struct demand_answer_module *m = &to->module[i], *old = find(from, m);
        const struct demand_rates *last = demand_rates_of(s, m->modid, m->cmdid);

        next[i].modid = m->modid;
        next[i].cmdid = m->cmdid;
        if ((!old || !rate_module(old, m, ms, &next[i].rates)) && last)
            next[i].rates = *last;
    }
    memcpy(s->module, next, to->n * sizeof(next[0]));
    s->n_modules = to->n;
    s->rated_ms = now_ms;
}

/* The newest answer is replaced while it is too near to the one before it. */
static void keep(struct demand_rates_source *s, const struct demand_answer *a)
{
    if (s->n >= 2 && s->answer[s->n - 1].ms - s->answer[s->n - 2].ms < APART_MS)
        s->n--;
    if (s->n == DEMAND_RATES_ANSWERS)
        memmove(&s->answer[0], &s->answer[1], --s->n * sizeof(s->answer[0]));
    s->answer[s->n++] = *a;
}

void demand_rates_add(struct demand_rates_source *s, const struct demand_answer *a,
                      uint64_t now_ms)
{
    const struct demand_answer *last = demand_rates_newest(s);
    bool again = !last || strcmp(last->epoch, a->epoch) != 0 || a->ms < last->ms;
    bool later = !again && a->ms > last->ms;

    if (again)
        s->n = 0;
    if (again || !demand_rates_answers(s, now_ms))
        s->since_ms = now_ms;
    s->last_ms = now_ms;
    keep(s, a);
    last = later ? base_of(s) : NULL;
    if (last)
        rate_all(s, last, now_ms);
}

bool demand_rates_answers(const struct demand_rates_source *s, uint64_t now_ms)
{
    return s->n > 0 && now_ms <= s->last_ms + DEMAND_FRESH_MS;
}

bool demand_rates_is_fresh(const struct demand_rates_source *s, uint64_t now_ms)
{
    return s->rated_ms > 0 && now_ms <= s->rated_ms + DEMAND_FRESH_MS;
}

bool demand_rates_counts(const struct demand_rates_source *s, uint64_t now_ms)
{
    return s->rated_ms > 0 && now_ms <= s->rated_ms + DEMAND_KEEP_MS;
}

uint64_t demand_rates_whole_ms(const struct demand_rates_source *s, uint64_t now_ms)
{
    bool whole = demand_rates_answers(s, now_ms) && demand_rates_is_fresh(s, now_ms);

    return whole && now_ms > s->since_ms ? now_ms - s->since_ms : 0;
}

const struct demand_rates *demand_rates_of(const struct demand_rates_source *s,
                                           uint32_t modid, uint32_t cmdid)
{
    unsigned i;

    for (i = 0; i < s->n_modules; i++)
        if (s->module[i].modid == modid && s->module[i].cmdid == cmdid)
            return &s->module[i].rates;
    return NULL;
}
