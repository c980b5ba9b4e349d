/* scale_change -- what operators decide about scaling: the bounds of a module, plans, a
 * freeze, hosts that are to be empty.  The autoscaler reads the tables once a second.
 * Each change is one transaction with its row in Audit.
 *
 * Each call returns 0; -EINVAL: nothing was changed, and <why> has the reason; or as
 * sqldb_run().  Thread: the connection's. */
#ifndef LARS_OPS_SCALE_CHANGE_H
#define LARS_OPS_SCALE_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

#define SCALE_CHANGE_NODES_MAX 10000 /* of a module in a zone */
#define SCALE_CHANGE_MINUTES_MAX 10080 /* of a freeze: a week */

/* Set keys of ScalePolicy, each "KEY=VALUE": actuator (slots, exec), min, max, warm
 * (nodes in each zone), util, floor (percent of a node's capacity), dry_run (0, 1).  A
 * module without a row gets one, and is scaled from then on. */
int scale_change_set(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                     uint32_t cmdid, char *const *pair, unsigned n, char why[CHANGE_WHY]);

/* The autoscaler leaves the module as it is from now on.  Its plans go. */
int scale_change_off(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                     uint32_t cmdid, char why[CHANGE_WHY]);

struct scale_plan { /* borrowed */
    uint32_t modid, cmdid;
    const char *zone; /* "" = each zone */
    uint64_t from_s, until_s; /* seconds since 1970 */
    uint32_t n_zone; /* nodes in each zone, at least */
    const char *note;
};

/* Want at least so many nodes for a time.  *<id> is its number. */
int scale_change_plan(struct sqldb *db, const struct audit_actor *who,
                      const struct scale_plan *p, uint64_t *id, char why[CHANGE_WHY]);
int scale_change_unplan(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                        char why[CHANGE_WHY]);

/* Scale nothing down for so many minutes; who->reason says why, and is needed.  0: the
 * freeze ends. */
int scale_change_freeze(struct sqldb *db, const struct audit_actor *who, uint32_t minutes,
                        char why[CHANGE_WHY]);

/* <in_use> false: the nodes of the host move to others, and it gets no new ones. */
int scale_change_host(struct sqldb *db, const struct audit_actor *who, const char *host,
                      bool in_use, char why[CHANGE_WHY]);

/* Forget a host that was taken away.  One whose lars-slotd works is refused. */
int scale_change_forget(struct sqldb *db, const struct audit_actor *who, const char *host,
                        char why[CHANGE_WHY]);

/* Make the orders of this database obeyed by hosts that have obeyed higher fences, as
 * after the database was set up anew or restored: the fence of the leader is raised above
 * all of them.  <n_end>: how many nodes run there that this database does not order, and
 * therefore end; another number is refused, with the right one in <why>. */
int scale_change_adopt(struct sqldb *db, const struct audit_actor *who, uint64_t n_end,
                       char why[CHANGE_WHY]);

#endif
