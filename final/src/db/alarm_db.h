/* alarm_db -- the database calls of the evaluation of alarms: its lease, what the rules
 * read, and the table Alarm.  Each call may take as long as the server's time-outs.
 * Unless said otherwise a call returns 0, or -ENOTCONN, -ENOENT, -EIO as myconn_query(),
 * and alarm_db_error() then has the server's words.  Thread: one at a time. */
#ifndef LARS_DB_ALARM_DB_H
#define LARS_DB_ALARM_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/myconn.h"

struct alarm_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int alarm_db_create(struct alarm_db **out, const struct myconn_config *cfg);
void alarm_db_close(struct alarm_db *d); /* in the thread that used it; NULL is fine */

/* The lease of the evaluation: as lease_take() and lease_release(). */
int alarm_db_lease(struct alarm_db *d, uint64_t holder, uint32_t ttl_s);
int alarm_db_release(struct alarm_db *d, uint64_t holder);

struct alarm_db_node { /* calls of one node */
    uint32_t modid, cmdid, ip, port;
    uint64_t ok, failed;
};

/* Call <fn> for each node that was called in the last <s> seconds, sorted by module.
 * Stops when <fn> returns another value than 0. */
int alarm_db_each_node(struct alarm_db *d, uint32_t s,
                       int (*fn)(const struct alarm_db_node *k, void *arg), void *arg);

/* Call <fn> for each module that has nodes, none of which is up. */
int alarm_db_each_drained(struct alarm_db *d,
                          int (*fn)(uint32_t modid, uint32_t cmdid, void *arg),
                          void *arg);

/* The table Alarm.  In the texts, every character that is not a letter, a digit, a blank
 * or one of .:/%_- is written as '?'. */
int alarm_db_raise_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         const char *detail);
int alarm_db_clear_alarm(struct alarm_db *d, const char *kind, const char *subject);
int alarm_db_each_open_alarm(struct alarm_db *d,
                             int (*fn)(const char *kind, const char *subject, void *arg),
                             void *arg);

const char *alarm_db_error(const struct alarm_db *d); /* of the last failure */

#endif
