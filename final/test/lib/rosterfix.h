/* rosterfix -- a fleet as text, with changes, and the faults that the roster finds in it.
 * A failure fails the test.  Thread: one. */
#ifndef LARS_TEST_LIB_ROSTERFIX_H
#define LARS_TEST_LIB_ROSTERFIX_H

#include "../t.h"

#include "roster/roster.h"

/* Two zones and an arbiter, each role where it has to be.  It has no fault. */
extern const char rosterfix_good[];

/* A change of a text, and the faults that follow from it. */
struct rosterfix_change {
    const char *from, *to; /* the first <from> in the text becomes <to> */
    const char *faults; /* as printed, for a file named f: "f:3: ...\n" */
};

/* Read <text>.  Returns the faults as they are printed for a file named f: static, until
 * the next call.  "" = none. */
const char *rosterfix_read(struct roster *out, const char *text);

/* rosterfix_good with <from> replaced; static, until the next call. */
const char *rosterfix_changed(const char *from, const char *to);

/* Each of <n> changes has exactly its faults. */
void rosterfix_expect(const struct rosterfix_change *change, size_t n);

#endif
