/* Alarms with what they mean, silences and acknowledgements.  The texts of the kinds are
 * those of larsctl and of the messages (db/alarm_kinds), in both languages. */
#include <errno.h>

#include "db/alarm_kinds.h"
#include "ops/alarm_change.h"
#include "web/api.h"
#include "web/api_json.h"

#define COLUMNS                                                                          \
    "SELECT id, kind, subject, detail, UNIX_TIMESTAMP(raised_at), "                      \
    "UNIX_TIMESTAMP(cleared_at) FROM Alarm "

static int take_alarm(char **at, void *arg)
{
    json_array_append_new(
        arg, json_pack("{s:o,s:s,s:s,s:s,s:o,s:o}", "id", api_json_number(at[0]), "kind",
                       at[1], "subject", at[2], "detail", at[3], "raised",
                       api_json_number(at[4]), "cleared", api_json_number(at[5])));
    return 0;
}

/* The open alarms are in the snapshot; these are all, the newest first. */
void api_alarm_list(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    uint32_t page;
    int rc;

    if (!request_page(q, 10000, &page)) {
        json_decref(list);
        return;
    }
    rc = sqldb_each(env->db, take_alarm, list, COLUMNS "ORDER BY id DESC LIMIT %u, 50",
                    (page - 1) * 50);
    request_answer_list(q, env, rc, list);
}

static int take_note(char **at, void *arg)
{
    json_array_append_new(arg,
                          json_pack("{s:o,s:s,s:s,s:s}", "at", api_json_number(at[0]),
                                    "actor", at[1], "action", at[2], "reason", at[3]));
    return 0;
}

static json_t *kind_texts(const char *name)
{
    const struct alarm_kind *k = alarm_kinds_find(name);

    return k ? json_pack("{s:{s:s,s:s},s:{s:s,s:s}}", "en", "means", k->means[ALARM_EN],
                         "steps", k->steps[ALARM_EN], "zh-CN", "means",
                         k->means[ALARM_ZH], "steps", k->steps[ALARM_ZH])
             : json_null();
}

void api_alarm_get(struct request *q, const struct request_env *env)
{
    json_t *list = json_array(), *notes = json_array(), *j;
    int rc = sqldb_each(env->db, take_alarm, list, COLUMNS "WHERE id = %llu",
                        (unsigned long long)q->id);

    if (rc == 0)
        rc = sqldb_each(
            env->db, take_note, notes,
            "SELECT UNIX_TIMESTAMP(at), actor, action, reason FROM Audit WHERE "
            "subject = CONCAT('alarm:', %llu) ORDER BY id",
            (unsigned long long)q->id);
    if (rc < 0) {
        request_db_failed(q, rc, env->db);
    } else if (json_array_size(list) == 0) {
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
    } else {
        j = json_deep_copy(json_array_get(list, 0));
        json_object_set(j, "notes", notes);
        json_object_set_new(j, "texts",
                            kind_texts(json_string_value(json_object_get(j, "kind"))));
        reply_json(&q->reply, 200, j);
    }
    json_decref(list);
    json_decref(notes);
}

void api_alarm_ack(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    if (!request_parse(q) || !(who.reason = request_text(q, "note", 1020)))
        return;
    request_answer_change(q, env, alarm_change_ack(env->db, &who, q->id, why), 204, why);
}

static int take_silence(char **at, void *arg)
{
    json_array_append_new(arg, json_pack("{s:o,s:s,s:s,s:o,s:s,s:s}", "id",
                                         api_json_number(at[0]), "kind", at[1], "subject",
                                         at[2], "until", api_json_number(at[3]), "actor",
                                         at[4], "reason", at[5]));
    return 0;
}

void api_alarm_silences(struct request *q, const struct request_env *env)
{
    json_t *list = json_array();
    int rc = sqldb_each(env->db, take_silence, list,
                        "SELECT id, kind, subject, UNIX_TIMESTAMP(until_at), actor, "
                        "reason FROM AlarmSilence WHERE until_at > NOW(3) ORDER BY id");

    request_answer_list(q, env, rc, list);
}

void api_alarm_silence(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    const char *kind, *subject;
    json_int_t minutes;
    char why[CHANGE_WHY];
    uint64_t id;

    if (!request_parse(q) || !(kind = request_text(q, "kind", 32)) ||
        !(subject = request_text(q, "subject", 64)) ||
        !(who.reason = request_text(q, "reason", 1020)))
        return;
    minutes = json_integer_value(json_object_get(q->json, "minutes"));
    if (minutes < 1 || minutes > ALARM_CHANGE_MINUTES_MAX) {
        reply_problem(&q->reply, 422, "wrong_value", "minutes", NULL);
        return;
    }
    request_answer_change(q, env,
                          alarm_change_silence(env->db, &who, kind, subject,
                                               (uint32_t)minutes, &id, why),
                          201, why);
}

void api_alarm_unsilence(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, alarm_change_unsilence(env->db, &who, q->id, why), 204,
                          why);
}

void api_alarm_forget_agent(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];
    int rc = alarm_change_forget(env->db, &who, "agent", q->name, why);

    if (rc == -EBUSY)
        reply_problem(&q->reply, 409, "still_reporting", NULL, why);
    else
        request_answer_change(q, env, rc, 204, why);
}
