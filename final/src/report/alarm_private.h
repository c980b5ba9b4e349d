/* alarm_private -- what alarm_rules.c, alarm_nodes.c and alarm_services.c share.  Only
 * these three include it. */
#ifndef LARS_REPORT_ALARM_PRIVATE_H
#define LARS_REPORT_ALARM_PRIVATE_H

#include "base/process_name.h"
#include "report/alarm_rules.h"

#define ALARM_ZONES_MAX 64            /* zones down at the same time that are known */

struct alarm_rules {
    struct alarm_db *db;
    struct alarms *alarms;
    struct wanted_routes *wanted;
    struct alarm_rules_config cfg;
    char name[PROCESS_NAME_MAX];
    unsigned round;
    struct few *few;                  /* alarm_rules.c: modules with few calls */
    size_t n_few;
    bool checked;                     /* alarm_nodes.c: AgentNode has rows of ours */
    char zone[ALARM_ZONES_MAX][ALARM_SUBJECT_MAX]; /* zones down in this round */
    size_t n_zone;
};

/* The column <text> as a number. */
uint64_t alarm_rules_u64(const char *text);

/* Is this zone down in this round, or its alarm not cleared yet?  alarm_nodes_judge() has
 * run. */
bool alarm_nodes_is_zone_down(const struct alarm_rules *r, const char *zone);

int alarm_nodes_judge(struct alarm_rules *r);    /* as alarm_rules_check() */
int alarm_services_judge(struct alarm_rules *r); /* after alarm_nodes_judge() */

#endif
