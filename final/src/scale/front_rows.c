/* A change names the state that was read, so the statement changes no row that an
 * operator has changed meanwhile; the next round looks again.
 *
 * Rejected: times of this process in the rows.  Two autoscalers on hosts whose clocks
 * differ would start a host again, or give it up at once. */
#include "scale/front_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/sqldb.h"
#include "scale/composed.h"

#define ME "lars-autoscaler" /* the author in Audit */

static const char *const states[] = {"standby", "starting", "announced", "withdrawing",
                                     "withdrawn"};

/* --- reading ------------------------------------------------------------------------ */

#define COPY(to, text) snprintf((to), sizeof(to), "%s", (text) ? (text) : "")

static bool is_set(const char *text)
{
    return text && strtoul(text, NULL, 10) > 0;
}

static enum snapshot_front_state state_of(const char *name)
{
    int i = SNAPSHOT_FRONT_STANDBY;

    while (i < SNAPSHOT_FRONT_WITHDRAWN && strcmp(states[i], name ? name : "") != 0)
        i++;
    return (enum snapshot_front_state)i;
}

static int take_host(char **at, void *arg)
{
    struct snapshot *s = arg;
    struct snapshot_front h = {
        .state = state_of(at[4]),
        .held = is_set(at[5]),
        .done = is_set(at[6]),
        .seen = is_set(at[7]),
        .ever_seen = is_set(at[8]),
        .zone_out = is_set(at[12]),
        .failed = at[9] ? (unsigned)strtoul(at[9], NULL, 10) : 0,
        .age_ms = at[10] ? strtoull(at[10], NULL, 10) : 0,
    };

    COPY(h.name, at[0]);
    COPY(h.zone, at[1]);
    COPY(h.admin, at[2]);
    COPY(h.outside, at[3]);
    COPY(h.note, at[11]);
    return snapshot_add(s, front, &h);
}

int front_rows_read(struct myconn *con, struct snapshot *out)
{
    return myconn_select(
        con,
        "SELECT host, zone, admin, outside, state, held, done, seen, seen_at IS NOT "
        "NULL, failed, GREATEST(0, TIMESTAMPDIFF(MICROSECOND, since, NOW(3)) DIV 1000), "
        "note, zone IN (SELECT zone FROM ZoneState) FROM FrontHost ORDER BY host LIMIT "
        "32",
        take_host, out);
}

/* --- writing ------------------------------------------------------------------------ */

static int write_host(struct myconn *con, const struct snapshot_front *was,
                      const struct snapshot_front *to)
{
    struct buf b = {0};
    int rc = sqldb_append(
        &b,
        "UPDATE FrontHost SET state = %s, done = %u, seen = %u, failed = %u, note = "
        "LEFT(%s, 255), seen_at = IF(%u, IF(%u, seen_at, NOW(3)), NULL), since = IF(%u, "
        "NOW(3), since) WHERE host = %s AND state = %s AND held = %u",
        states[to->state], (uint32_t)to->done, (uint32_t)to->seen, to->failed, to->note,
        (uint32_t)to->ever_seen, (uint32_t)was->ever_seen, (uint32_t)to->entered,
        was->name, states[was->state], (uint32_t)was->held);

    return composed_run(con, &b, rc);
}

static int write_audit(struct myconn *con, const struct front_life_change *x,
                       uint64_t fence)
{
    char subject[SNAPSHOT_NAME + 8], detail[80];
    struct buf b = {0};
    int rc;

    snprintf(subject, sizeof(subject), "front:%s", x->to.name);
    snprintf(detail, sizeof(detail), "{\"fence\":%" PRIu64 "}", fence);
    rc = sqldb_append(&b,
                      "INSERT INTO Audit (actor, via, action, subject, reason, result, "
                      "detail) VALUES (%s, %s, %s, LEFT(%s, 64), LEFT(%s, 255), 'done', "
                      "%s)",
                      ME, ME, x->action, subject, x->to.note, detail);
    return composed_run(con, &b, rc);
}

static int write_decision(struct myconn *con, const struct front_rows_decision *d,
                          uint64_t fence)
{
    char busy[40];
    struct buf b = {0};
    int rc;

    snprintf(busy, sizeof(busy), "%.4g", d->busy < 0 ? 0 : d->busy * d->serving);
    rc = sqldb_append(&b,
                      "INSERT INTO ScaleDecision (fence, modid, cmdid, load_nodes, up, "
                      "was, wanted, rule, note) VALUES (%llu, 0, 0, %s, %u, %u, %u, %s, "
                      "LEFT(%s, 255))",
                      (unsigned long long)fence, busy, d->serving, d->was, d->wanted,
                      d->rule, d->note);
    return composed_run(con, &b, rc);
}

/* One of which this process has no answer yet keeps the time that another one wrote. */
static int write_gateway(struct myconn *con, const struct front_rows_gateway *g)
{
    bool known = g->age_ms != UINT64_MAX;
    unsigned long long us = known ? g->age_ms * 1000ull : 0;
    struct buf b = {0};
    int rc = sqldb_append(
        &b,
        "INSERT INTO GatewaySeen (address, origin, required, answered_at, why) VALUES "
        "(LEFT(%s, 64), %s, %u, NOW(3) - INTERVAL %llu MICROSECOND, LEFT(%s, 255)) ON "
        "DUPLICATE KEY UPDATE origin = VALUES(origin), required = VALUES(required), "
        "asked_at = NOW(3), answered_at = IF(%u, VALUES(answered_at), answered_at), why "
        "= VALUES(why)",
        g->at, g->configured ? "config" : "table", (unsigned)g->required, us, g->why,
        (unsigned)known);

    return composed_run(con, &b, rc);
}

static int write_gateways(struct myconn *con, const struct front_changes *c)
{
    struct buf b = {0};
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < c->n_gateway; i++)
        rc = write_gateway(con, &c->gateway[i]);
    if (rc < 0)
        return rc;
    rc = sqldb_append(&b, "DELETE FROM GatewaySeen WHERE address NOT IN (''");
    for (i = 0; rc == 0 && i < c->n_gateway; i++)
        rc = sqldb_append(&b, ", LEFT(%s, 64)", c->gateway[i].at);
    if (rc == 0)
        rc = sqldb_append(&b, ")");
    return composed_run(con, &b, rc);
}

int front_rows_write(struct myconn *con, const struct front_changes *c, uint64_t fence)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < c->n_change; i++) {
        const struct front_life_change *x = &c->change[i];

        rc = write_host(con, &c->snapshot->front[x->host], &x->to);
        if (rc == 0 && x->action)
            rc = write_audit(con, x, fence);
    }
    if (rc == 0 && c->gateways_due)
        rc = write_gateways(con, c);
    if (rc == 0 && c->decision)
        rc = write_decision(con, c->decision, fence);
    return rc;
}
