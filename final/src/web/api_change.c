/* A change has three steps, each a request: its plan (?dry_run=1), the change with the
 * plan's hash, and where it is in force.  A change that is not what the operator saw is
 * refused with what is there now, so that nothing is overwritten and nothing typed is
 * lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ops/in_force.h"
#include "ops/zone_change.h"
#include "web/api.h"
#include "web/api_gateway.h"
#include "web/api_json.h"
#include "web/api_module.h"
#include "web/change_json.h"
#include "web/follow.h"

/* 422, 409 or 412 with the plan as it would be now. */
static void answer_refusal(struct request *q, const struct change_json *c,
                           struct ops_outcome *out)
{
    json_t *j;
    unsigned status = out->result == OPS_WRONG      ? 422
                      : out->result != OPS_CONFLICT ? 409
                      : q->if_match[0]              ? 412
                                                    : 409;

    utf8_replace_broken(out->why);
    j = json_pack("{s:s,s:i,s:s,s:s,s:I}", "type", "about:blank", "status", (int)status,
                  "code", ops_result_name(out->result), "detail", out->why, "operation",
                  (json_int_t)out->bad);
    if (out->result != OPS_WRONG)
        json_object_set_new(j, "current", change_json_plan(c, out));
    reply_json(&q->reply, status, j);
    q->reply.type = "application/problem+json";
}

/* What each module is based on now, for the next change. */
static json_t *list_bases(const struct plan *p)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < p->n_module; i++) {
        uint32_t modid = p->module[i].modid, cmdid = p->module[i].cmdid;

        json_array_append_new(
            list, json_pack("{s:o,s:o}", "module", api_json_module_id(modid, cmdid),
                            "sum", api_json_sum(plan_sum(&p->after, modid, cmdid))));
    }
    return list;
}

static void answer_done(struct request *q, const struct change_json *c,
                        const struct ops_outcome *out)
{
    char where[64];

    reply_json(&q->reply, 201,
               json_pack("{s:I,s:I,s:o,s:o}", "id", (json_int_t)out->audit_id, "revision",
                         (json_int_t)out->revision, "plan", change_json_plan(c, out),
                         "base", list_bases(&out->plan)));
    snprintf(where, sizeof(where), "/api/v1/changes/%llu",
             (unsigned long long)out->audit_id);
    reply_header(&q->reply, "Location", where);
}

/* The base in If-Match, of a change of one module. */
static int add_if_match(struct request *q, struct change_json *c)
{
    char sum[17];
    struct ops_base *b = &c->base[0];

    if (!q->if_match[0] || c->n_base > 0)
        return 0;
    snprintf(sum, sizeof(sum), "%.16s", q->if_match + (q->if_match[0] == '"'));
    if (!api_json_read_sum(sum, &b->sum))
        return -EINVAL;
    b->modid = c->op[0].node.modid;
    b->cmdid = c->op[0].node.cmdid;
    c->n_base = 1;
    return 0;
}

/* Fill in what the body says about the change as a whole.  Returns false after a
 * reply. */
static bool read_rest(struct request *q, const struct change_json *c,
                      struct ops_request *r, bool dry_run)
{
    const char *reason = request_text(q, "reason", 1020), *consent, *plan;

    if (!reason || !(consent = request_text(q, "consent", 160)) ||
        !(plan = request_text(q, "plan", 16)))
        return false;
    r->who = request_actor(q, reason);
    r->consent =
        c->word[0] && strcmp(consent, c->word) == 0 ? PLAN_REMOVE_ALL : PLAN_NO_CONSENT;
    if (plan[0] && !api_json_read_sum(plan, &r->plan)) {
        reply_problem(&q->reply, 422, "wrong_value", "plan", NULL);
        return false;
    }
    if (!dry_run && r->n_base == 0 && r->plan == 0) {
        reply_problem(&q->reply, 428, "base_needed", "base",
                      "give the base of each module, or the hash of the plan");
        return false;
    }
    return true;
}

