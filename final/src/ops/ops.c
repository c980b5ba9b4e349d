/* A change is read, applied in memory, judged, and then written as the difference: the
 * preview and the change itself run the same code, so they cannot disagree.
 *
 * Invariant: whatever is written was judged on rows that stay locked until the COMMIT.
 * RouteVersion is locked first, as every trigger does it, so two changes wait for each
 * other and a deadlock is only possible with a statement of another program that changes
 * rows before it knows, or with a change at another node of a cluster; the change is then
 * tried again from the start.
 *
 * Rejected: a row in Audit after the change.  A crash between both would leave a change
 * without an author. */
#include "ops/ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mono.h"
#include "db/repeat.h"
#include "ops/audit_detail.h"
#include "ops/route_rows.h"
#include "ops/zone_change.h"

#define LOG_ROWS_MAX 10000            /* above, RouteLog gets no rows */

static const char *const names[] = {
    [OPS_DONE] = "done",
    [OPS_WRONG] = "wrong",
    [OPS_CONFLICT] = "conflict",
    [OPS_PLAN_CHANGED] = "plan_changed",
    [OPS_NEEDS_CONSENT] = "consent_needed",
};

const char *ops_result_name(enum ops_result r)
{
    return names[r];
}

void ops_free(struct ops_outcome *out)
{
    plan_free(&out->plan);
    settings_free(&out->settings);
}

/* --- the effect --------------------------------------------------------------------- */

static int make_after(const struct ops_request *r, const struct node_rows *before,
                      struct node_rows *after, struct ops_outcome *out)
{
    int rc = node_row_copy(after, r->n_op ? before : r->all);

    if (rc == 0 && r->n_op)
        rc = change_apply(r->op, r->n_op, after, out->why, &out->bad);
    if (rc == -EINVAL)
        out->result = OPS_WRONG;
    return rc == -EINVAL ? 0 : rc;
}

/* Import: of a row that changes, the new values must be right.  What is odd already may
 * stay as it is. */
static int check_row(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    struct ops_outcome *out = arg;
    const char *wrong = fresh ? node_row_wrong(fresh) : NULL;

    (void)old;
    if (!wrong)
        return 0;
    out->result = OPS_WRONG;
    out->bad = fresh->number;
    snprintf(out->why, sizeof(out->why), "line %u: %s; nothing was changed",
             fresh->number, wrong);
    return 1;
}

/* Every node that an import takes out of service needs consent: a line is missing in the
 * file more easily than a node is removed by its name. */
static void judge_import(struct ops_outcome *out)
{
    struct plan *p = &out->plan;

    plan_each(p, check_row, out);
    if (p->needs == PLAN_NO_CONSENT && (p->removed > 0 || p->gone > 0))
        p->needs = PLAN_YES;
}

/* Read and judge; <lock> as route_rows_read(). */
static int look(struct sqldb *db, const struct ops_request *r, bool lock,
                struct ops_outcome *out)
{
    struct node_rows before = {NULL, 0, 0}, after = {NULL, 0, 0};
    uint64_t total = 0;
    size_t i;
    int rc;

    if (r->n_op > CHANGE_OPS_MAX || (r->n_op == 0 && !r->all)) {
        out->result = OPS_WRONG;
        snprintf(out->why, sizeof(out->why), "a change has 1 to %d operations",
                 CHANGE_OPS_MAX);
        return 0;
    }
    rc = route_rows_read(db, r->op, r->n_op, lock, &before);

    if (rc == 0)
        rc = make_after(r, &before, &after, out);
    if (rc == 0)
        rc = route_rows_in_service(db, &total);
    if (rc == 0 && out->result == OPS_DONE)
        rc = plan_make(&out->plan, &before, &after, total);
    node_row_free(&before);
    node_row_free(&after);
    for (i = 0; rc == 0 && i < r->n_op && out->result == OPS_DONE; i++)
        rc = settings_read(db, &r->op[i], lock, &out->settings);
    for (i = 0; i < out->settings.n; i++) {
        plan_mix(&out->plan, out->settings.at[i].key);
        plan_mix(&out->plan, out->settings.at[i].old);
        plan_mix(&out->plan, out->settings.at[i].fresh);
    }
    if (rc == 0 && r->n_op == 0)
        judge_import(out);
    return rc;
}

