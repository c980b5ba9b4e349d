/* site_change -- which editions of the exhibition site are shown, and which are kept as
 * they are.  The tables are those of sql/site.sql, in the database lars_site of the same
 * server.  Each change is one transaction with its row in Audit.  A call returns 0;
 * -EINVAL: nothing was changed, and <why> has the reason; or as sqldb_run().  Thread: the
 * connection's. */
#ifndef LARS_OPS_SITE_CHANGE_H
#define LARS_OPS_SITE_CHANGE_H

#include "ops/audit.h"
#include "ops/change.h"

/* Show the edition of this year: a draft becomes published. */
int site_change_publish(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                        char why[CHANGE_WHY]);

/* Refuse changes of the edition from now on: it stays published and becomes frozen. */
int site_change_freeze(struct sqldb *db, const struct audit_actor *who, uint32_t year,
                       char why[CHANGE_WHY]);

#endif
