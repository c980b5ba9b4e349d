/* ops -- every change of routes, names and policies that an operator can make, for
 * larsctl and the console: its effect before it is made, and the change itself, in one
 * transaction with its row in Audit.  A change that is based on rows that have been
 * changed since, or that takes most nodes out of service without consent, is refused, and
 * the refusal is a row in Audit, too.
 *
 * A call may take as long as the server's time-outs.  Thread: the connection's. */
#ifndef LARS_OPS_OPS_H
#define LARS_OPS_OPS_H

#include "db/sqldb.h"
#include "ops/audit.h"
#include "ops/change.h"
#include "ops/plan.h"
#include "ops/settings.h"

struct ops_base {                     /* of a module, as the operator saw it */
    uint32_t modid, cmdid;
    uint64_t sum;                     /* plan_module.base or plan_sum() */
};

struct ops_request {                  /* borrows all of it */
    struct audit_actor who;
    const char *action, *subject;     /* as in struct audit_entry */
    const struct change_op *op;
    size_t n_op;                      /* 1 to CHANGE_OPS_MAX; 0: see <all> */
    const struct node_rows *all;      /* NULL; or sorted: the routes are to be these */
    const struct ops_base *base;      /* compared before anything is written */
    size_t n_base;
    uint64_t plan;                    /* plan.hash that the operator saw; 0 = any */
    enum plan_consent consent;        /* given */
};

enum ops_result {
    OPS_DONE,
    OPS_WRONG,                        /* an operation cannot be applied */
    OPS_CONFLICT,                     /* a module is not as its base */
    OPS_PLAN_CHANGED,                 /* the effect is not the one that was seen */
    OPS_NEEDS_CONSENT,
};

struct ops_outcome {                  /* zeroed before; freed by ops_free() in any case */
    enum ops_result result;
    char why[CHANGE_WHY];             /* a sentence unless it is OPS_DONE */
    size_t bad;                       /* OPS_WRONG: the operation; OPS_CONFLICT: the base
                                       * */
    struct plan plan;
    struct settings settings;         /* names and policies that change */
    uint64_t audit_id, revision;      /* ops_apply(): of the row in Audit; of the routes
                                       * */
    uint64_t commit_ms;               /* mono_ms() when the COMMIT was sent */
};

/* The effect of the change, with the load of the last minute.  Writes nothing.  Returns 0
 * with the result in <out>, which never is OPS_NEEDS_CONSENT or OPS_PLAN_CHANGED; or as
 * sqldb_run(). */
int ops_plan(struct sqldb *db, const struct ops_request *r, struct ops_outcome *out);

/* Make the change.  After a conflict it is tried again, as db/repeat.h has it.  Returns 0
 * with the result in <out>; -ECANCELED, -EINPROGRESS as sqldb_commit(); or as
 * sqldb_run(). */
int ops_apply(struct sqldb *db, const struct ops_request *r, struct ops_outcome *out);

/* "done", "wrong", "conflict", "plan_changed", "consent_needed": static. */
const char *ops_result_name(enum ops_result r);

void ops_free(struct ops_outcome *out);

#endif
