/* report_page -- the report of a drill as one HTML page: no script, no other file, so it
 * can be sent as it is.  Pure.  Thread: any. */
#ifndef LARS_DRILL_REPORT_PAGE_H
#define LARS_DRILL_REPORT_PAGE_H

#include <jansson.h>

#include "base/buf.h"

enum report_language { REPORT_EN, REPORT_ZH };

/* Append the page of report.json to <b>.  What is missing in it is shown as not seen.
 * Returns 0 or -ENOMEM. */
int report_page_write(struct buf *b, const json_t *report, enum report_language language);

/* For report_chart.c.  Append text: as it is, and with & < > " as entities.  A failure
 * is found by the 0 byte that report_page_write() appends last. */
void report_page_put(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void report_page_escape(struct buf *b, const char *text);

#endif
