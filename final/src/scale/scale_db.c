/* A round reads in one transaction, so orders, slots and routes are those of one moment,
 * and writes in another one, which begins with the lease (db/lease.h): a leader that was
 * suspended between the two writes nothing.
 *
 * What changed between the two is not overwritten.  A row that an operator has added or
 * changed meanwhile stays, the order of a node that is back in the route is not
 * cancelled, and the next round looks again.
 *
 * Rejected: one transaction for both.  It would hold its locks while the program thinks,
 * and a leader that was suspended would keep them. */
#include "scale/scale_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/lease.h"
#include "db/repeat.h"
#include "db/sqldb.h"
#include "scale/composed.h"
#include "scale/measure_rows.h"
#include "scale/shortage_rows.h"
#include "scale/snapshot_rows.h"

#define LEASE "scale"
#define ME "lars-autoscaler"          /* the author in Audit */

struct scale_db {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int scale_db_create(struct scale_db **out, const struct myconn_config *cfg)
{
    struct scale_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void scale_db_close(struct scale_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *scale_db_error(const struct scale_db *d)
{
    return d->error;
}

int scale_db_lease(struct scale_db *d, uint64_t holder, uint32_t ttl_s, uint64_t *fence)
{
    return lease_take_fenced(d->con, LEASE, holder, ttl_s, fence);
}

int scale_db_release(struct scale_db *d, uint64_t holder)
{
    return lease_release(d->con, LEASE, holder);
}

static int run_sql(struct scale_db *d, const char *sql)
{
    return myconn_query(d->con, sql, strlen(sql));
}

int scale_db_read(struct scale_db *d, struct snapshot *out)
{
    int rc;

    snapshot_empty(out);
    rc = myconn_begin_work(d->con);
    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    if (rc == 0)
        rc = snapshot_rows_read(d->con, out);
    if (rc == 0)
        rc = run_sql(d, "COMMIT");
    if (rc < 0)
        snapshot_empty(out);
    return rc;
}

/* --- writing ------------------------------------------------------------------------ */

/* A number with a fraction, which sqldb does not know, as text that SQL reads. */
static const char *number(char out[40], double v)
{
    snprintf(out, 40, "%.6g", v);
    return out;
}

static int take_id(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

static int write_decision(struct scale_db *d, uint64_t fence,
                          const struct scale_decision *x, uint64_t *id)
{
    char demand[40], refused[40], inflight[40], load[40];
    struct buf b = {0};
    int rc = sqldb_append(
        &b,
        "INSERT INTO ScaleDecision (fence, modid, cmdid, demand, refused, inflight, "
        "load_nodes, zones, up, need, plan, was, wanted, rule, note) VALUES (%llu, %u, "
        "%u, %s, %s, %s, %s, %u, %u, %u, %u, %u, %u, LEFT(%s, 16), LEFT(%s, 255))",
        (unsigned long long)fence, x->id.modid, x->id.cmdid, number(demand, x->demand),
        number(refused, x->refused), number(inflight, x->inflight),
        number(load, x->load_nodes), x->zones, x->up, x->need, x->plan, x->was, x->wanted,
        x->rule, x->note);

    rc = composed_run(d->con, &b, rc);
    return rc < 0 ? rc : myconn_select(d->con, "SELECT LAST_INSERT_ID()", take_id, id);
}

static int write_order(struct scale_db *d, const struct node_step *t, const char *host,
                       uint64_t fence, uint64_t decision)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence, "
                          "decision) VALUES (%s, %u, %u, %u, %llu, %llu) ON DUPLICATE "
                          "KEY UPDATE fence = VALUES(fence)",
                          host, t->slot, t->id.modid, t->id.cmdid,
                          (unsigned long long)fence, (unsigned long long)decision);

    return composed_run(d->con, &b, rc);
}

static int write_cancel(struct scale_db *d, const struct node_step *t, const char *host)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "DELETE FROM ScaleWanted WHERE host = %s AND slot = %u AND "
                          "modid = %u AND cmdid = %u AND NOT EXISTS (SELECT 1 FROM "
                          "RouteData r WHERE r.modid = %u AND r.cmdid = %u AND "
                          "r.serverip = %u AND r.serverport = %u AND r.state = 'up' AND "
                          "r.weight > 0)",
                          host, t->slot, t->id.modid, t->id.cmdid, t->id.modid,
                          t->id.cmdid, t->ip, t->port);

    return composed_run(d->con, &b, rc);
}

static int write_route(struct scale_db *d, const struct node_step *t, const char *zone)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "INSERT INTO RouteData (modid, cmdid, serverip, serverport, "
                          "zone) VALUES (%u, %u, %u, %u, %s) ON DUPLICATE KEY UPDATE "
                          "modid = VALUES(modid)",
                          t->id.modid, t->id.cmdid, t->ip, t->port, zone);

    return composed_run(d->con, &b, rc);
}

#define OF_NODE " WHERE modid = %u AND cmdid = %u AND serverip = %u AND serverport = %u "

static int write_drain(struct scale_db *d, const struct node_step *t)
{
    struct buf b = {0};
    int rc =
        sqldb_append(&b,
                     "UPDATE RouteData SET state = 'drained'" OF_NODE "AND state = 'up'",
                     t->id.modid, t->id.cmdid, t->ip, t->port);

    return composed_run(d->con, &b, rc);
}

