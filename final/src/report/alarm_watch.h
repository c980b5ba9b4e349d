/* alarm_watch -- a thread that evaluates the alarms of the whole system, in one of all
 * Report Services at a time.  It has a connection to the database and a lease of its own,
 * so alarms do not depend on the leader's other tasks.  An alarm goes to the log, to the
 * table Alarm and to the notifier.
 * The alarm that the database is away is the one that each Report Service raises by
 * itself: the notifier gets it at once, the table when the database is back. */
#ifndef LARS_REPORT_ALARM_WATCH_H
#define LARS_REPORT_ALARM_WATCH_H

#include "db/alarm_db.h"
#include "report/alarm_rules.h"
#include "report/notifier.h"

struct alarm_watch;

struct alarm_watch_config {
    uint32_t round_ms;                /* between two rounds; tests use less than 1000 */
    uint32_t lease_s;                 /* how long the lease lasts without renewal */
    struct alarm_rules_config rules;
    const char *database;             /* its address, the subject of that alarm; copied */
    /* How long rounds have failed, from the end of the first that did, before the process
     * that evaluated raises the alarm of the database, and before any other one does. */
    uint32_t database_ms, other_ms;
    struct notify_config notify;
    uint32_t retry_ms;                /* first pause after a target failed */
    uint32_t repeat_s;                /* the message of an open alarm is sent again after
                                       * so many seconds; 0 = never */
};

/* Takes <db> and <wanted>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread:
 * init. */
int alarm_watch_start(struct alarm_watch **out, struct alarm_db *db,
                      struct wanted_routes *wanted,
                      const struct alarm_watch_config *cfg);

/* Gives the lease back.  Waits for a database call in progress.  NULL is fine.  Thread:
 * init. */
void alarm_watch_stop(struct alarm_watch *w);

struct alarm_watch_stat {
    uint64_t n_round;                 /* rounds done with the lease */
    uint64_t n_fail;                  /* database calls that failed */
    uint64_t n_raised, n_cleared;     /* alarms, by this process */
    uint64_t n_told;                  /* messages that targets have taken */
    uint64_t n_notify_fail;           /* tries to send one that failed */
    uint64_t n_notify_lost;           /* messages given up */
    uint64_t n_open;                  /* alarms open now, as this process knows them */
    uint64_t n_silenced;              /* of them, whose message is due and silenced */
    uint64_t is_leader;               /* 1 = this process has the lease */
    uint64_t failing_ms;              /* how long rounds have failed without a break, at
                                       * least 1; 0 = the last round succeeded */
};

/* Thread: any. */
void alarm_watch_stat(const struct alarm_watch *w, struct alarm_watch_stat *out);

#endif
