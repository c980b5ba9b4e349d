/* The wish is in the row of the drill, which the drill itself reads each second.
 *
 * Rejected: a connection from the console to larsctl.  It would be one more port, open on
 * the host that is being tested, and a drill is reachable only from there today. */
#include "ops/drill_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/repeat.h"

struct drill {
    bool is_there, is_running, is_lost;
    char name[401], host[257];
};

static int take_drill(char **at, void *arg)
{
    struct drill *d = arg;

    d->is_there = true;
    d->is_running = strcmp(at[0], "running") == 0;
    d->is_lost = strtoul(at[1], NULL, 10) > DRILL_CHANGE_LOST_S;
    snprintf(d->name, sizeof(d->name), "%s", at[2]);
    snprintf(d->host, sizeof(d->host), "%s", at[3]);
    return 0;
}

static int refuse(char why[CHANGE_WHY], const char *text)
{
    snprintf(why, CHANGE_WHY, "%s", text);
    return -EINVAL;
}

static int check(const struct drill *d, const char *name, char why[CHANGE_WHY])
{
    if (!d->is_there)
        return -ESRCH;
    if (!d->is_running)
        return refuse(why, "the drill has ended");
    if (d->is_lost) {
        snprintf(why, CHANGE_WHY,
                 "the drill is lost; use larsctl drill undo on the host %.64s", d->host);
        return -EINVAL;
    }
    return strcmp(d->name, name) == 0
               ? 0
               : refuse(why, "what was typed is not the name of the drill");
}

static int abort_once(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                      const char *name, char why[CHANGE_WHY])
{
    struct drill d = {.is_there = false};
    struct audit_entry e = {.action = "drill abort", .result = "done"};
    char subject[32];
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "drill:%llu", (unsigned long long)id);
    e.subject = subject;
    if (rc == 0)
        rc = sqldb_each(db, take_drill, &d,
                        "SELECT state, GREATEST(TIMESTAMPDIFF(SECOND, seen_at, NOW(3)), "
                        "0), name, host FROM Drill WHERE id = %llu",
                        (unsigned long long)id);
    if (rc == 0)
        rc = check(&d, name, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "UPDATE Drill SET abort_at = NOW(3), abort_by = LEFT(%s, 64), "
                       "abort_why = LEFT(%s, 255) WHERE id = %llu AND state = 'running' "
                       "AND abort_at IS NULL",
                       who->name, who->reason, (unsigned long long)id);
    return audit_end(db, rc, who, &e);
}

int drill_change_abort(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                       const char *name, char why[CHANGE_WHY])
{
    REPEAT_RETURN(abort_once(db, who, id, name, why));
}
