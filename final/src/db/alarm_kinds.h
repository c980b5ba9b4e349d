/* alarm_kinds -- the kinds of alarms: after how many rounds each is raised and cleared,
 * and what it means and what to do, in English and Chinese.  Constant.  Thread: any. */
#ifndef LARS_DB_ALARM_KINDS_H
#define LARS_DB_ALARM_KINDS_H

#include <stddef.h>

enum alarm_language { ALARM_EN, ALARM_ZH, ALARM_LANGUAGES };

struct alarm_kind {
    const char *name;
    unsigned raise_after, clear_after; /* rounds in a row, of one second */
    const char *means[ALARM_LANGUAGES];
    const char *steps[ALARM_LANGUAGES]; /* what to do */
};

/* The kind of that name; NULL when there is none. */
const struct alarm_kind *alarm_kinds_find(const char *name);
const struct alarm_kind *alarm_kinds_at(size_t i); /* NULL after the last */

#endif
