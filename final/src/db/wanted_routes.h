/* wanted_routes -- the checksum of each module's nodes as the database has them, to be
 * compared with what agents use.  Thread: one. */
#ifndef LARS_DB_WANTED_ROUTES_H
#define LARS_DB_WANTED_ROUTES_H

#include "db/db.h"

struct wanted_routes;

int wanted_routes_create(struct wanted_routes **out, struct db *db); /* takes <db>; 0,
                                                                      * -ENOMEM */
void wanted_routes_destroy(struct wanted_routes *w); /* NULL is fine */

/* Read what changed.  Returns as db_load_all(). */
int wanted_routes_refresh(struct wanted_routes *w);

/* The checksum (routedelta_sum()) of the module's nodes, as of the last refresh. */
uint64_t wanted_routes_sum(const struct wanted_routes *w, uint32_t modid, uint32_t cmdid);

#endif
