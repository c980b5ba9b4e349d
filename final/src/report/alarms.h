/* alarms -- what needs a person: raised when it has been bad for some rounds in a row,
 * cleared when it has been good for more.  In between nothing changes, so a value that
 * swings around a limit is one alarm and not a hundred.  Pure: no clock, no database.
 * Thread: one. */
#ifndef LARS_REPORT_ALARMS_H
#define LARS_REPORT_ALARMS_H

#include <stdbool.h>
#include <stddef.h>

#define ALARM_KIND_MAX 32
#define ALARM_SUBJECT_MAX 64
#define ALARM_DETAIL_MAX 128
#define ALARM_MAX 10000               /* subjects watched at once; more are not */

struct alarms;

struct alarm {
    char kind[ALARM_KIND_MAX];        /* "error_rate" */
    char subject[ALARM_SUBJECT_MAX];  /* "1/1" */
    char detail[ALARM_DETAIL_MAX];    /* "37.5 % of 80 calls failed" */
};

/* <raised>: or cleared.  Borrows <al>. */
typedef void alarm_fn(const struct alarm *al, bool raised, void *arg);

struct alarm_config {
    unsigned raise_after, clear_after; /* rounds in a row, 1 and more */
    alarm_fn *fn;
    void *arg;                        /* borrowed */
};

enum alarm_level { ALARM_GOOD, ALARM_BETWEEN, ALARM_BAD };

int alarms_create(struct alarms **out, const struct alarm_config *cfg); /* 0, -ENOMEM */
void alarms_destroy(struct alarms *a); /* NULL is fine */

/* It is raised already: somebody before us said so.  0; -ENOMEM, -ENOSPC. */
int alarms_set_raised(struct alarms *a, const struct alarm *al);

/* What it is in this round.  0; -ENOMEM, -ENOSPC: not watched. */
int alarms_see(struct alarms *a, const struct alarm *al, enum alarm_level level);

/* The round is over: what was not seen in it was good. */
void alarms_end_round(struct alarms *a);

size_t alarms_n_raised(const struct alarms *a);
void alarms_forget(struct alarms *a); /* all of them, silently */

#endif
