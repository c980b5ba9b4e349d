/* actions -- a thread that lets the events of a script happen at their times, and undoes
 * those that have an end.  The undo is in the journal before an event happens.
 * Thread: that of the owner, unless a function names another. */
#ifndef LARS_DRILL_ACTIONS_H
#define LARS_DRILL_ACTIONS_H

#include "drill/faults.h"
#include "drill/journal.h"

struct actions;

struct actions_event {
    uint64_t did_ms, undone_ms; /* monotonic; 0 = not yet, or not at all */
    bool failed;
    char why[FAULTS_WHY]; /* then: a sentence */
};

/* The load of <s> began at <begin_ms>; <db> is that of faults_prepare().  Borrows <s>,
 * <j>, <dir>, <db> and <to>, on which it prints a line for each event, until
 * actions_destroy().  Nothing else uses <j> until
 * actions_stop().  Returns 0; -ENOMEM; -EAGAIN when there are no more threads. */
int actions_create(struct actions **out, const struct script *s, struct journal *j,
                   const char *dir, const struct myconn_config *db, uint64_t begin_ms,
                   FILE *to);

/* Let no further event happen; waits for the one that is happening, at most
 * FAULTS_COMMAND_MS. */
void actions_stop(struct actions *a);
void actions_destroy(struct actions *a); /* stops first, undoes nothing; NULL is fine */

/* Event <i> of the script, by time.  Thread: any. */
void actions_look(struct actions *a, unsigned i, struct actions_event *out);

/* Whether an event could not happen or not be undone.  Thread: any. */
bool actions_failed(struct actions *a);

#endif
