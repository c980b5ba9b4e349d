/* db_text -- what a fleet changes in the files that deploy/two-zones/render has made: the
 * weight of the votes when there is no arbiter, and the user of larsctl zone fence.
 * Thread: any. */
#ifndef LARS_ROSTER_DB_TEXT_H
#define LARS_ROSTER_DB_TEXT_H

#include "roster/host_conf.h"

/* The zone that stands for the arbiter in the file of values when a fleet has none,
 * because the script needs one.  No zone of <r> has this name. */
void db_text_no_arbiter(const struct roster *r, char out[ROSTER_NAME_LEN]);

/* Change *text, the file <name> ("db.cnf", "zone.ini", "setup.sql") of the database on
 * <h>; other files stay as they are.  *text is replaced, and the old one is freed.
 * Returns 0; -EINVAL: the file lacks the line that is to be changed; -ENOMEM. */
int db_text_change(const struct host_conf_source *from, const struct roster_host *h,
                   const char *name, char **text);

#endif
