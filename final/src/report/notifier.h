/* hook -- tells the world outside of an alarm: a program is run, a web address is asked.
 * Both are optional, and both end: a program that runs longer than 10 s is killed, a web
 * address has 5 s.  Called by a thread that may wait.  Thread: one. */
#ifndef LARS_REPORT_NOTIFIER_H
#define LARS_REPORT_NOTIFIER_H

#include <stdbool.h>

#include "report/alarms.h"

struct notifier_config {
    const char *exec;                 /* path of a program; "" = none */
    const char *webhook;              /* URL, POST with a JSON object; "" = none */
};

int notifier_init(void);                  /* once, before threads; 0 or -ENOMEM */
void notifier_fini(void);

/* Runs EXEC KIND SUBJECT raised|cleared DETAIL, and posts {"kind": ..., "subject": ...,
 * "state": ..., "detail": ...}.  Failures are logged.  Returns how many failed. */
int notifier_tell(const struct notifier_config *cfg, const struct alarm *al, bool raised);

#endif
