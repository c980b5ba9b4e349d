/* report -- the files of a drill that people and programs read.  Thread: any. */
#ifndef LARS_DRILL_REPORT_H
#define LARS_DRILL_REPORT_H

#include <jansson.h>

/* Write DIR/report.json and the pages.  Returns 0 or -errno. */
int report_write(const char *dir, const json_t *report);

/* Write the pages again from DIR/report.json, and give it to the caller, who calls
 * json_decref(*out).  Returns 0; -ENOENT; -EINVAL when the file is no report. */
int report_again(const char *dir, json_t **out);

/* DIR/status.json as a whole; takes <status>, which may be NULL.  A failure has no
 * result, because nothing depends on the file. */
void report_write_status(const char *dir, json_t *status);

/* {"second", "of", "due", ...} of the last second; NULL when there is none. */
json_t *report_read_status(const char *dir);

#endif