static void run_change(struct request *q, const struct request_env *env,
                       const struct change_json *c, bool dry_run)
{
    struct ops_request r = {.action = c->action,
                            .subject = c->subject,
                            .op = c->op,
                            .n_op = c->n_op,
                            .base = c->base,
                            .n_base = c->n_base};
    struct ops_outcome out = {.result = OPS_DONE};
    int rc;

    if (!read_rest(q, c, &r, dry_run))
        return;
    rc = dry_run ? ops_plan(env->db, &r, &out) : ops_apply(env->db, &r, &out);
    if (rc < 0)
        request_db_failed(q, rc, env->db);
    else if (out.result != OPS_DONE)
        answer_refusal(q, c, &out);
    else if (dry_run)
        reply_json(&q->reply, 200, change_json_plan(c, &out));
    else {
        answer_done(q, c, &out);
        q->made = follow_change_of(&r, &out);
        if (c->op[0].verb == CHANGE_ZONE)
            api_gateway_change_zone(env, c->op[0].node.zone,
                                    zone_change_is_drain(&c->op[0]), &r.who);
    }
    ops_free(&out);
}

void api_change_post(struct request *q, const struct request_env *env)
{
    uint32_t dry_run;                 /* what is neither 0 nor 1 is refused */
    struct change_json c = {.n_op = 0};
    char why[CHANGE_WHY], field[40];
    size_t bad;
    int rc;

    if (!request_number(q, "dry_run", 1, 0, &dry_run) || !request_parse(q))
        return;
    rc = change_json_read(&c, q->json, why, &bad);
    if (rc == 0 && add_if_match(q, &c) < 0) {
        reply_problem(&q->reply, 422, "wrong_value", "If-Match", NULL);
    } else if (rc == -EINVAL) {
        snprintf(field, sizeof(field), "operations/%zu", bad);
        reply_problem(&q->reply, 422, "wrong", field, why);
    } else if (rc < 0) {
        request_db_failed(q, rc, env->db);
    } else {
        run_change(q, env, &c, dry_run == 1);
    }
    change_json_free(&c);
}

/* --- in force ---------------------------------------------------------------------- */

static int take_row(char **at, void *arg)
{
    json_t **j = arg;

    json_decref(*j);
    *j = json_pack("{s:I,s:s?,s:o}", "revision", (json_int_t)strtoll(at[0], NULL, 10),
                   "subject", at[1], "detail", json_loads(at[2], 0, NULL));
    return 0;
}

/* The modules of the change: those of its nodes, or the one whose removal it confirms. */
static void add_modules(const json_t *row, struct in_force *f)
{
    const json_t *nodes = json_object_get(json_object_get(row, "detail"), "nodes"), *j;
    const char *subject = json_string_value(json_object_get(row, "subject"));
    uint32_t modid, cmdid;
    size_t i;

    json_array_foreach(nodes, i, j)
    {
        if (api_json_read_module(json_string_value(json_object_get(j, "module")), &modid,
                                 &cmdid))
            in_force_add(f, modid, cmdid);
    }
    if (f->n_module == 0 && subject && api_json_read_module(subject, &modid, &cmdid))
        in_force_add(f, modid, cmdid);
}

/* Each module of <f> as it is wanted now, and what its agents use.  Returns as
 * in_force_look(). */
static int list_states(struct sqldb *db, struct in_force *f, json_t *list)
{
    json_t *agents = json_array();
    int rc = api_module_agents(db, f, agents);
    size_t i;

    for (i = 0; rc == 0 && i < f->n_module; i++) {
        const struct in_force_module *m = &f->module[i];

        json_array_append_new(list,
                              json_pack("{s:o,s:I,s:I,s:O}", "module",
                                        api_json_module_id(m->modid, m->cmdid), "n",
                                        (json_int_t)m->n, "in_force", (json_int_t)m->yes,
                                        "agents", json_array_get(agents, i)));
    }
    json_decref(agents);
    return rc;
}

void api_change_state(struct request *q, const struct request_env *env)
{
    json_t *j = NULL, *list = json_array();
    struct in_force f = {.n_module = 0};
    int rc = sqldb_each(env->db, take_row, &j,
                        "SELECT revision, subject, detail FROM Audit WHERE id = %llu",
                        (unsigned long long)q->id);

    if (rc == 0 && j) {
        add_modules(j, &f);
        rc = list_states(env->db, &f, list);
    }
    if (rc < 0) {
        request_db_failed(q, rc, env->db);
    } else if (!j) {
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
    } else {
        json_object_set(j, "modules", list);
        json_object_set_new(j, "more", json_integer((json_int_t)f.n_more));
        json_object_del(j, "detail");
        reply_json(&q->reply, 200, json_incref(j));
    }
    json_decref(j);
    json_decref(list);
}
