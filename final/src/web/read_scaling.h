/* read_scaling -- the scaled modules and the drill of a snapshot.  Thread: the
 * reader's. */
#ifndef LARS_WEB_READ_SCALING_H
#define LARS_WEB_READ_SCALING_H

#include "db/sqldb.h"
#include "web/snap.h"

/* Add them to <s>.  Returns 0 or as sqldb_run(). */
int read_scaling_add(struct sqldb *db, struct snap *s);

#endif
