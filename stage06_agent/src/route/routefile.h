/* routefile -- routes in a file.  The agent writes it and reads it at its start, in case
 * DNSService cannot be reached; the API reads it when the agent does not answer.
 *     lars-routes 2 NODES VERSION
 *     MODID CMDID IP:PORT          one line for each node, those of a module together;
 *                                  followed by WEIGHT ZONE unless both are 0
 *     end CHECKSUM                 FNV-1a, 32 bits, of all bytes before this line
 * The file is replaced as a whole: a reader sees the old content or the new content,
 * never a part of it.  Thread: any. */
#ifndef LARS_ROUTE_ROUTEFILE_H
#define LARS_ROUTE_ROUTEFILE_H

#include <stddef.h>

#include "route/route.h"

#define ROUTEFILE_MAX_ROWS 1000000    /* limit, because the file may be hostile */

/* Replace the content of <path> by <n> rows.  <version> is the version of the
 * database, 0 = unknown.  Returns 0; -ENAMETOOLONG, -ENOSPC, -EACCES or another
 * -errno, and then <path> is unchanged. */
int routefile_write(const char *path, const struct route_row *row, size_t n,
                    uint64_t version);

/* Read <path>.  The caller frees the array of rows with free().  <version> may be NULL.
 * Returns 0; -ENOENT; -EBADMSG when any part of the file is not as above; -ENOMEM. */
int routefile_read(const char *path, struct route_row **row, size_t *n,
                   uint64_t *version);

#endif
