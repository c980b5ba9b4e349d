/* db_text -- what a fleet changes in the files that deploy/two-zones/render has made: the
 * user of larsctl zone fence.
 * Thread: any. */
#ifndef LARS_ROSTER_DB_TEXT_H
#define LARS_ROSTER_DB_TEXT_H

#include "roster/host_conf.h"

/* Change *text, the file <name> of a database; only "setup.sql" is changed.  *text is
 * replaced, and the old one is freed.  Returns 0 or -ENOMEM. */
int db_text_change(const struct host_conf_source *from, const char *name, char **text);

#endif
