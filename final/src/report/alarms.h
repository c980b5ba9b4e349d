/* alarms -- conditions that need an operator.  An alarm is raised when its subject has
 * been bad for some rounds in a row, and cleared when it has been good for more rounds in
 * a row; in between nothing changes, so a value that swings around a limit raises one
 * alarm and not a hundred.  A subject that is raised again within ALARM_MEMORY rounds has
 * to be good for twice as long as the time before, so flapping is one alarm, too.
 * Pure: no clock, no database.  Thread: one. */
#ifndef LARS_REPORT_ALARMS_H
#define LARS_REPORT_ALARMS_H

#include <stdbool.h>
#include <stddef.h>

#define ALARM_KIND_MAX 32
#define ALARM_SUBJECT_MAX 136
#define ALARM_DETAIL_MAX 480
#define ALARM_MEMORY 600              /* rounds that a cleared alarm is remembered */
#define ALARM_MAX 10000               /* subjects watched at once; others are ignored */

struct alarms;

struct alarm {
    char kind[ALARM_KIND_MAX];        /* "error_rate" */
    char subject[ALARM_SUBJECT_MAX];  /* "1/1" */
    char detail[ALARM_DETAIL_MAX];    /* "37.5 % of 80 calls failed" */
};

/* The alarm was raised (<raised> true) or cleared.  Borrows <al>. */
typedef void alarm_fn(const struct alarm *al, bool raised, void *arg);

struct alarm_config {
    unsigned raise_after, clear_after; /* rounds in a row, 1 and more; of kinds without
                                        * an entry in db/alarm_kinds.h */
    alarm_fn *fn;
    void *arg;                        /* borrowed */
};

enum alarm_level { ALARM_GOOD, ALARM_BETWEEN, ALARM_BAD };

int alarms_create(struct alarms **out, const struct alarm_config *cfg); /* 0, -ENOMEM */
void alarms_destroy(struct alarms *a); /* NULL is fine */

/* The alarm was raised by an earlier leader: <fn> is not called.  Returns 0; -ENOMEM,
 * -ENOSPC. */
int alarms_set_raised(struct alarms *a, const struct alarm *al);

/* The subject of <al> is <level> in this round; only the first call of a round counts.
 * Returns 0; -ENOMEM, -ENOSPC: it is not watched. */
int alarms_see(struct alarms *a, const struct alarm *al, enum alarm_level level);

/* Another alarm includes this one now: it is cleared when it is raised, without a wait
 * for rounds that are good. */
void alarms_close(struct alarms *a, const char *kind, const char *subject);

/* End the round: subjects that alarms_see() did not name in it count as good. */
void alarms_end_round(struct alarms *a);

bool alarms_is_raised(const struct alarms *a, const char *kind, const char *subject);
size_t alarms_n_raised(const struct alarms *a);
void alarms_forget(struct alarms *a); /* drop all; <fn> is not called */

#endif
