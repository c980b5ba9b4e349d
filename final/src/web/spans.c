/* Counts are kept by the second, then by the minute, then by the hour.  A count that
 * covers more time than one span is distributed evenly, so a chart shows its mean, and
 * the sum over the chart is the sum of the counts.
 *
 * The end is the last span that is complete: an unfinished one would be shown as a fall
 * of the calls.
 *
 * Rejected: a step as coarse as the coarsest row.  Fifteen minutes would have 15 points,
 * although the last ten minutes are known by the second. */
#include "web/spans.h"

#include <errno.h>
#include <stdbool.h>

#define DAY 86400u
#define TIME_MAX 32503680000u /* the year 3000 */

static bool is_nested(uint32_t a, uint32_t b)
{
    return a % b == 0 || b % a == 0;
}

static uint32_t step_of(uint64_t length)
{
    static const uint32_t steps[][2] = {
        {900, 1}, {DAY, 60}, {2 * DAY, 300}, {60 * DAY, 3600}};
    size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (length <= steps[i][0])
            return steps[i][1];
    return DAY / 4;
}

int spans_choose(struct spans *s, uint64_t now_s, uint64_t from, uint64_t to,
                 uint32_t step, uint32_t least)
{
    uint64_t complete = now_s > SPANS_LATE_S ? now_s - SPANS_LATE_S : 0;

    if (to <= from || to > TIME_MAX)
        return -EINVAL;
    if (step == 0)
        step = step_of(to - from) < least ? least : step_of(to - from);
    if (step < least || DAY % step != 0 || !is_nested(step, 60) || !is_nested(step, 3600))
        return -EDOM;
    complete = complete / step * step;
    to = (to + step - 1) / step * step; /* the end of the span that <to> is in */
    *s = (struct spans){from / step * step, to < complete ? to : complete, step};
    if (s->to < s->from)
        s->to = s->from;
    return spans_n(s) > SPANS_MAX ? -E2BIG : 0;
}

size_t spans_n(const struct spans *s)
{
    return (size_t)((s->to - s->from) / s->step);
}

void spans_add(const struct spans *s, double *sum, uint64_t from, uint64_t to,
               double count)
{
    uint64_t begin = from > s->from ? from : s->from, end = to < s->to ? to : s->to;
    double each = to > from ? count / (double)(to - from) : 0;

    while (begin < end) {
        size_t i = (size_t)((begin - s->from) / s->step);
        uint64_t next = s->from + (i + 1) * s->step;

        if (next > end)
            next = end;
        sum[i] += each * (double)(next - begin);
        begin = next;
    }
}
