/* A drain is guarded by what was measured: the calls of the last minute against what the
 * nodes that stay can take, by their policy or by a measurement.  Nodes that an agent
 * gives no calls to take none.  What was never measured refuses nothing.
 *
 * Rejected: the zone as a condition of every query that asks which nodes are in service.
 * DNSService, its removal guard, alarms and the programs of others would each have to
 * know it; a state in the rows of the nodes is seen by all of them. */
#include "ops/zone_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_S 60

bool zone_change_is_drain(const struct change_op *op)
{
    return op->verb == CHANGE_ZONE && strcmp(op->node.state, "up") != 0;
}

/* --- the guard ---------------------------------------------------------------------- */

/* Calls a second that the nodes that stay can take; 0 = not known. */
static uint64_t capacity_of(const struct plan_module *m)
{
    return m->left == 0 ? 0 : m->capacity * (m->left - m->out) / m->left;
}

static bool is_short(const struct plan_module *m)
{
    if (m->gone == 0)
        return false;
    return m->out >= m->left || /* also when none is left */
           (m->capacity > 0 && m->calls / MINUTE_S > capacity_of(m));
}

bool zone_change_explain(const struct plan *p, char why[CHANGE_WHY])
{
    size_t i = 0;
    const struct plan_module *m;

    while (i < p->n_module && !is_short(&p->module[i]))
        i++;
    if (i == p->n_module)
        return false;
    m = &p->module[i];
    if (m->left == 0)
        snprintf(why, CHANGE_WHY, "%u/%u has no node in service outside of the zone",
                 m->modid, m->cmdid);
    else if (m->out >= m->left)
        snprintf(why, CHANGE_WHY,
                 "agents give no calls to any of the %u nodes of %u/%u that would stay",
                 m->left, m->modid, m->cmdid);
    else
        snprintf(why, CHANGE_WHY,
                 "the nodes of %u/%u that would stay can take %llu calls/s, and %llu "
                 "calls/s were measured in the last minute",
                 m->modid, m->cmdid, (unsigned long long)capacity_of(m),
                 (unsigned long long)(m->calls / MINUTE_S));
    return true;
}

/* A zone that was drained may have lost its nodes since, and still has to return. */
static int check_return(struct sqldb *db, const char *zone, bool has_nodes,
                        char why[CHANGE_WHY])
{
    char state[ZONE_CHANGE_STATE];
    int rc = zone_change_state(db, zone, state);

    if (rc < 0 || state[0] || has_nodes)
        return rc;
    snprintf(why, CHANGE_WHY, "no node is in %.130s", zone);
    return -EINVAL;
}

int zone_change_judge(struct sqldb *db, const struct change_op *op, struct plan *p,
                      char why[CHANGE_WHY])
{
    char text[CHANGE_WHY];

    if (op->verb != CHANGE_ZONE)
        return 0;
    if (!zone_change_is_drain(op))
        return check_return(db, op->node.zone, p->before.n > 0, why);
    if (p->gone > 0 && p->rest == 0) {
        snprintf(why, CHANGE_WHY,
                 "%.130s is the last zone with nodes in service; return another zone "
                 "first",
                 op->node.zone);
        return -EINVAL;
    }
    if (zone_change_explain(p, text))
        p->needs = PLAN_REMOVE_ALL;
    return 0;
}

/* --- the table ---------------------------------------------------------------------- */

/* The first drain of a zone keeps its author. */
static int write_drain(struct sqldb *db, const char *zone, const struct audit_actor *who)
{
    return sqldb_run(db,
                     "INSERT INTO ZoneState (zone, state, who, reason) VALUES (%s, "
                     "'drained', LEFT(%s, 64), LEFT(%s, 255)) ON DUPLICATE KEY UPDATE "
                     "at = IF(state = 'leaving', NOW(3), at), who = IF(state = "
                     "'leaving', VALUES(who), who), reason = IF(state = 'leaving', "
                     "VALUES(reason), reason), state = IF(state = 'leaving', 'drained', "
                     "state)",
                     zone, who->name, who->reason);
}

int zone_change_write(struct sqldb *db, const struct change_op *op,
                      const struct audit_actor *who)
{
    if (op->verb != CHANGE_ZONE)
        return 0;
    return zone_change_is_drain(op)
               ? write_drain(db, op->node.zone, who)
               : sqldb_run(db, "DELETE FROM ZoneState WHERE zone = %s", op->node.zone);
}

static int take_state(char **at, void *arg)
{
    snprintf(arg, ZONE_CHANGE_STATE, "%s", at[0] ? at[0] : "");
    return 0;
}

int zone_change_state(struct sqldb *db, const char *zone, char state[ZONE_CHANGE_STATE])
{
    state[0] = '\0';
    return sqldb_each(db, take_state, state,
                      "SELECT state FROM ZoneState WHERE zone = %s", zone);
}

/* --- a state by itself -------------------------------------------------------------- */

static int set_state(struct sqldb *db, const struct audit_actor *who, const char *zone,
                     const char *from, const char *to)
{
    if (!to[0])
        return sqldb_run(db, "DELETE FROM ZoneState WHERE zone = %s AND state = %s", zone,
                         from);
    if (!from[0])
        return sqldb_run(db,
                         "INSERT IGNORE INTO ZoneState (zone, state, who, reason) VALUES "
                         "(%s, %s, LEFT(%s, 64), LEFT(%s, 255))",
                         zone, to, who->name, who->reason);
    return sqldb_run(db,
                     "UPDATE ZoneState SET state = %s, who = LEFT(%s, 64), reason = "
                     "LEFT(%s, 255), at = NOW(3) WHERE zone = %s AND state = %s",
                     to, who->name, who->reason, zone, from);
}

int zone_change_mark(struct sqldb *db, const struct audit_actor *who, const char *action,
                     const char *zone, const char *from, const char *to,
                     char why[CHANGE_WHY])
{
    char subject[200];
    const struct audit_entry what = {.action = action,
                                     .subject = subject,
                                     .result = "done"};
    uint64_t n = 0;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "zone:%s", zone);
    if (rc == 0)
        rc = set_state(db, who, zone, from, to);
    if (rc == 0)
        rc = sqldb_number(db, &n, "SELECT ROW_COUNT()");
    if (rc == 0 && n == 0) {
        snprintf(why, CHANGE_WHY,
                 "the zone %.100s is no longer %s: another operator has changed it", zone,
                 from[0] ? from : "in service");
        rc = -EBUSY;
    }
    return audit_end(db, rc, who, &what);
}
