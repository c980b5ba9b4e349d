/* site_db -- the database calls of the exhibition site (common/sql/site.sql).  Each may
 * take as long as the server's time-outs.  Unless said otherwise a call returns 0, or
 * -ENOTCONN, -ENOENT, -EIO as myconn_query(), and site_db_error() then has the server's
 * words.  Thread: one at a time. */
#ifndef LARS_SITE_SITE_DB_H
#define LARS_SITE_SITE_DB_H

#include "db/myconn.h"
#include "site/catalogue.h"
#include "site/site_visits.h"

#define SITE_DB_NODE_MAX 64u /* letters of the name of a node */
#define SITE_DB_VISITS 1000u /* exhibits in one statement */

struct site_db;

/* Copies <cfg> and <node>, the name that visits are counted under: letters, digits and
 * ".:_-".  Connects when first used.  Returns 0, -EINVAL (the name) or -ENOMEM. */
int site_db_create(struct site_db **out, const struct myconn_config *cfg,
                   const char *node);
void site_db_close(struct site_db *d); /* in the thread that used it; NULL is fine */

int site_db_revision(struct site_db *d, uint64_t *revision);

/* All editions that are shown, as one snapshot.  Pictures that <before> (may be NULL)
 * has are not read again.  Also returns -E2BIG or -ENOMEM. */
int site_db_load(struct site_db *d, struct catalogue *before, struct catalogue **out,
                 uint64_t *revision);

/* Add <n>, at most SITE_DB_VISITS, different exhibits, in one statement.  After a failure
 * they may have been added: call it again with the same visits until it returns 0, and
 * they are counted once. */
int site_db_add_visits(struct site_db *d, const struct site_visit *visit, size_t n);

const char *site_db_error(const struct site_db *d); /* of the last failure */

#endif
