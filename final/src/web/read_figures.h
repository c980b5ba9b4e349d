/* read_figures -- need and capacity, the last hour and durations of a snapshot.  Thread:
 * the reader's. */
#ifndef LARS_WEB_READ_FIGURES_H
#define LARS_WEB_READ_FIGURES_H

#include "db/sqldb.h"
#include "web/minutes.h"
#include "web/snap.h"

/* Add them to <s>, which has its nodes, modules and zones.  Returns as sqldb_run(); what
 * is in <s> then is a part. */
int read_figures_add(struct sqldb *db, struct minutes *minutes, struct snap *s);

#endif
