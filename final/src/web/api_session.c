/* Logging in and out.  A wrong name and a wrong password get the same answer after the
 * same time, and both are counted.
 *
 * Rejected: a role in the cookie.  The database has it, so a role that is taken away ends
 * within seconds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mono.h"
#include "ops/user_change.h"
#include "web/api.h"
#include "web/web.h"

struct account {
    const char *name;                 /* borrowed: as it was typed */
    char hash[SECRET_HASH];           /* "" = there is no such account */
    bool disabled;
};

static int take_account(char **at, void *arg)
{
    struct account *a = arg;

    if (!at[0] || strcmp(at[0], a->name) != 0)
        return 0;
    snprintf(a->hash, sizeof(a->hash), "%s", at[1] ? at[1] : "");
    a->disabled = at[2] && at[2][0] == '1';
    return 0;
}

/* The database takes "Eve", "eve " and "eve" for the same name.  Here they are not, or
 * each spelling would have failures of its own to spend. */

static int read_account(struct sqldb *db, const char *user, struct account *a)
{
    *a = (struct account){.name = user};
    return sqldb_each(db, take_account, a,
                      "SELECT name, pwhash, disabled FROM User WHERE name = %s", user);
}

static void set_cookie(struct request *q, const char *token, bool ended)
{
    char value[200];

    snprintf(value, sizeof(value), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
             q->is_tls ? "__Host-lars" : "lars", token, q->is_tls ? "; Secure" : "",
             ended ? "; Max-Age=0" : "");
    reply_header(&q->reply, "Set-Cookie", value);
}

static json_t *session_json(const struct session *who, const char *token)
{
    char csrf[SECRET_TOKEN];

    secret_derive(token, "csrf", csrf);
    return json_pack("{s:s,s:s,s:s,s:b}", "user", who->user, "role",
                     session_role_name(who->role), "csrf", csrf, "must_change",
                     who->must_change);
}

static void add_audit(struct request *q, struct sqldb *db, const char *user,
                      const char *result)
{
    struct audit_actor who = {user, "console", q->peer, ""};
    char subject[SESSION_USER + 8];
    struct audit_entry e = {.action = "login", .subject = subject, .result = result};
    uint64_t id;

    snprintf(subject, sizeof(subject), "user:%s", user);
    audit_add(db, &who, &e, &id);     /* without it the login is as valid */
}

static void refuse(struct request *q, const struct request_env *env, const char *user)
{
    throttle_failed(env->web->throttle, user, q->peer, mono_ms());
    LOG_WARN("console.login", "peer=%s: a login was refused", q->peer);
    add_audit(q, env->db, user, "refused");
    reply_problem(&q->reply, 401, "wrong_login", NULL, NULL);
}

static void admit(struct request *q, const struct request_env *env, const char *user)
{
    char token[SECRET_TOKEN];
    int rc = session_open(env->db, user, q->peer, token);

    if (rc == 0)
        rc = session_load(env->web->sessions, env->db, token, &q->who);
    if (rc < 0) {
        request_db_failed(q, rc, env->db);
        return;
    }
    throttle_succeeded(env->web->throttle, user);
    add_audit(q, env->db, user, "done");
    reply_json(&q->reply, 200, session_json(&q->who, token));
    set_cookie(q, token, false);
}

/* Returns true after a 429 in the reply. */
static bool must_wait(struct request *q, const struct request_env *env, const char *user)
{
    uint32_t wait_s = throttle_wait_s(env->web->throttle, user, q->peer, mono_ms());
    char wait[16];

    if (wait_s == 0)
        return false;
    snprintf(wait, sizeof(wait), "%u", wait_s);
    reply_problem(&q->reply, 429, "too_many_logins", NULL, NULL);
    reply_header(&q->reply, "Retry-After", wait);
    return true;
}

void api_session_login(struct request *q, const struct request_env *env)
{
    const char *user, *password;
    struct account a;
    int rc;

    if (!request_parse(q) || !(user = request_text(q, "user", SESSION_USER - 1)) ||
        !(password = request_text(q, "password", SECRET_PASSWORD_MAX)))
        return;
    if (must_wait(q, env, user))
        return;
    rc = read_account(env->db, user, &a);
    if (rc < 0)
        request_db_failed(q, rc, env->db);
    else if (!secret_verify(a.hash, password) || a.disabled)
        refuse(q, env, user);
    else
        admit(q, env, user);
}

void api_session_wall(struct request *q, const struct request_env *env)
{
    const char *link;
    char token[SECRET_TOKEN];
    int rc;

    if (!request_parse(q) || !(link = request_text(q, "token", SECRET_TOKEN - 1)))
        return;
    rc = session_open_wall(env->db, link, q->peer, token);
    if (rc == 0)
        rc = session_load(env->web->sessions, env->db, token, &q->who);
    if (rc == -ENOENT) {
        reply_problem(&q->reply, 401, "wrong_login", NULL, NULL);
    } else if (rc < 0) {
        request_db_failed(q, rc, env->db);
    } else {
        reply_json(&q->reply, 200, session_json(&q->who, token));
        set_cookie(q, token, false);
    }
}

void api_session_get(struct request *q, const struct request_env *env)
{
    (void)env;
    reply_json(&q->reply, 200, session_json(&q->who, q->token));
}

void api_session_end(struct request *q, const struct request_env *env)
{
    int rc = session_close(env->web->sessions, env->db, q->token);

    if (rc < 0) {
        request_db_failed(q, rc, env->db);
        return;
    }
    reply_empty(&q->reply, 204);
    set_cookie(q, "", true);
}

void api_session_password(struct request *q, const struct request_env *env)
{
    struct audit_actor who = request_actor(q, "");
    const char *old, *fresh;
    char why[CHANGE_WHY];
    uint8_t keep[SECRET_ID];
    struct account a;
    int rc;

    if (!request_parse(q) || !(old = request_text(q, "old", SECRET_PASSWORD_MAX)) ||
        !(fresh = request_text(q, "new", SECRET_PASSWORD_MAX)) ||
        must_wait(q, env, q->who.user))
        return;
    rc = read_account(env->db, q->who.user, &a);
    if (rc == 0 && !secret_verify(a.hash, old)) {
        throttle_failed(env->web->throttle, q->who.user, q->peer, mono_ms());
        reply_problem(&q->reply, 422, "wrong_password", "old", NULL);
        return;
    }
    secret_id(q->token, keep);
    if (rc == 0)
        rc = user_change_password(env->db, &who, q->who.user, fresh, keep, why);
    if (rc == -EINVAL)
        reply_problem(&q->reply, 422, "weak_password", "new", why);
    else if (rc < 0)
        request_db_failed(q, rc, env->db);
    else
        reply_empty(&q->reply, 204);
    session_load(env->web->sessions, env->db, q->token, &q->who);
}

/* Pages of parts that this program does not have are not in the menu. */
void api_session_capabilities(struct request *q, const struct request_env *env)
{
    (void)env;
    reply_json(&q->reply, 200, json_pack("{s:b,s:b}", "scaling", 1, "drill", 1));
}
