/* One module: its nodes from the snapshot, its policy and the agents that use it from the
 * database.  When the database is not there, the nodes are, and the rest is null. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/in_force.h"
#include "ops/plan.h"
#include "web/api.h"
#include "web/api_json.h"
#include "web/api_module.h"

/* The numbers of a policy, in the order of the columns. */
static const char *const numbers[] = {"timeout_ms", "slow_ms", "node_rps",
                                      "node_inflight", "target_ms"};

static json_int_t number_of(const char *text)
{
    return text ? (json_int_t)strtoul(text, NULL, 10) : 0;
}

static int take_policy(char **at, void *arg)
{
    json_t **j = arg;
    size_t i;

    json_decref(*j);
    *j = json_pack("{s:s?,s:s?}", "rule", at[0], "probe", at[1]);
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        json_object_set_new(*j, numbers[i], json_integer(number_of(at[2 + i])));
    return 0;
}

static json_t *policy_of(struct sqldb *db, uint32_t modid, uint32_t cmdid)
{
    char *none[2 + sizeof(numbers) / sizeof(numbers[0])] = {"", ""};
    json_t *j = NULL;

    take_policy(none, &j);
    if (sqldb_each(db, take_policy, &j,
                   "SELECT rule, probe, timeout_ms, slow_ms, node_rps, node_inflight, "
                   "target_ms FROM ModulePolicy WHERE modid = %u AND cmdid = %u",
                   modid, cmdid) == 0)
        return j;
    json_decref(j);
    return json_null();
}

static int take_agent(const struct in_force_agent *a, void *arg)
{
    json_t *list = json_array_get(arg, a->module);

    return json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "agent", a->name,
                                                 "state", in_force_state_name(a->state),
                                                 "silent_s", (json_int_t)a->silent_s))
               ? -ENOMEM
               : 0;
}

int api_module_agents(struct sqldb *db, struct in_force *f, json_t *lists)
{
    size_t i;

    for (i = 0; i < f->n_module; i++)
        json_array_append_new(lists, json_array());
    return in_force_look(db, f, take_agent, lists);
}

/* The agents that use one module; null when the database cannot be asked. */
static json_t *agents_of(struct sqldb *db, uint32_t modid, uint32_t cmdid)
{
    struct in_force f = {.n_module = 0};
    json_t *lists = json_array(), *list = json_null();

    in_force_add(&f, modid, cmdid);
    if (api_module_agents(db, &f, lists) == 0)
        list = json_incref(json_array_get(lists, 0));
    json_decref(lists);
    return list;
}

static json_t *list_nodes(const struct snap *s, const struct snap_module *m)
{
    json_t *list = json_array();
    size_t i;

    for (i = m->first; i < m->first + m->n; i++)
        json_array_append_new(list, api_json_node(&s->routes->rows.at[i], &s->node[i]));
    return list;
}

/* Takes <from>. */
static void merge(json_t *to, json_t *from)
{
    json_object_update(to, from);
    json_decref(from);
}

json_t *api_module_json(const struct snap *s, struct web *web, uint32_t modid,
                        uint32_t cmdid)
{
    const struct snap_module *m = snap_find(s, modid, cmdid);
    json_t *j = m ? api_json_head(s, web) : NULL;

    if (!j)
        return NULL;
    merge(j, api_json_module(s, m));
    json_object_set_new(j, "base",
                        api_json_sum(plan_sum(&s->routes->rows, modid, cmdid)));
    json_object_set_new(j, "revision", json_integer((json_int_t)s->routes->revision));
    json_object_set_new(j, "items", list_nodes(s, m));
    return j;
}

void api_module_get(struct request *q, const struct request_env *env)
{
    const struct snap *s = env->snap;
    char etag[24];
    json_t *j;

    if (!api_json_has_snap(q, env))
        return;
    j = api_module_json(s, env->web, q->m, q->c);
    if (!j) {
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
        return;
    }
    json_object_set_new(j, "policy", policy_of(env->db, q->m, q->c));
    json_object_set_new(j, "agents", agents_of(env->db, q->m, q->c));
    snprintf(etag, sizeof(etag), "\"%s\"",
             json_string_value(json_object_get(j, "base")));
    reply_json(&q->reply, 200, j);
    reply_header(&q->reply, "ETag", etag);
}
