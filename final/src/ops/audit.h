/* audit -- the table Audit: what operators did, by whom, from where, and with what
 * result.  Rows are only added.  Thread: the connection's. */
#ifndef LARS_OPS_AUDIT_H
#define LARS_OPS_AUDIT_H

#include <stdint.h>

#include "db/sqldb.h"

/* Who does something.  Texts may hold any characters; they are cut to what the columns
 * hold. */
struct audit_actor {
    const char *name;                 /* of the user */
    const char *via; /* "larsctl", "console" or "showcase-import" */
    const char *peer; /* the address of a browser, or "" */
    const char *reason; /* in the operator's words, or "" */
};

struct audit_entry {
    const char *action; /* "route add", "alarm ack" ... */
    const char *subject; /* "1/1", "zone:b", "alarm:12", "edition:2027" */
    const char *result; /* "done", or why it was refused */
    uint64_t revision;                /* version of the routes; 0 = unchanged */
    uint64_t of_id;                   /* the row that this one is the sequel of, or 0 */
    const char *detail;               /* an object in JSON; NULL = {} */
};

/* Add a row, in the transaction that is open, or in one of its own.  *<id> is its number.
 * Returns 0 or as sqldb_run(). */
int audit_add(struct sqldb *db, const struct audit_actor *who,
              const struct audit_entry *what, uint64_t *id);

/* The same for a connection to another database of the server: the table is
 * lars_dns.Audit, of which the right to insert is enough. */
int audit_add_from_elsewhere(struct sqldb *db, const struct audit_actor *who,
                             const struct audit_entry *what);

/* The login name of the process, for struct audit_actor.  Static; thread: one. */
const char *audit_login_name(void);

/* Begin a transaction that audit_end() ends.  Returns 0 or as sqldb_run().  The caller
 * repeats the whole when the result is -EDEADLK (db/repeat.h). */
int audit_begin(struct sqldb *db);

/* End a transaction: when <rc>, the result of its statements, is 0, with the row <what>
 * and COMMIT, else with ROLLBACK and without a trace.  Returns <rc>, or the error of the
 * end. */
int audit_end(struct sqldb *db, int rc, const struct audit_actor *who,
              const struct audit_entry *what);

#endif
