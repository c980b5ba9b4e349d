/* alarm_rules -- what is a reason for an alarm, as the database shows it:
 *   error_rate     more than error_percent of a module's calls failed, of 20 or more in
 *                  10 s; good again below half of that
 *   node_dead      none of 5 or more calls of a node succeeded in 10 s
 *   no_nodes       a module has nodes, and all are drained
 * Thread: one. */
#ifndef LARS_REPORT_ALARM_RULES_H
#define LARS_REPORT_ALARM_RULES_H

#include "db/alarm_db.h"
#include "report/alarms.h"

/* Judge every subject in one round of <alarms> and end the round.  Returns 0; as the
 * functions of alarm_db: then the round has not ended. */
int alarm_rules_check(struct alarm_db *db, struct alarms *alarms, uint32_t error_percent);

#endif