static int write_remove(struct scale_db *d, const struct node_step *t)
{
    struct buf b = {0};
    int rc = sqldb_append(&b,
                          "DELETE FROM RouteData" OF_NODE
                          "AND NOT (state = 'up' AND weight > 0)",
                          t->id.modid, t->id.cmdid, t->ip, t->port);

    return composed_run(d->con, &b, rc);
}

static bool is_of_route(const struct node_step *t)
{
    return t->kind == NODE_ROUTE || t->kind == NODE_DRAIN || t->kind == NODE_REMOVE;
}

/* The decision of the module in this round, or NULL. */
static const struct scale_decision *decision_of(const struct scale_changes *c,
                                                struct module_id id)
{
    size_t i;

    for (i = 0; i < c->n_decision; i++)
        if (snapshot_is(c->decision[i].id, id))
            return &c->decision[i];
    return NULL;
}

/* The row of Audit that RouteLog names as the reason of the changes that follow. */
static int begin_audit(struct scale_db *d, const struct scale_changes *c,
                       struct module_id id, uint64_t fence)
{
    const struct scale_decision *x = decision_of(c, id);
    char subject[32], detail[80];
    struct buf b = {0};
    int rc;

    snprintf(subject, sizeof(subject), "%u/%u", id.modid, id.cmdid);
    snprintf(detail, sizeof(detail), "{\"fence\":%llu}", (unsigned long long)fence);
    rc = sqldb_append(&b,
                      "INSERT INTO Audit (actor, via, action, subject, reason, result, "
                      "detail) VALUES (%s, %s, %s, %s, LEFT(%s, 255), %s, %s)",
                      ME, ME, "scale", subject, x ? x->note : "nodes as they are wanted",
                      "done", detail);
    rc = composed_run(d->con, &b, rc);
    return rc < 0 ? rc : run_sql(d, "SET @lars_audit = LAST_INSERT_ID()");
}

static int write_step(struct scale_db *d, const struct scale_changes *c,
                      const struct node_step *t, uint64_t fence, uint64_t decision)
{
    const struct snapshot_host *h = &c->snapshot->host[t->host];

    switch (t->kind) {
    case NODE_ORDER:
        return write_order(d, t, h->name, fence, decision);
    case NODE_ROUTE:
        return write_route(d, t, h->zone);
    case NODE_DRAIN:
        return write_drain(d, t);
    case NODE_REMOVE:
        return write_remove(d, t);
    default:
        return write_cancel(d, t, h->name);
    }
}

/* The steps of one module, in their order. */
static int write_module(struct scale_db *d, const struct scale_changes *c,
                        struct module_id id, uint64_t fence, uint64_t decision)
{
    bool audited = false;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < c->steps->n; i++) {
        const struct node_step *t = &c->steps->at[i];

        if (!snapshot_is(t->id, id))
            continue;
        if (!audited && is_of_route(t)) {
            rc = begin_audit(d, c, id, fence);
            audited = true;
        }
        if (rc == 0)
            rc = write_step(d, c, t, fence, decision);
    }
    return rc < 0 || !audited ? rc : run_sql(d, "SET @lars_audit = 0");
}

/* A capacity that was measured meanwhile keeps its own factor. */
static int write_factor(struct scale_db *d, const struct track_change *x)
{
    char factor[40], was[40], drift[40];
    struct buf b = {0};
    int rc =
        sqldb_append(&b,
                     "UPDATE Capacity SET low_since = IF(%s < %s, COALESCE("
                     "low_since, NOW(3)), NULL), factor = %s WHERE modid = %u AND "
                     "cmdid = %u AND class = %s AND ABS(factor - %s) < 1e-4",
                     number(factor, x->factor), number(drift, TRACK_FACTOR_DRIFT), factor,
                     x->id.modid, x->id.cmdid, x->class, number(was, x->was));

    return composed_run(d->con, &b, rc);
}

static int write_all(struct scale_db *d, const struct scale_changes *c, uint64_t fence)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < c->n_factor; i++)
        rc = write_factor(d, &c->factor[i]);
    for (i = 0; rc == 0 && i < c->snapshot->n_policy; i++) {
        struct module_id id = c->snapshot->policy[i].id;
        const struct scale_decision *x = decision_of(c, id);
        uint64_t decision = 0;

        if (x)
            rc = write_decision(d, fence, x, &decision);
        if (rc == 0)
            rc = write_module(d, c, id, fence, decision);
    }
    if (rc == 0 && c->measures)
        rc = measure_rows_write(d->con, c->snapshot, c->measures, fence);
    if (rc == 0 && c->shortages)
        rc = shortage_rows_write(d->con, c->shortages);
    return rc < 0 || !c->front ? rc : front_rows_write(d->con, c->front, fence);
}

static int write_once(struct scale_db *d, uint64_t holder, uint64_t fence, uint32_t ttl_s,
                      const struct scale_changes *c)
{
    int held, rc = myconn_ensure(d->con);

    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION");
    held = rc < 0 ? rc : lease_hold(d->con, LEASE, holder, fence, ttl_s);
    if (held < 0)
        return held;
    rc = held ? write_all(d, c, fence) : 0;
    if (rc == 0)
        rc = run_sql(d, held ? "COMMIT" : "ROLLBACK");
    return rc < 0 ? rc : held;
}

int scale_db_write(struct scale_db *d, uint64_t holder, uint64_t fence, uint32_t ttl_s,
                   const struct scale_changes *c)
{
    int rc = myconn_begin_work(d->con);

    if (rc == 0)
        REPEAT(rc, write_once(d, holder, fence, ttl_s, c));
    return rc;
}
