/* alarm_targets -- shows the targets of the Report Service that has the lease of alarms
 * in the table AlarmTarget, with the result of the last message, and sends the test
 * messages that operators ask for there.  Thread: that of <db>. */
#ifndef LARS_REPORT_ALARM_TARGETS_H
#define LARS_REPORT_ALARM_TARGETS_H

#include "db/alarm_db.h"
#include "report/notifier.h"

struct alarm_targets;

/* Borrows <db> and <notifier>.  Returns 0; -ENOMEM. */
int alarm_targets_create(struct alarm_targets **out, struct alarm_db *db,
                         struct notifier *notifier);
void alarm_targets_destroy(struct alarm_targets *t); /* NULL is fine */

/* With the lease: the next alarm_targets_update() writes all rows. */
void alarm_targets_begin(struct alarm_targets *t);

/* Once in a round of the leader.  Returns 0 or an error as alarm_db.h. */
int alarm_targets_update(struct alarm_targets *t, uint64_t now_ms);

#endif
