/* minutes -- the calls of the last hour, by the minute: of all nodes together and of the
 * nodes of each zone.  Thread: one. */
#ifndef LARS_WEB_MINUTES_H
#define LARS_WEB_MINUTES_H

#include <stdint.h>

#include "db/sqldb.h"

#define MINUTES_N 60
#define MINUTES_LATE_S 6              /* rows of a minute come until so much later */

struct minutes;

struct minutes_hour {                 /* the oldest first */
    uint64_t calls[MINUTES_N], failed[MINUTES_N];
};

int minutes_create(struct minutes **out); /* 0 or -ENOMEM */
void minutes_destroy(struct minutes *m); /* NULL is fine */

/* Read the minutes that are complete now and were not read yet: nothing to do in 59 of 60
 * seconds.  Returns 0, -ENOMEM or as sqldb_run(); after an error nothing is known. */
int minutes_read(struct minutes *m, struct sqldb *db, uint64_t now_s);

/* When the last minute that was read ends, in seconds since 1970; 0 = none was. */
uint64_t minutes_until_s(const struct minutes *m);

/* The calls of nodes that were in the zone when the minute was read; without a zone
 * (NULL) of all nodes, also of those that are removed since. */
void minutes_of(const struct minutes *m, const char *zone, struct minutes_hour *out);

#endif
