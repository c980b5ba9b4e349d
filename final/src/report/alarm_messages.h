/* alarm_messages -- writes alarms to the table Alarm and decides when the targets get a
 * message about one: at once; again every <repeat_s> seconds until it is acknowledged or
 * cleared; not while it is silenced; and when it is cleared, if they got one before.  The
 * state is in the database, so the next leader continues where this one ended.
 * Each call returns 0 or an error as alarm_db.h.  Thread: that of <db>. */
#ifndef LARS_REPORT_ALARM_MESSAGES_H
#define LARS_REPORT_ALARM_MESSAGES_H

#include "db/alarm_db.h"
#include "report/notifier.h"

struct alarm_messages;

/* Borrows <db> and <notifier>.  <repeat_s> 0: a message is never repeated.  Returns 0;
 * -ENOMEM. */
int alarm_messages_create(struct alarm_messages **out, struct alarm_db *db,
                          struct notifier *notifier, uint32_t repeat_s);
void alarm_messages_destroy(struct alarm_messages *m); /* NULL is fine */

int alarm_messages_raise(struct alarm_messages *m, const struct alarm *al);
int alarm_messages_clear(struct alarm_messages *m, const struct alarm *al);

/* Send what is due: at the end of a round of the leader. */
int alarm_messages_send(struct alarm_messages *m);

/* Alarms whose message is due and silenced, when alarm_messages_send() looked last. */
size_t alarm_messages_n_silenced(const struct alarm_messages *m);

#endif
