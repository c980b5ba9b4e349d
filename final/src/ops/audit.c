/* A row is written before the change that it is about, in the same transaction: either
 * both are there or none, and the triggers can name the row.
 *
 * Rejected: a file beside the database.  Several consoles and larsctl on several hosts
 * would each have their own, and an entry could be missing after a crash. */
#include "ops/audit.h"

#include <errno.h>

#define ACTOR 64 /* characters of the columns */
#define REASON 255

int audit_add(struct sqldb *db, const struct audit_actor *who,
              const struct audit_entry *what, uint64_t *id)
{
    int rc = sqldb_run(
        db,
        "INSERT INTO Audit (actor, via, peer, action, subject, reason, result, revision, "
        "of_id, detail) VALUES (LEFT(%s, %u), LEFT(%s, 8), LEFT(%s, %u), LEFT(%s, 32), "
        "LEFT(%s, 64), LEFT(%s, %u), LEFT(%s, 32), %llu, %llu, %s)",
        who->name, ACTOR, who->via, who->peer, ACTOR, what->action, what->subject,
        who->reason, REASON, what->result, (unsigned long long)what->revision,
        (unsigned long long)what->of_id, what->detail ? what->detail : "{}");

    return rc < 0 ? rc : sqldb_number(db, id, "SELECT LAST_INSERT_ID()");
}

int audit_begin(struct sqldb *db)
{
    return sqldb_run(db, "START TRANSACTION");
}

int audit_end(struct sqldb *db, int rc, const struct audit_actor *who,
              const struct audit_entry *what)
{
    uint64_t id = 0;
    int more;

    if (rc == 0)
        rc = audit_add(db, who, what, &id);
    if (rc == 0)
        return sqldb_commit(db, id);
    more = sqldb_run(db, "ROLLBACK");
    return (rc == -EINVAL || rc == -EBUSY) && more < 0 ? more : rc;
}
