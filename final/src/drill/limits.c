/* Ten seconds are looked at together, because a single failed request of a quiet second
 * is many percent.
 * Rejected: subtracting the failures of the drill's own load from those of the
 * gateways.  Both are counted at different moments, and a second of errors would look
 * like errors of visitors. */
#include "drill/limits.h"

#include <string.h>

void limits_init(struct limits *l, const struct script_abort *max)
{
    memset(l, 0, sizeof(*l));
    l->max = *max;
}

/* The second that is <back> seconds before the last one. */
static const struct limits_second *at(const struct limits *l, unsigned back)
{
    return &l->ring[(l->n - 1 - back) % (LIMITS_S + 1)];
}

/* Seconds that can be compared: each with the counters of the one before it. */
static unsigned n_spans(const struct limits *l)
{
    return l->n <= LIMITS_S ? l->n - 1 : LIMITS_S;
}

static void sum_own(const struct limits *l, struct figures *out)
{
    unsigned i;

    memset(out, 0, sizeof(*out));
    for (i = 0; i < n_spans(l); i++)
        figures_add(out, &at(l, i)->own);
}

/* Those that a gateway has answered: a failed connection is not in its counters. */
static uint64_t n_answers(const struct figures *f)
{
    uint64_t n = 0;
    unsigned i;

    for (i = 0; i < sizeof(f->status) / sizeof(f->status[0]); i++)
        n += f->status[i];
    return n;
}

static uint64_t answered(const struct limits *l)
{
    return at(l, 0)->answered - at(l, n_spans(l))->answered;
}

uint64_t limits_visitors(const struct limits *l)
{
    uint64_t all, mine, visitors;
    struct figures own;

    if (l->n < 2)
        return 0;
    sum_own(l, &own);
    all = answered(l);
    mine = n_answers(&own);
    visitors = all > mine ? all - mine : 0;
    return visitors >= 2 * n_spans(l) && visitors * 20 >= all ? visitors : 0;
}

bool limits_add(struct limits *l, const struct limits_second *s, char why[LIMITS_WHY])
{
    uint64_t failed, p99;
    struct figures own;
    double percent;

    l->ring[l->n++ % (LIMITS_S + 1)] = *s;
    if (l->n <= LIMITS_S || limits_visitors(l) == 0)
        return true;
    failed = at(l, 0)->failed - at(l, n_spans(l))->failed;
    percent = 100.0 * (double)failed / (double)answered(l);
    if (percent > l->max.error_percent) {
        snprintf(why, LIMITS_WHY,
                 "visitors get errors: %.2f %% of the answers of the last %d s, and at "
                 "most %g %% may be",
                 percent, LIMITS_S, l->max.error_percent);
        return false;
    }
    sum_own(l, &own);
    p99 = figures_p_us(&own, 0.99);
    if (p99 <= l->max.p99_ms * 1000ull)
        return true;
    snprintf(
        why, LIMITS_WHY,
        "visitors wait: the p99 of the last %d s is %llu ms, and at most %u ms may be",
        LIMITS_S, (unsigned long long)(p99 / 1000), l->max.p99_ms);
    return false;
}
