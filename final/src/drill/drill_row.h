/* drill_row -- what is written of a drill: DIR/drill.json, with which a row of the table
 * Drill begins, that row, and the rows of Audit about it.  Thread: the connection's. */
#ifndef LARS_DRILL_DRILL_ROW_H
#define LARS_DRILL_DRILL_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "drill/drill_db.h"

struct drill_row_state { /* what is written */
    struct drill_db_now now;
    char state[12], why[DRILL_DB_WHY];
    uint64_t ended_ms; /* since 1970; 0 = not yet */
    const char *live, *report; /* NULL = as in the table */
};

struct drill_row_wish { /* of an operator of the console, for the end */
    bool is_there, is_wanted; /* there: the row was in the table */
    char why[DRILL_DB_WHY];
};

uint64_t drill_row_wall_ms(void); /* since 1970 */

/* What the row begins with.  Returns NULL when there is no memory. */
json_t *drill_row_make_head(const char *dir, const struct script *s,
                            const struct audit_actor *who);
/* DIR/drill.json, or NULL. */
json_t *drill_row_read_head(const char *dir);
/* Members of it; "" and 0: it is not there. */
const char *drill_row_text(const json_t *head, const char *name);
uint32_t drill_row_number(const json_t *head, const char *name);

/* Read the wish of the row, or add the row, with "drill run" in the audit.  Returns 0 or
 * as sqldb_run(). */
int drill_row_ensure(struct sqldb *db, const json_t *head, struct drill_row_wish *out);
int drill_row_update(struct sqldb *db, const json_t *head,
                     const struct drill_row_state *s);

/* Add the row when it is missing, then <action> of <who> to the audit; with <is_undone>
 * nothing of it is in force, and the row of one that had not ended becomes "undone".
 * Returns as above. */
int drill_row_note(struct sqldb *db, const json_t *head, const struct audit_actor *who,
                   const char *action, bool is_undone);

#endif
