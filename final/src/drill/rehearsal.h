/* rehearsal -- a drill from its first second to its report: the load, the events, what
 * the system does, and the undo of everything however it ends.  In the folder are
 *     journal         how each event is undone (drill/journal.h)
 *     status.json     the current second, for larsctl drill status
 *     report.json     what was measured, and report.zh.html, report.en.html
 *     commands.log    the output of commands
 * Thread: one. */
#ifndef LARS_DRILL_REHEARSAL_H
#define LARS_DRILL_REHEARSAL_H

#include "db/sqldb.h"
#include "drill/script.h"

struct rehearsal_config {
    const struct script *script;
    const char *dir; /* the folder; made when it is missing */
    const struct audit_actor *who; /* the operator, and why */
    const char *gateways; /* admin ports; "" = none */
    const char *key_file; /* of the gateways, for the mark of the load; "" = none: the
                           * load counts as visits */
    struct sqldb *db; /* borrowed; used when the script has a module */
    const struct myconn_config
        *db_config; /* for the row in the table Drill; NULL = none */
    FILE *to; /* what happens, in lines */
};

/* Check what must hold, and run it.  SIGINT, SIGTERM, the end of the terminal, or too
 * much trouble of visitors end it early.  Returns true when it was complete and met every
 * target; everything else has been told on <to>. */
bool rehearsal_run(const struct rehearsal_config *cfg);

#endif
