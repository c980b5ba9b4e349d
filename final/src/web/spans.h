/* spans -- the time axis of a chart: equal spans of time, all of them complete, and
 * counts that are distributed over them.  Times are seconds since 1970.  Pure.  Thread:
 * any. */
#ifndef LARS_WEB_SPANS_H
#define LARS_WEB_SPANS_H

#include <stddef.h>
#include <stdint.h>

#define SPANS_MAX 2000
#define SPANS_LATE_S 3                /* rows of a second come until so much later */

struct spans {
    uint64_t from, to;                /* multiples of <step>; to >= from */
    uint32_t step;                    /* seconds of one span */
};

/* The spans that cover <from> to <to>, without the last ones that are not complete at
 * <now_s>.  <step> must divide a day, and be a divisor or a multiple of a minute and of
 * an hour; 0: chosen by the length, at least <least>.  Returns 0; -EDOM: it is no such
 * step, or smaller than <least>; -EINVAL: <to> is not after <from>, or is beyond the
 * year 3000; -E2BIG: more than SPANS_MAX spans. */
int spans_choose(struct spans *s, uint64_t now_s, uint64_t from, uint64_t to,
                 uint32_t step, uint32_t least);

size_t spans_n(const struct spans *s);

/* Add <count> events that happened between <from> and <to> to sum[0] to sum[n - 1], to
 * each span as much as it has of that time; what is outside of all spans is left out. */
void spans_add(const struct spans *s, double *sum, uint64_t from, uint64_t to,
               double count);

#endif
