/* script_check -- what must hold between the keys of a drill's file.  Used by script.c
 * only.  Thread: any. */
#ifndef LARS_DRILL_SCRIPT_CHECK_H
#define LARS_DRILL_SCRIPT_CHECK_H

#include "drill/script.h"

#define SCRIPT_CHECK_TARGETS 6 /* in the order of struct script_target */

struct script_seen { /* the keys of an event that the file has */
    bool at, what, lasts, undo, detect;
};

struct script_fault {
    char section[24];
    const char *name; /* of the key; NULL = one is missing */
    char why[400]; /* with what to write instead */
};

/* Complete <s> from the texts.  Returns whether all is right. */
bool script_check_values(struct script *s, const char *module,
                         const char *const target[SCRIPT_CHECK_TARGETS],
                         const char *error_percent, struct script_fault *out);

/* Complete s->event, where event N is at N - 1, and sort it by time. */
bool script_check_events(struct script *s, const struct script_seen seen[SCRIPT_EVENTS],
                         struct script_fault *out);

#endif
