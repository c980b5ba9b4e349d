/* read_snap -- reads one snapshot from the database.  Thread: the reader's. */
#ifndef LARS_WEB_READ_SNAP_H
#define LARS_WEB_READ_SNAP_H

#include "db/sqldb.h"
#include "web/minutes.h"
#include "web/rates.h"
#include "web/snap.h"

/* Make a snapshot, which shares the routes of <before> (NULL: there is none) when their
 * version is the same.  Returns 0, -ENOMEM or as sqldb_run(). */
int read_snap_make(struct sqldb *db, struct rates *rates, struct minutes *minutes,
                   const struct snap *before, struct snap **out);

#endif
