/* drill_db -- the row of a drill in the table Drill, from which the console shows it.  A
 * thread writes it each second, so a database that is slow, stopped or gone delays
 * neither the load nor the undo; what could not be written is written when the database
 * is back.  DIR/drill.json has what the row begins with, so it can be added later, too.
 * Thread: that of the owner, unless a function names another. */
#ifndef LARS_DRILL_DRILL_DB_H
#define LARS_DRILL_DRILL_DB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "db/sqldb.h"
#include "drill/script.h"
#include "ops/audit.h"

#define DRILL_DB_WHY 256
#define DRILL_DB_END_MS 10000 /* the longest wait at the end */

struct drill_db;

struct drill_db_now { /* since the beginning */
    uint32_t second, happened;
    uint64_t due, ok, failed, p50_us, p99_us;
    bool undo_open; /* an event is in force */
};

/* Write DIR/drill.json and begin.  Copies <db>'s texts no longer than this call needs
 * them; NULL: there is no database, and nothing is written.  The audit gets "drill run"
 * of <who> with the row.  Returns 0 or -errno. */
int drill_db_create(struct drill_db **out, const struct myconn_config *db,
                    const char *dir, const struct script *s,
                    const struct audit_actor *who);

/* What is written next.  Takes <live>, an object, or NULL: as before. */
void drill_db_set(struct drill_db *d, const struct drill_db_now *now, json_t *live);

/* Whether an operator of the console wants the end; then a sentence. */
bool drill_db_is_abort_wanted(struct drill_db *d, char why[DRILL_DB_WHY]);

/* The last state: "passed", "failed", "aborted"; <why> of an early end, or "".  Borrows
 * <report>.  Returns 0 when it is in the table or nothing is written; -ENOTCONN when the
 * database was never there; -ETIMEDOUT. */
int drill_db_end(struct drill_db *d, const char *state, const char *why,
                 const json_t *report);
void drill_db_destroy(struct drill_db *d); /* NULL is fine */

/* For a drill that has ended: add what its folder knows and the table does not.
 * <report> NULL: there is none.  Returns 0; -ENOENT: the folder has no drill.json; or as
 * sqldb_run(). */
int drill_db_catch_up(struct sqldb *db, const char *dir, const json_t *report);

/* <who> has ended the drill in <dir>, or undone everything of it: "drill abort" or "drill
 * undo" in the audit.  Return as above. */
int drill_db_aborted(struct sqldb *db, const char *dir, const struct audit_actor *who);
int drill_db_undone(struct sqldb *db, const char *dir, const struct audit_actor *who);

#endif
