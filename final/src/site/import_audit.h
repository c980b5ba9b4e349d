/* import_audit -- the row of the audit that an import leaves.  Thread: the
 * connection's. */
#ifndef LARS_SITE_IMPORT_AUDIT_H
#define LARS_SITE_IMPORT_AUDIT_H

#include "site/import_db.h"

/* Add the row "site import" of edition:YEAR to lars_dns.Audit, in the transaction that is
 * open: who imported which file, and how many exhibits <d> adds, changes, removes and
 * moves.  Returns 0; -ENOMEM; or as sqldb_run(). */
int import_audit_add(struct sqldb *db, const struct import_target *to,
                     const struct import_diff *d);

#endif
