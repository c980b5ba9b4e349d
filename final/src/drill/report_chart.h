/* report_chart -- the curves of a drill as SVG: requests, errors, latency and nodes by
 * second, with the events.  Pure.  Thread: any. */
#ifndef LARS_DRILL_REPORT_CHART_H
#define LARS_DRILL_REPORT_CHART_H

#include <jansson.h>

#include "base/buf.h"

struct report_chart_texts {
    const char *label; /* of the whole, for those who do not see it */
    const char *requests, *due, *ok, *errors, *failed, *latency, *p99, *nodes, *wanted,
        *up;
};

void report_chart_write(struct buf *b, const json_t *report,
                        const struct report_chart_texts *texts);

#endif
