/* The row of Audit is in a transaction that is open while the command is sent: a database
 * that is away is found before anything is changed.  larsctl sends without it, because a
 * gateway has to be drained when the database does not work.
 *
 * Rejected: a lock in the database against two operators.  Several servers of a cluster
 * each have their own, and the command has to work without any. */
#include "ops/gateway_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- who serves --------------------------------------------------------------------- */

static void look(struct gateway_change *g, struct gateway_change_one *o)
{
    char why[GATEWAY_CLIENT_WHY];
    json_t *state = NULL;
    const char *zone;

    o->serves = false;
    if (o->is_lost ||
        gateway_client_get(o->at, "/gateway", g->timeout_ms, &state, why) < 0)
        return;
    zone = json_string_value(json_object_get(state, "zone"));
    o->serves = json_is_false(json_object_get(state, "draining"));
    snprintf(o->zone, sizeof(o->zone), "%.32s", zone ? zone : "");
    json_decref(state);
}

unsigned gateway_change_mean_zone(struct gateway_change *g, const char *zone)
{
    unsigned i, n = 0;

    for (i = 0; i < g->n; i++) {
        g->one[i].zone[0] = '\0';
        look(g, &g->one[i]);
        g->one[i].is_meant = g->one[i].zone[0] && strcmp(g->one[i].zone, zone) == 0;
        n += g->one[i].is_meant;
    }
    return n;
}

static bool another_serves(const struct gateway_change *g, const char *zone)
{
    unsigned i;

    for (i = 0; i < g->n; i++)
        if (!g->one[i].is_meant && g->one[i].serves &&
            (!zone || strcmp(g->one[i].zone, zone) == 0))
            return true;
    return false;
}

/* Whether those that are known to serve are enough. */
static int judge(const struct gateway_change *g, char why[CHANGE_WHY])
{
    unsigned i;

    if (!another_serves(g, NULL)) {
        snprintf(why, CHANGE_WHY,
                 "no other gateway serves, so new visitors would be sent nowhere");
        return -EBUSY;
    }
    for (i = 0; i < g->n; i++)
        if (g->one[i].is_meant && g->one[i].zone[0] &&
            !another_serves(g, g->one[i].zone)) {
            snprintf(why, CHANGE_WHY, "no other gateway of the zone %s serves",
                     g->one[i].zone);
            return -EBUSY;
        }
    return 0;
}

/* Those that are meant come first, because their zones are needed; the others until they
 * are enough. */
int gateway_change_check(struct gateway_change *g, char why[CHANGE_WHY])
{
    unsigned i;
    int rc;

    for (i = 0; i < g->n; i++) {
        g->one[i].serves = false;
        if (g->one[i].is_meant)
            look(g, &g->one[i]);
    }
    rc = judge(g, why);
    for (i = 0; i < g->n && rc < 0; i++)
        if (!g->one[i].is_meant) {
            look(g, &g->one[i]);
            rc = judge(g, why);
        }
    return rc;
}

/* --- the command -------------------------------------------------------------------- */

static int record(struct sqldb *db, const struct audit_actor *who,
                  const struct gateway_change *g, const struct gateway_change_one *o,
                  const char *path, const char *result, uint64_t *id)
{
    char action[33], subject[100];
    const struct audit_entry what = {.action = action,
                                     .subject = subject,
                                     .result = result};

    snprintf(action, sizeof(action), "gateway %.16s%s%.6s", path + 1,
             g->body[0] ? " " : "", g->body);
    snprintf(subject, sizeof(subject), "gateway:%s", o->at);
    return audit_add(db, who, &what, id);
}

/* A command may have been obeyed although no answer came. */
static const char *result_of(int rc)
{
    return rc == 0 ? "done" : rc == -ETIMEDOUT || rc == -EIO ? "unknown" : "failed";
}

