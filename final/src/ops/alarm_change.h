/* alarm_change -- what an operator does about alarms and processes: acknowledges an
 * alarm, silences its messages for a time, asks for a test message, forgets a process
 * that was taken away.  Each is one transaction with its row in Audit.
 *
 * Each call returns 0; -EINVAL: nothing was changed, and <why> has the reason, a wrong
 * value or something that is not there; or as sqldb_run().  Thread: the connection's. */
#ifndef LARS_OPS_ALARM_CHANGE_H
#define LARS_OPS_ALARM_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

#define ALARM_CHANGE_MINUTES_MAX 1440
#define ALARM_CHANGE_SILENT_S 6 /* a process that works writes every 2 s or more often */

/* The alarm <id> is known to the operator: its message is repeated no more.  The reason
 * of <who> is the note. */
int alarm_change_ack(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                     char why[CHANGE_WHY]);

/* No messages about alarms of the kind for 1 to ALARM_CHANGE_MINUTES_MAX minutes;
 * <subject> "" = of every subject.  The reason of <who> must not be empty.  *<id> = its
 * number. */
int alarm_change_silence(struct sqldb *db, const struct audit_actor *who,
                         const char *kind, const char *subject, uint32_t minutes,
                         uint64_t *id, char why[CHANGE_WHY]);

/* End a silence before its time. */
int alarm_change_unsilence(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                           char why[CHANGE_WHY]);

/* Ask the Report Services to send a test message to the target. */
int alarm_change_test(struct sqldb *db, const struct audit_actor *who, const char *target,
                      char why[CHANGE_WHY]);

/* Forget the process: "agent", "dnsd" or "reportd", and its name.  -EBUSY: it has shown
 * within ALARM_CHANGE_SILENT_S that it works, so it would appear again; <why> is set. */
int alarm_change_forget(struct sqldb *db, const struct audit_actor *who, const char *kind,
                        const char *name, char why[CHANGE_WHY]);

#endif
