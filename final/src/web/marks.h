/* marks -- the changes and alarms that stand beside a chart.  Thread: one with a
 * database. */
#ifndef LARS_WEB_MARKS_H
#define LARS_WEB_MARKS_H

#include <jansson.h>

#include "db/sqldb.h"

/* What a chart is about. */
struct marks_of {
    const char *zone;                 /* borrowed; NULL: a module, or a node of it */
    uint32_t modid, cmdid, ip, port;  /* port 0: all nodes */
};

/* Add to <j> the lists "changes" {id, at (ms), actor, action, subject} and "alarms" {id,
 * kind, subject, raised, cleared (s) or null} of the time from <from> to <to>, the newest
 * first, 200 of each at most.  A change by SQL has the id 0.  Returns 0; -ENOMEM or as
 * sqldb_run(). */
int marks_read(struct sqldb *db, const struct marks_of *of, uint64_t from, uint64_t to,
               json_t *j);

#endif
