/* What an operator changes about scaling: bounds of a module, plans, a freeze, hosts.
 * The rules are those of ops/scale_change, so the console allows what larsctl allows;
 * here the members of a body become its arguments. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ops/scale_change.h"
#include "web/api.h"
#include "web/api_json.h"

#define REASON_MAX 1020 /* bytes: 255 characters */
#define PAIRS 7 /* keys of a module */
#define PAIR 64

static bool refuse(struct request *q, const char *field, const char *why)
{
    reply_problem(&q->reply, 422, "wrong_value", field, why);
    return false;
}

/* A whole number of the body from <least> to <most>; <preset> when it is not given. */
static bool take_number(struct request *q, const char *name, json_int_t least,
                        json_int_t most, json_int_t preset, json_int_t *out)
{
    const json_t *j = json_object_get(q->json, name);

    *out = j ? json_integer_value(j) : preset;
    if ((!j || json_is_integer(j)) && *out >= least && *out <= most)
        return true;
    return refuse(q, name, "it is not a whole number in its range");
}

/* --- the bounds of a module -------------------------------------------------------- */

static bool take_pair(char pair[PAIR], const char *key, const json_t *value)
{
    int n = -1;

    if (json_is_integer(value))
        n = snprintf(pair, PAIR, "%s=%lld", key, (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        n = snprintf(pair, PAIR, "%s=%d", key, json_is_true(value));
    else if (json_is_string(value))
        n = snprintf(pair, PAIR, "%s=%s", key, json_string_value(value));
    return n > 0 && n < PAIR;
}

static bool take_pairs(struct request *q, char text[PAIRS][PAIR], char *pair[PAIRS],
                       unsigned *n)
{
    const char *key;
    json_t *value;

    *n = 0;
    json_object_foreach(q->json, key, value)
    {
        if (strcmp(key, "reason") == 0)
            continue;
        if (*n == PAIRS || !take_pair(text[*n], key, value))
            return refuse(q, NULL, "it has too many members, or one that is too long");
        pair[*n] = text[*n];
        ++*n;
    }
    return true;
}

/* A module that exists is in the routes, or has a policy. */
static bool is_known(struct request *q, const struct request_env *env)
{
    uint64_t n = 0;
    int rc = sqldb_number(env->db, &n,
                          "SELECT EXISTS (SELECT 1 FROM RouteData WHERE modid = %u AND "
                          "cmdid = %u) + EXISTS (SELECT 1 FROM ModulePolicy WHERE modid "
                          "= %u AND cmdid = %u) + EXISTS (SELECT 1 FROM ScalePolicy "
                          "WHERE modid = %u AND cmdid = %u)",
                          q->m, q->c, q->m, q->c, q->m, q->c);

    if (rc < 0)
        request_db_failed(q, rc, env->db);
    else if (n == 0)
        reply_problem(&q->reply, 404, "not_found", NULL, NULL);
    return rc == 0 && n > 0;
}

void api_scaling_change_set(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char text[PAIRS][PAIR], *pair[PAIRS], why[CHANGE_WHY];
    unsigned n;

    if (!request_parse(q) || !(who.reason = request_text(q, "reason", REASON_MAX)) ||
        !take_pairs(q, text, pair, &n) || !is_known(q, env))
        return;
    request_answer_change(q, env,
                          scale_change_set(env->db, &who, q->m, q->c, pair, n, why), 204,
                          why);
}

void api_scaling_change_off(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, scale_change_off(env->db, &who, q->m, q->c, why), 204,
                          why);
}

/* --- a freeze ----------------------------------------------------------------------- */

void api_scaling_change_freeze(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];
    json_int_t minutes;

    if (!request_parse(q) || !(who.reason = request_text(q, "reason", REASON_MAX)) ||
        !take_number(q, "minutes", 1, SCALE_CHANGE_MINUTES_MAX, 0, &minutes))
        return;
    request_answer_change(q, env,
                          scale_change_freeze(env->db, &who, (uint32_t)minutes, why), 204,
                          why);
}

void api_scaling_change_unfreeze(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, scale_change_freeze(env->db, &who, 0, why), 204, why);
}

/* --- plans -------------------------------------------------------------------------- */

void api_scaling_change_plan(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    struct scale_plan p = {.modid = 0};
    char why[CHANGE_WHY];
    json_int_t from, until, nodes;
    const char *module;
    uint64_t id;

    if (!request_parse(q) || !(module = request_text(q, "module", 32)) ||
        !(p.zone = request_text(q, "zone", 128)) ||
        !(p.note = request_text(q, "note", REASON_MAX)) ||
        !take_number(q, "from", 0, UINT32_MAX, (json_int_t)time(NULL), &from) ||
        !take_number(q, "until", 0, UINT32_MAX, -1, &until) ||
        !take_number(q, "nodes", 1, SCALE_CHANGE_NODES_MAX, -1, &nodes))
        return;
    if (!api_json_read_module(module, &p.modid, &p.cmdid)) {
        refuse(q, "module", "it is not of the form \"1/1\"");
        return;
    }
    who.reason = p.note;
    p.from_s = (uint64_t)from;
    p.until_s = (uint64_t)until;
    p.n_zone = (uint32_t)nodes;
    request_answer_change(q, env, scale_change_plan(env->db, &who, &p, &id, why), 201,
                          why);
}

void api_scaling_change_unplan(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, scale_change_unplan(env->db, &who, q->id, why), 204,
                          why);
}

/* --- hosts -------------------------------------------------------------------------- */

void api_scaling_change_host(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];
    const json_t *in_use;

    if (!request_parse(q) || !(who.reason = request_text(q, "reason", REASON_MAX)))
        return;
    in_use = json_object_get(q->json, "in_use");
    if (!json_is_boolean(in_use)) {
        refuse(q, "in_use", "it is neither true nor false");
        return;
    }
    request_answer_change(
        q, env, scale_change_host(env->db, &who, q->name, json_is_true(in_use), why), 204,
        why);
}

void api_scaling_change_forget(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    char why[CHANGE_WHY];

    request_answer_change(q, env, scale_change_forget(env->db, &who, q->name, why), 204,
                          why);
}