static int send(struct gateway_change *g, struct gateway_change_one *o, const char *path)
{
    int rc = gateway_client_command(o->at, g->keys, path, g->body, g->timeout_ms, o->why);

    o->obeyed = rc == 0;
    return rc;
}

/* The row is written before the command, and there when it was obeyed. */
static int send_audited(struct gateway_change *g, struct gateway_change_one *o,
                        const char *path, struct sqldb *db, const struct audit_actor *who)
{
    uint64_t id = 0;
    int rc = audit_begin(db), sent;

    if (rc == 0)
        rc = record(db, who, g, o, path, "done", &id);
    if (rc < 0) {
        sqldb_run(db, "ROLLBACK");
        return rc;
    }
    sent = send(g, o, path);
    if (sent == 0)
        rc = sqldb_commit(db, id);
    /* The command cannot be taken back; -EINPROGRESS: the row may be there. */
    if (sent == 0 && rc < 0 && rc != -EINPROGRESS)
        rc = record(db, who, g, o, path, "done", &id);
    if (sent == 0)
        return rc;
    rc = sqldb_run(db, "ROLLBACK");
    if (rc == 0)
        rc = record(db, who, g, o, path, result_of(sent), &id);
    return rc < 0 ? rc : -EREMOTEIO;
}

static int send_one(struct gateway_change *g, struct gateway_change_one *o,
                    const char *path, struct sqldb *db, const struct audit_actor *who)
{
    uint64_t id;
    int rc;

    if (g->must_audit)
        return send_audited(g, o, path, db, who);
    rc = send(g, o, path);
    /* After one row that is missing no other is tried: each would wait for the database
     * again. */
    if (g->audit_rc == 0)
        g->audit_rc = record(db, who, g, o, path, result_of(rc), &id);
    return rc < 0 ? -EREMOTEIO : 0;
}

static int send_all(struct gateway_change *g, struct sqldb *db,
                    const struct audit_actor *who)
{
    int rc = 0, one;
    unsigned i;

    for (i = 0; i < g->n; i++) {
        if (!g->one[i].is_meant)
            continue;
        one = send_one(g, &g->one[i], g->path, db, who);
        if (one < 0 && one != -EREMOTEIO) /* the database: no other row can be written */
            return one;
        rc = rc < 0 ? rc : one;
    }
    return rc;
}

/* Another drain came between the check and this one. */
static int take_back(struct gateway_change *g, struct sqldb *db,
                     const struct audit_actor *who, char why[CHANGE_WHY])
{
    unsigned i;
    int rc = 0;

    for (i = 0; i < g->n && rc == 0; i++)
        if (g->one[i].is_meant && g->one[i].obeyed) {
            rc = send_one(g, &g->one[i], "/undrain", db, who);
            g->one[i].obeyed = false;
        }
    if (rc == 0)
        snprintf(why, CHANGE_WHY,
                 "another gateway was drained at the same time, so this drain was taken "
                 "back");
    return rc < 0 ? rc : -EBUSY;
}

static void record_refusal(struct gateway_change *g, struct sqldb *db,
                           const struct audit_actor *who)
{
    uint64_t id;
    unsigned i;

    for (i = 0; g->must_audit && i < g->n; i++)
        if (g->one[i].is_meant)
            record(db, who, g, &g->one[i], g->path, "consent_needed", &id);
}

int gateway_change_apply(struct gateway_change *g, struct sqldb *db,
                         const struct audit_actor *who, char why[CHANGE_WHY])
{
    bool is_guarded = !g->consent && strcmp(g->path, "/drain") == 0;
    char again[CHANGE_WHY];
    int rc = is_guarded ? gateway_change_check(g, why) : 0;

    g->audit_rc = 0;
    if (rc < 0) {
        record_refusal(g, db, who);
        return rc;
    }
    rc = send_all(g, db, who);
    if (is_guarded && (rc == 0 || rc == -EREMOTEIO) && gateway_change_check(g, again) < 0)
        return take_back(g, db, who, why);
    return rc;
}
