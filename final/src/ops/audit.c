/* A row is written before the change that it is about, in the same transaction: either
 * both are there or none, and the triggers can name the row.
 *
 * Rejected: a file beside the database.  Several consoles and larsctl on several hosts
 * would each have their own, and an entry could be missing after a crash. */
#include "ops/audit.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

/* An identifier cannot be a value of sqldb, so the statement is made for each table. */
#define ADD_TO(table)                                                                    \
    "INSERT INTO " table " (actor, via, peer, action, subject, reason, result, "         \
    "revision, of_id, detail) VALUES (LEFT(%s, 64), LEFT(%s, 16), LEFT(%s, 64), "        \
    "LEFT(%s, 32), LEFT(%s, 64), LEFT(%s, 255), LEFT(%s, 32), %llu, %llu, %s)"
#define VALUES_OF(who, what)                                                             \
    (who)->name, (who)->via, (who)->peer, (what)->action, (what)->subject,               \
        (who)->reason, (what)->result, (unsigned long long)(what)->revision,             \
        (unsigned long long)(what)->of_id, (what)->detail ? (what)->detail : "{}"

int audit_add(struct sqldb *db, const struct audit_actor *who,
              const struct audit_entry *what, uint64_t *id)
{
    int rc = sqldb_run(db, ADD_TO("Audit"), VALUES_OF(who, what));

    return rc < 0 ? rc : sqldb_number(db, id, "SELECT LAST_INSERT_ID()");
}

int audit_add_from_elsewhere(struct sqldb *db, const struct audit_actor *who,
                             const struct audit_entry *what)
{
    return sqldb_run(db, ADD_TO("lars_dns.Audit"), VALUES_OF(who, what));
}

const char *audit_login_name(void)
{
    const struct passwd *pw = getpwuid(getuid());

    return pw ? pw->pw_name : "unknown";
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
