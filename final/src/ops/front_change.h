/* front_change -- what operators decide about hosts that run gateways (table FrontHost).
 * The autoscaler reads the table once a second and does it.  Each change is one
 * transaction with its row in Audit.
 *
 * Each call returns 0; -EINVAL: nothing was changed, and <why> has the reason; or as
 * sqldb_run().  Thread: the connection's. */
#ifndef LARS_OPS_FRONT_CHANGE_H
#define LARS_OPS_FRONT_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

#define FRONT_CHANGE_HOSTS_MAX 32

struct front_host { /* borrowed */
    const char *host; /* letters, digits, '.', '_', '-', as [hook] front knows it */
    const char *zone; /* the same characters */
    const char *admin, *outside; /* ADDRESS:PORT of its admin port, and for visitors */
};

/* A standby host: the autoscaler may start it. */
int front_change_add(struct sqldb *db, const struct audit_actor *who,
                     const struct front_host *h, char why[CHANGE_WHY]);

/* Start and announce it now; the autoscaler does not withdraw it. */
int front_change_announce(struct sqldb *db, const struct audit_actor *who,
                          const char *host, char why[CHANGE_WHY]);

/* Withdraw it now; the autoscaler does not start it.  Nothing waits for its answers from
 * then on. */
int front_change_withdraw(struct sqldb *db, const struct audit_actor *who,
                          const char *host, char why[CHANGE_WHY]);

/* The autoscaler decides about it again. */
int front_change_release(struct sqldb *db, const struct audit_actor *who,
                         const char *host, char why[CHANGE_WHY]);

/* Forget it.  One that is starting or announced is refused. */
int front_change_remove(struct sqldb *db, const struct audit_actor *who, const char *host,
                        char why[CHANGE_WHY]);

#endif
