/* Invariant: <low> is the highest rate that was good, <high> the lowest above it that has
 * failed twice in a row, and every step narrows the two or ends the search.
 * Rejected: bisection between the bounds from the beginning.  Its first step would be far
 * above what most nodes can do, and a node that is loaded so is not the same afterwards:
 * its queues and caches need time. */
#include "load/capacity_search.h"

#include <math.h>

void capacity_search_init(struct capacity_search *s,
                          const struct capacity_search_rules *rules)
{
    *s = (struct capacity_search){.rules = *rules, .rate = rules->from};
}

static enum capacity_search_verdict judge(const struct capacity_search_rules *rules,
                                          const struct capacity_search_step *step)
{
    double due = (double)step->due;

    if ((double)step->failed * 100 > due * rules->error_percent)
        return CAPACITY_SEARCH_ERRORS;
    if (step->due == 0 || (double)step->delivered * 100 < due * rules->delivered_percent)
        return CAPACITY_SEARCH_SHORT;
    return step->p99_us > rules->target_us ? CAPACITY_SEARCH_SLOW : CAPACITY_SEARCH_GOOD;
}

enum capacity_search_verdict
capacity_search_judge(const struct capacity_search_rules *rules,
                      const struct capacity_search_step *step)
{
    enum capacity_search_verdict v = judge(rules, step);
    bool late = step->late * 100 > step->due * CAPACITY_SEARCH_LATE_PERCENT;

    return v != CAPACITY_SEARCH_GOOD && late ? CAPACITY_SEARCH_LATE : v;
}

/* The next rate between the bounds, or the confirmation. */
static void bisect(struct capacity_search *s)
{
    if (s->phase != CAPACITY_SEARCH_BISECT)
        s->n = 0;
    s->phase = CAPACITY_SEARCH_BISECT;
    s->rate = sqrt(s->low * s->high);
    if (s->n++ < CAPACITY_SEARCH_BISECTIONS)
        return;
    s->phase = CAPACITY_SEARCH_PROVE;
    s->rate = s->low * CAPACITY_SEARCH_CONFIRM;
    s->n = 0;
}

static void after_good(struct capacity_search *s, const struct capacity_search_step *step)
{
    if (s->phase == CAPACITY_SEARCH_PROVE) {
        s->phase = CAPACITY_SEARCH_FOUND;
        return;
    }
    s->low = s->rate;
    s->best = *step;
    if (s->high > 0) {
        bisect(s);
    } else if (s->rate >= s->rules.to) {
        s->phase = CAPACITY_SEARCH_PROVE;
        s->rate = s->low * CAPACITY_SEARCH_CONFIRM;
    } else {
        s->rate = fmin(s->rate * CAPACITY_SEARCH_FACTOR, s->rules.to);
    }
}

static void after_bad(struct capacity_search *s)
{
    if (s->phase == CAPACITY_SEARCH_PROVE) {
        s->low *= CAPACITY_SEARCH_CONFIRM;
        s->rate = s->low * CAPACITY_SEARCH_CONFIRM;
        if (++s->n == CAPACITY_SEARCH_CONFIRMS)
            s->phase = CAPACITY_SEARCH_NONE;
        return;
    }
    s->high = s->rate;
    if (s->low > 0) {
        bisect(s);
        return;
    }
    s->phase = CAPACITY_SEARCH_LOWER;
    s->rate /= 2;
    if (s->rate < CAPACITY_SEARCH_LEAST)
        s->phase = CAPACITY_SEARCH_NONE;
}

void capacity_search_next(struct capacity_search *s,
                          const struct capacity_search_step *step)
{
    enum capacity_search_verdict v = capacity_search_judge(&s->rules, step);
    bool good = v == CAPACITY_SEARCH_GOOD;

    if (v == CAPACITY_SEARCH_LATE && s->n_late++ < CAPACITY_SEARCH_LATES)
        return;
    s->n_late = 0;
    if (!good && !s->again) {
        s->again = true;
        return;
    }
    s->again = false;
    if (good)
        after_good(s, step);
    else
        after_bad(s);
}

bool capacity_search_is_over(const struct capacity_search *s)
{
    return s->phase >= CAPACITY_SEARCH_FOUND;
}

const char *capacity_search_words(enum capacity_search_verdict v)
{
    static const char *const words[] = {"good", "p99 above the target",
                                        "too many requests failed",
                                        "too few requests were answered in time",
                                        "the generator was late, which does not count"};

    return words[v];
}
