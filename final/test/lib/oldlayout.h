/* oldlayout -- files of shared memory as an agent with the layout before makes them. */
#ifndef LARS_TEST_OLDLAYOUT_H
#define LARS_TEST_OLDLAYOUT_H

#include "shmem/segment.h"

/* Write the routes that <s> maps as <dir>/<name>, in LAYOUT_OLD_MAJOR.  A file of that
 * name gets another inode, so a process that has it mapped keeps what it maps. */
void oldlayout_write_routes(const struct segment *s, const char *dir, const char *name);

#endif
