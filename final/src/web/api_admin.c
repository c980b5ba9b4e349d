/* What few people do: who is logged in, links of wall displays, targets of alarms.  A
 * target's address is a credential and is not in the database, so it cannot be shown. */
#include "ops/alarm_change.h"
#include "ops/user_change.h"
#include "web/api.h"
#include "web/api_json.h"

/* --- sessions ----------------------------------------------------------------------- */

static int take_session(char **at, void *arg)
{
    json_array_append_new(arg, json_pack("{s:s,s:s,s:s,s:o,s:o}", "user", at[0], "peer",
                                         at[1], "role", at[2] ? at[2] : "", "seen",
                                         api_json_number(at[3]), "until",
                                         api_json_number(at[4])));
    return 0;
}

void api_admin_sessions(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    int rc = sqldb_each(env->db, take_session, list,
                        "SELECT s.user, s.peer, u.role, UNIX_TIMESTAMP(s.seen_at), "
                        "UNIX_TIMESTAMP(s.until_at) FROM Session s LEFT JOIN User u ON "
                        "u.name = s.user WHERE s.kind = 'user' AND s.until_at > NOW(3) "
                        "ORDER BY s.seen_at DESC LIMIT 500");

    request_answer_list(q, env, rc, list);
}

void api_admin_end_sessions(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, user_change_end_sessions(env->db, &who, q->name, why),
                          204, why);
}

/* --- wall displays ------------------------------------------------------------------ */

static int take_link(char **at, void *arg)
{
    json_array_append_new(arg, json_pack("{s:s,s:o}", "user", at[0], "until",
                                         api_json_number(at[1])));
    return 0;
}

void api_admin_links(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    int rc = sqldb_each(env->db, take_link, list,
                        "SELECT user, UNIX_TIMESTAMP(until_at) FROM Session WHERE kind = "
                        "'link' AND until_at > NOW(3) ORDER BY until_at LIMIT 500");

    request_answer_list(q, env, rc, list);
}

/* The token is in this answer and nowhere else. */
void api_admin_link(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char token[SECRET_TOKEN], why[CHANGE_WHY];
    json_int_t days;
    int rc;

    if (!request_parse(q))
        return;
    days = json_integer_value(json_object_get(q->json, "days"));
    if (days < 1 || days > USER_CHANGE_DAYS_MAX) {
        reply_problem(&q->reply, 422, "wrong_value", "days", NULL);
        return;
    }
    rc = user_change_wall_link(env->db, &who, (uint32_t)days, token, why);
    request_answer_change(q, env, rc, 201, why);
    if (rc == 0)
        reply_json(&q->reply, 201, json_pack("{s:s}", "token", token));
}

void api_admin_end_links(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, user_change_end_walls(env->db, &who, why), 204, why);
}

/* --- targets of alarms -------------------------------------------------------------- */

static int take_target(char **at, void *arg)
{
    json_array_append_new(arg,
                          json_pack("{s:s,s:o,s:s,s:o,s:s}", "name", at[0], "told",
                                    api_json_number(at[1]), "error", at[2], "test_asked",
                                    api_json_number(at[3]), "asked_by", at[4]));
    return 0;
}

void api_admin_targets(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    int rc = sqldb_each(env->db, take_target, list,
                        "SELECT name, UNIX_TIMESTAMP(told_at), error, "
                        "UNIX_TIMESTAMP(test_at), tested_by FROM AlarmTarget ORDER BY "
                        "name");

    request_answer_list(q, env, rc, list);
}

/* Ask for a test message; the Report Services send it within seconds: 202. */
void api_admin_test_target(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, alarm_change_test(env->db, &who, q->name, why), 202,
                          why);
}
