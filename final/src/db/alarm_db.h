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

/* --- what the rules read ----------------------------------------------------------- */

/* A row: its columns as text, NULL for SQL NULL; borrowed for the call.  A result other
 * than 0 ends the loop and is returned. */
typedef int alarm_db_row_fn(char **at, void *arg);

#define ALARM_DB_LIVE_S 6             /* a process is silent after so long */

/* Modules called in the last 10 s: modid, cmdid, succeeded, failed. */
int alarm_db_each_module(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Modules with few calls (fewer than 200) in the last 60 s, 5 or more of which failed:
 * the same columns. */
int alarm_db_each_few(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Durations of the last minute, sorted by module: modid, cmdid, bucket, calls. */
int alarm_db_each_latency(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Modules that have nodes, none of which is up: modid, cmdid. */
int alarm_db_each_drained(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* Nodes that processes alive give no calls to, sorted by zone: address, port, zone,
 * modules, number of those processes, their names. */
int alarm_db_each_out(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Nodes of which none of 5 or more calls in 10 s succeeded: address, port, zone, modules,
 * calls. */
int alarm_db_each_failing(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Zones: name, number of nodes (addresses) that are up. */
int alarm_db_each_zone(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Modules of which an agent reaches none of its nodes: modid, cmdid, nodes, agent. */
int alarm_db_each_unreached(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Nodes of zones from which no agent has sent anything for 3 s, at most 64: IPv4 as a
 * number, port. */
int alarm_db_each_unwatched(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* At most 64 nodes that no agent reports as out, of zones in which agents report two or
 * more; sorted by zone: ip, port, zone. */
int alarm_db_each_rest(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* Processes that were alive in the last 24 h and are silent: kind, name, zone, seconds
 * of silence. */
int alarm_db_each_silent(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* Processes of a zone that have been silent for 3 s, sorted: name, zone. */
int alarm_db_each_quiet(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* What the agents alive use: modid, cmdid, checksum, number of agents.  Without modules
 * that a DNSService holds. */
int alarm_db_each_used(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* The agents alive, at most 100, that use <sum> for the module: name. */
int alarm_db_each_user(struct alarm_db *d, uint32_t modid, uint32_t cmdid, uint64_t sum,
                       alarm_db_row_fn *fn, void *arg);
/* Held modules: modid, cmdid, nodes it had, nodes that go, names of the DNSServices. */
int alarm_db_each_hold(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);
/* DNSServices whose routes are old: name, version, version of the database. */
int alarm_db_each_stale(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* Report streams that agents send to two Report Services: stream, the names of the agent
 * that started first and of the one that started last. */
int alarm_db_each_shared(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* Report streams that two agents send to one Report Service: stream, owner, refused
 * agent. */
int alarm_db_each_conflict(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* What is wrong with scaling, as complete alarms: kind, subject, detail. */
int alarm_db_each_scale(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

/* --- nodes that the evaluating process checked itself ------------------------------ */

/* Process <name> has found this node down: it is out until alarm_db_clear_checked(). */
int alarm_db_put_checked(struct alarm_db *d, const char *name, uint32_t ip,
                         uint32_t port);
/* Remove what Report Services wrote by alarm_db_put_checked(). */
int alarm_db_clear_checked(struct alarm_db *d);

/* --- the table Alarm --------------------------------------------------------------- */

/* Texts may hold any characters; they are cut to what the columns hold. */
int alarm_db_raise_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         const char *detail);
/* The alarm, if it is open, has this text now. */
int alarm_db_set_detail(struct alarm_db *d, const char *kind, const char *subject,
                        const char *detail);
/* *<told>: a message has said that it was open. */
int alarm_db_clear_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         bool *told);
/* An alarm that was raised <raised_s> seconds ago and is over, unless one of that kind
 * and subject has been raised since. */
int alarm_db_add_past(struct alarm_db *d, const char *kind, const char *subject,
                      const char *detail, uint32_t raised_s);
int alarm_db_each_open_alarm(struct alarm_db *d,
                             int (*fn)(const char *kind, const char *subject, void *arg),
                             void *arg);
/* --- messages: Alarm.told_at, AlarmSilence, AlarmTarget ---------------------------- */

/* Alarms that are open and not acknowledged, of which no message was sent, or the last
 * one <repeat_s> seconds ago (0: never again): id, kind, subject, detail, 1 = it is
 * silenced.  Those that are not silenced come first; ALARM_DB_DUE_MAX rows at most. */
#define ALARM_DB_DUE_MAX 256
int alarm_db_each_due(struct alarm_db *d, uint32_t repeat_s, alarm_db_row_fn *fn,
                      void *arg);
/* The message of these alarms is sent now: 1 to ALARM_DB_DUE_MAX ids. */
int alarm_db_set_told(struct alarm_db *d, const uint64_t *id, size_t n);
/* *<ms>: how long messages about this alarm are silenced from now on; 0: they are not. */
int alarm_db_silent_ms(struct alarm_db *d, const char *kind, const char *subject,
                       uint64_t *ms);

/* These are the targets of alarms, and no others. */
int alarm_db_set_targets(struct alarm_db *d, const char *const *name, size_t n);
/* A message to the target ended <ago_ms> ago; <error> "" = it was taken.  An older one
 * than the last in the table changes nothing. */
int alarm_db_set_result(struct alarm_db *d, const char *name, uint64_t ago_ms,
                        const char *error);
/* Targets whose test was asked for: name, when, by whom, 1 = a message was sent since. */
int alarm_db_each_test(struct alarm_db *d, alarm_db_row_fn *fn, void *arg);

const char *alarm_db_error(const struct alarm_db *d); /* of the last failure */

#endif
