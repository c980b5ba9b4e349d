/* journal -- the file of a drill's folder that says how each event is undone.  It is
 * written and flushed to the disk before the event happens, so that a crash at any moment
 * leaves enough to restore the system.  A line is a JSON object; a line that a crash has
 * cut is as if it was not there, because its event has not happened.  Thread: one at a
 * time. */
#ifndef LARS_DRILL_JOURNAL_H
#define LARS_DRILL_JOURNAL_H

#include <jansson.h>
#include <limits.h>
#include <sys/types.h>

#include "drill/script.h"

#define JOURNAL_WHY 600

struct journal;

/* Whether a drill could begin in <dir>.  Changes nothing.  Returns 0; or -EBUSY with a
 * sentence, as journal_create(). */
int journal_check_free(const char *dir, char why[JOURNAL_WHY]);

/* The drill of this process begins in the folder <dir>, which is made when it is missing.
 * Returns 0; or -errno with a sentence: -EBUSY when a drill runs there or the undo of an
 * earlier one was not done. */
int journal_create(struct journal **out, const char *dir, const struct script *s,
                   const char *who, char why[JOURNAL_WHY]);
/* Continue an existing one, to undo it. */
int journal_open(struct journal **out, const char *dir, char why[JOURNAL_WHY]);
void journal_close(struct journal *j); /* NULL is fine */

/* Store a line.  Returns 0 when it is on the disk, or -errno. */
int journal_add_undo(struct journal *j, unsigned number, const json_t *undo);
int journal_add_undone(struct journal *j, unsigned number);
int journal_add_end(struct journal *j, const char *how); /* "complete", "aborted" ... */

struct journal_event {
    unsigned number;
    json_t *undo;
    bool undone;
};

struct journal_view {
    char name[100], who[70], end[30]; /* end "" = it has not ended */
    pid_t pid; /* of the drill */
    bool runs; /* it is there */
    struct journal_event event[SCRIPT_EVENTS]; /* in the order in which they happened */
    unsigned n_events, n_left; /* n_left: not undone */
};

/* Returns 0; or -errno with a sentence, -ENOENT when the folder has no journal.
 * journal_view_free() is needed in all cases. */
int journal_read(const char *dir, struct journal_view *out, char why[JOURNAL_WHY]);
void journal_view_free(struct journal_view *v);

/* Undo what is left, the last event first, and print a line for each on <to>.  Returns 0;
 * or -errno when a part failed, which is left then. */
int journal_undo(struct journal *j, const char *dir, FILE *to);

/* DIR/NAME */
void journal_path(char out[PATH_MAX], const char *dir, const char *name);

#endif
