/* Drills, from the table that larsctl drill run writes each second.  The console starts
 * none and reaches none: an operator's wish to end one is in the row.
 *
 * A report is passed on as JSON, and the page writes it as text.  The pages in HTML that
 * larsctl makes stay on its host.
 * Rejected: to serve that HTML.  It would be a document of another program under the
 * console's origin, and a policy would be all that is between a script in it and a
 * session. */
#include <errno.h>
#include <string.h>

#include "ops/drill_change.h"
#include "web/api.h"
#include "web/api_row.h"

#define DRILLS_MAX 50
#define REASON_MAX 1020 /* bytes: 255 characters */
#define NAME_MAX_BYTES 400

static const struct api_row_column column[] = {
    {"id", API_ROW_NUMBER},       {"name", API_ROW_TEXT},     {"module", API_ROW_TEXT},
    {"state", API_ROW_TEXT},      {"who", API_ROW_TEXT},      {"host", API_ROW_TEXT},
    {"folder", API_ROW_TEXT},     {"started", API_ROW_NUMBER}, {"age_ms", API_ROW_NUMBER},
    {"ended", API_ROW_NUMBER},    {"second", API_ROW_NUMBER}, {"seconds", API_ROW_NUMBER},
    {"happened", API_ROW_NUMBER}, {"events", API_ROW_NUMBER}, {"due", API_ROW_NUMBER},
    {"ok", API_ROW_NUMBER},       {"failed", API_ROW_NUMBER}, {"p50_us", API_ROW_NUMBER},
    {"p99_us", API_ROW_NUMBER},   {"undo_open", API_ROW_YES}, {"why", API_ROW_TEXT},
    {NULL, API_ROW_TEXT}};

#define MS(of) "CAST(1000 * UNIX_TIMESTAMP(" of ") AS UNSIGNED)"
#define AGE_US "TIMESTAMPDIFF(MICROSECOND, seen_at, NOW(3))"
#define COLUMNS                                                                          \
    "id, name, module, IF(state = 'running' AND " AGE_US " > 10000000, 'lost', state), " \
    "who, host, folder, " MS("started_at") ", GREATEST(" AGE_US " DIV 1000, 0), " MS(    \
        "ended_at") ", second, seconds, happened, events, due, ok, failed, p50_us, "     \
                    "p99_us, undo_open, why"

static int take_drill(char **at, void *arg)
{
    json_array_append_new(arg, api_row_object(column, &at));
    return 0;
}

void api_drill_list(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    int rc = sqldb_each(env->db, take_drill, list,
                        "SELECT " COLUMNS " FROM Drill ORDER BY id DESC LIMIT %u",
                        DRILLS_MAX);

    request_answer_list(q, env, rc, list);
}

/* --- one drill ---------------------------------------------------------------------- */

static const struct api_row_column abort_column[] = {{"at", API_ROW_NUMBER},
                                                     {"by", API_ROW_TEXT},
                                                     {"why", API_ROW_TEXT},
                                                     {NULL, API_ROW_TEXT}};

/* An object that a program has stored as text; null when it is none. */
static json_t *stored(const char *text)
{
    json_t *j = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (json_is_object(j))
        return j;
    json_decref(j);
    return json_null();
}

static int take_whole(char **at, void *arg)
{
    json_t **out = arg, *wish;

    *out = api_row_object(column, &at);
    json_object_set_new(*out, "script", json_string(*at++));
    json_object_set_new(*out, "live", stored(*at++));
    wish = *at ? api_row_object(abort_column, &at) : json_null();
    json_object_set_new(*out, "abort", wish);
    return 0;
}

static void answer(struct request *q, const struct request_env *env, int rc, json_t *j)
{
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

void api_drill_get(struct request *q, const struct request_env *env)
{
    json_t *j = NULL;
    int rc = sqldb_each(env->db, take_whole, &j,
                        "SELECT " COLUMNS ", script, IF(report IS NULL, live, '{}'), " MS(
                            "abort_at") ", abort_by, abort_why FROM Drill WHERE id = "
                                        "%llu",
                        (unsigned long long)q->id);

    answer(q, env, rc, j);
}

static int take_report(char **at, void *arg)
{
    json_t **out = arg;

    *out = stored(*at);
    if (json_is_null(*out))
        *out = NULL;
    return 0;
}

void api_drill_report(struct request *q, const struct request_env *env)
{
    json_t *j = NULL;
    int rc = sqldb_each(env->db, take_report, &j,
                        "SELECT report FROM Drill WHERE id = %llu",
                        (unsigned long long)q->id);

    answer(q, env, rc, j);
}

/* --- its end ------------------------------------------------------------------------ */

void api_drill_abort(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];
    const char *name;
    int rc;

    if (!request_parse(q) || !(who.reason = request_text(q, "reason", REASON_MAX)) ||
        !(name = request_text(q, "consent", NAME_MAX_BYTES)))
        return;
    rc = drill_change_abort(env->db, &who, q->id, name, why);
    if (rc == -ESRCH)
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
    else
        request_answer_change(q, env, rc, 202, why);
}
