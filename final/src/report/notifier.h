/* notifier -- passes alarms on to targets outside Lars: a program, a webhook, a robot of
 * WeCom, a robot of DingTalk.  Each target has a bounded queue and a thread, so a target
 * that does not answer delays neither an alarm nor another target.  A message that fails
 * is sent again with a growing pause, and dropped after some tries.  A robot is called 10
 * times a minute at most (robot_pace.h); the next call has all messages that wait. */
#ifndef LARS_REPORT_NOTIFIER_H
#define LARS_REPORT_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "report/notify_send.h"

struct notifier;

int notifier_init(void); /* once, before threads start; 0 or -ENOMEM */
void notifier_fini(void);

/* Starts a thread for each target of <cfg> that is not "".  Copies <cfg>.  <retry_ms>:
 * the first pause after a failure; 1000 suits, tests use less.  Returns 0; -ENOMEM,
 * -EAGAIN.  Thread: init. */
int notifier_start(struct notifier **out, const struct notify_config *cfg,
                   uint32_t retry_ms);

/* Sends nothing more and ends the threads, at once but for a system call in progress.
 * What waits is dropped.  NULL is fine.  Thread: init. */
void notifier_stop(struct notifier *n);

/* Gives the alarm to every target.  Never waits: a target whose queue is full loses its
 * oldest message, which is counted.  Thread: any. */
void notifier_put(struct notifier *n, const struct alarm *al, bool raised);

/* Gives the target, if it is configured, a message that is marked as a test that <who>
 * asked for.  Never waits.  Thread: any. */
void notifier_test(struct notifier *n, enum notify_target target, const char *who);

struct notifier_result {
    uint64_t n_try; /* messages sent, with those that failed */
    uint64_t at_ms; /* monotonic; when the last one ended */
    char error[NOTIFY_WHY]; /* why it failed; "" = the target has taken it */
};

/* False: the target is not configured.  Thread: any. */
bool notifier_result(struct notifier *n, enum notify_target target,
                     struct notifier_result *out);

struct notifier_stat {
    uint64_t n_sent; /* messages that a target has taken */
    uint64_t n_fail; /* tries that failed */
    uint64_t n_dropped; /* messages given up, or without room */
    uint64_t n_waiting; /* messages in the queues now */
};

void notifier_stat(struct notifier *n, struct notifier_stat *out); /* Thread: any */

#endif
