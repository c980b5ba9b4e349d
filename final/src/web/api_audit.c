/* What operators did, and each row of RouteData that changed with it. */
#include "web/api.h"
#include "web/api_json.h"

#define COLUMNS                                                                          \
    "SELECT id, CAST(UNIX_TIMESTAMP(at) * 1000 AS UNSIGNED), actor, via, action, "       \
    "subject, reason, result, revision, of_id, detail FROM Audit "

static json_t *row_json(char **at)
{
    return json_pack("{s:o,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "id",
                     api_json_number(at[0]), "at", api_json_number(at[1]), "actor", at[2],
                     "via", at[3], "action", at[4], "subject", at[5], "reason", at[6],
                     "result", at[7], "revision", api_json_number(at[8]), "of",
                     api_json_number(at[9]));
}

static int take_row(char **at, void *arg)
{
    json_array_append_new(arg, row_json(at));
    return 0;
}

void api_audit_list(struct request *q, const struct request_env *env)
{
    const char *subject = request_query(q, "subject", "");
    json_t *list;
    uint32_t page;
    int rc;

    if (!request_page(q, 10000, &page))
        return;
    list = json_array();
    rc = subject[0]
             ? sqldb_each(env->db, take_row, list,
                          COLUMNS "WHERE subject = %s ORDER BY id DESC LIMIT %u, "
                                  "50",
                          subject, (page - 1) * 50)
             : sqldb_each(env->db, take_row, list,
                          COLUMNS "ORDER BY id DESC LIMIT %u, 50", (page - 1) * 50);
    request_answer_list(q, env, rc, list);
}

static int take_whole_row(char **at, void *arg)
{
    json_t **j = arg;

    json_decref(*j);
    *j = row_json(at);
    json_object_set_new(*j, "detail", json_loads(at[10], 0, NULL));
    return 0;
}

void api_audit_get(struct request *q, const struct request_env *env)
{
    json_t *j = NULL;
    int rc = sqldb_each(env->db, take_whole_row, &j, COLUMNS "WHERE id = %llu",
                        (unsigned long long)q->id);

    if (rc == 0 && j) {
        reply_json(&q->reply, 200, j);
        return;
    }
    json_decref(j);
    if (rc < 0)
        request_db_failed(q, rc, env->db);
    else
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
}
