/* alarm_rules -- what is a reason for an alarm, as the database shows it (the kinds and
 * their meaning: db/alarm_texts.inc).
 *   calls      error_rate: more than error_percent failed, of 20 or more calls in 10 s;
 *              or of few calls in 60 s, when 5 or more failed; good again below half.
 *              latency: one of a hundred calls of a minute took longer than p99_ms
 *   nodes      node_down, zone_down, module_no_node (alarm_nodes.c)
 *   services   agent_silent, agent_behind, service_silent, route_held, routes_stale,
 *              stream_conflict
 *              (alarm_services.c)
 * Thread: one. */
#ifndef LARS_REPORT_ALARM_RULES_H
#define LARS_REPORT_ALARM_RULES_H

#include "db/alarm_db.h"
#include "report/alarms.h"
#include "db/wanted_routes.h"

struct alarm_rules_config {
    uint32_t error_percent;           /* 1 to 100 */
    uint32_t p99_ms;                  /* 0: no alarm on latency */
    const char *name;                 /* of this process; copied */
};

struct alarm_rules;

/* Borrows <db> and <alarms>; takes <wanted>, on failure as well.  Returns 0; -ENOMEM. */
int alarm_rules_create(struct alarm_rules **out, struct alarm_db *db,
                       struct alarms *alarms, struct wanted_routes *wanted,
                       const struct alarm_rules_config *cfg);
void alarm_rules_destroy(struct alarm_rules *r); /* NULL is fine */

/* This process evaluates from now on: nothing is known from before. */
int alarm_rules_begin(struct alarm_rules *r);

/* Judge every subject in one round of <alarms> and end the round.  Returns 0; as the
 * functions of alarm_db: then the round has not ended. */
int alarm_rules_check(struct alarm_rules *r);

#endif