static void check_bases(const struct ops_request *r, struct ops_outcome *out)
{
    size_t i;

    for (i = 0; i < r->n_base && out->result == OPS_DONE; i++) {
        const struct ops_base *b = &r->base[i];

        if (plan_sum(&out->plan.before, b->modid, b->cmdid) == b->sum)
            continue;
        out->result = OPS_CONFLICT;
        out->bad = i;
        snprintf(out->why, sizeof(out->why),
                 "the nodes of %u/%u were changed since they were read", b->modid,
                 b->cmdid);
    }
}

/* Describe the first module whose removal is too large. */
static void explain_removal(const struct plan *p, char why[CHANGE_WHY])
{
    size_t i;

    for (i = 0; i < p->n_module; i++)
        if (p->module[i].warnings & (PLAN_NONE_LEFT | PLAN_MOST_GONE)) {
            snprintf(why, CHANGE_WHY,
                     "this takes %u of the %u nodes of %u/%u that are up",
                     p->module[i].gone, p->module[i].had, p->module[i].modid,
                     p->module[i].cmdid);
            return;
        }
    snprintf(why, CHANGE_WHY,
             "this takes %u nodes of %zu modules, which are 30 %% or more of all nodes "
             "that are up",
             p->gone, p->n_module);
}

static bool has_drain(const struct ops_request *r)
{
    size_t i = 0;

    while (i < r->n_op && !zone_change_is_drain(&r->op[i]))
        i++;
    return i < r->n_op;
}

static void explain_consent(const struct ops_request *r, const struct plan *p,
                            char why[CHANGE_WHY])
{
    if (has_drain(r) && zone_change_explain(p, why))
        return;
    if (r->n_op > 0)
        explain_removal(p, why);
    else if (p->needs == PLAN_REMOVE_ALL)
        snprintf(why, CHANGE_WHY,
                 "this would leave no node in service of the %u that are", p->had);
    else
        snprintf(why, CHANGE_WHY,
                 "this would remove %u of %zu nodes, add %u and change %u, of which "
                 "%u get no new calls",
                 p->removed, p->before.n, p->added, p->changed, p->drained);
}

static int judge_zones(struct sqldb *db, const struct ops_request *r,
                       struct ops_outcome *out)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < r->n_op && rc == 0 && out->result == OPS_DONE; i++) {
        rc = zone_change_judge(db, &r->op[i], &out->plan, out->why);
        if (rc != -EINVAL)
            continue;
        out->result = OPS_WRONG;
        out->bad = i;
        rc = 0;
    }
    return rc;
}

int ops_plan(struct sqldb *db, const struct ops_request *r, struct ops_outcome *out)
{
    int rc = look(db, r, false, out);

    if (rc == 0 && out->result == OPS_DONE)
        check_bases(r, out);
    if (rc == 0 && out->result == OPS_DONE)
        rc = route_rows_add_load(db, &out->plan);
    return rc < 0 ? rc : judge_zones(db, r, out);
}

/* --- the change --------------------------------------------------------------------- */

static int begin(struct sqldb *db, uint64_t *version)
{
    int rc = sqldb_run(db, "SET @lars_confirmed = 1, @lars_audit = 0, @lars_log = 1");

    if (rc == 0)
        rc = sqldb_run(db, "START TRANSACTION");
    return rc < 0 ? rc
                  : sqldb_number(db, version,
                                 "SELECT version FROM RouteVersion WHERE id = 1 FOR "
                                 "UPDATE");
}

static void judge(const struct ops_request *r, struct ops_outcome *out)
{
    const struct plan *p = &out->plan;

    check_bases(r, out);
    if (out->result == OPS_DONE && r->plan != 0 && r->plan != p->hash) {
        out->result = OPS_PLAN_CHANGED;
        snprintf(out->why, sizeof(out->why),
                 "the effect of the change is not the one that was shown");
    }
    if (out->result == OPS_DONE && p->needs > r->consent) {
        out->result = OPS_NEEDS_CONSENT;
        explain_consent(r, p, out->why);
    }
}

