/* capacity_change -- what a node of a module can do, as it was measured or as an operator
 * knows it: a row of the table Capacity, with its row in Audit.  Thread: the
 * connection's. */
#ifndef LARS_OPS_CAPACITY_CHANGE_H
#define LARS_OPS_CAPACITY_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

struct capacity_change { /* borrows the texts, which are UTF-8 */
    uint32_t modid, cmdid;
    const char *class; /* of hosts; "" = any */
    double rps, inflight; /* requests a second; mean number in progress then */
    uint32_t p99_us, target_us;
    const char *build, *mix; /* version of the node's program; what was requested */
    bool measured; /* false: an operator says so */
    bool build_is_measured; /* <build> is that of the node that was measured, of
                                       * ScaleSlot; false: an operator has typed it */
};

/* Write the row in place of the one before.  Returns 0; -EINVAL with a sentence in <why>
 * when a value is out of bounds; or as sqldb_run(). */
int capacity_change_set(struct sqldb *db, const struct audit_actor *who,
                        const struct capacity_change *c, char why[CHANGE_WHY]);

#endif
