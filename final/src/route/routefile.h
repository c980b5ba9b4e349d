/* routefile -- routes in a file, for the time when nobody else can tell them: the agent
 * writes it, and reads it back at its start; the API reads it when the agent is dead.
 *     lars-routes 2 NODES VERSION
 *     MODID CMDID IP:PORT          a line for each node, a module's lines together;
 *                                  WEIGHT ZONE behind it where they are not 0
 *     end CHECKSUM                 of every byte before this line: FNV-1a, 32 bits
 * Written beside, synced, renamed: a reader sees the old file or the new one, never half
 * of one.  Thread: any. */
#ifndef LARS_ROUTE_ROUTEFILE_H
#define LARS_ROUTE_ROUTEFILE_H

#include <stddef.h>

#include "route/route.h"

#define ROUTEFILE_MAX_ROWS 1000000    /* more is refused: a file can be anybody's */

/* Replace <path> by <n> rows.  <version>: the database's, 0 = not known.  Returns 0;
 * -ENOSPC, -EACCES ...: <path> is as it was. */
int routefile_write(const char *path, const struct route_row *row, size_t n,
                    uint64_t version);

/* Read <path>.  The rows are the caller's: free().  <version> may be NULL.  Returns 0;
 * -ENOENT; -EBADMSG when anything in it is not as above: then nothing of it is used;
 * -ENOMEM. */
int routefile_read(const char *path, struct route_row **row, size_t *n,
                   uint64_t *version);

#endif
