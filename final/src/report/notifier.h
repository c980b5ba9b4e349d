/* notifier -- passes an alarm on to programs outside Lars: runs a program, posts to a
 * webhook.  Both are optional and both are bounded: a program that runs longer than 10 s
 * is killed, a webhook has 5 s to answer.  Thread: one, which may wait for so long. */
#ifndef LARS_REPORT_NOTIFIER_H
#define LARS_REPORT_NOTIFIER_H

#include <stdbool.h>

#include "report/alarms.h"

struct notifier_config {
    const char *exec;                 /* path of a program; "" = none */
    const char *webhook;              /* URL, POST with a JSON object; "" = none */
};

int notifier_init(void);              /* once, before threads start; 0 or -ENOMEM */
void notifier_fini(void);

/* Runs EXEC KIND SUBJECT raised|cleared DETAIL, and posts {"kind": ..., "subject": ...,
 * "state": ..., "detail": ...}.  Failures are logged.  Returns how many failed. */
int notifier_tell(const struct notifier_config *cfg, const struct alarm *al, bool raised);

#endif