static unsigned n_confirms(const struct ops_request *r)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < r->n_op; i++)
        n += r->op[i].verb == CHANGE_CONFIRM;
    return n;
}

/* Add the row of the change; the triggers write its number into RouteLog. */
static int add_audit(struct sqldb *db, const struct ops_request *r,
                     struct ops_outcome *out, uint64_t revision)
{
    char *detail = audit_detail_of(&out->plan, &out->settings);
    struct audit_entry e = {.action = r->action,
                            .subject = r->subject,
                            .result = ops_result_name(out->result),
                            .revision = revision,
                            .detail = detail};
    int rc = detail ? audit_add(db, &r->who, &e, &out->audit_id) : -ENOMEM;

    free(detail);
    return rc;
}

static int write_ops(struct sqldb *db, const struct ops_request *r)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < r->n_op; i++) {
        const struct change_op *op = &r->op[i];

        if (op->verb == CHANGE_CONFIRM)
            rc = sqldb_run(db,
                           "INSERT INTO RouteConfirm (modid, cmdid, who) VALUES (%u, %u, "
                           "LEFT(%s, 64))",
                           op->node.modid, op->node.cmdid, r->who.name);
        else
            rc = settings_write(db, op, r->who.name);
        if (rc == 0)
            rc = zone_change_write(db, op, &r->who);
    }
    return rc;
}

/* The revision of the row in Audit is computed, because rows of Audit never change: each
 * row of RouteData and RouteConfirm that is written makes one version. */
static int write_change(struct sqldb *db, const struct ops_request *r,
                        struct ops_outcome *out, uint64_t version)
{
    const struct plan *p = &out->plan;
    uint64_t n_rows = (uint64_t)p->added + p->removed + p->changed,
             n = n_rows + n_confirms(r);
    int rc = add_audit(db, r, out, n > 0 ? version + n : 0);

    if (rc == 0)
        rc = sqldb_run(db, "SET @lars_audit = %llu, @lars_log = %u",
                       (unsigned long long)out->audit_id, n_rows <= LOG_ROWS_MAX);
    if (rc == 0)
        rc = route_rows_write(db, p);
    if (rc == 0)
        rc = write_ops(db, r);
    if (rc == 0)
        rc = sqldb_number(db, &out->revision,
                          "SELECT version FROM RouteVersion WHERE id = 1");
    out->commit_ms = mono_ms();
    return rc < 0 ? rc : sqldb_commit(db, out->audit_id);
}

/* Nothing is written but a row in Audit, so that refusals are seen as well. */
static int refuse(struct sqldb *db, const struct ops_request *r, struct ops_outcome *out)
{
    int rc = sqldb_run(db, "ROLLBACK");

    return rc < 0 ? rc : add_audit(db, r, out, 0);
}

static int try_once(struct sqldb *db, const struct ops_request *r,
                    struct ops_outcome *out)
{
    uint64_t version;
    int rc = begin(db, &version);

    if (rc == 0)
        rc = look(db, r, true, out);
    if (rc == 0 && out->result == OPS_DONE && has_drain(r))
        rc = route_rows_add_load(db, &out->plan);
    if (rc == 0)
        rc = judge_zones(db, r, out);
    if (rc == 0 && out->result == OPS_DONE)
        judge(r, out);
    if (rc == 0)
        rc = out->result == OPS_DONE ? write_change(db, r, out, version)
                                     : refuse(db, r, out);
    if (rc == -ENOMEM)
        sqldb_run(db, "ROLLBACK");
    return rc;
}

int ops_apply(struct sqldb *db, const struct ops_request *r, struct ops_outcome *out)
{
    struct repeat again;
    int rc;

    repeat_begin(&again);
    do {
        ops_free(out);
        *out = (struct ops_outcome){.result = OPS_DONE};
        rc = try_once(db, r, out);
    } while (repeat_after(&again, rc));
    return rc;
}
