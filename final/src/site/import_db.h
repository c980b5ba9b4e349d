/* import_db -- compares the exhibits of a spreadsheet with those of an edition in the
 * database, and puts them there in one transaction.  Thread: the connection's. */
#ifndef LARS_SITE_IMPORT_DB_H
#define LARS_SITE_IMPORT_DB_H

#include <stdbool.h>

#include "db/sqldb.h"
#include "ops/audit.h"
#include "site/import_sheet.h"

#define IMPORT_DB_WHY 300
#define IMPORT_SITE_EXHIBITS 5000 /* of all editions: what a node loads */
#define IMPORT_SITE_BYTES (256u << 20) /* of all pictures */

struct import_target {
    uint32_t year;
    const char *title_zh, *title_en; /* "" = keep it, or make it from the year */
    bool sample; /* label the exhibits as samples */
    int pictures; /* the folder, a descriptor */
    const char *file; /* the spreadsheet, for the audit */
    struct audit_actor who; /* used when something is written */
};

enum import_state { IMPORT_NEW, IMPORT_CHANGED, IMPORT_MOVED, IMPORT_SAME };

struct import_removed {
    char id[IMPORT_ID_MAX + 1], title[201 * 4]; /* the Chinese title */
};

/* What an import does.  A zeroed struct is empty. */
struct import_diff {
    char edition[12]; /* "new", "draft", "published" or "frozen" */
    enum import_state *state; /* owned; of each exhibit of the spreadsheet */
    uint32_t n_state[IMPORT_SAME + 1]; /* exhibits with this state */
    struct import_removed *removed; /* owned; those that are not in the spreadsheet */
    uint32_t n_removed;
    bool retitled; /* the edition gets another title */
};

/* Find out what changes; nothing is written.  Returns 0; -EPERM: the edition is frozen,
 * -EBUSY: another import is running, both with a sentence in <why>; -ENOMEM; or as
 * sqldb_run().  The caller frees <out> in any case. */
int import_db_preview(struct sqldb *db, const struct import_target *to,
                      const struct import_sheet *s, struct import_diff *out,
                      char why[IMPORT_DB_WHY]);

/* The same, and make the edition what the spreadsheet has, with a row in the audit: all
 * or nothing.  Without a difference nothing is written.  Pictures that the database lacks
 * are read again.  Returns in addition -EINVAL with <why>: a picture is not the one that
 * was checked, or the site would be too large.  <why> is set as well when the audit
 * cannot be written (-EIO, -ENOENT). */
int import_db_apply(struct sqldb *db, const struct import_target *to,
                    const struct import_sheet *s, struct import_diff *out,
                    char why[IMPORT_DB_WHY]);
void import_db_diff_free(struct import_diff *d);

/* Does an import change anything? */
bool import_db_is_empty(const struct import_diff *d);

#endif
