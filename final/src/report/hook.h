/* hook -- tells the world outside of an alarm: a program is run, a web address is asked.
 * Both are optional, and both end: a program that runs longer than 10 s is killed, a web
 * address has 5 s.  Called by a thread that may wait.  Thread: one. */
#ifndef LARS_REPORT_HOOK_H
#define LARS_REPORT_HOOK_H

#include <stdbool.h>

#include "report/alarms.h"

struct hook_config {
    const char *exec;                 /* path of a program; "" = none */
    const char *webhook;              /* URL, POST with a JSON object; "" = none */
};

int hook_init(void);                  /* once, before threads; 0 or -ENOMEM */
void hook_fini(void);

/* Runs EXEC KIND SUBJECT raised|cleared DETAIL, and posts {"kind": ..., "subject": ...,
 * "state": ..., "detail": ...}.  Failures are logged.  Returns how many failed. */
int hook_tell(const struct hook_config *cfg, const struct alarm *al, bool raised);

#endif
