/* measured_build -- the build of the program that was measured: that of the slot which
 * has the address of the node, when the same process ran there before and after.
 * Thread: the connection's. */
#ifndef LARS_OPS_MEASURED_BUILD_H
#define LARS_OPS_MEASURED_BUILD_H

#include "db/sqldb.h"

#define MEASURED_BUILD 65 /* bytes with the final 0, as Capacity.build */

struct measured_build {
    uint32_t modid, cmdid, ip, port; /* of the node; ip in host byte order */
    uint32_t pid; /* 0 = it runs in no slot that is known */
    char build[MEASURED_BUILD]; /* "" = not known */
};

/* Before the node is loaded; the first four fields are set.  A node of another module, in
 * no slot, or whose lars-slotd has been silent for 10 s has no build.  Returns 0; or as
 * sqldb_each(), and then it has none either. */
int measured_build_begin(struct measured_build *m, struct sqldb *db);

/* After that: <m->build> is what was measured.  "" when another process runs there now,
 * or the same one runs another program.  Returns as measured_build_begin(). */
int measured_build_end(struct measured_build *m, struct sqldb *db);

#endif
